"""The data folder, the runs in it, and who may do what here."""

from __future__ import annotations

import sqlite3

from filelock import FileLock, Timeout

from compressor.doctor.finding import NOTE, OK, PROBLEM, Finding, gigabytes
from compressor.jobs import peek
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.system import disk, processes

LEAST, FEW = 0.5e9, 5e9
"""Bytes of free disk: less than any run needs, and less than a run of a usual model needs with its downloads."""
MOVE = "Set COMPRESSOR_DATA to another folder"


def folder(settings: Settings) -> list[Finding]:
    """Is there room, and can it be written? A file is written and removed."""
    where = settings.data_dir
    free, total = disk.room(where)
    facts = {"path": str(where), "free_bytes": free, "total_bytes": total, "writable": False}
    if why := disk.cannot_write(where):
        return [
            Finding(
                "data folder", PROBLEM, f"{where} cannot be written: {why}.", f"{MOVE}, or make it writable.", facts
            )
        ]
    facts["writable"] = True
    says = f"{where} can be written; {gigabytes(free)} of {gigabytes(total)} are free."
    if free < LEAST:
        return [
            Finding("data folder", PROBLEM, f"{says} That is too little for a run.", f"Make room, or: {MOVE}.", facts)
        ]
    if free < FEW:
        return [
            Finding(
                "data folder", NOTE, says, "Enough for small models. Make room before you compress a large one.", facts
            )
        ]
    return [Finding("data folder", OK, says, facts=facts)]


def runs(settings: Settings) -> list[Finding]:
    """Runs that are marked as running: do they? And devices that are held by anybody else."""
    try:
        marked = peek.running(settings)
    except sqlite3.Error as error:
        advice = "Start the app: it makes a new list from the runs' folders. If it is running, try again."
        return [Finding("runs", NOTE, f"The list of runs cannot be read ({error}).", advice)]
    # Where the page was cut off before it could note a run's process, the run itself says it.
    alive = [i for i, process in marked if processes.alive(process or RunFolder(settings.jobs_dir / i).process())]
    gone = [id_ for id_, _ in marked if id_ not in alive]
    facts = {"running": alive, "gone": gone}
    if gone:
        advice = "The app marks them as interrupted at its next start (or at once, where it runs). Then resume them on the page."
        found = [Finding("runs", NOTE, f"{_runs(gone)} marked as running, but the process is gone.", advice, facts)]
    else:
        says = f"{_runs(alive)} going on." if alive else "None is going on, and none was left half-way."
        found = [Finding("runs", OK, says, facts=facts)]
    return found + _devices(settings, bool(alive))


def _devices(settings: Settings, explained: bool) -> list[Finding]:
    """A lock that lies there means nothing; one that is held has a living process behind it."""
    held = []
    for path in sorted(settings.locks_dir.glob("device-*.lock")) if disk.is_there(settings.locks_dir) else ():
        try:
            with FileLock(path).acquire(timeout=0):
                pass
        except Timeout:
            held.append(path.stem.removeprefix("device-").replace("-", ":"))
        except OSError:
            continue
    if not held or explained:
        return []
    says = f"{', '.join(held)} is in use by a process that is no run of the page."
    advice = "A run on the command line, most likely. Runs wait until it has ended; end it if it was forgotten."
    return [Finding("locks", NOTE, says, advice, {"held": held})]


def _runs(ids: list[str]) -> str:
    return "1 run is" if len(ids) == 1 else f"{len(ids)} runs are"


def mode(settings: Settings) -> list[Finding]:
    """For one person, or for strangers."""
    facts = {"hosted": settings.hosted, "server_name": settings.server_name}
    if settings.hosted:
        says = (
            "Hosted: a run belongs to the account or the browser that started it; folders of this machine and its login are "
            "off, and there are limits for each person."
        )
        return [Finding("mode", OK, says, facts=facts)]
    says = "For one person: whoever opens the page sees all runs, may name folders of this machine, and uses its login."
    if settings.server_name not in ("127.0.0.1", "localhost", "::1"):
        advice = "Where others can reach it, set COMPRESSOR_HOSTED=1, or GRADIO_SERVER_NAME=127.0.0.1 to keep it to yourself."
        return [Finding("mode", NOTE, f"{says} The page listens on {settings.server_name}.", advice, facts)]
    return [Finding("mode", OK, says, facts=facts)]
