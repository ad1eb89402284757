"""Bytes: what a folder holds, what its disk has left, and whether it takes any."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

SPARE = 64 * 1024**2
"""Bytes that have to be free for anything to start at all."""


def size(folder: Path) -> int:
    """Bytes of all files in a folder. A link counts as nothing, and so does what goes while this is counted."""
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = Path(at, name).lstat()
                total += 0 if stat.S_ISLNK(found.st_mode) else found.st_size
    return total


def is_there(path: Path) -> bool:
    """Whether there is something; not where one may not even look (`Path.exists` raises there)."""
    return os.path.exists(path)  # noqa: PTH110


def room(folder: Path) -> tuple[int, int]:
    """(free, all) bytes of the disk that holds a folder, which need not be there yet."""
    while not is_there(folder) and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.free, usage.total


def reserve(folder: Path, share: float) -> int:
    """Bytes that stay free on the disk that holds a folder, where `share` of it is to."""
    return max(SPARE, int(share * room(folder)[1]))


def cannot_write(folder: Path) -> str | None:
    """Why no file can be kept in the folder, in a few words without its path; None where one was written and removed.
    Folders that had to be made for that are removed again."""
    made = [f for f in (folder, *folder.parents) if not is_there(f)]
    probe, block = (
        folder / f".probe-{os.getpid()}-{secrets.token_hex(4)}",
        b"\0" * 4096,
    )  # a full disk takes an empty file
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(block)
        found = probe.read_bytes()
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
            for one in made:
                one.rmdir()
    return None if found == block else "what was written does not come back"
