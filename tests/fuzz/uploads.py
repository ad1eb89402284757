"""Files as strangers upload them: whole ones, damaged ones, archives under a data suffix, and ones made to hurt."""

from __future__ import annotations

import bz2
import csv
import functools
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.fuzz.strategies import JSON_BOMBS, NASTY, json_files, leaves, numbers, one_of_these, spliced, texts

SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt")


@dataclass(frozen=True)
class Upload:
    """A file's ending and what is in it: bytes, or the name of one of `HEAVY`."""

    suffix: str
    content: bytes | str

    def bytes(self) -> bytes:
        return made(self.content) if isinstance(self.content, str) else self.content


@functools.lru_cache(maxsize=1)
def made(name: str) -> bytes:
    """One of `HEAVY`. Making it takes more memory than reading it may."""
    return HEAVY[name]()


def prepare(value: Any) -> None:
    """Make what an input needs before it is measured."""
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, Upload):
            part.bytes()


# ---------------------------------------------------------------------- made to hurt


def _gzip_bomb() -> bytes:
    return gzip.compress(b"\0" * 50_000_000)


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "text,label\n" + "x,1\n" * 1_000_000)
    return out.getvalue()


def _parquet(table: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return out.getvalue()


def _repeated(rows: int) -> bytes:
    return _parquet(pa.table({"text": pa.array(["one text"]).take(pa.array([0] * rows)), "label": [0] * rows}))


def _times() -> bytes:
    far = pa.array([2**62, -(2**62), 0], pa.int64())
    columns = {f"t{i}": far.cast(pa.timestamp(unit)) for i, unit in enumerate(("ms", "us", "ns"))}
    columns |= {"d": far.cast(pa.duration("s")), "day": pa.array([2**30, -(2**30), 1], pa.int32()).cast(pa.date32())}
    return _parquet(pa.table({"text": ["a b", "c d", "e f"], **columns}))


def _bad_utf8_parquet() -> bytes:
    raw = pa.array([b"good text", b"\xff\xfe bad", b"\xed\xa0\x80"], pa.binary())
    text = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    return _parquet(pa.table({"text": text, "label": ["a", "b", "a"]}), use_dictionary=False)


def _deep_features(depth: int) -> bytes:
    feature = b'{"feature":' * depth + b"{}" + b"}" * depth
    meta = {b"huggingface": b'{"info": {"features": {"label": ' + feature + b"}}}"}
    return _parquet(pa.table({"text": ["a"], "label": [1]}).replace_schema_metadata(meta))


def _nested_parquet() -> bytes:
    kind: Any = pa.int64()
    for _ in range(60):
        kind = pa.list_(kind)
    return _parquet(pa.table({"text": ["a"], "x": pa.array([None], kind)}))


HEAVY: dict[str, Callable[[], bytes]] = {
    "gzip bomb": _gzip_bomb,
    "zip": _zipped,
    "bzip2": lambda: bz2.compress(b"text,label\n" * 1000),
    "xz": lambda: lzma.compress(b"text,label\n" * 1000),
    "zstd": lambda: pa.compress(b"text,label\n" * 1000, "zstd", asbytes=True),
    "100,000 columns": lambda: ",".join(f"c{i}" for i in range(100_000)).encode() + b"\n" + b"," * 99_999 + b"\n",
    "1,000,000 columns": lambda: b"," * 999_999 + b"\n" + b"," * 999_999 + b"\n",
    "1,000 equal names": lambda: b",".join([b"a"] * 1000) + b"\n" + b"x," * 999 + b"x\n",
    "1,000 numbered names": lambda: ",".join(["a", *(f"a ({i})" for i in range(2, 500)), *["a"] * 500]).encode() + b"\n1\n",
    "1,000,000 keys": lambda: b"{" + b",".join(b'"k%d":1' % i for i in range(1_000_000)) + b"}",
    "200 rows of 5,000 keys": lambda: b"\n".join(
        b"{" + b",".join(b'"%dk%d":1' % (row, i) for i in range(5000)) + b"}" for row in range(200)
    ),
    "giant cell": lambda: b'text,label\n"' + b"x" * 20_000_000 + b'",a\n',
    "giant line": lambda: b"x" * 30_000_000,
    "line of separators": lambda: b"text,label\nx,1\n" + b"," * 30_000_000,
    "row of quoted line ends": lambda: b"text,label\n" + b'"\n",' * 8_000_000,
    "one quote": lambda: b'text,label\n"' + b"x y\n" * 1_000_000,
    "quotes": lambda: b'"' * 5_000_000,
    "blank lines": lambda: b"\n" * 5_000_000,
    "carriage returns": lambda: b"a,b\r" * 1_000_000,
    "spaces": lambda: b" " * 5_000_000,
    "NUL": lambda: b"\0" * 3_000_000,
    "NUL between": lambda: b"text,label\n" + b"a\0b,1\n" * 1000,
    "list of lists": lambda: b'{"data": [' + b"[]," * 5_000_000 + b"[]]}",
    "line of lists": lambda: b'{"text": "a", "x": [' + b"[]," * 5_000_000 + b"[]]}\n" * 2,
    "array of a giant item": lambda: b'[{"text": "a"}, {"x": [' + b"{}," * 5_000_000 + b"{}]}]",
    "deep JSON": lambda: b"[" * 2_000_000,
    "deep objects": lambda: b'{"a":' * 500_000,
    "columns of one": lambda: b'{"a": [' + b"1," * 2_000_000 + b'1], "b": [' + b"1," * 2_000_000 + b"1]}",
    "20,000 labels": lambda: b"text,label\n" + b"".join(b"some text %d,label %d\n" % (i, i) for i in range(20_000)),
    "joined labels": lambda: b"text,label\n" + b"".join(
        b"some text %d,l%d|l%d|l%d\n" % (i, i % 1900, i // 10, i * 13 % 1900) for i in range(20_000)
    ),
    "lists of labels": lambda: b"text\tlabel\n" + b"".join(b"a b %d\t[%s1]\n" % (i, b"-" * 900) for i in range(500)),
    "far times": _times,
    "bad UTF-8 in Parquet": _bad_utf8_parquet,
    "deep features": lambda: _deep_features(900),
    "very deep features": lambda: _deep_features(50_000),
    "nested Parquet": _nested_parquet,
    "one text 3,000,000 times": lambda: _repeated(3_000_000),
    "20,000 Parquet columns": lambda: _parquet(pa.table({f"c{i}": [1] for i in range(20_000)})),
    "Parquet page of 400 MB": lambda: _parquet(
        pa.table({"text": ["x" * 400_000_000, *["y"] * 9999]}), compression="zstd", use_dictionary=False
    ),
    "Parquet cell of 100 MB": lambda: _parquet(pa.table({"text": ["x" * 100_000_000]}), use_dictionary=False),
}  # fmt: skip

# ---------------------------------------------------------------------- tables of text

_cells = st.one_of(
    st.sampled_from(
        ("good film", "bad film, really", "positive", "negative", "0", "1", "2", "-1", "0.5", "[0, 1]", "a|b")
    ),
    texts,
    numbers.map(lambda n: str(n) if not isinstance(n, int) or n.bit_length() < 10_000 else hex(n)),
)
_names = st.lists(
    st.sampled_from(("text", "label", "sentence1", "sentence2", "id", "", " ", "text", "a.b", "Label", "0")) | texts,
    min_size=1,
    max_size=5,
)
_rows = st.lists(st.lists(_cells, max_size=5), max_size=8)
_encodings = st.sampled_from(
    (
        "utf-8",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "cp1252",
        "gb18030",
        "latin-1",
        "utf-7",
    )
)


def _written(names: list[str], rows: list[list[str]], how: str, code: str, stated: bool, times: int) -> bytes:
    """CSV with this separator, or without any quoting where `how` is two signs."""
    out, sign = io.StringIO(), how[0]
    lines = [names, *rows * times]
    if len(how) > 1:
        out.write("\r\n".join(sign.join(line) for line in lines))
    else:
        writer = csv.writer(out, delimiter=sign, escapechar="\\", lineterminator="\r\n" if stated else "\n")
        for line in lines:
            writer.writerow([c.replace("\0", "") for c in line])
    return ((f"sep={sign}\r\n" if stated else "") + out.getvalue()).encode(code, "replace")


tables = st.builds(
    _written, _names, _rows, st.sampled_from((",", ";", "\t", "|", ",,", ";;", "\t\t", "'", "a", '""', "\\\\")), _encodings,
    st.booleans(), st.sampled_from((1, 3, 40)),
)  # fmt: skip
json_rows = st.lists(
    st.one_of(st.dictionaries(st.sampled_from(("text", "label", "x", "")) | texts, leaves | st.lists(leaves, max_size=3),
                              max_size=4), leaves),
    max_size=6,
)  # fmt: skip
_shapes = st.one_of(
    json_rows,
    st.dictionaries(
        st.sampled_from(("data", "rows", "train", "test", "text", "label")) | texts, json_rows | leaves, max_size=3
    ),
    st.dictionaries(texts, st.dictionaries(texts, leaves, max_size=3) | st.lists(leaves, max_size=3), max_size=3),
)


def _lines(rows: list[Any]) -> bytes:
    return b"\n".join(
        json.dumps(r, default=str).encode() if not _long(r) else b'{"text":' + b"7" * 9000 + b"}" for r in rows
    )


def _long(value: Any) -> bool:
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return True
    return False


# ---------------------------------------------------------------------- Parquet

_kinds = st.sampled_from(
    (pa.string(), pa.large_string(), pa.binary(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us"), pa.date32(),
     pa.list_(pa.string()), pa.struct([("a", pa.int64())]), pa.dictionary(pa.int32(), pa.string()), pa.decimal128(38, 4),
     pa.null(), pa.map_(pa.string(), pa.int64()), pa.string_view(), pa.time64("ns"), pa.duration("s"), pa.float16())
)  # fmt: skip


def _filled(kind: Any, rows: int) -> pa.Array:
    try:
        return pa.array(["some words here", "1", None, "[1]"] * rows, pa.string()).cast(kind)
    except (pa.ArrowException, ValueError):
        return pa.nulls(4 * rows, kind)


def _arrow(names: list[str], kinds: list[Any], rows: int, codec: str, version: str, meta: bytes) -> bytes:
    clean = [n.encode("utf-8", "replace").decode() for n in names]
    table = pa.Table.from_arrays([_filled(k, rows) for _, k in zip(clean, kinds)], names=clean[: len(kinds)])
    table = table.replace_schema_metadata({b"huggingface": meta})
    try:
        return _parquet(table, compression=codec, data_page_version=version)
    except (pa.ArrowException, OSError):
        return b"PAR1"


parquet = st.builds(
    _arrow,
    _names,
    st.lists(_kinds, min_size=1, max_size=5),
    st.integers(0, 3),
    st.sampled_from(("none", "snappy", "zstd", "gzip")),
    st.sampled_from(("1.0", "2.0")),
    st.sampled_from(
        (
            b"{}", b'{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["a", "b"]}}}}',
            b'{"info": {"features": [1]}}', b"[" * 5000, b'{"info": {"features": {"label": [{"feature": 3}]}}}',
        )
    ),
)  # fmt: skip

# ---------------------------------------------------------------------- all of them


def _damaged(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, dropped, put in changes:
        data = spliced(data, at, dropped, put)
    return data


_changes = st.lists(
    st.tuples(
        st.integers(0, 100),
        st.sampled_from((0, 1, 1, 2, 4, 50, 10**9)),
        st.one_of(
            st.binary(max_size=4), st.sampled_from((b"\0", b"\xff", b'"', b"\r", b"PAR1", b"\xef\xbb\xbf", b"\x1f\x8b"))
        ),
    ),
    min_size=1,
    max_size=4,
)
whole = st.one_of(
    st.tuples(st.sampled_from((".csv", ".tsv", ".txt")), tables),
    st.tuples(st.sampled_from((".json", ".jsonl")), json_files(_shapes)),
    st.tuples(st.sampled_from((".json", ".jsonl")), json_rows.map(_lines)),
    st.tuples(st.just(".parquet"), parquet),
)
heavy = st.builds(Upload, st.sampled_from(SUFFIXES), st.sampled_from(tuple(HEAVY)))
light = st.one_of(
    whole.map(lambda pair: Upload(*pair)),
    whole.map(lambda pair: Upload(*pair)),
    st.builds(lambda pair, changes: Upload(pair[0], _damaged(pair[1], changes)), whole, _changes),
    st.builds(lambda pair, suffix: Upload(suffix, pair[1]), whole, st.sampled_from(SUFFIXES)),
    st.builds(Upload, st.sampled_from(SUFFIXES), st.binary(max_size=200)),
    st.builds(Upload, st.sampled_from(SUFFIXES), one_of_these(JSON_BOMBS)),
    st.builds(lambda s, t: Upload(s, t.encode("utf-8", "replace")), st.sampled_from(SUFFIXES), one_of_these(NASTY)),
)
parquet_files = st.one_of(
    parquet.map(lambda data: Upload(".parquet", data)),
    st.builds(lambda data, changes: Upload(".parquet", _damaged(data, changes)), parquet, _changes),
    st.builds(lambda data, changes: Upload(".parquet", _damaged(data, changes)), parquet, _changes),
)
