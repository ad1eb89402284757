"""What kinds of job there are: a line each, `module:function`. The function is called in the worker with a `Work`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from compressor.errors import RunError
from compressor.events import EventLog, Progress
from compressor.jobs import quota, wanted
from compressor.jobs.job import Comparison
from compressor.recipe import Recipe
from compressor.runfolder import RunFolder
from compressor.settings import Settings

if TYPE_CHECKING:
    from compressor.hub import Hub

KINDS = {
    "run": "compressor.jobs.kinds:run",
    "compare": "compressor.jobs.kinds:compare",
}


@dataclass(frozen=True)
class Work:
    """What a kind's function is given. The folder is locked, and its state is looked after."""

    run: RunFolder
    asked: Mapping[str, Any]
    settings: Settings
    owner: str
    token: str | None
    progress: Progress
    """To be called now and then: it ends the job where its owner wants that."""

    def __repr__(self) -> str:
        return f"Work({self.run.path.name!r})"

    def hub(self) -> Hub:
        """The Hub as the job's owner sees it."""
        from compressor.hub import Hub

        return Hub(self.settings, self.token, self.owner)


def do(kind: str, work: Work) -> None:
    """Do a job of that kind, here and now.

    Raises:
        RunError: this version has no such kind.
        CompressorError: whatever keeps it from finishing.
    """
    if kind not in KINDS:
        raise RunError(f"There are no jobs of the kind {kind!r} in this version of Compressor.")
    module, _, function = KINDS[kind].partition(":")
    getattr(import_module(module), function)(work)


def run(work: Work) -> None:
    """A recipe, from its first stage or from where it stopped."""
    from compressor import pipeline
    from compressor.planning.estimating import disk_needed

    recipe = Recipe.parse(work.asked)
    hub = work.hub()  # it holds what it finds downloaded
    _check_room(work, *disk_needed(recipe, settings=work.settings, hub=hub))
    pipeline.run(recipe, work.run.path, settings=work.settings, hub=hub, progress=work.progress)


def _check_room(work: Work, needed: int = 0, download: int = 0) -> None:
    """A full disk is said now, and not when the hours are spent; downloads that nobody uses make room first.

    Raises:
        RunError, DiskFullError: see `quota.check_share` and `quota.check_disk`.
    """
    from compressor.hub import kept

    settings, runs = work.settings, list(quota.owned(work.settings, work.owner))
    quota.check_share(settings, runs, needed, work.run.path)  # before: a run that is refused costs nobody's downloads
    missing = quota.still_needed(needed, download, work.run.path)
    kept.make_room(settings, quota.reserve(settings) + missing, wanted.downloads(settings), only_if_enough=True)
    quota.check_disk(settings, runs, missing)


def compare(work: Work) -> None:
    """Models side by side without a run."""
    from compressor.results.comparing import compare as side_by_side

    _check_room(work)
    asked = Comparison.model_validate(work.asked)
    log = EventLog(work.run.events_file)
    if log.begun:
        log.write(event="resumed")

    def progress(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        log.write(stage=stage, done=done, total=total, metrics=metrics)
        work.progress(stage, done, total, **metrics)

    side_by_side(asked.models, asked.data, work.run.path, settings=work.settings, hub=work.hub(), progress=progress)
    log.write(event="finished")
