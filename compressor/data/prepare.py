"""Data as a recipe names it → training, validation and test rows that a run can use, with sentences on what was noticed.

Rows come out as `datasets` tables whose columns are the task's roles. Nothing here depends on a model: what the teacher's
labels are is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from compressor.data import ledger, splits
from compressor.data.arrange import arrange
from compressor.data.cells import some
from compressor.data.labelling import Study, no_labels
from compressor.data.labels import LabelSpace
from compressor.data.matching import asked_of, matched_by_place, told_of_places
from compressor.data.rows import Part, digest
from compressor.data.sources import HubData
from compressor.data.study import study
from compressor.errors import DataError
from compressor.events import Progress, silent
from compressor.recipe import Data
from compressor.report import Rows
from compressor.settings import Settings
from compressor.tasks.base import NUMBERS, Task

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["LabelSpace", "Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """Rows of a run. A split is None where there is nothing for it (no training rows in a recipe that only quantizes).

    Attributes:
        train, validation, test: columns `text`, (`text_pair`,) and `label` where there are labels: int, list of 0.0 and
            1.0 (one per name), or float.
        labels: what the label column means; kind `none` where there is none.
        columns: role → the column it was read from.
        notes: sentences for the person.
        skewed: the classes are uneven, so that accuracy alone would mislead.
        rows: what became of each row of the files.
        by_place: numbers of the data, and the names of the teacher's labels that they were matched to by their place alone.
        fingerprint: the same for the same rows and labels.
        unlabelled: raw texts from `data.unlabelled`, where the other rows have labels (else they are among `train`).
    """

    train: Dataset | None
    validation: Dataset | None
    test: Dataset | None
    labels: LabelSpace
    columns: dict[str, str]
    notes: tuple[str, ...]
    skewed: bool
    fingerprint: str
    rows: Rows
    by_place: tuple[tuple[str, str], ...] = ()
    unlabelled: Dataset | None = None


def prepare(
    spec: Data,
    task: Task,
    hub: HubData | None,
    teacher_labels: Sequence[str] | None,
    teacher_kind: str | None,
    settings: Settings,
    seed: int = 0,
    progress: Progress = silent,
    learns: bool = False,
) -> Prepared:
    """Read, check, label and split the data.

    Args:
        teacher_labels: in the order of its outputs; None: a new head, whose labels come from the data.
        teacher_kind: `single`, `multi` or `regression`; None: the data says.
        seed: of everything that is drawn.
        learns: something is trained, so that there have to be training rows.

    Raises:
        DataError: all that is wrong with the data, a sentence each.
        HubError: what the Hub says.
    """
    found = study(spec, task, hub, asked_of(spec, teacher_labels, teacher_kind), settings, seed, progress)
    labelled = any(role.name == "label" for role in task.roles)
    if not found.problems and labelled and found.space.kind == "none":
        if teacher_labels is None:
            found.problems.append(no_labels_for_head(found))
        found.notes.append(no_labels(found, learns, task.kind in NUMBERS))
    parts = {} if found.problems else arrange(found, task, spec.limit, seed)
    if learns and not found.problems and "train" not in parts:
        found.problems.append(_nothing_to_learn_from(found))
    if found.problems:
        raise DataError(found.problems)
    by_place = () if spec.labels else matched_by_place(found.pairs)
    if by_place:
        found.notes.append(told_of_places(by_place, found.columns["label"]))
    if uneven := splits.skew(parts.get("train") or parts["test"], found.space):
        found.notes.append(uneven)
    extra = {"unlabelled": found.unlabelled} if found.unlabelled is not None and found.space.kind != "none" else {}
    if not extra and found.unlabelled is not None and "train" not in parts:
        found.ledger.leave_out(ledger.NOT_LEARNED, len(found.unlabelled))
    rows = found.ledger.closed({split: len(part) for split, part in (parts | extra).items()})
    found.notes += [said] if (said := ledger.sentence(rows)) else []
    name = digest(parts | extra, repr((found.space, sorted(found.columns.items()))))
    tables = {split: _dataset(part, found.space, f"{name}-{split}") for split, part in (parts | extra).items()}
    return Prepared(
        train=tables.get("train"),
        validation=tables.get("validation"),
        test=tables.get("test"),
        labels=found.space,
        columns=dict(found.columns),
        notes=tuple(dict.fromkeys(found.notes)),
        skewed=uneven is not None,
        fingerprint=name,
        rows=rows,
        by_place=by_place,
        unlabelled=tables.get("unlabelled"),
    )


def _nothing_to_learn_from(found: Study) -> str:
    name = found.source.name if found.source else "the data"
    if "train" in found.hidden:
        return (
            f"The training rows of {name} have no labels, and other rows have. Label them too, or choose no label column "
            '(`data.columns: {label: ""}`): the student then learns from the teacher\'s predictions alone, and is judged by how '
            "often it agrees with it."
        )
    return f"There are no training rows in {name}, and a student learns from them. Add some, or choose no student."


def no_labels_for_head(found: Study) -> str:
    """Why a new head cannot be trained on data without labels."""
    columns = some(found.available, 20)
    return (
        f"A new head learns from labels, and no column of the data looks like one (it has {columns}). Say which with "
        "`data.columns` ({label: <a column>}), or choose a teacher that has its own labels."
    )


def _dataset(part: Part, space: LabelSpace, fingerprint: str) -> Dataset:
    from datasets import Dataset

    table = part.table
    if part.labels is not None:
        values = part.labels
        if space.kind == "multi":
            offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
            column = pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.reshape(-1)))
        else:
            column = pa.array(values)
        table = table.append_column("label", column)
    return Dataset(table, fingerprint=fingerprint)
