"""Stage `search`: the smallest student that is as a person wants it, found by trying sizes. See `compressor/search`.

A trial is a run of its own within `work/search`, with the teacher's answers and the data of the run that it belongs to.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from compressor import models
from compressor.errors import CannotCutError, DataError
from compressor.formats import get
from compressor.measure import Measured, Request, measure
from compressor.recipe import Distill, Recipe, Student, Target, left_open
from compressor.report import Point, Search
from compressor.results.summary import speedup
from compressor.results.tables import retained
from compressor.search.candidates import TEACHER as ITSELF
from compressor.search.candidates import candidates, within
from compressor.search.rungs import Candidate, after_round, chosen, last_round, lengths, miss
from compressor.stages.context import STUDENT, TEACHER, Run, read_json
from compressor.stages.data import RunData
from compressor.stages.judge import own_tokens
from compressor.stages.quantize import make_format, variant_name
from compressor.stages.student import kept_tokens, make_student, try_student
from compressor.stages.teacher import stored_answers, trainable
from compressor.system.whole import fresh, write_json
from compressor.teachers import hidden_size

STAGE = "search"
FILE = "search.json"


def search(run: Run, data: RunData) -> None:
    """Leaves the student that was found, in its format, among the variants, and `search.json`.

    Raises:
        CannotCutError: no size of this teacher can be made.
        DataError: there is nothing to judge students by.
    """
    target = run.recipe.target
    assert target is not None
    trials = _Trials(run, data, target)
    found = trials.all()
    points = trials.run(found)
    best = chosen(points, target)
    if best is None:
        raise CannotCutError("No student of this teacher could be made. Choose another teacher, or only formats.")
    trials.keep(best)
    said = Search(**target.model_dump(), points=tuple(trials.points), size=best.size, format=best.format, met=best.met)
    write_json(run.out / FILE, said.model_dump(mode="json"))


def found(run: Run) -> Search | None:
    """What an earlier `search` of this run found."""
    raw = read_json(run.out / FILE)
    return Search.model_validate(raw) if raw is not None else None


def recipe_of(run: Run, said: Search) -> Recipe:
    """The recipe that makes what was found."""
    made = _recipe(run, said.size, (run.recipe.distill or Distill()).epochs)
    return made.model_copy(update={"formats": () if said.format == "float" else (said.format,)})


def _recipe(run: Run, size: str, epochs: float) -> Recipe:
    """What the search's recipe comes to for one size, trained for so long."""
    recipe = run.recipe
    words = recipe.student.vocabulary if recipe.student is not None else None
    asked = recipe.distill or Distill()
    student = Student(vocabulary=words) if words is not None else None
    distill = None
    if size != ITSELF:
        student = Student.model_validate({"size": size, "vocabulary": words})
        left = left_open(recipe.budget, student, asked, hidden_size(run.teacher))
        distill = asked.model_copy(update=left | {"epochs": epochs})
    return recipe.model_copy(update={"student": student, "distill": distill, "target": None})


def _drop_checkpoints(trial: Run) -> None:
    """Several times as large as the student; once all is known of it, so that a trial that was stopped can go on."""
    shutil.rmtree(trial.work / "distill", ignore_errors=True)


ELSEWHERE = (
    "It runs on the processor, and nobody can say how much faster than the teacher on this graphics card that is. To search for "
    "speed on a processor, use a machine without a graphics card."
)


class _Trials:
    """Sizes that are tried, one after the other; what is known of them survives a restart."""

    def __init__(self, run: Run, data: RunData, target: Target):
        self.base, self.data, self.target = run, data, target
        self.folder = run.work / STAGE
        self.known: dict[str, Any] = read_json(self.folder / "known.json", {"tried": {}, "measured": {}, "notes": {}})
        self.points: list[Point] = []
        self.done, self.planned, self.shown = 0.0, 1.0, 0.0
        self.teacher_quality = self._teacher_quality()

    def all(self) -> list[Candidate]:
        """What may be chosen from, the smallest first."""
        run, task = self.base, trainable(self.base.task)
        reasons = {name: self._unfit(name) for name in run.recipe.formats}
        run.note("", *(f"{get(name).title} was left out: {reason}" for name, reason in reasons.items() if reason))
        formats = [name for name, reason in reasons.items() if reason is None]
        config = models.load_config(run.teacher)
        kept = kept_tokens(run, self.data, task, models.load_tokenizer(run.teacher))
        return within(candidates(config, task, formats, len(kept) if kept is not None else None), self.target)

    def _unfit(self, name: str) -> str | None:
        """Why nothing in this format can be what is looked for; None where it can."""
        fmt, device = get(name), self.base.device
        if (reason := fmt.unavailable(device)) is not None:
            return reason
        return ELSEWHERE if self.target.min_speedup is not None and device != "cpu" and fmt.runtime != "torch" else None

    def run(self, found: list[Candidate]) -> list[Point]:
        """All rounds; the points of the last."""
        whole = (self.base.recipe.distill or Distill()).epochs
        *short, full = lengths(whole)
        going = [c for c in found if c.size != ITSELF]
        itself = [c for c in found if c.size == ITSELF]
        self.planned = sum(e * len(going) / 2**i for i, e in enumerate(short)) + full * max(1, len(going) / 4) + 1
        for epochs in short:
            if len(going) > 1:
                going = after_round(going, {c.size: self.tried(c, epochs) for c in going}, self.target)
        last = [*going, *(itself if self.target.min_retained is None else [])]
        others = [c for c in found if c not in last]
        return last_round(last, others, self.target, lambda c: self.measured(c, full))

    # ------------------------------------------------------------------ one trial

    def tried(self, candidate: Candidate, epochs: float) -> float:
        """What a size keeps of the teacher's quality on validation after a short training."""
        key = f"{candidate.size} {epochs:g}"
        if key not in self.known["tried"]:
            trial = self.trial(candidate.size, epochs)
            self.known["tried"][key] = try_student(trial, self.data) / self.teacher_quality
            self.save()
            _drop_checkpoints(trial)
        kept = float(self.known["tried"][key])
        fmt = candidate.formats_for(self.target)[0]
        size, predicted = candidate.size, candidate.bytes[fmt]
        self.tell(Point(size=size, format=fmt, bytes=predicted, retained=kept, epochs=epochs, whole=False))
        self.done += epochs
        return kept

    def measured(self, candidate: Candidate, epochs: float) -> list[Point]:
        """A size trained in full and measured in all formats that may be small enough."""
        if candidate.size not in self.known["measured"]:
            trial = self.trial(candidate.size, epochs)
            if trial.recipe.student is not None:
                make_student(trial, self.data)
            names = candidate.formats_for(self.target)
            made = [name for name in names if name == "float" or make_format(trial, name, self.data)]
            self.base.let_go()
            points = self._measure(trial, candidate.size, made, epochs)
            self.known["measured"][candidate.size] = [p.model_dump() for p in points]
            self.known["notes"][candidate.size] = trial.notes
            self.save()
            _drop_checkpoints(trial)
        found = [Point.model_validate(p) for p in self.known["measured"][candidate.size]]
        for point in found:
            self.tell(point)
        self.done += epochs
        return found

    def _measure(self, trial: Run, size: str, formats: list[str], epochs: float) -> list[Point]:
        timed = self.target.min_speedup is not None
        rows = self.data.folder / "validation"
        own = own_tokens(trial, self.data, "validation")
        requests = [Request(TEACHER, trial.teacher, timed=timed)]
        for fmt in formats:
            name = trial.base if fmt == "float" else variant_name(trial.base, fmt)
            requests.append(Request(name, trial.folder_of(name), fmt, own, timed=timed))
        teacher, *others = measure(requests, trial.task, rows=rows, device=trial.device, progress=trial.progress)
        return [
            point
            for fmt, one in zip(formats, others, strict=True)
            if (point := self._point(size, fmt, epochs, one, teacher)) is not None
        ]

    def _point(self, size: str, fmt: str, epochs: float, one: Measured, teacher: Measured) -> Point | None:
        kept = retained(one.quality, teacher.quality) if one.quality is not None else one.agreement
        if kept is None:
            return None
        faster = speedup(one, teacher)
        point = Point(size=size, format=fmt, bytes=one.bytes, retained=kept, epochs=epochs, speedup=faster)
        return point.model_copy(update={"met": miss(point, self.target) == 0})

    def trial(self, size: str, epochs: float) -> Run:
        """The run that tries a size."""
        run = self.base
        recipe = _recipe(run, size, epochs).model_copy(update={"teacher_head": "keep"})
        out = self.folder / f"{size}-{epochs:g}"
        (out / "work").mkdir(parents=True, exist_ok=True)
        source = replace(run.source, folder=run.teacher)
        return replace(
            run, recipe=recipe, source=source, out=out, trial_of=run, progress=self._hear(size, epochs), notes={}
        )

    def keep(self, point: Point) -> None:
        """What was chosen becomes variants of the run."""
        trial = self.trial(point.size, point.epochs)
        names = [STUDENT] if trial.recipe.student is not None else []
        names += [variant_name(trial.base, point.format)] if point.format != "float" else []
        for name in names:
            with fresh(self.base.variant(name)) as part:
                shutil.copytree(trial.variant(name), part, dirs_exist_ok=True)
        for name, notes in self.known["notes"].get(point.size, {}).items():
            if name in ("", *names):
                self.base.note(name, *notes)

    # ------------------------------------------------------------------ what is told

    def tell(self, point: Point) -> None:
        self.points.append(point)
        shown = {k: v for k, v in point.model_dump().items() if v is not None}
        self.base.progress(STAGE, self._share(0.0), 1, point=shown)

    def _share(self, more: float) -> float:
        """How far the search is, as far as that can be told beforehand; never less than before."""
        self.shown = max(self.shown, round(min((self.done + more) / self.planned, 0.99), 4))
        return self.shown

    def _hear(self, size: str, epochs: float) -> Callable[..., None]:
        def hear(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
            part = epochs * done / total if total and stage == "distill" else 0.0
            metrics = {k: v for k, v in metrics.items() if k == "rate"}
            self.base.progress(STAGE, self._share(part), 1, size=size, doing=stage, **metrics)

        return hear

    def save(self) -> None:
        write_json(self.folder / "known.json", self.known)

    def _teacher_quality(self) -> float:
        """On validation; of rows without labels the share decided as the teacher does is what counts, and its own is 1.

        Raises:
            DataError: neither is there.
        """
        run, rows = self.base, self.data.split("validation")
        _, logits = stored_answers(run)
        if (value := trainable(run.task).value(logits, rows)) is not None:
            if value <= 0:
                raise DataError(
                    "The teacher gets nothing right on these rows: there is nothing to hold students against."
                )
            return value
        if run.task.decisions(logits) is None:
            raise DataError("A search needs labels to judge students by. Name the column that holds them.")
        return 1.0
