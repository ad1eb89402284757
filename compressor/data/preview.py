"""A look at the data for the page: the first rows, which columns serve, how labels match, what a run would stumble over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compressor.data import ledger
from compressor.data.arrange import arrange
from compressor.data.labelling import Study, no_labels
from compressor.data.matching import asked_of, matched_by_place, told_of_places
from compressor.data.prepare import no_labels_for_head
from compressor.data.sources import SPLITS, HubData
from compressor.data.splits import skew
from compressor.data.study import study
from compressor.errors import readable
from compressor.events import Progress, silent
from compressor.recipe import Data
from compressor.settings import Settings
from compressor.tasks.base import NUMBERS, Task

ROWS = 5
CHARACTERS = 400


@dataclass(frozen=True)
class Preview:
    """Plain values, everything cut to what a page shows.

    Attributes:
        columns: all columns that there are.
        roles: role → column, as asked or guessed.
        rows: the first rows, all columns.
        labels: (label of the data, which of the teacher's it is or None).
        kind: `single`, `multi`, `regression` or `none`.
        splits: rows a split will have, as far as was read.
        made: splits that are made of the training rows.
        subsets, subset: configurations of a Hub data set, and the one that was read (None while none is chosen).
        problems: sentences; each would stop a run.
        notes: sentences.
        complete: everything was read, so that the numbers are those of a run.
    """

    columns: tuple[str, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)
    rows: tuple[dict[str, str | None], ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()
    kind: str = "none"
    splits: dict[str, int] = field(default_factory=dict)
    made: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()
    subset: str | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True


def preview(
    spec: Data,
    task: Task,
    hub: HubData | None,
    teacher_labels: Sequence[str] | None,
    teacher_kind: str | None,
    settings: Settings,
    progress: Progress = silent,
) -> Preview:
    """Look at the data as a run would read it; of large files only the beginning.

    Args:
        teacher_labels: as for `prepare`; an empty list: no teacher is chosen yet.

    Raises:
        HubError: what the Hub says. What is wrong with the data is in the result's `problems`.
    """
    new_head = teacher_labels is None
    asked = asked_of(spec, teacher_labels or None, teacher_kind)
    found = study(spec, task, hub, asked, settings, 0, progress, look=True)
    complete = not (found.source and found.source.partial) and not any(p.stopped for p in found.parts.values())
    sizes = {split: len(part) for split, part in found.parts.items()}
    made: tuple[str, ...] = ()
    if not found.problems and found.parts:
        if "train" in found.parts and not task.running_text:
            made = tuple(s for s in ("validation", "test") if s not in found.parts)
        sizes = _arranged(found, task, spec, new_head, complete)
    rows = _rows(found)
    return Preview(
        columns=tuple(found.available),
        roles=dict(found.columns),
        rows=rows,
        labels=tuple(found.pairs),
        kind=found.space.kind,
        splits=sizes,
        made=tuple(s for s in made if s in sizes),
        subsets=found.subsets,
        subset=found.source.subset if found.source else None,
        problems=tuple(map(readable, found.problems)),
        notes=tuple(dict.fromkeys(map(readable, found.notes))),
        complete=complete,
    )


def _arranged(found: Study, task: Task, spec: Data, new_head: bool, complete: bool) -> dict[str, int]:
    """Rows per split after splitting; problems and notes of that are added to `found`, where all rows were read."""
    if found.space.kind == "none" and any(role.name == "label" for role in task.roles):
        if new_head:
            found.problems.append(no_labels_for_head(found))
        found.notes.append(no_labels(found, numbers=task.kind in NUMBERS))
    if not complete:  # what the beginning lacks the rest may have
        return {split: len(part) for split, part in found.parts.items()}
    parts = arrange(found, task, spec.limit, seed=0)
    if not found.problems:
        if not spec.labels and (by_place := matched_by_place(found.pairs)):
            found.notes.append(told_of_places(by_place, found.columns["label"]))
        rows = found.ledger.closed({split: len(part) for split, part in parts.items()})
        found.notes += [said] if (said := ledger.sentence(rows)) else []
    judged = parts.get("train") or parts.get("test")
    if judged is not None and not found.problems and (uneven := skew(judged, found.space)):
        found.notes.append(uneven)
    return {split: len(parts[split]) for split in SPLITS if split in parts}


def _rows(found: Study) -> tuple[dict[str, str | None], ...]:
    count = min([ROWS, *(len(cells) for cells in found.head.values())]) if found.head else 0
    return tuple(
        {name: None if (c := cells[i]) is None else c[:CHARACTERS] for name, cells in found.head.items()}
        for i in range(count)
    )
