"""What is found of the data on the way, and its label column as numbers, over all splits at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compressor.data.cells import missing, some
from compressor.data.labels import Labelling, LabelSpace, label
from compressor.data.ledger import HIDDEN, NO_LABEL, Ledger
from compressor.data.matching import Asked
from compressor.data.rows import Part
from compressor.data.silent import says_nothing
from compressor.data.sources import Source

MAX_MARKS = 250_000_000
"""Zeros and ones, one a label, for all rows; four bytes each."""


@dataclass
class Study:
    """What was found. With `problems` the rest may be incomplete."""

    source: Source | None = None
    subsets: tuple[str, ...] = ()
    """Parts of the data set to choose from, known even while none is chosen."""
    available: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    head: dict[str, list[str | None]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    unlabelled: Part | None = None
    space: LabelSpace = field(default_factory=lambda: LabelSpace("none", ()))
    pairs: list[tuple[str, str | None]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    """Splits that were left out because their labels are kept secret."""
    ledger: Ledger = field(default_factory=Ledger)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def no_labels(found: Study, learns: bool = True, numbers: bool = False) -> str:
    """What it means that the data has no labels, where something is trained on them or not and where the model says `numbers`,
    and which columns could be some after all."""
    unused = [name for name in found.available if name not in found.columns.values()]
    more = f" Not used: {some(unused)}; `data.columns` changes that." if unused else ""
    means = (
        "nothing measures how good its numbers are"
        if numbers
        else "a student learns from the teacher's predictions alone, and is judged by how often it agrees with the teacher"
        if learns
        else "models are judged by how often they agree with the first one"
    )
    return f"The data has no labels, so {means}.{more}"


def counted(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def label_all(found: Study, asked: Asked) -> None:
    """Labels for all splits; splits whose labels are secret are set aside, rows without one are left out."""
    if "label" not in found.columns:
        return
    cells = {split: part.cells() for split, part in found.parts.items()}
    open_ = [split for split, counts in cells.items() if not _secret(counts, asked)]
    if not open_ and all(missing(c) for counts in cells.values() for c in counts):
        found.columns.pop("label")
        found.parts = {s: replace(p, table=p.table.drop_columns("label")) for s, p in found.parts.items()}
        return
    for split in [s for s in found.parts if s not in open_ and open_]:
        found.hidden.append(split)
        found.ledger.leave_out(HIDDEN, len(found.parts[split]))
        del found.parts[split]
    total = sum((cells[split] for split in found.parts), Counter[str]())
    labelling = label(total, found.columns["label"], asked)
    found.space, found.pairs = labelling.space, labelling.pairs
    found.problems += labelling.problems
    found.notes += labelling.notes
    if found.problems:
        return
    rows, size = sum(len(part) for part in found.parts.values()), len(found.space.names)
    if found.space.kind == "multi" and rows * size > MAX_MARKS:
        found.problems.append(
            f"{counted(rows)} with {size:,} labels each do not fit into memory. Join labels with "
            "`data.labels`, or give fewer rows."
        )
        return
    lost = 0
    for split, part in list(found.parts.items()):
        coded = encode(part, labelling)
        lost += len(part) - len(coded)
        found.parts[split] = coded
    if lost:
        found.ledger.leave_out(NO_LABEL, lost)
        found.notes.append(f"{counted(lost)} without a label {'was' if lost == 1 else 'were'} left out.")


def _secret(counts: Mapping[str, int], asked: Asked) -> bool:
    """Whether a split has no labels, or -1 for all: how shared tasks (GLUE) publish their test rows."""
    return all(missing(cell) or says_nothing(cell, asked) for cell in counts)


def encode(part: Part, labelling: Labelling) -> Part:
    """A split with its label cells as numbers, without the rows that have none."""
    coded = pc.dictionary_encode(part.table["label"].combine_chunks())
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    values = [labelling.codes.get(cell) for cell in coded.dictionary.to_pylist()]
    at = np.asarray(pc.fill_null(coded.indices, -1)).astype(np.int64)
    known = np.array([v is not None for v in values] + [False])
    rows = np.flatnonzero(known[at])
    kind = labelling.space.kind
    blank = [0.0] * len(labelling.space.names) if kind == "multi" else 0
    kept = np.array(
        [blank if v is None else v for v in values] + [blank],
        {"multi": np.float32, "regression": np.float64}.get(kind, np.int64),
    )
    bare = replace(part, table=part.table.drop_columns("label"))
    return replace(bare.take(rows), labels=kept[at[rows]])
