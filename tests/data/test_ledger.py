"""Every row of the files is in a split, or counted among those left out, by reason."""

import json
from dataclasses import replace

import pytest

from compressor.data import arrange, ledger, splits
from compressor.data.ledger import sentence
from compressor.report import Rows
from tests.data.files import RUNNING, SETTINGS, run, sentences, write_csv, write_jsonl


def adds_up(found):
    used = {name: len(part) for name in ledger.SPLITS if (part := getattr(found, name)) is not None}
    assert found.rows.used == {name: n for name, n in used.items() if n}
    assert found.rows.read == sum(used.values()) + sum(found.rows.left_out.values())
    return found.rows.left_out


def test_all_used(tmp_path):
    files = [write_csv(tmp_path / f"{i}.csv", sentences(n, start=i * 1000)) for i, n in enumerate((200, 20, 30))]
    assert adds_up(run(*files)) == {}
    assert sentence(run(*files).rows) is None


def test_repeats_of_what_was_set_aside(tmp_path):
    rows = [row for row in sentences(200) for _ in range(5)]
    found = run(write_csv(tmp_path / "a.csv", rows))
    assert adds_up(found) == {ledger.REPEATED: 160}
    assert "160 left out: 160 that repeat a text set aside for validation or test" in " ".join(found.notes)


def test_each_reason(tmp_path, monkeypatch):
    train = sentences(300) + [["", "negative"]] * 7 + [["No label here.", ""]] * 3 + sentences(10, start=5000)
    path, test = write_csv(tmp_path / "a.csv", train), write_csv(tmp_path / "t.csv", sentences(40, start=5000))
    with path.open("a") as file:
        file.write("x,negative,one,more\n,\n")
    raw = write_csv(
        tmp_path / "raw.csv",
        [["Raw text one."], ["Raw text two."], [""], ["Sentence 5001 says something of its own."]],
        header=["text"],
    )
    monkeypatch.setitem(splits.MOST_HELD, "test", 30)
    found = run(path, test=test, unlabelled=str(raw), limit=100, learns=True)
    assert adds_up(found) == {
        ledger.TOO_MANY_CELLS: 1,
        ledger.EMPTY: 7 + 1 + 1,
        ledger.NO_LABEL: 3,
        ledger.IN_TWO_SPLITS: 10 + 1 - (5001 not in _numbers(found.test)),
        ledger.NOT_DRAWN: 10,
        ledger.LIMITED: found.rows.left_out[ledger.LIMITED],
    }


def _numbers(split):
    return {int(text.split()[1]) for text in split["text"]}


def test_more_than_is_held(tmp_path):
    path = write_csv(tmp_path / "a.csv", sentences(500))
    found = run(path, settings=replace(SETTINGS, max_rows=200))
    assert adds_up(found) == {ledger.NOT_HELD: 300}


def test_secret_splits(tmp_path):
    test = write_csv(tmp_path / "t.csv", [[text, -1] for text, _ in sentences(30, start=900)])
    found = run(write_csv(tmp_path / "a.csv", sentences(200, (0, 1))), test=test)
    assert adds_up(found) == {ledger.HIDDEN: 30}


def test_running_text(tmp_path, monkeypatch):
    monkeypatch.setattr(arrange, "RUNNING_CHARACTERS", 400)
    files = [
        write_csv(tmp_path / f"{i}.csv", [[t] for t, _ in sentences(40, start=i * 100)], header=["text"])
        for i in (0, 1)
    ]
    found = run(files[0], test=files[1], names=[], kind=None, task=RUNNING)
    assert set(adds_up(found)) == {ledger.OTHER_SPLIT, ledger.NOT_REACHED}


def test_raw_texts_without_labels_are_training_rows(tmp_path):
    raw = write_csv(tmp_path / "raw.csv", [["Raw text one."], ["Raw text two."]], header=["text"])
    path = write_csv(tmp_path / "a.csv", [[text] for text, _ in sentences(100)], header=["text"])
    found = run(path, unlabelled=str(raw), learns=True)
    assert not adds_up(found) and found.rows.used["train"] == 82


def test_an_item_that_is_no_row_is_an_error_and_not_dropped(tmp_path):
    rows = [{"text": text, "label": label} for text, label in sentences(300)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [*rows, "not a row"]}))
    with pytest.raises(Exception, match="Row 301 of 'data' of a"):
        run(path)


def test_the_sentence():
    rows = Rows(read=10, used={"train": 6, "test": 1}, left_out={ledger.EMPTY: 2, ledger.NO_LABEL: 1})
    assert sentence(rows) == (
        "Of 10 rows that were read, 7 are used (6 training, 1 test) and 3 left out: 2 without text; 1 without a label."
    )


def test_columns_keyed_by_row_are_joined_by_key(tmp_path):
    rows = sentences(120)
    order = sorted(range(120), key=lambda i: rows[i][1])
    of = dict(rows)
    shapes = {
        "columns": {"text": {str(i): rows[i][0] for i in range(120)}, "label": {str(i): rows[i][1] for i in order}},
        "rows": {str(i): {"label": rows[i][1], "text": rows[i][0]} for i in order},
        "named rows": {f"row {i}": {"text": rows[i][0], "label": rows[i][1]} for i in order},
        "split": {"columns": ["text", "label"], "index": order, "data": [rows[i] for i in order]},
        "lists": {"text": [rows[i][0] for i in order], "label": [rows[i][1] for i in order]},
    }
    for name, shape in shapes.items():
        path = tmp_path / "a.json"
        path.write_text(json.dumps(shape))
        found = run(path)
        read = [row for part in (found.train, found.validation, found.test) for row in part]
        assert len(read) == 120 and all(NAMES[row["label"]] == of[row["text"]] for row in read), name


NAMES = ("negative", "positive")


def test_a_column_that_lacks_some_rows_has_none_there(tmp_path):
    rows = sentences(120)
    shape = {"text": {str(i): rows[i][0] for i in range(120)}, "label": {str(i): rows[i][1] for i in range(5, 120)}}
    (tmp_path / "a.json").write_text(json.dumps(shape))
    assert adds_up(run(tmp_path / "a.json")) == {ledger.NO_LABEL: 5}
    shape = {"text": {str(i): rows[i][0] for i in range(120)}, "label": {f"x{i}": rows[i][1] for i in range(120)}}
    (tmp_path / "a.json").write_text(json.dumps(shape))
    with pytest.raises(Exception, match="no row that all of them have"):
        run(tmp_path / "a.json")


def test_fasttext_lines_are_label_and_text(tmp_path):
    lines = [f"__label__{label} {text}" for text, label in sentences(120)] + ["A line without any label."]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(lines))
    found = run(path)
    of = dict(sentences(120))
    assert all(NAMES[row["label"]] == of[row["text"]] for row in found.train)
    assert adds_up(found) == {ledger.NO_LABEL: 1}
    path.write_text(
        "\n".join(f"__label__{a} __label__{b} text number {i}" for i in range(60) for a, b in ("ab", "bc", "ca"))
    )
    assert run(path, names=None, kind=None).labels.names == ("a", "b", "c")
    # A mark in the middle of plain lines is text.
    path.write_text("\n".join(f"plain line {i} with __label__x in it" for i in range(60)))
    assert run(path).columns == {"text": "text"}


def test_names_with_fasttexts_mark_are_names(tmp_path):
    rows = [{"text": text, "label": f"__label__{label}"} for text, label in sentences(60)]
    assert run(write_jsonl(tmp_path / "a.jsonl", rows)).labels.kind == "single"
