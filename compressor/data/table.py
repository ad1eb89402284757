"""What every reader of files is: named columns, and rows in bounded batches whose cells are all text.

One representation for CSV, JSON and Parquet keeps what follows (columns, labels) in one piece: a number is its shortest
decimal, a list is JSON, a missing cell is null.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from compressor.data.textfile import detect
from compressor.errors import DataError
from compressor.untrusted.plain import storable

__all__ = ["Batch", "Caps", "Reader", "cell", "check_columns", "storable"]

BATCH_ROWS = 1000
BATCH_CHARACTERS = 4_000_000
MAX_COLUMNS = 1000
MAX_CELL = 16_000_000
"""Characters of one cell or one JSON object that are read at all; a cell this long is a quote that was never closed."""


@dataclass(frozen=True)
class Caps:
    """Bounds on what is read of one file."""

    bytes: int
    cell: int
    """Characters kept of a cell. Readers keep one more, so that who comes next sees that it was cut."""


class Reader(ABC):
    """One file. `columns` are known after construction, which raises DataError with a sentence."""

    def __init__(self, path: Path, caps: Caps):
        self.path, self.caps = path, caps
        self.columns: tuple[str, ...] = ()
        self.class_names: dict[str, tuple[str, ...]] = {}
        """Names of integer classes by column, where the file itself says them (Parquet of the Hub)."""
        self.nested: set[str] = set()
        """Columns whose values have structure: objects, or lists of them."""
        self.notes: list[str] = []
        self.left_out: Counter[str] = Counter()
        """Rows of the last pass through `rows` that it did not give, by reason (see `ledger.py`)."""

    @abstractmethod
    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        """Batches of rows from the start: column → cells, for those of `wanted` that there are."""

    def batches(self, wanted: Sequence[str]) -> Iterator[pa.Table]:
        """`rows` as Arrow tables of strings.

        Raises:
            DataError: the file breaks off or breaks the rules of its format further down.
        """
        schema = pa.schema([(name, pa.string()) for name in wanted])
        for batch in self.rows(wanted):
            yield pa.table([pa.array(batch[name], pa.string()) for name in wanted], schema=schema)


class EncodedReader(Reader):
    """A file of text in some encoding, which is found out first and said where it was a guess."""

    def __init__(self, path: Path, caps: Caps):
        super().__init__(path, caps)
        self.encoding = detect(path)
        self.notes += [self.encoding.note] if self.encoding.note else []


def check_columns(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Names made whole and unique: an empty one is called by its place, a repeated one gets a number.

    Raises:
        DataError: there are too many.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{path.name} has {len(names):,} columns; at most {MAX_COLUMNS:,} are read. Keep only the columns with the texts "
            "and the labels."
        )
    found: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for i, raw in enumerate(names, 1):
        name = " ".join(storable(str(raw)).split())[:200] or f"column {i}"
        unique = name
        while unique in found:
            numbers[name] = numbers.get(name, 1) + 1
            unique = f"{name} ({numbers[name]})"
        found[unique] = None
    return tuple(found)


def cell(value: Any, cap: int) -> str | None:
    """Any value of JSON or Parquet as the text of a cell; None where it is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return storable(value[: cap + 1])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (list, tuple, dict)):
        try:
            return storable(json.dumps(value, ensure_ascii=False, default=str)[: cap + 1])
        except (ValueError, RecursionError):
            return None
    return storable(str(value)[: cap + 1])


class Batch:
    """Collects rows of dictionaries or lists into batches under the bounds."""

    def __init__(self, wanted: Sequence[str]):
        self.wanted = wanted
        self.cells: dict[str, list[str | None]] = {name: [] for name in wanted}
        self.rows = self.characters = 0

    def add(self, row: Sequence[str | None]) -> bool:
        """Take one row (in the order of `wanted`). True where the batch is full."""
        for column, value in zip(self.cells.values(), row):
            column.append(value)
            self.characters += len(value) if value else 0
        self.rows += 1
        return self.rows >= BATCH_ROWS or self.characters >= BATCH_CHARACTERS
