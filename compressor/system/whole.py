"""Files and folders that are written whole or not at all: a sibling first, then a rename. What a crash leaves of a sibling
ends in `.part` or `.old`, and `sweep` removes it. Everything is on the disk before it gets its name, so that a power cut finds
the old one or the new one too.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from compressor.system import processes

PART, OLD = ".part", ".old"

T = TypeVar("T")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with fresh(path) as part:
        part.write_text(text, encoding="utf-8")


def read_text(path: Path) -> str:
    """A text file that another process may be replacing at this moment."""
    return _patiently(lambda: path.read_text(encoding="utf-8"))


@contextmanager
def fresh(path: Path) -> Iterator[Path]:
    """A name beside `path` for the body to make a file or a folder of; when the body ends, that becomes `path` in one step.
    When the body raises, it is removed, and what was at `path` stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        yield part
        to_disk(part)
        if part.is_dir():
            remove(path)
        _patiently(lambda: part.replace(path))
        to_disk(path.parent, deep=False)
    finally:
        _delete(part)


def remove(path: Path) -> None:
    """Remove a file or a folder; a folder is gone from its name at once, not bit by bit."""
    if path.is_dir() and not path.is_symlink():
        old = path.with_name(f".{path.name}.{secrets.token_hex(4)}{OLD}")
        _patiently(lambda: path.rename(old))
        _delete(old)
    else:
        path.unlink(missing_ok=True)


def to_disk(path: Path, deep: bool = True) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk and not only in the system's memory."""
    if path.is_dir():
        for one in path.iterdir() if deep else ():
            to_disk(one)
        if processes.WINDOWS:
            return  # folders cannot be opened there
    handle = os.open(path, os.O_RDWR if processes.WINDOWS else os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network disks know no such thing
            os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what a process that was killed had begun to write under `folder`. For whoever owns the folder alone."""
    for path in left(folder):
        _delete(path)


def left(folder: Path) -> list[Path]:
    """What `sweep` would remove."""
    names = ((at, name) for at, folders, files in os.walk(folder) for name in (*folders, *files))
    return [Path(at) / name for at, name in names if is_left(name)]


def is_left(name: str) -> bool:
    """Whether something of this name was being written, or removed, when a process was killed."""
    return name.startswith(".") and name.endswith((PART, OLD))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _patiently(action: Callable[[], T]) -> T:
    """Windows refuses a rename onto a file that somebody reads at that moment, and the reading during the rename."""
    for _ in range(20 if processes.WINDOWS else 0):
        try:
            return action()
        except PermissionError:
            time.sleep(0.01)
    return action()
