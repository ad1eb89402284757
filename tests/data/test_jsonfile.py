"""JSON in the shapes that people have it in."""

import json

import pytest

from compressor.data import jsonfile
from compressor.data.jsonfile import JsonReader
from compressor.errors import DataError
from tests.data.files import CAPS, write_jsonl

ROWS = [{"text": "Good 中文 🎉", "label": 1}, {"text": "Bad\nly", "label": 0}, {"text": "No label", "label": None}]
CELLS = [["Good 中文 🎉", "1"], ["Bad\nly", "0"], ["No label", None]]


def rows(path):
    reader = JsonReader(path, CAPS)
    found = [list(row.values()) for batch in reader.batches(reader.columns) for row in batch.to_pylist()]
    return reader.columns, found


def write(path, value, **how):
    path.write_text(json.dumps(value, **how), encoding="utf-8")
    return path


SHAPES = {
    "array": ROWS,
    "data": {"version": 1, "data": ROWS},
    "other key": {"examples": ROWS},
    "viewer": {"rows": [{"row_idx": i, "row": row} for i, row in enumerate(ROWS)]},
    "columns": {"text": [r["text"] for r in ROWS], "label": [1, 0, None]},
    "pandas": {"text": {str(i): r["text"] for i, r in enumerate(ROWS)}, "label": {"0": 1.0, "1": 0.0, "2": None}},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"ensure_ascii": False}])
def test_shapes(tmp_path, shape, how):
    assert rows(write(tmp_path / "a.json", SHAPES[shape], **how)) == (("text", "label"), CELLS)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_lines_whatever_they_are_called(tmp_path, name):
    path = write_jsonl(tmp_path / name, ROWS)
    path.write_text("\ufeff" + path.read_text(encoding="utf-8").replace("\n", "\r\n") + "\n", encoding="utf-8")
    assert rows(path) == (("text", "label"), CELLS)


def test_a_line_is_a_row_even_alone_and_with_a_list(tmp_path):
    assert rows(write_jsonl(tmp_path / "a.jsonl", [{"text": "a b", "labels": ["x", 2.0]}]))[1] == [
        ["a b", '["x", 2.0]']
    ]


def test_values_become_cells(tmp_path):
    values = [True, 3, 2.5, 4.0, float("nan"), ["a", "b"], {"k": 1}, "a\0b", "half \ud83d pair", None]
    path = write(tmp_path / "a.json", [{"x": v} for v in values])
    assert [row[0] for row in rows(path)[1]] == [
        "true", "3", "2.5", "4", None, '["a", "b"]', '{"k": 1}', "ab", "half \ufffd pair", None,
    ]  # fmt: skip


def test_an_array_is_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "PIECE", 8)
    monkeypatch.setattr(jsonfile, "MAX_WHOLE", 100)
    many = [{"text": f"row {i} " + "x" * (i % 90), "label": i % 2} for i in range(300)]
    assert len(rows(write(tmp_path / "a.json", many))[1]) == 300


def test_a_large_object_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "MAX_WHOLE", 100)
    with pytest.raises(DataError, match="Save it as JSON Lines"):
        JsonReader(write(tmp_path / "a.json", {"data": ROWS * 10}), CAPS)


def test_one_endless_item_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "MAX_CELL", 10_000)
    monkeypatch.setattr(jsonfile, "PIECE", 1000)
    path = tmp_path / "a.json"
    path.write_text('[{"text": "fine"}, {"text": "' + "x" * 200_000, encoding="utf-8")
    with pytest.raises(DataError, match="after row 1"):
        rows(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"text": "fine"}\n{"text": broken}\n', "Line 2 of a.jsonl is not valid JSON"),
        ("a.jsonl", '{"text": "fine"}\n[1, 2]\n', "Line 2 of a.jsonl is a list"),
        ("a.json", '[{"text": "fine"}, 3]', "Row 2 of a.json is a number"),
        ("a.json", '[{"text": "fine"}, {"te', "after row 1"),
        ("a.json", '{"text": "fine", \n "label" 3}', r"not valid JSON \(line 2"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", "[]", "no rows"),
        ("a.json", '{"train": [{"text": "a"}], "test": [{"text": "b"}]}', "several tables"),
        ("a.json", '{"a": {"b": 1}, "c": 3}', "no table"),
        ("a.json", "hello", "Line 1"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        rows(path)


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"text": ' + "9" * 5000 + "}", "number of thousands of digits"),
        ('[{"text": "a"}, {"text": ' + "9" * 5000 + "}]", "Row 2 .* number of thousands of digits"),
        ('{"text": "a"}\n{"text": -' + "9" * 5000 + "}", "number of thousands of digits"),
        ('{"text": [' + "[]," * 3_000_001 + "[]]}", "more than 3,000,000 values"),
        ('[{"text": [' + "{}," * 3_000_001 + "{}]}]", "more than 3,000,000 values"),
        ("[" * 100_000, "too deeply"),
    ],
    ids=["digits", "digits in an array", "digits in a line", "lists", "objects in an array", "deep"],
)
def test_what_no_row_holds_is_a_sentence(tmp_path, suffix, text, says):
    path = tmp_path / f"a{suffix}"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        rows(path)


def test_keys_are_counted_before_all_rows_have_been_looked_at(tmp_path):
    lines = ("{" + ",".join(f'"{row}-{i}":1' for i in range(900)) + "}\n" for row in range(200))
    (tmp_path / "a.jsonl").write_text("".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="1,800 columns"):
        JsonReader(tmp_path / "a.jsonl", CAPS)


def test_halves_of_characters_in_names_and_cells(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"te\\ud800xt": "a\\udfffb", "x": [1e999, NaN]}\n', encoding="utf-8")
    columns, found = rows(tmp_path / "a.jsonl")
    assert columns == ("te\ufffdxt", "x")
    assert found == [["a\ufffdb", "[Infinity, NaN]"]]
