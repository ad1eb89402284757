"""JSON Lines and JSON: an array of objects, `{"data": [...]}`, or columns. Lines and arrays are read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any

from compressor.data.annotations import export_of, pair_of_spacy
from compressor.data.cells import some
from compressor.data.ledger import REJECTED
from compressor.data.table import MAX_CELL, MAX_COLUMNS, Batch, Caps, EncodedReader, cell, check_columns
from compressor.data.textfile import open_text
from compressor.errors import DataError

PIECE = 1 << 20
MAX_WHOLE = 64 * 2**20
"""Bytes of a JSON file that has to be held whole (an object at the top); an array is streamed at any size."""
MAX_PIECES = 3_000_000
"""Commas and brackets of one JSON value: each may become an object of a hundred bytes."""
LOOK = 200
"""Rows whose keys become the columns: rows may lack some."""
ROW_KEYS = ("data", "rows", "examples", "train", "records", "items")


_DECODER = json.JSONDecoder()


class JsonReader(EncodedReader):
    """A `.json` or `.jsonl` file. Whichever it is called, what its first characters say counts."""

    def __init__(self, path: Path, caps: Caps):
        super().__init__(path, caps)
        self.held = self._hold()
        self.export = export_of(islice(self._objects(), LOOK), path)
        if self.export is not None:
            self.notes.append(
                f"{path.name} was read as an export of {self.export.tool}; rows that were rejected or skipped there do not count."
            )
        names: dict[str, int] = {}
        nested: dict[str, int] = {}
        for row in islice(self._flat(), LOOK):
            for key, value in row.items():
                nested[key] = nested.get(key, 0) + _is_nested(value)
                names[key] = names.get(key, 0) + (value is not None)
            if len(names) > MAX_COLUMNS:
                break  # `check_columns` says so
        # A key that only later rows have is not a column: a reader does not know it before it has read them all.
        self.keys = list(names)
        self.columns = check_columns(path, self.keys)
        if not self.columns:
            raise DataError(f"{path.name} holds no rows: there is nothing to read. Check the file.")
        self.nested = {
            name for name, key in zip(self.columns, self.keys, strict=True) if nested.get(key, 0) * 2 > names[key]
        }

    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        keys = [self.keys[self.columns.index(name)] for name in wanted]
        batch = Batch(wanted)
        self.left_out.clear()
        for row in self._flat():
            if batch.add([cell(row.get(key), self.caps.cell) for key in keys]):
                yield batch.cells
                batch = Batch(wanted)
        if batch.rows:
            yield batch.cells

    def _flat(self) -> Iterator[dict[str, Any]]:
        """The rows as named values, those of an annotation tool as it means them."""
        if self.export is None:
            yield from self._objects()
            return
        for row in self._objects():
            if (read := self.export.row(row)) is not None:
                yield read
            else:
                self.left_out[REJECTED] += 1

    # ------------------------------------------------------------------ which of the shapes

    def _hold(self) -> list[dict[str, Any]] | None:
        """The rows of a file with one object at its top; None where it can be streamed."""
        with open_text(self.path, self.encoding) as file:
            first = file.readline(MAX_CELL)
            while first and not first.strip():
                first = file.readline(MAX_CELL)
            begins = first.lstrip()[:1]
            if begins != "{" or self.path.suffix.lower() == ".jsonl":
                return None
            if _whole_object(first) and _next_line(file).startswith("{"):
                return None  # JSON Lines by another name
        if self.path.stat().st_size > MAX_WHOLE:
            raise DataError(
                f"{self.path.name} is one JSON object of {self.path.stat().st_size / 2**20:,.0f} MB, too much for one piece. "
                "Save it as JSON Lines (one object a line, .jsonl) or as an array of objects."
            )
        with open_text(self.path, self.encoding) as file:
            text = file.read()
        return rows_of(self.path, self._parse(text))

    def _parse(self, text: str) -> Any:
        try:
            return decode(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{self.path.name} is not valid JSON (line {error.lineno:,}: {error.msg}).") from None
        except ValueError as error:
            raise DataError(
                f"{self.path.name} {error}. Save it as JSON Lines, an object with a few values a line."
            ) from None

    def _objects(self) -> Iterator[dict[str, Any]]:
        if self.held is not None:
            yield from self.held
            return
        with open_text(self.path, self.encoding) as file:
            first = file.read(1)
            while first and first.isspace():
                first = file.read(1)
            if first == "[" and not self._lists_in_lines:
                for number, value in enumerate(stream_array(file, self.path), 1):
                    yield self._row(value, f"row {number:,}")
                return
        with open_text(self.path, self.encoding) as file:
            for number, line in enumerate(_lines(file, self.path), 1):
                if line.strip():
                    yield self._row(self._line(line, number), f"line {number:,}")

    @cached_property
    def _lists_in_lines(self) -> bool:
        """Whether a file that begins with a list has one a line, in place of one in all."""
        with open_text(self.path, self.encoding) as file:
            first = _next_line(file)
            if not _next_line(file).startswith("["):
                return False
        try:
            return isinstance(decode(first), list)
        except ValueError:
            return False

    def _line(self, line: str, number: int) -> Any:
        try:
            return decode(line)
        except json.JSONDecodeError as error:
            shown = line.strip()[:60]
            raise DataError(
                f"Line {number:,} of {self.path.name} is not valid JSON ({error.msg}): {shown!r}. In JSON Lines every line is "
                "one object."
            ) from None
        except ValueError as error:
            raise DataError(f"Line {number:,} of {self.path.name} {error}, so it is no row of data.") from None

    def _row(self, value: Any, where: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if isinstance(value, str):
            return {"text": value}
        if (pair := pair_of_spacy(value)) is not None:
            return pair
        raise DataError(not_a_row(self.path, value, where))


def not_a_row(path: Path, value: Any, where: str) -> str:
    return (
        f"{where[0].upper()}{where[1:]} of {path.name} is {_kind(value)}, not an object. A row is an object with named values: "
        '{"text": "…", "label": "…"}.'
    )


def decode(text: str, at: int | None = None) -> Any:
    """The JSON value that a text is; with `at`, the one that begins there, and where it ends.

    Raises:
        json.JSONDecodeError: it is none. ValueError: it cannot be held; the text goes on from what is the matter with it.
    """
    if len(text) > MAX_PIECES and sum(map(text.count, ",[{")) > MAX_PIECES:
        raise ValueError(f"holds more than {MAX_PIECES:,} values in one piece")
    try:
        return json.loads(text) if at is None else _DECODER.raw_decode(text, at)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise ValueError("holds a number of thousands of digits") from None


def _whole_object(line: str) -> bool:
    try:
        return isinstance(decode(line), dict)
    except ValueError:
        return False


def _next_line(file: IO[str]) -> str:
    for line in iter(lambda: file.readline(PIECE), ""):
        if line.strip():
            return line.lstrip()
    return ""


def _lines(file: IO[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(MAX_CELL), ""), 1):
        if len(line) >= MAX_CELL:
            raise DataError(
                f"Line {number:,} of {path.name} is longer than {MAX_CELL:,} characters. In JSON Lines every line is one object."
            )
        yield line


def _is_nested(value: Any) -> bool:
    """Whether a value has structure that no cell of a table has: an object, or a list of such or of lists."""
    if isinstance(value, dict):
        return set(value) != {"choices"}  # Label Studio's, which `cells.items` reads
    return isinstance(value, list) and any(isinstance(x, (dict, list)) for x in value)


def _kind(value: Any) -> str:
    return {list: "a list", bool: "true or false", int: "a number", float: "a number"}.get(
        type(value), "nothing (null)"
    )


def rows_of(path: Path, top: Any) -> list[dict[str, Any]]:
    """Rows of a JSON object: one list of objects in it, or columns of one length (as lists, or as pandas writes them).

    Raises:
        DataError: it is neither, or holds several tables.
    """
    tables = {
        k: v for k, v in top.items() if isinstance(v, list) and v and all(isinstance(row, dict) for row in v[:LOOK])
    }
    for key in ROW_KEYS if len(tables) != 1 else tables:
        if key in tables and (len(tables) == 1 or key in ("data", "rows")):
            rows = tables[key]
            if (odd := next((i for i, row in enumerate(rows, 1) if not isinstance(row, dict)), 0)) > 0:
                raise DataError(not_a_row(path, rows[odd - 1], f"row {odd:,} of {key!r}"))
            # The Hub's own viewer wraps each row.
            inner = [row["row"] for row in rows if isinstance(row.get("row"), dict)]
            return inner if inner and len(inner) == len(rows) else rows
    if len(tables) > 1:
        raise DataError(
            f"{path.name} holds several tables ({some(tables)}). Save each as a file of its own, and "
            "give them as training, validation and test file."
        )
    if _is_split(top):
        return [dict(zip(map(str, top["columns"]), row, strict=True)) for row in top["data"]]
    values = list(top.values())
    if values and all(isinstance(v, dict) and v for v in values):
        return _keyed(path, top)
    if values and all(isinstance(v, list) and v for v in values) and len({len(v) for v in values}) == 1:
        return [dict(zip(map(str, top), row, strict=True)) for row in zip(*values, strict=True)]
    if values and all(not isinstance(v, (list, dict)) for v in values):
        return [top]  # JSON Lines of one line
    raise DataError(
        f"{path.name} is JSON, but no table: give an array of objects, an object with one such array (`data`), columns of one "
        "length, or JSON Lines."
    )


def _is_split(top: dict[str, Any]) -> bool:
    """Whether this is a table as pandas writes it with `orient="split"`: names of the columns beside lists, one a row."""
    names, rows = top.get("columns"), top.get("data")
    if set(top) - {"columns", "data", "index"} or not isinstance(names, list) or not isinstance(rows, list):
        return False
    return bool(rows) and all(isinstance(row, list) and len(row) == len(names) for row in rows)


def _keyed(path: Path, top: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an object of objects: columns whose values have the keys of their rows (as pandas writes them), or rows by their
    own key. Values are put together by their keys, never by their place; a row that a column has no value for lacks it.

    Raises:
        DataError: the columns have no row in common, so that it is no table.
    """
    inner = list(dict.fromkeys(key for values in top.values() for key in values))
    if _are_rows(list(top), inner):
        return [{str(key): value for key, value in row.items()} for row in top.values()]
    if len(top) > 1 and not set.intersection(*(set(values) for values in top.values())):
        raise DataError(
            f"{path.name} holds the columns {some(map(str, top))}, and no row that all of them have: the keys of their values "
            "differ. Save it as JSON Lines, one object a row."
        )
    return [{str(name): values[key] for name, values in top.items() if key in values} for key in inner]


def _are_rows(outer: Sequence[str], inner: Sequence[str]) -> bool:
    """Whether the outer keys of an object of objects are those of rows, and the inner ones the names of columns. Numbers are keys
    of rows; where neither or both are numbers, a table has more rows than columns."""
    outside, inside = all(key.isdecimal() for key in outer), all(key.isdecimal() for key in inner)
    return outside if outside != inside else len(outer) > len(inner)


def stream_array(file: IO[str], path: Path) -> Iterator[Any]:
    """The items of a JSON array whose `[` has been read, holding no more than a few of them.

    Raises:
        DataError: it is not valid, or one item is larger than MAX_CELL characters.
    """
    buffer, at, number, size = "", 0, 0, PIECE
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if at < len(buffer):
            if buffer[at] == "]":
                return
            try:
                value, at = decode(buffer, at)
            except json.JSONDecodeError as error:
                trouble = error.msg
            except ValueError as error:
                raise DataError(f"Row {number + 1:,} of {path.name} {error}, so it is no row of data.") from None
            else:
                number, size = number + 1, PIECE
                yield value
                continue
        else:
            trouble = "it breaks off"
        more = file.read(size) if len(buffer) - at < MAX_CELL else ""
        if not more:
            raise DataError(f"{path.name} is not valid JSON: after row {number:,}, {trouble[0].lower()}{trouble[1:]}.")
        buffer, at, size = buffer[at:] + more, 0, size * 2
