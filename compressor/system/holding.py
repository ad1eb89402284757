"""Who is using a folder that the sweep might remove: a run that is being zipped, a download that a job trains from.

Whoever uses a folder holds it: a small lock file of its own, which the system lets go of when the process ends, however it
ends. The sweep takes a folder away only where nobody holds it, and from then on nobody finds it any more.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.settings import Settings


class Hold:
    """One folder, held until `release` or until the process ends. May be released from another thread."""

    def __init__(self, settings: Settings, folder: Path):
        place = _place(settings)
        self._lock = FileLock(place / f"{_key(folder)}.{secrets.token_hex(8)}", thread_local=False)
        with _gate(settings):
            self._lock.acquire(timeout=0)

    def release(self) -> None:
        """Let go of it."""
        self._lock.release(force=True)
        with suppress(OSError):  # the sweep removes what stays
            Path(self._lock.lock_file).unlink()


@contextmanager
def holding(settings: Settings, folder: Path) -> Iterator[None]:
    """Nobody sweeps the folder up while the body runs."""
    hold = Hold(settings, folder)
    try:
        yield
    finally:
        hold.release()


def take_away(settings: Settings, folder: Path, into: Path) -> bool:
    """Rename a folder to `into`, for the caller to delete, unless somebody holds it (or it cannot be moved). Whoever comes
    to hold it at the same time comes before that or after it."""
    with _gate(settings):
        if _is_held(settings, folder):
            return False
        try:
            folder.rename(into)
        except OSError:
            return False
    return True


def forget_the_dead(settings: Settings) -> int:
    """Remove the lock files of processes that ended without letting go; how many there were."""
    with _gate(settings):
        return sum(not _alive(path) for path in list(_place(settings).iterdir()))


def held(settings: Settings, folder: Path) -> bool:
    """Does somebody hold it right now?"""
    with _gate(settings):
        return _is_held(settings, folder)


def _is_held(settings: Settings, folder: Path) -> bool:
    return any(_alive(path) for path in list(_place(settings).glob(f"{_key(folder)}.*")))


def _alive(path: Path) -> bool:
    """Does a process hold this lock file? One that none holds is removed."""
    try:
        with FileLock(path).acquire(timeout=0):
            pass
    except Timeout:
        return True
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return False


def _gate(settings: Settings) -> FileLock:
    """Open for one at a time, and only for moments."""
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.locks_dir / "holding.lock")


def _place(settings: Settings) -> Path:
    place = settings.locks_dir / "held"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _key(folder: Path) -> str:
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
