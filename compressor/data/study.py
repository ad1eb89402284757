"""From what the recipe says of the data to clean rows with labels, still in the splits they came in. Both a run and the
page's preview begin here; problems are gathered, not raised one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from compressor.data.cells import some
from compressor.data.columns import choose, label_columns
from compressor.data.labelling import Study, counted, label_all
from compressor.data.ledger import EMPTY, NOT_HELD
from compressor.data.matching import Asked
from compressor.data.readers import open_reader
from compressor.data.rows import LOOK_BYTES, Bounds, Part, collect, head
from compressor.data.sources import SPLITS, HubData, SubsetError, locate
from compressor.data.table import Caps, Reader
from compressor.data.txtfile import RUNNING_CHARACTERS
from compressor.errors import DataError, readable
from compressor.events import Progress
from compressor.recipe import Data
from compressor.settings import Settings
from compressor.tasks.base import Task


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
        if not any(self.found.head.values()):
            self.found.problems.append(_no_rows(name, first))
            return
        nested = set().union(*(reader.nested for reader in readers[first]))
        choice = choose(self.found.head, self.task, self.spec.columns, name, asked.names, asked.kind, nested)
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
                    f"{some(reader.columns, 20)}. All files need the same columns."
                )

    def collect(self, readers: Mapping[str, list[Reader]]) -> None:
        for place, split in enumerate(SPLITS):
            if split not in readers:
                continue
            try:
                part = collect(readers[split], self.found.columns, self.bounds, self.seed * 8 + place, self.progress)
            except DataError as error:
                self.found.problems += error.problems
                continue
            self._remark(part, readers[split], split)
            self._enter(part, readers[split])
            self.found.parts[split] = part

    def _remark(self, part: Part, readers: Sequence[Reader], split: str) -> None:
        name = readers[0].path.name
        self.found.notes += [note for reader in readers for note in reader.notes]
        if not part.read:
            self.found.problems.append(_no_rows(name, split))
        elif part.empty == part.read:
            self.found.problems.append(
                f"Every text of {name} ({split}) is empty in the column {self.found.columns['text']!r}. Choose another column "
                "with `data.columns` ({text: …})."
            )
        elif part.empty:
            were = "was" if part.empty == 1 else "were"
            self.found.notes.append(f"{counted(part.empty)} of {name} without text {were} left out.")
        if part.cut:
            self.found.notes.append(
                f"{part.cut:,} text{' of' if part.cut == 1 else 's of'} {name} "
                f"{'was' if part.cut == 1 else 'were'} cut to the first {self.bounds.cell:,} characters."
            )
        if part.stopped:
            self.found.notes.append(
                f"Only the first {part.read:,} rows of {name} were looked at here; a run reads all."
            )
        elif part.sampled:
            self.found.notes.append(
                f"{name} has {part.read:,} rows, more than are held; an even random sample of {len(part) + part.empty:,} is used."
            )

    def _enter(self, part: Part, readers: Sequence[Reader]) -> None:
        """Into the ledger: what the files had, and what of it is left out already."""
        ledger = self.found.ledger
        ledger.read += part.read + sum(reader.left_out.total() for reader in readers)
        for reader in readers:
            for reason, rows in reader.left_out.items():
                ledger.leave_out(reason, rows)
        ledger.leave_out(EMPTY, part.empty)
        ledger.leave_out(NOT_HELD, part.read - part.empty - len(part))

    def raw_texts(self, path: Path, asked: Asked) -> None:
        """The file of raw texts for the teacher to label."""
        try:
            reader = open_reader(path, self.caps)
            rows = head([reader])
            wanted = {r: c for r, c in (self.spec.columns or {}).items() if r != "label" and c in reader.columns}
            choice = choose(rows, self.task, wanted | {"label": ""}, path.name, asked.names, asked.kind, reader.nested)
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
            self._enter(part, [reader])
            self.found.unlabelled = part


def _no_rows(name: str, split: str) -> str:
    return f"{name} ({split}) has names of columns and no rows. Add rows."


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
        found.subsets = found.source.subsets
        found.notes += found.source.notes
        readers = reading.open(found.source.splits)
        if readers and not found.problems:
            reading.choose(readers, asked)
        if readers and not found.problems:
            reading.collect(readers)
            names = next((r.class_names for rs in readers.values() for r in rs if r.class_names), {})
            classes = names.get(found.columns.get("label", ""), ())
            label_all(found, replace(asked, class_names=classes))
        if found.source.unlabelled is not None and not found.problems:
            reading.raw_texts(found.source.unlabelled, asked)
    except DataError as error:
        found.problems += error.problems
        if isinstance(error, SubsetError):
            found.subsets = error.subsets
    found.notes = list(dict.fromkeys(map(readable, found.notes)))
    found.problems = list(dict.fromkeys(map(readable, found.problems)))
    return found
