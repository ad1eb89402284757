"""Reading a split's rows under bounds on memory, and making them clean: no empty text, none beyond the cap.

A file with more rows than are held is sampled evenly as it streams past (each row draws a number; the smallest stay), so
that one sorted by label is not cut to its first class.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compressor.data.cells import bit, integer, missing, some
from compressor.data.columns import label_columns
from compressor.data.table import Reader
from compressor.errors import DataError
from compressor.events import Progress

HELD_BYTES = 512 * 2**20
"""Bytes of text of one split that are held in memory."""
LOOK_BYTES = 48 * 2**20
"""Bytes of text of one split that a look reads."""
PIECE = 10_000
"""Rows that are Python strings at one time."""


@dataclass(frozen=True)
class Bounds:
    """How much of a split is held. `stop` at that many bytes read; 0: read to the end and keep an even sample."""

    rows: int
    bytes: int = HELD_BYTES
    cell: int = 100_000
    stop: int = 0


@dataclass
class Part:
    """One split: a table with the roles as string columns, and what was found on the way.

    Attributes:
        labels: one a row, or None before they are worked out and where there are none. int64 [rows], float64 [rows], or
            float32 [rows, labels].
        keys: a hash of each row's normalised texts, uint64 [rows].
        read: rows that the files had, empty ones included.
    """

    table: pa.Table
    keys: np.ndarray
    read: int
    labels: np.ndarray | None = None
    empty: int = 0
    cut: int = 0
    sampled: bool = False
    stopped: bool = False

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, rows: np.ndarray) -> Part:
        """These rows, in this order."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, table=self.table.take(pa.array(rows, pa.int64())), keys=self.keys[rows], labels=labels)

    def cells(self) -> Counter[str]:
        """How often each cell of the label column stands there; missing ones as ""."""
        if "label" not in self.table.column_names:
            return Counter()
        counts = pc.value_counts(self.table["label"])
        return Counter(
            {(v.as_py() or ""): int(n.as_py()) for v, n in zip(counts.field("values"), counts.field("counts"))}
        )


class _Sample:
    """An even random sample of rows that stream past, under bounds on rows and on bytes; in the order of the file."""

    def __init__(self, bounds: Bounds, seed: int):
        self.bounds, self.random = bounds, np.random.default_rng(seed)
        self.tables: list[pa.Table] = []
        self.drawn: list[np.ndarray] = []
        self.below = 1.0
        self.rows = self.bytes = 0

    def add(self, table: pa.Table) -> None:
        drawn = self.random.random(table.num_rows)
        if self.below < 1.0:
            keep = drawn < self.below
            table, drawn = table.filter(pa.array(keep)), drawn[keep]
        self.tables.append(table)
        self.drawn.append(drawn)
        self.rows += table.num_rows
        self.bytes += table.nbytes
        if self.rows > 1.25 * self.bounds.rows or self.bytes > 1.25 * self.bounds.bytes:
            self._prune()

    def _prune(self) -> None:
        table, drawn = pa.concat_tables(self.tables), np.concatenate(self.drawn)
        order = np.argsort(drawn, kind="stable")
        sizes = np.zeros(len(drawn), np.int64)
        for column in table.columns:
            sizes += np.asarray(pc.fill_null(pc.binary_length(column), 0)).astype(np.int64)
        fitting = int(np.searchsorted(np.cumsum(sizes[order]), self.bounds.bytes, side="right"))
        kept = min(self.bounds.rows, max(1, fitting), len(drawn))
        if kept < len(drawn):
            self.below = float(drawn[order[kept]])
            mask = drawn < self.below
            table, drawn = table.filter(pa.array(mask)).combine_chunks(), drawn[mask]
        self.tables, self.drawn = [table], [drawn]
        self.rows, self.bytes = table.num_rows, table.nbytes

    def table(self, names: Sequence[str]) -> pa.Table:
        if self.rows > self.bounds.rows or self.bytes > self.bounds.bytes:
            self._prune()
        if not self.tables:
            return pa.table({name: pa.array([], pa.string()) for name in names})
        return pa.concat_tables(self.tables)


def head(readers: Sequence[Reader], rows: int = 2000, characters: int = 2000) -> dict[str, list[str | None]]:
    """The first rows of a split, all columns, cells cut short: what columns are chosen by."""
    names = list(readers[0].columns)
    found: dict[str, list[str | None]] = {name: [] for name in names}
    for batch in islice(readers[0].rows(names), -(-rows // 1000)):
        for name in names:
            found[name] += [None if c is None else c[:characters] for c in batch[name]]
    return {name: cells[:rows] for name, cells in found.items()}


def collect(
    readers: Sequence[Reader], columns: Mapping[str, str], bounds: Bounds, seed: int, progress: Progress
) -> Part:
    """Read the role columns of all files of a split.

    Raises:
        DataError: a file breaks off or breaks the rules of its format, or columns of yes and no say something else.
    """
    sample, read, held = _Sample(bounds, seed), 0, 0
    several = label_columns(columns.get("label", ""))
    stopped = False
    for reader in readers:
        known = [c for role, c in columns.items() if c in reader.columns]
        wanted = list(dict.fromkeys([*known, *(c for c in several if c in reader.columns)]))
        for batch in reader.batches(wanted):
            table = _by_role(batch, columns, several)
            sample.add(table)
            read, held = read + table.num_rows, held + table.nbytes
            if read % 50_000 < table.num_rows:
                progress("data", 0, 0, message=f"{read:,} rows read")
            if bounds.stop and held > bounds.stop:
                stopped = True
                break
    table = sample.table(list(columns))
    part = _clean(table, read, bounds.cell)
    return replace(part, sampled=table.num_rows < read, stopped=stopped)


def _by_role(batch: pa.Table, columns: Mapping[str, str], several: Sequence[str]) -> pa.Table:
    arrays: dict[str, Any] = {}
    for role, column in columns.items():
        if column in batch.column_names:
            arrays[role] = batch[column]
        elif role == "label" and len(several) > 1 and all(c in batch.column_names for c in several):
            arrays[role] = _joined(batch, several)
        else:
            arrays[role] = pa.nulls(batch.num_rows, pa.string())
    return pa.table(arrays, schema=pa.schema([(role, pa.string()) for role in columns]))


def _joined(batch: pa.Table, several: Sequence[str]) -> pa.Array:
    """A column of yes or no for each label → the names of those that say yes, as a list; null where none says anything: blank, or
    -1 as competitions write what they keep to themselves.

    Raises:
        DataError: a cell says something else.
    """
    said: dict[str | None, int | None] = {}  # few spellings, many rows
    for column in several:
        for cell in pc.unique(batch[column]).to_pylist():
            silent = missing(cell) or integer(cell) == -1
            said[cell] = None if silent else bit(cell)
            if said[cell] is None and not silent:
                raise DataError(
                    f"The column `{column}` holds {some([cell])}, and each of several label columns says yes or no: 1 or 0. Make "
                    "it so (1 from 0.5 on, say), or choose one label column."
                )
    rows = zip(*(batch[c].to_pylist() for c in several))
    lists = [
        None if all(said[x] is None for x in row) else [name for name, x in zip(several, row) if said[x]]
        for row in rows
    ]
    return pa.array([None if one is None else json.dumps(one, ensure_ascii=False) for one in lists], pa.string())


def _clean(table: pa.Table, read: int, cap: int) -> Part:
    texts = [name for name in ("text", "text_pair") if name in table.column_names]
    full = None
    for name in texts:
        filled = pc.fill_null(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table[name])), 0), False)
        full = filled if full is None else pc.and_(full, filled)
    empty = 0
    if full is not None and table.num_rows:
        kept = table.filter(full)
        empty, table = table.num_rows - kept.num_rows, kept
    cut = 0
    for name in texts:
        long = int(pc.sum(pc.greater(pc.utf8_length(table[name]), cap)).as_py() or 0)
        if long:
            cut += long
            at = table.column_names.index(name)
            table = table.set_column(at, name, pc.utf8_slice_codeunits(table[name], 0, cap))
    return Part(table, _keys(table, texts), read, empty=empty, cut=cut)


def _keys(table: pa.Table, texts: Sequence[str]) -> np.ndarray:
    """A hash of each row's texts, without what makes no difference to a reader: case, width, white space."""
    keys = np.empty(table.num_rows, np.uint64)
    for start in range(0, table.num_rows, PIECE):
        piece = table.slice(start, PIECE)
        for i, row in enumerate(zip(*(piece[name].to_pylist() for name in texts)), start):
            plain = "\x1f".join(" ".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in row)
            keys[i] = int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "little")
    return keys


def digest(parts: Mapping[str, Part], more: str) -> str:
    """A name for exactly these rows and labels, and `more`: 32 hexadecimal digits."""
    found = hashlib.blake2b(more.encode(), digest_size=16)
    for split, part in parts.items():
        found.update(f"\x1d{split}\x1d{len(part)}".encode())
        for start in range(0, len(part), PIECE):
            for column in part.table.slice(start, PIECE).columns:
                found.update("\x1e".join(text or "" for text in column.to_pylist()).encode())
        if part.labels is not None:
            found.update(np.ascontiguousarray(part.labels).tobytes())
    return found.hexdigest()
