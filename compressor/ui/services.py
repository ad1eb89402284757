"""What the page asks of the engine, in one place. Everything heavy is made when first needed: the page starts at once.

The page's process loads no model: inspecting, checking labels, estimating and predicting go to the helper, runs to the
backend's own process.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import CompressorError
from compressor.recipe import Data, Recipe
from compressor.report import Report
from compressor.settings import ASSETS, Settings
from compressor.ui.remembered import Remembered
from compressor.ui.run_state import RunState

if TYPE_CHECKING:
    from compressor.backends.local import LocalBackend
    from compressor.data.preview import Preview
    from compressor.hub import Account, Found, Hub
    from compressor.jobs.helper import Helper
    from compressor.jobs.job import Comparison, Job
    from compressor.jobs.store import JobStore

SAMPLE = ASSETS / "demo" / "result"
"""A finished run of the demo, to show what a result looks like while there is none of one's own."""
SAMPLE_ID = "sample"
LOCAL = "local"


@dataclass(frozen=True)
class Visitor:
    """Whose request this is. `token` is this request's own and is kept nowhere."""

    owner: str = LOCAL
    token: str | None = None

    def __repr__(self) -> str:
        return f"Visitor({self.owner[:8]!r})"


class Services:
    def __init__(self, settings: Settings):
        self.settings = settings
        self._inspected: Remembered[dict[str, Any]] = Remembered(64, seconds=600)
        self._states: Remembered[RunState] = Remembered(256, seconds=86_400)

    # ------------------------------------------------------------------ the engine's parts

    @cached_property
    def store(self) -> JobStore:
        from compressor.jobs.store import JobStore

        return JobStore(self.settings)

    @cached_property
    def backend(self) -> LocalBackend:
        from compressor.backends.local import LocalBackend

        return LocalBackend(self.settings, self.store)

    @cached_property
    def helper(self) -> Helper:
        from compressor.jobs.helper import Helper

        return Helper(self.settings)

    def warm(self, after: float = 3.0) -> None:
        """Start what takes seconds, in the background, once the page is served: `after` seconds later, so that the first
        visitor is not made to wait for it."""

        def start() -> None:
            self.backend.poll()
            self.helper.request("warm", 120)

        timer = threading.Timer(after, _quietly, args=(start,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Let the helper go; runs go on by themselves."""
        if "helper" in self.__dict__:
            self.helper.close()

    def hub(self, visitor: Visitor) -> Hub:
        from compressor.hub import Hub

        return Hub(self.settings, visitor.token, visitor.owner)

    # ------------------------------------------------------------------ looking

    def account(self, visitor: Visitor) -> Account | None:
        return self.hub(visitor).account()

    def search(self, query: str, kind: str, task: str | None, visitor: Visitor) -> list[Found]:
        return self.hub(visitor).search(query, "dataset" if kind == "dataset" else "model", task)

    def inspect(self, reference: str, visitor: Visitor) -> dict[str, Any]:
        """What a teacher is; remembered for a while, a visitor's own."""
        key = (reference, visitor.owner, visitor.token)
        return self._inspected.get(
            key, lambda: self.helper.request("inspect", 90, reference=reference, **_who(visitor))
        )

    def has_weights(self, reference: str, visitor: Visitor) -> bool:
        """Whether the teacher's weights are on this machine already, so that asking it downloads nothing."""
        from compressor.teachers import local_folder

        return local_folder(reference, self.settings) is not None or self.hub(visitor).is_cached(reference)

    def preview(self, data: Data, teacher: Mapping[str, Any], visitor: Visitor) -> Preview:
        """The first rows and how they would be read."""
        from compressor import tasks
        from compressor.data.preview import preview

        task = tasks.get(teacher.get("task") or "text-classification")
        keeps = teacher.get("head", "keep") == "keep"
        labels = list(teacher.get("labels") or ()) if keeps else None
        kind = teacher.get("kind") if keeps else None
        return preview(data, task, self.hub(visitor), labels, kind, self.settings)

    def lengths(self, reference: str, data: Mapping[str, Any], new_head: bool, visitor: Visitor) -> dict[str, Any]:
        """How long the rows are for this teacher's tokenizer, and how many there are; remembered for a while."""
        key = ("lengths", reference, json.dumps(data, sort_keys=True), new_head, visitor.owner, visitor.token)
        return self._inspected.get(
            key, lambda: self.ask("tokens", 120, visitor, reference=reference, data=dict(data), new_head=new_head)
        )

    def memory(self, reference: str, visitor: Visitor) -> dict[str, Any]:
        """What the helper estimates for this teacher before any data is chosen: memory for each size."""
        recipe = {"teacher": reference, "data": {"source": "demo"}, "student": {"size": "half"}}
        key = ("memory", reference, visitor.owner, visitor.token)
        return self._inspected.get(key, lambda: self.ask("estimate", 60, visitor, recipe=recipe))

    def ask(self, verb: str, timeout: float, visitor: Visitor, **payload: Any) -> dict[str, Any]:
        """A question to the helper."""
        return self.helper.request(verb, timeout, **payload, **_who(visitor))

    # ------------------------------------------------------------------ runs

    def keep(self, files: Mapping[str, str], visitor: Visitor) -> dict[str, str]:
        """Uploaded files, copied to where they stay for the run (an upload's own place is temporary)."""
        folder = self.settings.data_dir / "uploads" / secrets.token_hex(16)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = {}
        for split, path in files.items():
            target = folder / f"{split}{Path(path).suffix.lower()}"
            shutil.copyfile(path, target)
            kept[split] = str(target)
        return kept

    def let_go(self, files: Mapping[str, str] | None) -> None:
        """Remove what `keep` copied."""
        for folder in {Path(path).parent for path in (files or {}).values()}:
            shutil.rmtree(folder, ignore_errors=True)

    def start(self, asked: Recipe | Comparison, title: str, visitor: Visitor) -> Job:
        """Put a run (or a comparison) into the queue."""
        job = self.store.create(visitor.owner, asked, title=title)
        self.backend.start(job, visitor.token)
        return job

    def compare(
        self, models: Sequence[str], data: Data | None, files: Mapping[str, str] | None, *, visitor: Visitor
    ) -> Job:
        """Start a quick comparison."""
        from compressor.jobs.job import Comparison

        try:
            return self.start(Comparison(models=tuple(models), data=data), "", visitor)
        finally:
            self.let_go(files)

    def predict(self, job: Job, texts: Sequence[Any], visitor: Visitor) -> list[dict[str, Any]]:
        """Every variant's prediction for each text, side by side."""
        found = self.ask("predict", 180, visitor, folder=str(job.folder), texts=list(texts))
        return list(found["answers"])

    def variants(self, job: Job) -> list[tuple[str, str]]:
        """(name, reference) of a finished run's models, as a comparison names them."""
        try:
            report = Report.load(job.folder)
        except CompressorError:
            return []
        return [(v.name, str(job.folder / v.path)) for v in report.variants]

    def again(self, job: Job, visitor: Visitor) -> Job:
        """A new run that asks for the same."""
        new = self.store.rerun(job.id, visitor.owner)
        self.backend.start(new, visitor.token)
        return new

    def share_key(self, job: Job, visitor: Visitor) -> str:
        return self.store.share_key(job.id, visitor.owner)

    def job(self, run_id: str, visitor: Visitor, share: str | None = None) -> Job:
        return self.store.get(run_id, owner=visitor.owner, share_key=share)

    def jobs(self, visitor: Visitor) -> list[Job]:
        return self.store.list(visitor.owner)

    def cancel(self, job: Job) -> None:
        self.backend.cancel(job)

    def resume(self, job: Job, visitor: Visitor) -> None:
        """Start a stopped run again, from where it was."""
        self.backend.start(self.store.resume(job.id, visitor.owner), visitor.token)

    def delete(self, job: Job, visitor: Visitor) -> None:
        """Stop it where it runs, and remove it with its files."""
        if job.status in ("queued", "running"):
            self.backend.cancel(job)
        self.store.delete(job.id, visitor.owner)

    def state(self, job: Job) -> RunState:
        """The run's progress so far; only what is new of its events is read."""
        state = self._states.get(job.id, RunState)
        with self._states.lock:
            state.read(job.folder)
        return state

    def share_file(self, path: Path, name: str) -> str:
        """A copy of a result's file in gradio's own folder for downloads: the runs' folder itself is never served."""
        from gradio.utils import get_upload_folder

        folder = Path(get_upload_folder()) / secrets.token_hex(16)
        folder.mkdir(parents=True, mode=0o700)
        shutil.copyfile(path, folder / name)
        return str(folder / name)

    def report(self, run_id: str | None, visitor: Visitor, share: str | None = None) -> tuple[Report, Path] | None:
        """A finished run's report and folder, or the sample's; None where there is neither."""
        if not run_id or run_id == SAMPLE_ID:
            folder = SAMPLE
            if not (folder / "report.json").is_file():
                return None
        else:
            folder = self.job(run_id, visitor, share).folder
        return Report.load(folder), folder


def _who(visitor: Visitor) -> dict[str, Any]:
    return {"owner": visitor.owner, "token": visitor.token}


def _quietly(action: Callable[[], None]) -> None:
    import logging

    try:
        action()
    except CompressorError as error:
        logging.getLogger("compressor.ui").warning("%s", error)
