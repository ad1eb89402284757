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

from compressor.data import splits
from compressor.data.labels import Asked, LabelSpace
from compressor.data.rows import Part, digest
from compressor.data.sources import SPLITS, HubData
from compressor.data.study import NO_LABELS, Study, study
from compressor.errors import DataError
from compressor.events import Progress, silent
from compressor.recipe import Data
from compressor.settings import Settings
from compressor.tasks.base import Task

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
) -> Prepared:
    """Read, check, label and split the data.

    Args:
        teacher_labels: in the order of its outputs; None: a new head, whose labels come from the data.
        teacher_kind: `single`, `multi` or `regression`; None: the data says.
        seed: of everything that is drawn.

    Raises:
        DataError: all that is wrong with the data, a sentence each.
        HubError: what the Hub says.
    """
    found = study(spec, task, hub, Asked(teacher_labels, teacher_kind, spec.labels), settings, seed, progress)
    labelled = any(role.name == "label" for role in task.roles)
    if not found.problems and labelled and found.space.kind == "none":
        if teacher_labels is None:
            found.problems.append(no_labels_for_head(found))
        found.notes.append(NO_LABELS)
    parts: dict[str, Part] = {}
    if not found.problems:
        parts = arrange(found, task, spec.limit, seed)
    if found.problems:
        raise DataError(found.problems)
    uneven = splits.skew(parts.get("train") or parts["test"], found.space)
    found.notes += [uneven] if uneven else []
    extra = {"unlabelled": found.unlabelled} if found.unlabelled is not None and found.space.kind != "none" else {}
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
        unlabelled=tables.get("unlabelled"),
    )


def no_labels_for_head(found: Study) -> str:
    """Why a new head cannot be trained on data without labels."""
    columns = ", ".join(map(repr, found.available[:20]))
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


# ---------------------------------------------------------------------- splits


def arrange(found: Study, task: Task, limit: int | None, seed: int) -> dict[str, Part]:
    """The final splits. What is wrong with them, and what was done, is added to `found`."""
    parts = dict(found.parts)
    _promote(found, parts, task)
    if task.running_text:
        return {"test": parts["test"]}
    present = _present(parts, found.space)
    random = np.random.default_rng([seed, 1])
    given = set(parts)
    if "train" in parts:
        _make(found, parts, random)
    if found.problems:
        return parts
    _separate(found, parts)
    _bound(found, parts, given, random)
    if "train" in parts:
        _mention_repeats(found, parts["train"])
        _limit(found, parts, limit, len(present), random)
    for split in SPLITS:
        if split in parts and not found.problems:
            found.problems += splits.classes(parts[split], _called(split), found.space, present)
    return {split: parts[split] for split in SPLITS if split in parts}


def _called(split: str) -> str:
    return "training" if split == "train" else split


def _present(parts: dict[str, Part], space: LabelSpace) -> list[int]:
    if space.kind != "single":
        return []
    counts = sum(splits.class_counts(part, len(space.names)) for part in parts.values())
    return [int(i) for i in np.flatnonzero(counts)]


def _promote(found: Study, parts: dict[str, Part], task: Task) -> None:
    """A validation split serves as test where there is no test split with labels."""
    name = found.source.name if found.source else "the data"
    if "test" in found.hidden:
        said = f"The test rows of {name} have no labels"
        if "validation" in parts:
            parts["test"] = parts.pop("validation")
            found.notes.append(f"{said}, so its validation rows serve as test.")
        else:
            found.notes.append(f"{said}, so they are not used.")
    elif "validation" in found.hidden:
        found.notes.append(f"The validation rows of {name} have no labels, so they are not used.")
    if "test" not in parts and "train" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
        found.notes.append("There is no test split, so the validation rows serve as test.")
    if task.running_text and "test" not in parts:
        split = "validation" if "validation" in parts else "train"
        parts["test"] = parts.pop(split)
        found.notes.append(f"There is no test text, so the {_called(split)} text is measured on.")


def _make(found: Study, parts: dict[str, Part], random: np.random.Generator) -> None:
    missing = [split for split in ("test", "validation") if split not in parts]
    if not missing:
        return
    found.problems += splits.too_few_to_split(parts["train"], found.space, 1 + len(missing))
    if found.problems:
        return
    size = splits.made_size(len(np.unique(parts["train"].keys)))
    before = len(parts["train"])
    for split in missing:
        parts[split], parts["train"] = splits.carve(parts["train"], found.space, size, random)
    made = " and ".join(f"{len(parts[split]):,} for {split}" for split in missing)
    how = ", each class by its share" if found.space.kind == "single" else ""
    found.notes.append(f"Of the {before:,} training rows these were set aside, drawn at random{how}: {made}.")


def _separate(found: Study, parts: dict[str, Part]) -> None:
    """No row may be learnt from and judged by."""
    for split, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        if split in parts and other in parts:
            parts[split], both = splits.apart(parts[split], parts[other])
            if not len(parts[split]):
                found.problems.append(
                    f"Every {_called(split)} row stands among the {other} rows too: was the same file given twice?"
                )
                return
            if both:
                found.notes.append(
                    f"{both:,} {_called(split)} row{'' if both == 1 else 's'} also {'stands' if both == 1 else 'stand'} among the "
                    f"{other} rows; {'it was' if both == 1 else 'they were'} removed from {_called(split)}."
                )


def _bound(found: Study, parts: dict[str, Part], given: set[str], random: np.random.Generator) -> None:
    for split, most in splits.MOST_HELD.items():
        if split in given and split in parts and len(parts[split]) > most:
            part = parts[split]
            parts[split] = part.take(splits.draw(splits.strata(part, found.space), most, random))
            found.notes.append(f"{len(parts[split]):,} of the {len(part):,} {split} rows are used, drawn at random.")


def _mention_repeats(found: Study, part: Part) -> None:
    again, torn = splits.repeated(part)
    if again:
        more = f"; {torn:,} text{'' if torn == 1 else 's'} with different labels" if torn else ""
        found.notes.append(f"{again:,} training row{' repeats' if again == 1 else 's repeat'} the text of another one{more}.")


def _limit(found: Study, parts: dict[str, Part], limit: int | None, classes: int, random: np.random.Generator) -> None:
    part = parts["train"]
    if limit is not None and limit < len(part):
        if limit < splits.FEWEST * max(1, classes):
            found.problems.append(
                f"`data.limit` is {limit}, too few for {splits.FEWEST} training rows of each of the {max(1, classes)} classes. "
                f"Set it to {splits.FEWEST * max(1, classes)} or more (some hundreds to learn anything)."
            )
            return
        parts["train"] = part.take(splits.draw(splits.strata(part, found.space), limit, random))
    if found.space.kind == "none" and found.unlabelled is not None:
        parts["train"] = _joined(parts, found.unlabelled)


def _joined(parts: dict[str, Part], extra: Part) -> Part:
    """Training rows and raw texts, without those that stand in another split."""
    for other in parts.values():
        extra, _ = splits.apart(extra, other)
    train = parts["train"]
    return Part(pa.concat_tables([train.table, extra.table]), np.concatenate([train.keys, extra.keys]), train.read)
