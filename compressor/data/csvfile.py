"""CSV as people and Excel write it: any of four separators, quotes kept or not, a header or none."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from compressor.data.headers import ROWS, names_columns
from compressor.data.ledger import TOO_MANY_CELLS
from compressor.data.table import MAX_CELL, Batch, Caps, EncodedReader, check_columns
from compressor.data.textfile import open_text
from compressor.errors import DataError

SAMPLE_LINES = 2000
SAMPLE_CHARACTERS = 2_000_000
DELIMITERS = (",", ";", "\t", "|")
NEVER = "\x1f"
"""Separates nothing: the delimiter of a file with one column."""
MAX_SEPARATORS = 1_000_000
"""In one row. A row becomes a list of cells before anybody can count them."""
FEW = 50
"""Different values, up to which those of a column are known."""
WRONG_SHARE = 0.01
"""Of rows with too many cells that are left out, with a note; more is an error."""


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    quoted: bool = True
    escape: str | None = None

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        # The limit is the process's; the same number each time does no harm.
        csv.field_size_limit(MAX_CELL)
        if not self.quoted:
            plain = csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
            return ([_unwrap(cell) for cell in row] for row in plain)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            strict=True,
            doublequote=True,
            escapechar=self.escape,
        )


class CsvReader(EncodedReader):
    """A `.csv` or `.tsv` file. The first line names the columns, unless it reads like a row of data."""

    def __init__(self, path: Path, caps: Caps):
        super().__init__(path, caps)
        with open_text(path, self.encoding) as file:
            sample = file.read(SAMPLE_CHARACTERS).replace("\0", "")
        stated = re.match(r'sep=([^\w\s"\\]|\t)\r?\n', sample)  # a line that Excel itself writes and understands
        self.skipped = 1 if stated else 0
        sample = sample[stated.end() :] if stated else sample
        lines = [line for line in io.StringIO(sample, newline="") if line.strip()]
        if not lines:
            raise DataError(f"{path.name} is empty: there is no row to read. Check the file.")
        self.dialect = sniff(lines[:SAMPLE_LINES], stated.group(1) if stated else None)
        if self.dialect.delimiter != NEVER and self._quotes_are_text():
            self.dialect = Dialect(self.dialect.delimiter, quoted=False)
        first, *following = self._beginning()
        self.header = names_columns(first, following)
        self.columns = check_columns(path, first if self.header else [""] * len(first))
        if not self.header:
            self.notes.append(f"{path.name} has no line with the columns' names, so they are called by their place.")

    def _beginning(self) -> list[list[str]]:
        """The first line and some rows: up to one that cannot be read, of which `rows` tells."""
        found: list[list[str]] = []
        room = SAMPLE_CHARACTERS
        with open_text(self.path, self.encoding) as file:
            raw = self._raw(file)
            found.append(next((row for _, row in raw), []))
            with contextlib.suppress(DataError):
                for _, row in islice(raw, ROWS):
                    room -= sum(map(len, row))
                    if room < 0:
                        break
                    found.append(row)
        return found

    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        places, cap = [self.columns.index(name) for name in wanted], self.caps.cell + 1
        width, batch = len(self.columns), Batch(wanted)
        read = wrong = first_wrong = 0
        self.left_out.clear()
        with open_text(self.path, self.encoding) as file:
            for line, row in islice(self._raw(file), int(self.header), None):
                read += 1
                if len(row) > width and any(cell.strip() for cell in row[width:]):
                    wrong, first_wrong = wrong + 1, first_wrong or line
                    if wrong > 100 and wrong > read * WRONG_SHARE:
                        break
                    continue
                if batch.add([row[i][:cap] if i < len(row) else None for i in places]):
                    yield batch.cells
                    batch = Batch(wanted)
        if batch.rows:
            yield batch.cells
        if wrong:
            self._wrong(wrong, read, first_wrong)

    def _wrong(self, wrong: int, read: int, line: int) -> None:
        what = (
            f"{'Line' if wrong == 1 else f'{wrong:,} lines, the first of them line'} {line:,} of {self.path.name} "
            f"{'has' if wrong == 1 else 'have'} more cells than the {len(self.columns)} columns of its first line"
        )
        if wrong > max(1, read * WRONG_SHARE):
            raise DataError(f"{what}. A text with a {self._separator()} in it has to stand in double quotes.")
        self.left_out[TOO_MANY_CELLS] = wrong
        self.notes.append(f"{what}; {'it was' if wrong == 1 else 'they were'} left out.")

    def _separator(self) -> str:
        return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar (|)"}.get(self.dialect.delimiter, "separator")

    def _raw(self, file: IO[str]) -> Iterator[tuple[int, list[str]]]:
        """(line number, cells) of every line that is not blank, the header among them; from the first with something in it on."""
        line = 1 + self.skipped
        begun = False
        held = [0, 0]  # characters and separators of the row that is being read

        def lines() -> Iterator[str]:
            for text in islice(physical_lines(file), self.skipped, None):
                held[0] += len(text)
                held[1] += text.count(self.dialect.delimiter)
                if held[0] > 2 * MAX_CELL or held[1] > MAX_SEPARATORS:
                    raise DataError(
                        f"The row that begins at line {line:,} of {self.path.name} has more than {2 * MAX_CELL:,} characters or "
                        f"{MAX_SEPARATORS:,} cells, so this is not a table. Check how the file was saved."
                    )
                yield text.replace("\0", "")

        reader = self.dialect.reader(lines())
        try:
            for row in reader:
                held[:] = 0, 0
                begun = begun or any(row)
                if row and begun:  # separators alone are a row without text, but none that names columns
                    yield line, row
                line = self.skipped + getattr(reader, "line_num", line - self.skipped) + 1
        except csv.Error:
            raise DataError(
                f"The quotes of {self.path.name} are broken in the row that begins at line {line:,}: one is opened and not "
                'closed, or followed by more text. Inside quotes, write a quote as two (""), and save the file again.'
            ) from None

    def _quotes_are_text(self) -> bool:
        """Whether quotes hold nothing together, so that a lone one is a part of its text: nearly every line has as many
        separators as the first, and read with quotes whole lines would be swallowed by texts. Of tabs it is
        enough that no line has more or fewer."""
        lines = even = odd = first = 0
        with open_text(self.path, self.encoding) as file:
            for line in islice(physical_lines(file), self.skipped, None):
                if line.strip():
                    count = line.count(self.dialect.delimiter)
                    first = first if lines else count
                    lines, even, odd = lines + 1, even + (count == first), odd + line.count('"') % 2
        if self.dialect.delimiter == "\t" and even == lines:
            return True
        return odd > 0 and even >= (1 - WRONG_SHARE) * lines and self._swallows(first)

    def _swallows(self, separators: int) -> bool:
        """Whether a cell in quotes holds lines that are rows of their own: as many separators as the first line of the file has,
        and in columns of few values (labels) one of these."""
        known: list[set[str]] = [set() for _ in range(separators + 1)]
        inside: list[list[str]] = []
        # Quotes may break later on: the reader proper will say so.
        with open_text(self.path, self.encoding) as file, contextlib.suppress(DataError):
            for _, row in self._raw(file):
                lines = [line for cell in row if "\n" in cell for line in cell.split("\n")[:-1]]
                inside += [
                    cells for line in lines if len(cells := line.split(self.dialect.delimiter)) == separators + 1
                ]
                if not lines and len(row) == separators + 1:
                    for values, cell in zip(known, row, strict=True):
                        if len(values) <= FEW:
                            values.add(cell.strip())
                if len(inside) > SAMPLE_LINES:
                    break
        labels = [at for at, values in enumerate(known) if 1 < len(values) <= FEW]
        return bool(labels) and any(all(cells[at].strip() in known[at] for at in labels) for cells in inside)


def physical_lines(file: IO[str]) -> Iterator[str]:
    """A file's lines; of one that has no end, pieces longer than any row may be."""
    return iter(lambda: file.readline(2 * MAX_CELL + 1), "")


def sniff(lines: Sequence[str], stated: str | None = None) -> Dialect:
    """The dialect under which the most of these lines have as many cells as the first. `stated`: the delimiter that the
    file names itself."""
    best, score = Dialect(stated or NEVER), 0.0
    for delimiter in (stated,) if stated else DELIMITERS:
        for escape in (None, "\\") if any('\\"' in line for line in lines) else (None,):
            dialect = Dialect(delimiter, escape=escape)
            # A comma in a text is common, a tab is not: ties go to what the first line has more of.
            value = _fit(dialect, lines) + lines[0].count(delimiter) * 1e-6
            if lines[0].count(delimiter) and value > score:
                best, score = dialect, value
    if best.delimiter == NEVER and any(line.count('"') % 2 or not line.lstrip().startswith('"') for line in lines):
        return Dialect(NEVER, quoted=False)  # one column, not all of it in quotes: they belong to the texts
    return best


def _fit(dialect: Dialect, lines: Sequence[str]) -> float:
    """Share of the rows with as many cells as the first, times the share of the lines up to where the quotes break. (The
    sample's end may cut a row in two: that costs a line or two.)"""
    reader = dialect.reader(iter(lines))
    rows: list[int] = []
    whole = 0
    with contextlib.suppress(csv.Error):  # how far it came is the answer
        for row in reader:
            rows += [len(row)] if row else []
            whole = getattr(reader, "line_num", len(rows))
    if not rows or rows[0] < 2:
        return 0.0
    return sum(n == rows[0] for n in rows) / len(rows) * whole / len(lines)


def _unwrap(cell: str) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1].replace('""', "\0")
        if '"' not in inner:
            return inner.replace("\0", '"')
    return cell
