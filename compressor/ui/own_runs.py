"""Runs as one visitor may see and change them. Whoever comes with a run's id is asked who he is, every time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import CompressorError, RunError
from compressor.recipe import Data, Recipe
from compressor.recipe_text import model_at
from compressor.report import Report, Variant
from compressor.runfolder import ENDED, QUEUED
from compressor.settings import ASSETS, Settings
from compressor.system.whole import write_text
from compressor.ui.engine import Engine, quietly
from compressor.ui.limits import NEIGHBOURS, neighbourhood
from compressor.ui.remembered import Remembered
from compressor.ui.run_state import RunState
from compressor.ui.visitors import Visitor
from compressor.ui.words import t
from compressor.untrusted.caps import MOST_MODELS

if TYPE_CHECKING:
    from compressor.jobs.job import Comparison, Job

SAMPLE = ASSETS / "demo" / "result"
"""A finished run of the demo, to show what a result looks like while there is none of one's own."""
SAMPLE_ID = "sample"


def rows_of(lengths: Mapping[str, Any]) -> dict[str, Any]:
    """What `checking.tokens` found, as `estimating.estimate` takes it."""
    longest = min(lengths["longest"], lengths["max_length"])
    return {"rows": lengths["rows"], "tokens": lengths["mean"], "tested": lengths["tested"], "longest": longest}


class Runs(Engine):
    def __init__(self, settings: Settings):
        super().__init__(settings)
        self._states: Remembered[RunState] = Remembered(256, seconds=86_400)
        self._crowd: dict[str, str] = {}
        """From where each waiting run of an anonymous person came."""
        self._crowd_lock = threading.Lock()

    def start(self, asked: Recipe | Comparison, title: str, visitor: Visitor) -> Job:
        """Put a run (or a comparison) into the queue."""
        self.count("start", visitor)
        self._refuse_a_crowd(visitor)
        job = self.store.create(visitor.owner, asked, title=title, sees=visitor.owners)
        return self._begin(job, visitor)

    def _refuse_a_crowd(self, visitor: Visitor) -> None:
        """A browser's key costs nothing: whoever makes many does not get the whole queue.

        Raises:
            RunError: runs of as many such keys wait from this address as may.
        """
        if not self._counts_in_a_crowd(visitor):
            return
        here = neighbourhood(visitor.address)
        with self._crowd_lock:
            waiting = {row.id for row in self.store.rows(QUEUED)}
            self._crowd = {id_: where for id_, where in self._crowd.items() if id_ in waiting}
            if sum(where == here for where in self._crowd.values()) >= NEIGHBOURS:
                raise RunError(t("who.crowd"))

    def _counts_in_a_crowd(self, visitor: Visitor) -> bool:
        return self.settings.hosted and bool(visitor.address) and visitor.anonymous

    def _begin(self, job: Job, visitor: Visitor) -> Job:
        if self._counts_in_a_crowd(visitor):
            with self._crowd_lock:
                self._crowd[job.id] = neighbourhood(visitor.address)
        self.backend.start(job, visitor.token)
        threading.Thread(target=quietly, args=(lambda: self._foresee(job, visitor),), daemon=True).start()
        return job

    def _foresee(self, job: Job, visitor: Visitor) -> None:
        """Find out how long a run will take, so that those behind it can be told when their turn comes."""
        asked = job.asked()
        if "models" in asked or (data := asked.get("data")) is None:
            return
        who = {"owner": job.owner, "token": visitor.token, "job": job.id}
        new = asked.get("teacher_head") == "new"
        lengths = self.helper.request("tokens", 120, reference=asked["teacher"], data=data, new_head=new, **who)
        found = self.helper.request("estimate", 60, recipe=asked, **rows_of(lengths), **who)
        self.store.expect(job.id, float(found["seconds"]))

    def compare(
        self, models: Sequence[str], data: Data | None, files: Mapping[str, str] | None, *, visitor: Visitor
    ) -> Job:
        """Start a quick comparison."""
        from compressor.jobs.job import Comparison

        try:
            if len(models) > MOST_MODELS:
                raise RunError(t("limit.models", n=MOST_MODELS))
            if not self.settings.hosted:
                models = [model_at(name, Path.cwd()) for name in models]  # its process works elsewhere
            return self.start(Comparison(models=tuple(models), data=data), "", visitor)
        finally:
            self.let_go(files)

    def predict(self, job: Job, texts: Sequence[Any], visitor: Visitor) -> list[dict[str, Any]]:
        """Every variant's prediction for each text, side by side."""
        self.count("predict", visitor)
        found = self.helper.request("predict", 180, folder=str(job.folder), texts=list(texts), owner=job.own().owner)
        return list(found["answers"])

    def variants(self, job: Job) -> list[tuple[str, str]]:
        """(name, reference) of a finished run's models, as a comparison names them."""
        try:
            report = Report.load(job.folder)
        except CompressorError:
            return []
        mine = {v.name: job.folder / v.path for v in report.variants}
        return [
            (name, str(path) if path.is_relative_to(job.folder) or not self.settings.hosted else report.teacher)
            for name, path in mine.items()
        ]

    def again(self, job: Job, visitor: Visitor) -> Job:
        """A new run that asks for the same."""
        self._may_start(job, visitor)
        self._refuse_a_crowd(visitor)
        new = self.store.rerun(job.id, job.own().owner, to=visitor.owner, sees=visitor.owners)
        return self._begin(new, visitor)

    def share_key(self, job: Job, visitor: Visitor) -> str:
        return self.store.share_key(job.id, job.own().owner)

    def job(self, run_id: str, visitor: Visitor, share: str | None = None) -> Job:
        """The run, for whoever may see it: its owner, or to look at whoever has its share key.

        Raises:
            RunError: there is none for this person.
        """
        for owner in visitor.owners:
            with suppress(RunError):
                return self.store.get(run_id, owner=owner)
        return self.store.get(run_id, share_key=share)

    def jobs(self, visitor: Visitor) -> list[Job]:
        """The visitor's own, the newest first."""
        found = [job for owner in visitor.owners for job in self.store.list(owner)]
        return found if len(visitor.owners) < 2 else sorted(found, key=lambda job: job.created, reverse=True)

    def cancel(self, job: Job) -> None:
        self.backend.cancel(job)

    def resume(self, job: Job, visitor: Visitor) -> None:
        """Start a stopped run again, from where it was."""
        self._may_start(job, visitor)
        self.backend.start(self.store.resume(job.id, job.own().owner), visitor.token)

    def _may_start(self, job: Job, visitor: Visitor) -> None:
        """Count a start. What was started with somebody's token, a private model perhaps, does not go on without one.

        Raises:
            RunError: it asks to sign in. TooOftenError: it is too much for now.
        """
        from compressor.jobs.job import read_card

        if read_card(job.folder).get("token") and not self.hub(visitor).signed_in:
            raise RunError(t("who.sign_in_first"))
        self.count("start", visitor)

    def delete(self, job: Job, visitor: Visitor) -> None:
        """Stop it where it runs, and remove it with its files."""
        owner = job.own().owner
        row = self.store.row(job.id)  # a job says that it is finished a moment before its process has gone
        if row is not None and row.status not in ENDED:
            self.backend.cancel(job)
        self.store.delete(job.id, owner)

    def state(self, job: Job) -> RunState:
        """The run's progress so far; only what is new of its events is read."""
        state = self._states.get(job.id, RunState)
        with self._states.lock:
            state.read(job.folder)
        return state

    def report(self, run_id: str | None, visitor: Visitor, share: str | None = None) -> tuple[Report, Path] | None:
        """A finished run's report and folder, or the sample's; None where there is neither. On a server its folders, which nobody
        else can load from, are not in the report."""
        if not run_id or run_id == SAMPLE_ID:
            folder = SAMPLE
            if not (folder / "report.json").is_file():
                return None
        else:
            folder = self.job(run_id, visitor, share).folder
        report = Report.load(folder)
        return (_placeless(report) if self.settings.hosted else report), folder

    def report_file(self, job: Job) -> str | None:
        """A copy of its `report.json` to download; None where there is none. On a server without the server's folders."""
        path = job.folder / "report.json"
        if not path.is_file():
            return None
        if not self.settings.hosted:
            return self.share_file(path, path.name)
        try:
            report = _placeless(Report.load(job.folder))
        except CompressorError:  # of another version: its sentence stands where the result would
            return None
        named = (
            v.model_copy(update={"path": Path(v.path).name if Path(v.path).is_absolute() else v.path})
            for v in report.variants
        )
        target = self.place(path) / path.name
        write_text(target, report.model_copy(update={"variants": tuple(named)}).to_json())
        return str(target)


def _placeless(report: Report) -> Report:
    """Without snippets that load from this machine's folders: they work for nobody else, and are nobody else's business."""

    def load(v: Variant) -> str:
        return v.load if Path(v.path).is_absolute() and v.path not in v.load else ""

    variants = tuple(v.model_copy(update={"load": load(v)}) for v in report.variants)
    teacher = Path(report.teacher).name if Path(report.teacher).is_absolute() else report.teacher
    return report.model_copy(update={"teacher": teacher, "variants": variants})
