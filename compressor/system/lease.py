"""One lease a device: trainings and measurements of one machine take turns, whichever process they are in.

Two trainings at once on the same cores are slower than one after the other, and a measurement beside one is worthless.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, BaseFileLock, FileLock, Timeout

from compressor.errors import RunError
from compressor.events import Progress
from compressor.settings import Settings

EVERY = 20.0
"""Seconds between two words of a process that waits; one that says nothing for long is taken for hung."""
_looking = threading.Lock()
WAITING = "Waiting until another run of this machine is done."


@contextmanager
def turn(settings: Settings, device: str, stage: str, progress: Progress) -> Iterator[None]:
    """`lease`, for a stage: what it waits for is told as that stage's progress, and taken back when its turn has come."""
    waited = False

    def waiting() -> None:
        nonlocal waited
        waited = True
        progress(stage, message=WAITING)

    with lease(settings, device, waiting):
        if waited:
            progress(stage, message="")
        yield


@contextmanager
def lease(settings: Settings, device: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the device; wait for it where another run of this machine has it. May be entered again by its holder. The
    system lets go of it when the process ends, however it ends.

    Args:
        device: as torch names it (`cpu`, `cuda:0`).
        waiting: called when it has to wait, and every `EVERY` seconds from then on; it may raise, to wait no longer.
    """
    lock = FileLock(_path(settings, device), is_singleton=True)
    try:
        holder = lock.acquire(timeout=0)
    except Timeout:
        holder = _wait(lock, waiting)
    with holder:
        yield


def _wait(lock: BaseFileLock, waiting: Callable[[], None] | None) -> AcquireReturnProxy[Any]:
    while True:
        if waiting is not None:
            waiting()
        try:
            return lock.acquire(timeout=EVERY, poll_interval=0.2)
        except Timeout:
            continue


def taken(settings: Settings, device: str) -> bool:
    """Does some process hold the device right now?"""
    with _looking:  # each look holds it for a moment itself
        return _is_taken(settings, device)


def _is_taken(settings: Settings, device: str) -> bool:
    try:
        with FileLock(_path(settings, device)).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _path(settings: Settings, device: str) -> Path:
    try:
        settings.locks_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{settings.locks_dir} cannot be made ({error.strerror}), and runs take turns there. Set COMPRESSOR_DATA to a folder "
            "that can be written."
        ) from None
    name = re.sub(r"[^\w-]", "-", "cuda:0" if device == "cuda" else device)
    return settings.locks_dir / f"device-{name}.lock"
