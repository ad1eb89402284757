"""Parquet, plain text, and the bounds on all kinds of files."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from compressor.data import readers
from compressor.data.readers import open_reader
from compressor.data.table import Caps
from compressor.errors import DataError
from tests.data.files import CAPS


def cells(path, running=False, caps=CAPS):
    reader = open_reader(path, caps, running)
    return [list(row.values()) for batch in reader.batches(reader.columns) for row in batch.to_pylist()]


def test_parquet_of_the_hub_knows_its_classes(tmp_path):
    names = ClassLabel(names=["neg", "pos"])
    features = Features({"text": Value("string"), "label": names, "tags": List(names), "score": Value("float32")})
    rows = {"text": ["a", None, "c"], "label": [0, 1, -1], "tags": [[0], [], [0, 1]], "score": [0.5, 1.0, None]}
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    reader = open_reader(tmp_path / "a.parquet", CAPS)
    assert reader.class_names == {"label": ("neg", "pos"), "tags": ("neg", "pos")}
    assert cells(tmp_path / "a.parquet") == [
        ["a", "0", "[0]", "0.5"],
        [None, "1", "[]", "1"],
        ["c", "-1", "[0, 1]", None],
    ]


def test_parquet_with_one_text_many_times_is_cut_before_it_is_unpacked(tmp_path):
    table = pa.table({"text": pa.array(["x" * 50_000]).take(pa.array([0] * 900)), "a.b": list(range(900))})
    pq.write_table(table, tmp_path / "a.parquet", dictionary_pagesize_limit=10**7)
    assert (tmp_path / "a.parquet").stat().st_size < 100_000  # 45 MB unpacked
    reader = open_reader(tmp_path / "a.parquet", Caps(10**9, 100))
    batch = next(iter(reader.batches(reader.columns)))
    assert {len(text) for text in batch["text"].to_pylist()} == {101}
    assert batch["a.b"].to_pylist()[-1] == "899"


def test_parquet_with_long_texts_that_differ_comes_in_small_batches(tmp_path):
    pq.write_table(pa.table({"text": [f"{i}" + "x" * 300_000 for i in range(90)]}), tmp_path / "a.parquet")
    reader = open_reader(tmp_path / "a.parquet", CAPS)
    assert max(len(batch["text"]) for batch in reader.rows(["text"])) <= 60


def test_parquet_of_other_types(tmp_path):
    table = pa.table(
        {
            "b": pa.array([b"bytes", b"\xff"]),
            "s": pa.array([{"k": 1}, None]),
            "l": pa.array(["x", "y"], pa.large_string()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert cells(tmp_path / "a.parquet") == [["bytes", '{"k": 1}', "x"], ["\ufffd", None, "y"]]


@pytest.mark.parametrize("content", [b"not parquet at all", b"PAR1" + bytes(30) + b"PAR1"])
def test_broken_parquet(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        open_reader(path, CAPS)


def test_parquet_damaged_further_in(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text number {i}" for i in range(5000)]}), path)
    content = bytearray(path.read_bytes())
    content[200:6000] = bytes(5800)
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        cells(path)


def test_parquet_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_ROW_GROUP", 1000)
    pq.write_table(pa.table({"text": [f"text number {i}" for i in range(5000)]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="row groups"):
        open_reader(tmp_path / "a.parquet", CAPS)


def test_text_is_a_row_a_line_or_one_running_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffOne line\r\n\r\n  two \nthree".encode())
    assert cells(path) == [["One line"], ["  two "], ["three"]]
    assert cells(path, running=True) == [["One line\n\n  two \nthree"]]


def test_a_long_line_is_one_row(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x" * 1000 + "\nshort\n", encoding="utf-8")
    assert [len(row[0]) for row in cells(path, caps=Caps(10**9, 99))] == [100, 5]


@pytest.mark.parametrize("name", ["a.zip", "a.csv.gz", "a.xlsx", "a"])
def test_other_kinds_are_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"text,label\n")
    with pytest.raises(DataError, match=r"not a kind of file that is read \(\.csv"):
        open_reader(tmp_path / name, CAPS)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        open_reader(tmp_path / "gone.csv", CAPS)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        open_reader(tmp_path / "folder.csv", CAPS)


def test_a_file_over_the_cap_is_refused_unread(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(3 * 2**31)  # a hole: 6 GB that take no room and no time
    with pytest.raises(DataError, match="6,144 MB; at most 2,048 MB"):
        open_reader(path, Caps(2**31, 100))


def test_parquet_with_text_that_is_no_text(tmp_path):
    raw = pa.array([b"good", b"\xff bad", b"\xed\xa0\x80"])
    text = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    for kept in (True, False):
        pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet", use_dictionary=kept)
        assert cells(tmp_path / "a.parquet")[:2] == [["good"], ["\ufffd bad"]]


def test_parquet_with_times_that_python_has_no_value_for(tmp_path):
    far = pa.array([2**60, 0], pa.int64())
    table = pa.table({"text": ["a", "b"], "at": far.cast(pa.timestamp("us")), "for": far.cast(pa.duration("s"))})
    pq.write_table(table, tmp_path / "a.parquet")
    assert cells(tmp_path / "a.parquet") == [["a", None, None], ["b", "1970-01-01 00:00:00", "0:00:00"]]


@pytest.mark.parametrize(
    "meta", [b"[" * 5000, b'{"info": {"features": {"t": ' + b'{"feature":' * 900 + b"{}" + b"}" * 903, b"\xff"]
)
def test_parquet_with_a_note_made_to_hurt(tmp_path, meta):
    table = pa.table({"t": ["a"]}).replace_schema_metadata({b"huggingface": meta})
    pq.write_table(table, tmp_path / "a.parquet")
    assert open_reader(tmp_path / "a.parquet", CAPS).class_names == {}


def test_parquet_that_unpacks_to_what_no_texts_do(tmp_path):
    texts = ["x" * 80_000_000, *["y"] * 9999]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"unpacks to 76 MB from 0\.0 MB"):
        open_reader(tmp_path / "a.parquet", CAPS)


def test_parquet_with_a_billion_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_ROWS", 1000)
    pq.write_table(pa.table({"text": ["one text"] * 1001}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="1,001 rows; at most 1,000"):
        open_reader(tmp_path / "a.parquet", CAPS)
