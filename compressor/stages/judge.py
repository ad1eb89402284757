"""Stage `measure`: every variant on the same rows and the same machine → the report, the flips, the predictions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor import models
from compressor.formats import get
from compressor.formats.stored import stored_format
from compressor.measure import Measured, Request, measure
from compressor.report import Control, Quality, Variant
from compressor.results.tables import Row, variants_of, write_tables
from compressor.stages.context import CONTROL, STUDENT, TEACHER, Run
from compressor.stages.data import RunData, in_tokens_of
from compressor.stages.own_tokens import in_own_tokens, own_length
from compressor.stages.quantize import variant_name
from compressor.tasks.base import Task
from compressor.tasks.guessing import no_better


def made(run: Run) -> list[tuple[str, str, str | None]]:
    """(name, format, base) of every variant that there is, the teacher first."""
    found: list[tuple[str, str, str | None]] = [(TEACHER, stored_format(run.teacher), None)]
    if run.recipe.student is not None and not run.thin:
        found.append((STUDENT, "float", TEACHER))
    for fmt in run.recipe.formats:
        name = variant_name(run.base, fmt)
        if run.variant(name).is_dir():
            found.append((name, fmt, run.base))
    return found


def judge(run: Run, data: RunData | None) -> tuple[tuple[Variant, ...], Control | None]:
    """Measure all variants, and the control where there is one; writes `flips.csv` and `predictions.parquet` where there are test
    rows.

    Raises:
        ModelError, OutOfMemoryError: the teacher itself cannot be measured.
    """
    variants = made(run)
    test = data.folder / "test" if data is not None and data.has("test") else None
    own = own_tokens(run, data, "test") if data is not None and test is not None else None
    stress = _Stress.of(run, data) if data is not None and test is not None else None
    requests = [
        Request(
            name=name,
            folder=run.folder_of(name),
            format=fmt,
            rows=None if name == TEACHER else own,
            disturbed=stress.rows(own=name != TEACHER) if stress is not None else None,
        )
        for name, fmt, _ in variants
    ]
    if test is not None and run.folder_of(CONTROL).is_dir():
        requests.append(Request(name=CONTROL, folder=run.folder_of(CONTROL), rows=own, timed=False))
    measured = measure(requests, run.task, rows=test, device=run.device, progress=run.progress)
    if test is not None and data is not None and (doubt := _guesses(run.task, data, measured[0])) is not None:
        run.note("", doubt)
    names = run.task.label_names(models.read_config(run.teacher))
    rows = [
        Row(
            measured=one,
            base=base,
            format=fmt,
            path=str(run.teacher) if name == TEACHER and run.recipe.teacher_head == "keep" else f"variants/{name}",
            revision=run.source.sha if name == TEACHER else None,
            load=get(fmt).snippet(_reference(run, name), run.task),
            notes=tuple(run.notes.get(name, ())),
            robustness=stress.qualities(run.task, data, one) if stress is not None and data is not None else {},
        )
        for one, (name, fmt, base) in zip(measured[: len(variants)], variants, strict=True)
    ]
    if data is not None and test is not None:
        write_tables(run.out, run.task, names, data.rows("test"), measured[: len(variants)])
    return variants_of(rows), _control(run.task, data, measured) if data is not None else None


def _guesses(task: Task, data: RunData, teacher: Measured) -> str | None:
    """What is wrong with a teacher that is no better than guessing on the test rows: nothing else of the report would say it."""
    rows = data.split("test")
    if task.kind != "single" or teacher.outputs is None or "labels" not in rows.column_names:
        return None
    labels = np.asarray(rows["labels"])
    known = labels >= 0
    return no_better(teacher.outputs.argmax(1)[known], labels[known]) if known.any() else None


def _control(task: Task, data: RunData, measured: Sequence[Measured]) -> Control | None:
    """What the student that learned without the teacher came to; None where there is none to compare."""
    found = {one.name: one for one in measured}
    student, control = found.get(STUDENT), found.get(CONTROL)
    if student is None or control is None or control.quality is None:
        return None
    if student.outputs is None or control.outputs is None:
        return None
    difference = task.difference(student.outputs, control.outputs, data.split("test"))
    return Control(quality=control.quality, difference=difference) if difference is not None else None


@dataclass(frozen=True)
class _Stress:
    """Disturbed test rows, all kinds one behind the other, in the teacher's tokens and, where they differ, in the student's."""

    folder: Path
    taken: list[int]
    """Which of the test rows they were."""
    kinds: tuple[str, ...]
    own: bool

    @classmethod
    def of(cls, run: Run, data: RunData) -> _Stress | None:
        """None where rows have no labels, or the task is not about rows."""
        from datasets import concatenate_datasets

        from compressor.data.disturbed import disturbed

        rows = data.rows("test")
        if run.task.running_text or "label" not in rows.column_names:
            return None
        taken, found = disturbed(rows, run.recipe.seed)
        if not found:
            return None
        # Slips and capitals make more tokens of a text: without this much room, what is lost would be its end.
        asked = run.recipe.data.max_length if run.recipe.data is not None else None
        lengths = {TEACHER: data.max_length}
        if run.recipe.own_tokens:
            folder = run.folder_of(STUDENT)
            lengths[STUDENT] = own_length(run, data, models.load_config(folder), models.load_tokenizer(folder))
        together, folder = concatenate_datasets(list(found.values())), run.work / "disturbed"
        shutil.rmtree(folder, ignore_errors=True)
        for name, usual in lengths.items():
            length = asked or (2 * usual if usual is not None else None)
            encoded, _ = in_tokens_of(run.folder_of(name), run.task, together, length)
            encoded.save_to_disk(str(folder / name))
        return cls(folder, taken, tuple(found), run.recipe.own_tokens)

    def rows(self, *, own: bool) -> Path:
        return self.folder / (STUDENT if own and self.own else TEACHER)

    def qualities(self, task: Task, data: RunData, one: Measured) -> dict[str, Quality]:
        """The first metric of each kind, and of the same rows as they are."""
        if one.disturbed is None or one.outputs is None:
            return {}
        same = data.split("test").select(self.taken)
        parts = {"plain": one.outputs[self.taken]}
        for i, kind in enumerate(self.kinds):
            parts[kind] = one.disturbed[i * len(self.taken) : (i + 1) * len(self.taken)]
        found = {kind: task.qualities(outputs, same, first=True) for kind, outputs in parts.items()}
        return {kind: qualities[0] for kind, qualities in found.items() if qualities}


def own_tokens(run: Run, data: RunData, split: str) -> Path | None:
    """A split's rows in the tokens of a student that reads others than the teacher; None where it has the teacher's."""
    if not run.recipe.own_tokens:
        return None
    out = run.work / f"student-{split}"
    shutil.rmtree(out, ignore_errors=True)
    encoded, _ = in_own_tokens(run, data, run.folder_of(STUDENT), data.rows(split))
    encoded.save_to_disk(str(out))
    return out


def _reference(run: Run, name: str) -> str:
    if name == TEACHER and run.recipe.teacher_head == "keep" and run.source.id:
        return run.source.id
    return str(run.folder_of(name))
