"""How much one person may keep here, and how much of the disk stays free. Asked when a run is made and again when it starts,
so that a full disk is said before a run and not at its end. Deletes nothing: `sweep.py` does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import DiskFullError, RunError
from compressor.jobs.job import ID, Job, read_card
from compressor.settings import Settings
from compressor.system import disk

DAY = 86_400.0


@dataclass(frozen=True)
class Held:
    """One run, as it counts."""

    folder: Path
    title: str
    created: float

    @classmethod
    def of(cls, job: Job) -> Held:
        return cls(job.folder, job.title, job.created)


def owned(settings: Settings, owner: str) -> Iterator[Held]:
    """An owner's runs, from the folders alone: for a process that has no list of runs."""
    for folder in settings.jobs_dir.iterdir() if settings.jobs_dir.is_dir() else ():
        if ID.fullmatch(folder.name):
            with suppress(RunError):
                card = read_card(folder)
                if card["owner"] == owner:
                    yield Held(folder, card["title"], float(card["created"]))


def reserve(settings: Settings) -> int:
    """Bytes of the disk that no new run may use up."""
    return disk.reserve(settings.data_dir, settings.min_free_share)


def check_number(settings: Settings, runs: Sequence[Held]) -> None:
    """Before one more is made.

    Raises:
        RunError: this owner keeps as many as one person may.
    """
    most = settings.max_runs_each
    if most is None or len(runs) < most:
        return
    oldest = min(runs, key=lambda run: run.created, default=None)
    which = f"; the oldest is {_named(oldest)}, {_ago(oldest.created)}" if oldest else ""
    raise RunError(
        f"You keep {len(runs)} runs here, and one person may keep {most}. Delete one that you no longer need on the Runs "
        f"tab first{which}."
    )


def check_room(
    settings: Settings, runs: Sequence[Held], needed: int = 0, download: int = 0, folder: Path | None = None
) -> None:
    """Before one starts.

    Args:
        runs: all of its owner's.
        needed: bytes that it will write into its folder, as far as they can be told.
        download: bytes that it will write elsewhere; they are nobody's share.
        folder: its own, where it is there already: what lies in it is part of `needed`.

    Raises:
        RunError: its owner's runs would hold more than one person's may.
        DiskFullError: the disk would be full.
    """
    check_share(settings, runs, needed, folder)
    check_disk(settings, runs, still_needed(needed, download, folder))


def still_needed(needed: int, download: int = 0, folder: Path | None = None) -> int:
    """Bytes of the disk that it will take; the arguments are those of `check_room`."""
    return download + (max(0, needed - disk.size(folder)) if folder is not None else needed)


def check_disk(settings: Settings, runs: Sequence[Held], needed: int) -> None:
    """The part of `check_room` that asks what the disk has left, for so many bytes more.

    Raises:
        DiskFullError: it would be full.
    """
    free, kept = disk.room(settings.data_dir)[0], reserve(settings)
    if free - kept < needed or free < kept:
        raise DiskFullError(_full(settings, runs, free, kept, needed))


def check_share(settings: Settings, runs: Sequence[Held], needed: int = 0, folder: Path | None = None) -> None:
    """The part of `check_room` that asks what one person may keep; its arguments are the same.

    Raises:
        RunError: its owner's runs would hold more.
    """
    most = settings.max_bytes_each
    if most is None:
        return
    sizes = {run: disk.size(run.folder) for run in runs if run.folder != folder}
    used = sum(sizes.values())
    if used + needed <= most and used < most:
        return
    largest = sorted(sizes, key=lambda run: -sizes[run])[:2]
    names = " and ".join(f"{_named(run)} ({_gb(sizes[run])})" for run in largest)
    if needed > most:
        raise RunError(
            f"This run needs about {_gb(needed)} of disk, and one person may keep {_gb(most)} here. Choose a smaller model or "
            "fewer formats."
        )
    what = f"This run needs about {_gb(needed)} of disk, and your other runs hold" if needed else "Your runs hold"
    raise RunError(
        f"{what} {_gb(used)}; one person may keep {_gb(most)} here. Delete runs that you no longer need on the Runs tab "
        f"first; the largest {'are' if len(largest) > 1 else 'is'} {names}."
    )


def _full(settings: Settings, runs: Sequence[Held], free: int, kept: int, needed: int) -> str:
    stays = f", of which {_gb(kept)} stay free" if settings.hosted else ""
    what = f"The disk has {_gb(free)} left{stays}"
    need = f", and this run needs about {_gb(needed)}" if needed else ", too little to start a run"
    mine = sum(disk.size(run.folder) for run in runs)
    if settings.hosted:
        way = f"Delete runs that you no longer need (yours hold {_gb(mine)}), or try again later."
    else:
        way = f"Delete old runs on the Runs tab (they hold {_gb(mine)}), or free some space on the disk of {settings.data_dir}."
    return f"{what}{need}. {way}"


def kept_until(settings: Settings, job: Job) -> float | None:
    """When a run that is over is deleted, in seconds since the epoch; None: never, or it is not over."""
    if settings.keep_days is None or not job.over:
        return None
    return (job.finished or job.created) + settings.keep_days * DAY


def _named(run: Held) -> str:
    title = run.title if len(run.title) <= 60 else run.title[:59] + "…"
    return f"“{title}”"


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"


def _ago(then: float) -> str:
    days = int((time.time() - then) // DAY)
    return "of today" if days < 1 else "a day old" if days == 1 else f"{days} days old"
