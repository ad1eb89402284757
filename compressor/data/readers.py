"""The right reader for a file: by its ending. Parquet is read here, the others in files of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from compressor.data.csvfile import CsvReader
from compressor.data.jsonfile import JsonReader
from compressor.data.table import BATCH_ROWS, Caps, Reader, cell, check_columns, storable
from compressor.data.txtfile import RunningTextReader, TextReader, fasttext_reader
from compressor.errors import DataError
from compressor.recipe import DATA_SUFFIXES
from compressor.untrusted.paths import is_file, is_folder

MAX_ROW_GROUP = 4 * 2**30
"""Bytes that one part of a Parquet file may say it unpacks to."""
MAX_ROW = 64 * 2**20
"""Bytes of a row, on average over one part of a Parquet file."""
MAX_RATIO = 100
"""Times that a part larger than MAX_ROW may grow as it unpacks; written texts grow to four or five times."""
BATCH_BYTES = 16 * 2**20
MAX_ROWS = 100_000_000
"""Of a Parquet file: a kilobyte of it can say that one row stands there a billion times."""
BROKEN = (pa.ArrowException, OSError, ValueError, LookupError, ArithmeticError, TypeError, RuntimeError, MemoryError)
"""What reading a damaged Parquet file raises, by where the damage is."""


class ParquetReader(Reader):
    """A `.parquet` file. Strings stay dictionary-encoded until they are cut: a small file can hold one long text a million
    times."""

    def __init__(self, path: Path, caps: Caps):
        import pyarrow.parquet as pq

        super().__init__(path, caps)
        if path.stat().st_size == 0:
            raise DataError(f"{path.name} is empty: there is no row to read. Check the file.")
        try:
            with pq.ParquetFile(path) as file:
                schema, meta = file.schema_arrow, file.metadata
                self.columns = check_columns(path, [field.name for field in schema])
                groups = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
                widest = max((size / max(1, meta.row_group(i).num_rows) for i, size in enumerate(groups)), default=0)
                packed = [_packed(meta.row_group(i)) if size > MAX_ROW else size for i, size in enumerate(groups)]
        except BROKEN:
            raise DataError(
                f"{path.name} cannot be read as Parquet: it is cut off, or another kind of file. Write it again."
            ) from None
        if meta.num_rows > MAX_ROWS:
            raise DataError(
                f"{path.name} says that it has {meta.num_rows:,} rows; at most {MAX_ROWS:,} are read. Give a part of them."
            )
        if max(groups, default=0) > MAX_ROW_GROUP:
            raise DataError(
                f"{path.name} unpacks to parts of {max(groups) / 2**30:,.1f} GB. Write it again with smaller row groups."
            )
        if widest > MAX_ROW or any(size > MAX_RATIO * max(1, small) for size, small in zip(groups, packed)):
            raise DataError(
                f"{path.name} unpacks to {sum(groups) / 2**20:,.0f} MB from {path.stat().st_size / 2**20:,.1f} MB, which no "
                "table of texts does. Write it again from the texts themselves."
            )
        # A row's bytes as they unpack: long texts that differ come in small batches.
        self.batch_rows = int(max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, widest))))
        self.names = [field.name for field in schema]
        self.strings = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        self.class_names = names_in_schema(schema.metadata)
        self.nested = {name for name, field in zip(self.columns, schema, strict=True) if _is_nested(field.type)}

    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        import pyarrow.parquet as pq

        names = [self.names[self.columns.index(name)] for name in wanted]
        strings = [n for n in names if n in self.strings]
        try:
            with pq.ParquetFile(self.path, read_dictionary=strings, memory_map=False) as file:
                for batch in file.iter_batches(self.batch_rows, columns=names):
                    # By position: a nested column comes back under its own name, but names may hold dots.
                    found = dict(zip(batch.schema.names, batch.columns))
                    yield {w: self._cells(found[n]) for w, n in zip(wanted, names)}
        except BROKEN:
            raise DataError(f"{self.path.name} is damaged: it cannot be read to its end. Write it again.") from None

    def _cells(self, column: pa.Array) -> list[str | None]:
        if pa.types.is_dictionary(column.type):
            cut = [cell(value, self.caps.cell) for value in _values(column.dictionary)]
            return [None if i is None else cut[i] for i in column.indices.to_pylist()]
        return [cell(value, self.caps.cell) for value in _values(column)]


def _is_nested(kind: pa.DataType) -> bool:
    """Whether values of a column are objects, or lists of objects or lists."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_nested(kind))


def _packed(group: Any) -> int:
    """Bytes that a part of a file takes in it."""
    return sum(int(group.column(i).total_compressed_size) for i in range(group.num_columns))


def _values(column: pa.Array) -> list[Any]:
    """Python values. One that Python has no value for (a date in the year 90,000) is missing; bytes are read as text."""
    try:
        return [_plain(value) for value in column.to_pylist()]
    except (ValueError, ArithmeticError):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return _plain(scalar.as_py())
    except UnicodeDecodeError:
        text = pa.types.is_string(scalar.type) or pa.types.is_large_string(scalar.type)
        return _plain(scalar.as_buffer().to_pybytes()) if text else None
    except (ValueError, ArithmeticError):
        return None


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def names_in_schema(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Class names by column from what `datasets` writes into a Parquet file's schema; {} where there is nothing of use."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {storable(str(c)): names for c, f in features.items() if (names := _class_names(f))}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _class_names(feature: Any) -> tuple[str, ...]:
    if isinstance(feature, list):
        feature = feature[0] if feature else {}
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return tuple(storable(str(n)) for n in feature["names"])
    return _class_names(feature.get("feature"))


READERS: dict[str, type[Reader]] = {
    ".csv": CsvReader,
    ".tsv": CsvReader,
    ".json": JsonReader,
    ".jsonl": JsonReader,
    ".parquet": ParquetReader,
    ".txt": TextReader,
}


def open_reader(path: Path, caps: Caps, running_text: bool = False) -> Reader:
    """A reader for one file.

    Raises:
        DataError: the file is missing, too large, of a kind that is not read, or broken at its beginning.
    """
    suffix = path.suffix.lower()
    if suffix == ".spacy":
        raise DataError(
            f"{path.name} is spaCy's own kind of file, which only spaCy reads. Write its texts and categories as JSON Lines: "
            '{"text": "…", "cats": {"good": 1, "bad": 0}}.'
        )
    if suffix not in READERS:
        raise DataError(
            f"{path.name} is not a kind of file that is read ({', '.join(DATA_SUFFIXES)}). Unpack archives first."
        )
    if not is_file(path):
        what = "is a folder" if is_folder(path) else "does not exist"
        raise DataError(f"{path} {what}. Check the path.")
    size = path.stat().st_size
    if size > caps.bytes:
        raise DataError(
            f"{path.name} has {size / 2**20:,.0f} MB; at most {caps.bytes / 2**20:,.0f} MB are read. Give a part of its rows "
            "(some ten thousand are plenty to learn from)."
        )
    reader = RunningTextReader if running_text and suffix == ".txt" else READERS[suffix]
    try:
        return fasttext_reader(path, caps) or reader(path, caps) if suffix == ".txt" else reader(path, caps)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror or 'no reason given'}).") from None
