"""One lease a device: trainings and measurements of one machine take turns, whichever process they are in.

Two trainings at once on the same cores are slower than one after the other, and a measurement beside one is worthless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.settings import Settings


@contextmanager
def lease(settings: Settings, device: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the device; wait for it where another run of this machine has it. May be entered again by its holder. The
    system lets go of it when the process ends, however it ends.

    Args:
        device: as torch names it (`cpu`, `cuda:0`).
        waiting: called once when it has to wait.
    """
    lock = FileLock(_path(settings, device), is_singleton=True)
    try:
        holder = lock.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting()
        holder = lock.acquire(poll_interval=0.2)
    with holder:
        yield


def taken(settings: Settings, device: str) -> bool:
    """Does some process hold the device right now?"""
    try:
        with FileLock(_path(settings, device)).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _path(settings: Settings, device: str) -> Path:
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]", "-", "cuda:0" if device == "cuda" else device)
    return settings.locks_dir / f"device-{name}.lock"
