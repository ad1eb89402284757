"""From what the recipe says of the data to clean rows with labels, still in the splits they came in. Both a run and the
page's preview begin here; problems are gathered, not raised one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compressor.data.cells import integer, missing
from compressor.data.columns import choose, label_columns
from compressor.data.labels import Asked, Labelling, LabelSpace, label
from compressor.data.readers import RUNNING_CHARACTERS, open_reader
from compressor.data.rows import LOOK_BYTES, Bounds, Part, collect, head
from compressor.data.sources import SPLITS, HubData, Source, locate
from compressor.data.table import Caps, Reader
from compressor.errors import DataError
from compressor.events import Progress
from compressor.recipe import Data
from compressor.settings import Settings
from compressor.tasks.base import Task

NO_LABELS = (
    "The data has no labels, so a student learns from the teacher's predictions alone, and is judged by how often it agrees "
    "with the teacher."
)


@dataclass
class Study:
    """What was found. With `problems` the rest may be incomplete."""

    source: Source | None = None
    available: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    head: dict[str, list[str | None]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    unlabelled: Part | None = None
    space: LabelSpace = LabelSpace("none", ())
    pairs: list[tuple[str, str | None]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    """Splits that were left out because their labels are kept secret."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Reading:
    """One pass over the data under one set of bounds."""

    def __init__(self, spec: Data, task: Task, settings: Settings, seed: int, progress: Progress, look: bool):
        self.spec, self.task, self.seed, self.progress = spec, task, seed, progress
        cell = RUNNING_CHARACTERS if task.running_text else settings.max_text_characters
        self.caps = Caps(settings.max_upload_bytes, cell)
        self.bounds = Bounds(settings.max_rows, cell=cell, stop=LOOK_BYTES if look else 0)
        self.found = Study()

    def open(self, splits: Mapping[str, Sequence[Path]]) -> dict[str, list[Reader]]:
        opened: dict[str, list[Reader]] = {}
        for split, paths in splits.items():
            for path in paths:
                try:
                    opened.setdefault(split, []).append(open_reader(path, self.caps, self.task.running_text))
                except DataError as error:
                    self.found.problems += error.problems
        return opened

    def choose(self, readers: Mapping[str, list[Reader]], asked: Asked) -> None:
        """Roles by the rows of the first split there is; then whether the others have those columns."""
        first = next(s for s in SPLITS if s in readers)
        name = readers[first][0].path.name
        self.found.head = head(readers[first])
        self.found.available = list(self.found.head)
        choice = choose(self.found.head, self.task, self.spec.columns, name, asked.names, asked.kind)
        self.found.columns = choice.columns
        self.found.problems += choice.problems
        self.found.notes += choice.notes
        for split in [s for s in SPLITS if s in readers and s != first]:
            for reader in readers[split]:
                self._same(reader, name, split)

    def _same(self, reader: Reader, first: str, split: str) -> None:
        source = self.found.source
        for role, column in self.found.columns.items():
            parts = [column] if role != "label" or column in self.found.available else label_columns(column)
            lost = [c for c in parts if c not in reader.columns]
            if lost and (role != "label" or (source is not None and source.mine)):
                self.found.problems.append(
                    f"{reader.path.name} ({split}) has no column {lost[0]!r}, which {first} has for the role `{role}`. It has "
                    f"{', '.join(map(repr, reader.columns[:20]))}. All files need the same columns."
                )

    def collect(self, readers: Mapping[str, list[Reader]]) -> None:
        for place, split in enumerate(SPLITS):
            if split not in readers:
                continue
            try:
                part = collect(
                    readers[split], self.found.columns, self.bounds, self.seed * 8 + place, self.progress
                )
            except DataError as error:
                self.found.problems += error.problems
                continue
            self._remark(part, readers[split], split)
            self.found.parts[split] = part

    def _remark(self, part: Part, readers: Sequence[Reader], split: str) -> None:
        name = readers[0].path.name
        self.found.notes += [note for reader in readers for note in reader.notes]
        if not part.read:
            self.found.problems.append(f"{name} ({split}) has names of columns and no rows. Add rows.")
        elif part.empty == part.read:
            self.found.problems.append(
                f"Every text of {name} ({split}) is empty in the column {self.found.columns['text']!r}. Choose another column "
                "with `data.columns` ({text: …})."
            )
        elif part.empty:
            self.found.notes.append(f"{_rows(part.empty)} of {name} without text {'was' if part.empty == 1 else 'were'} left out.")
        if part.cut:
            self.found.notes.append(
                f"{part.cut:,} text{' of' if part.cut == 1 else 's of'} {name} "
                f"{'was' if part.cut == 1 else 'were'} cut to the first {self.bounds.cell:,} characters."
            )
        if part.stopped:
            self.found.notes.append(f"Only the first {part.read:,} rows of {name} were looked at here; a run reads all.")
        elif part.sampled:
            self.found.notes.append(
                f"{name} has {part.read:,} rows, more than are held; an even random sample of {len(part) + part.empty:,} is used."
            )

    def extra(self, path: Path, asked: Asked) -> None:
        """The file of raw texts for the teacher to label."""
        try:
            reader = open_reader(path, self.caps)
            rows = head([reader])
            wanted = {r: c for r, c in (self.spec.columns or {}).items() if r != "label" and c in reader.columns}
            choice = choose(rows, self.task, wanted | {"label": ""}, path.name, asked.names, asked.kind)
            if choice.problems:
                raise DataError(choice.problems)
            if "text_pair" in self.found.columns and "text_pair" not in choice.columns:
                raise DataError(
                    f"{path.name} (unlabelled) has no second text, and the data has: {self.found.columns['text_pair']!r}."
                )
            columns = {r: c for r, c in choice.columns.items() if r in self.found.columns}
            part = collect([reader], columns, self.bounds, self.seed * 8 + 7, self.progress)
        except DataError as error:
            self.found.problems += error.problems
        else:
            self.found.unlabelled = part
            self.found.notes += [f"{_rows(len(part))} without labels from {path.name} are labelled by the teacher."]


def _rows(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def study(
    spec: Data,
    task: Task,
    hub: HubData | None,
    asked: Asked,
    settings: Settings,
    seed: int,
    progress: Progress,
    look: bool = False,
) -> Study:
    """Find, read, clean and label the rows. `look`: read no more than a look needs.

    Raises:
        HubError: what the Hub says. Everything else that is wrong is in the result's `problems`.
    """
    reading = _Reading(spec, task, settings, seed, progress, look)
    found = reading.found
    try:
        found.source = locate(spec, hub, settings, progress, look)
        found.notes += found.source.notes
        readers = reading.open(found.source.splits)
        if readers and not found.problems:
            reading.choose(readers, asked)
        if readers and not found.problems:
            reading.collect(readers)
            names = next((r.class_names for rs in readers.values() for r in rs if r.class_names), {})
            classes = names.get(found.columns.get("label", ""), ())
            _label(found, replace(asked, class_names=classes))
        if found.source.unlabelled is not None and not found.problems:
            reading.extra(found.source.unlabelled, asked)
    except DataError as error:
        found.problems += error.problems
    found.notes = list(dict.fromkeys(found.notes))
    found.problems = list(dict.fromkeys(found.problems))
    return found


# ---------------------------------------------------------------------- labels


def _label(found: Study, asked: Asked) -> None:
    """Labels for all splits; splits whose labels are secret are set aside, rows without one are left out."""
    if "label" not in found.columns:
        return
    cells = {split: part.cells() for split, part in found.parts.items()}
    open_ = [split for split, counts in cells.items() if not _secret(counts)]
    if not open_ and all(missing(c) for counts in cells.values() for c in counts):
        found.columns.pop("label")
        found.parts = {s: replace(p, table=p.table.drop_columns("label")) for s, p in found.parts.items()}
        return
    for split in [s for s in found.parts if s not in open_ and open_]:
        found.hidden.append(split)
        del found.parts[split]
    total = sum((cells[split] for split in found.parts), Counter[str]())
    labelling = label(total, found.columns["label"], asked)
    found.space, found.pairs = labelling.space, labelling.pairs
    found.problems += labelling.problems
    found.notes += labelling.notes
    if found.problems:
        return
    lost = 0
    for split, part in list(found.parts.items()):
        coded = encode(part, labelling)
        lost += len(part) - len(coded)
        found.parts[split] = coded
    if lost:
        found.notes.append(f"{_rows(lost)} without a label {'was' if lost == 1 else 'were'} left out.")


def _secret(counts: Mapping[str, int]) -> bool:
    """Whether a split has no labels, or -1 for all: how shared tasks (GLUE) publish their test rows."""
    return all(missing(cell) or integer(cell) == -1 for cell in counts)


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
