"""Removes what nobody needs any more: runs past their days, uploads that no run took, what crashes left behind, downloads
beyond their room. Never what runs, waits, or is being read at that moment.

It runs in a thread of the page's process; where several processes share a data folder, one of them sweeps at a time.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from compressor.errors import RunError, RunLockedError
from compressor.jobs import job as jobs
from compressor.jobs import quota, wanted
from compressor.jobs.rebuild import NEW, OLD
from compressor.jobs.store import JobStore
from compressor.runfolder import ENDED, FINISHED
from compressor.settings import Settings
from compressor.system import holding, whole

HOUR = 3600.0
EVERY = HOUR
TEMPORARY = ("compressor-measure-", "compressor-compare-")
"""What this program's folders for passing things on are called; a crash leaves them."""
ABANDONED = 2 * quota.DAY

log = logging.getLogger("compressor.jobs")


@dataclass(frozen=True)
class Swept:
    """How many of each were removed; `downloads` in bytes."""

    runs: int = 0
    uploads: int = 0
    leftovers: int = 0
    downloads: int = 0


def start(store: JobStore, every: float = EVERY) -> threading.Event:
    """Sweep now and then every so many seconds, in a thread of its own, until the answer is set or the process ends."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            try:
                if (swept := sweep(store)) not in (None, Swept()):
                    log.info("swept: %s", swept)
            except Exception:
                log.exception("sweeping failed; it is tried again")
            stop.wait(every)

    threading.Thread(target=go_on, name="sweep", daemon=True).start()
    return stop


def sweep(store: JobStore, now: float | None = None) -> Swept | None:
    """Sweep once; None where another process (or thread) is at it. `now`: seconds since the epoch."""
    settings, now = store.settings, time.time() if now is None else now
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.locks_dir / "sweep.lock").acquire(timeout=0):
            holding.forget_the_dead(settings)
            runs = _old_runs(store, now)
            uploads = _uploads(settings, now)
            leftovers = _on_the_way(settings, now) + _in_runs(store, now) + _temporary(now)
            pieces, downloads = _downloads(store, now)
            return Swept(runs, uploads, leftovers + pieces, downloads)
    except Timeout:
        return None


# ---------------------------------------------------------------------- runs


def _old_runs(store: JobStore, now: float) -> int:
    days = store.settings.keep_days
    if days is None:
        return 0
    before = now - days * quota.DAY
    spared = wanted.runs(store.settings)
    old = [r for r in store.rows(*ENDED) if (r.finished or r.created) < before and r.id not in spared]
    return sum(store.expire(row) for row in old) + _nobodys(store, before)


def _nobodys(store: JobStore, before: float) -> int:
    """Folders that are in no list, because their card is damaged: nobody can see them, and they would stay for ever."""
    found = 0
    for folder in store.folder.iterdir():
        if jobs.ID.fullmatch(folder.name) and store.row(folder.name) is None and _touched(folder) < before:
            found += holding.take_away(store.settings, folder, store.folder / f"{OLD}{folder.name}")
    return found


# ---------------------------------------------------------------------- leftovers


def _uploads(settings: Settings, now: float) -> int:
    """Uploads that no run took within the hour."""
    found = 0
    for folder in _inside(settings.uploads_dir):
        if now - _touched(folder) > HOUR:
            whole.remove(folder)
            found += 1
    return found


def _on_the_way(settings: Settings, now: float) -> int:
    """Runs that were being made or removed when a process ended."""
    found = 0
    for folder in _inside(settings.jobs_dir):
        if folder.name.startswith(OLD) or (folder.name.startswith(NEW) and now - _touched(folder) > HOUR):
            shutil.rmtree(folder, ignore_errors=True)
            found += 1
    for folder in (settings.data_dir, settings.uploads_dir):
        for path in _inside(folder):
            if whole.is_left(path.name) and now - _touched(path) > HOUR:
                whole.remove(path)
                found += 1
    return found


def _in_runs(store: JobStore, now: float) -> int:
    """What was half written in runs that ended an hour ago, and the caches of finished ones."""
    found = 0
    for row in store.rows(*ENDED):
        if now - (row.finished or row.created) < HOUR:
            continue
        run = store.run(row)
        waste = [run.work] if row.status == FINISHED and run.work.is_dir() else []
        if not waste and not whole.left(run.path):
            continue
        with suppress(RunLockedError, RunError), run.lock():
            whole.sweep(run.path)
            for path in waste:
                whole.remove(path)
            found += 1
    return found


def _temporary(now: float) -> int:
    """This program's folders among the system's temporary ones, of processes that were killed days ago."""
    return abandoned(Path(tempfile.gettempdir()), now, TEMPORARY)


def abandoned(place: Path, now: float, names: str | tuple[str, ...] = "") -> int:
    """Remove the folders in `place` whose names begin so and in which nothing was written for days; how many went."""
    found = 0
    for folder in _inside(place):
        if folder.name.startswith(names) and folder.is_dir() and now - _touched(folder) > ABANDONED:
            shutil.rmtree(folder, ignore_errors=True)  # somebody else's stays: it may not be removed
            found += not folder.exists()
    return found


def _touched(path: Path) -> float:
    """When something was last written in a folder (or to a file); seconds since the epoch, and now where that cannot be told."""
    try:
        times = [path.lstat().st_mtime]
        for at, _, names in os.walk(path):
            for name in names:
                with suppress(OSError):
                    times.append(Path(at, name).lstat().st_mtime)
        return max(times)
    except OSError:
        return time.time()


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


# ---------------------------------------------------------------------- downloads


def _downloads(store: JobStore, now: float) -> tuple[int, int]:
    """(pieces of broken-off transfers, bytes of whole downloads) that went."""
    from compressor.hub import kept

    settings = store.settings
    if not settings.hub_dir.is_dir():
        return 0, 0
    free = quota.reserve(settings) if settings.min_free_share else 0
    return kept.clear_leftovers(settings, now), kept.make_room(settings, free, wanted.downloads(settings))
