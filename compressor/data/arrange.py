"""The final splits of a run: which rows are learnt from and which are judged by, and what there is to say about it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compressor.data import ledger, splits
from compressor.data.labelling import Study
from compressor.data.labels import LabelSpace
from compressor.data.rows import Part
from compressor.data.sources import SPLITS
from compressor.data.txtfile import RUNNING_CHARACTERS
from compressor.tasks.base import Task


def arrange(found: Study, task: Task, limit: int | None, seed: int) -> dict[str, Part]:
    """The final splits. What is wrong with them, and what was done, is added to `found`."""
    parts = dict(found.parts)
    _promote(found, parts, task)
    if task.running_text:
        found.ledger.leave_out(ledger.OTHER_SPLIT, sum(len(part) for name, part in parts.items() if name != "test"))
        return {"test": _readable(found, parts["test"])}
    present = _present(parts, found.space)
    random = np.random.default_rng([seed, 1])
    given = set(parts)
    _separate(found, parts)
    if "train" in parts and not found.problems:
        _make(found, parts, random)
    if found.problems:
        return parts
    _bound(found, parts, given, random)
    if "train" in parts:
        _mention_repeats(found, parts["train"])
        _limit(found, parts, limit, len(present), random)
        _add_raw_texts(found, parts)
    for split in SPLITS:
        if split in parts and not found.problems:
            found.problems += splits.classes(parts[split], _called(split), found.space, present)
    return {split: parts[split] for split in SPLITS if split in parts}


def _readable(found: Study, part: Part) -> Part:
    """The first rows of a running text, as many as are measured in hours."""
    ends = np.cumsum(pc.utf8_length(part.table["text"]).to_numpy())
    if not len(ends) or ends[-1] <= RUNNING_CHARACTERS:
        return part
    kept = max(1, int(np.searchsorted(ends, RUNNING_CHARACTERS, side="right")))
    found.notes.append(
        f"The text is long: its first {kept:,} of {len(part):,} rows, {ends[kept - 1] / 1e6:,.0f} million characters, are "
        "measured on."
    )
    found.ledger.leave_out(ledger.NOT_REACHED, len(part) - kept)
    return part.take(np.arange(kept))


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
    if "train" in found.hidden:
        found.notes.append(f"The training rows of {name} have no labels, so nothing can be learned from them.")
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
    if again := before - sum(len(parts[split]) for split in [*missing, "train"]):
        found.ledger.leave_out(ledger.REPEATED, again)
        repeat, are = ("row repeats", "is") if again == 1 else ("rows repeat", "are")
        found.notes.append(
            f"{again:,} training {repeat} a text that was set aside, and {are} left out: no text is both learned from and "
            "judged by."
        )


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
                found.ledger.leave_out(ledger.IN_TWO_SPLITS, both)
                stand, they = ("row also stands", "it was") if both == 1 else ("rows also stand", "they were")
                found.notes.append(
                    f"{both:,} {_called(split)} {stand} among the {other} rows; {they} removed from {_called(split)}."
                )


def _bound(found: Study, parts: dict[str, Part], given: set[str], random: np.random.Generator) -> None:
    for split, most in splits.MOST_HELD.items():
        if split in given and split in parts and len(parts[split]) > most:
            part = parts[split]
            parts[split] = part.take(splits.draw(splits.strata(part, found.space, most), most, random))
            found.ledger.leave_out(ledger.NOT_DRAWN, len(part) - len(parts[split]))
            found.notes.append(f"{len(parts[split]):,} of the {len(part):,} {split} rows are used, drawn at random.")


def _mention_repeats(found: Study, part: Part) -> None:
    again, torn = splits.repeated(part)
    if again:
        more = f"; {torn:,} text{'' if torn == 1 else 's'} with different labels" if torn else ""
        found.notes.append(
            f"{again:,} training row{' repeats' if again == 1 else 's repeat'} the text of another one{more}."
        )


def _limit(found: Study, parts: dict[str, Part], limit: int | None, classes: int, random: np.random.Generator) -> None:
    part = parts["train"]
    if limit is not None and limit < len(part):
        if limit < splits.FEWEST * max(1, classes):
            found.problems.append(
                f"`data.limit` is {limit}, too few for {splits.FEWEST} training rows of each of the {max(1, classes)} classes. "
                f"Set it to {splits.FEWEST * max(1, classes)} or more (some hundreds to learn anything)."
            )
            return
        parts["train"] = part.take(splits.draw(splits.strata(part, found.space, limit), limit, random))
        found.ledger.leave_out(ledger.LIMITED, len(part) - len(parts["train"]))


def _add_raw_texts(found: Study, parts: dict[str, Part]) -> None:
    """Raw texts are learnt from too, so none of them may be judged by. Without labels they are training rows like the others."""
    extra = found.unlabelled
    if extra is None:
        return
    again = 0
    for other in parts.values():
        extra, both = splits.apart(extra, other)
        again += both
    if again:
        found.ledger.leave_out(ledger.IN_TWO_SPLITS, again)
        stand, were = ("text also stands", "was") if again == 1 else ("texts also stand", "were")
        found.notes.append(f"{again:,} raw {stand} among the rows and {were} left out.")
    found.unlabelled = extra if len(extra) else None
    if found.space.kind == "none" and len(extra):
        train = parts["train"]
        keys = np.concatenate([train.keys, extra.keys])
        parts["train"] = Part(pa.concat_tables([train.table, extra.table]), keys, train.read)
