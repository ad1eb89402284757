"""Data in, rows for a run out; every bad input is a sentence."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from compressor.data import labelling
from compressor.data import rows as rows_module
from compressor.data.prepare import prepare
from compressor.errors import DataError
from compressor.recipe import Data
from tests.data.files import NAMES, RUNNING, SETTINGS, TASK, run, sentences, write_csv, write_jsonl


def texts(split):
    return set(split["text"][:])


# ---------------------------------------------------------------------- splits that are there, made, and kept apart


def test_given_splits_are_used_as_they_are(tmp_path):
    files = [write_csv(tmp_path / f"{i}.csv", sentences(n, start=i * 1000)) for i, n in enumerate((200, 20, 30))]
    found = run(*files)
    assert [len(s) for s in (found.train, found.validation, found.test)] == [200, 20, 30]
    assert found.notes == ()
    assert found.train[1] == {"text": "Sentence 1 says something of its own.", "label": 1}
    assert found.labels.names == tuple(NAMES)
    assert (found.skewed, found.columns) == (False, {"text": "text", "label": "label"})


def test_missing_splits_are_made_evenly_and_apart(tmp_path):
    # Sorted by label, as many files are.
    rows = sorted(sentences(1000, ("negative", "positive", "positive", "positive", "positive")), key=lambda r: r[1])
    path = write_csv(tmp_path / "a.csv", rows)
    found = run(path)
    assert [len(s) for s in (found.train, found.validation, found.test)] == [800, 100, 100]
    for split in (found.train, found.validation, found.test):
        assert np.mean(split["label"][:]) == pytest.approx(0.8)
    assert len(texts(found.train) | texts(found.validation) | texts(found.test)) == 1000
    assert "100 for test and 100 for validation" in " ".join(found.notes)
    assert found.skewed
    again, other = run(path), run(path, seed=1)
    assert (again.fingerprint, again.test["text"][:]) == (found.fingerprint, found.test["text"][:])
    assert texts(other.test) != texts(found.test)


def test_a_validation_split_is_made_of_training_rows_where_only_test_is_given(tmp_path):
    train, test = write_csv(tmp_path / "a.csv", sentences(300)), write_csv(tmp_path / "b.csv", sentences(50, start=280))
    found = run(train, test=test)
    assert (len(found.test), len(found.validation), len(found.train)) == (50, 28, 252)
    assert not texts(found.test) & (texts(found.train) | texts(found.validation))
    assert any("20 training rows also stand among the test rows; they were removed" in n for n in found.notes)


def test_rows_in_two_splits_are_found_by_their_normalised_text(tmp_path):
    train = write_csv(tmp_path / "a.csv", [*sentences(100), ["ＡＢ  c", "negative"], ["é", "positive"]])
    test = write_csv(tmp_path / "b.csv", [*sentences(20, start=500), [" ab C", "negative"], ["e\u0301", "positive"]])
    assert any("2 training rows also stand" in note for note in run(train, test=test).notes)


def test_the_same_file_given_twice(tmp_path):
    path = write_csv(tmp_path / "a.csv", sentences(100))
    with pytest.raises(DataError, match="was the same file given twice"):
        run(path, test=path)


def test_limit_is_the_training_rows_drawn_evenly(tmp_path):
    rows = sorted(sentences(1000, ("negative", "positive", "positive", "positive")), key=lambda row: row[1])
    path = write_csv(tmp_path / "a.csv", rows)
    found = run(path, limit=100)
    assert (len(found.train), len(found.test)) == (100, 100)
    assert sum(found.train["label"][:]) == 75
    with pytest.raises(DataError, match=r"`data\.limit` is 3"):
        run(path, limit=3)


def test_only_a_test_file_for_recipes_that_train_nothing(tmp_path):
    found = run(test=write_csv(tmp_path / "a.csv", sentences(20)))
    assert (found.train, found.validation, len(found.test)) == (None, None, 20)
    found = run(validation=write_csv(tmp_path / "a.csv", sentences(20)))
    assert (found.validation, len(found.test)) == (None, 20)


def test_secret_test_labels_let_the_validation_rows_serve(tmp_path):
    train = write_csv(tmp_path / "a.csv", sentences(300, (0, 1)))
    validation = write_csv(tmp_path / "b.csv", sentences(40, (0, 1), 400))
    test = write_csv(tmp_path / "c.csv", sentences(40, (-1,), 500))
    found = run(train, validation, test)
    assert texts(found.test) == {row[0] for row in sentences(40, start=400)}
    assert len(found.validation) == 30
    assert any("have no labels, so its validation rows serve as test" in note for note in found.notes)


def test_a_class_of_minus_one_is_a_class(tmp_path):
    path = write_csv(tmp_path / "a.csv", sentences(100, (-1, 1)))
    assert run(path, names=None, kind=None).labels.names == ("-1", "1")


# ---------------------------------------------------------------------- rows


def test_emoji_chinese_and_endless_texts(tmp_path):
    long = "word " * 25_000
    rows = [*sentences(40), [long, "positive"], ["🎉" * 120_000, "negative"], ["这家酒店很好 🎉", "positive"]]
    found = run(test=write_csv(tmp_path / "a.csv", rows))
    assert sorted(map(len, found.test["text"][:]))[-2:] == [100_000, 100_000]
    assert "这家酒店很好 🎉" in texts(found.test)
    assert any("2 texts of a.csv were cut to the first 100,000 characters" in note for note in found.notes)


def test_rows_without_text_or_label_are_left_out_and_said(tmp_path):
    rows = [*sentences(40), ["  ", "positive"], ["", "negative"], ["No label here", ""]]
    found = run(test=write_csv(tmp_path / "a.csv", rows))
    assert len(found.test) == 40
    assert "2 rows of a.csv without text were left out." in found.notes
    assert "1 row without a label was left out." in found.notes


def test_repeats_are_said(tmp_path):
    files = [write_csv(tmp_path / f"{i}.csv", sentences(50, start=i * 100)) for i in (1, 2)]
    train = write_csv(tmp_path / "a.csv", [*sentences(50), ["Sentence 0 says something of its own.", "positive"]])
    note = next(n for n in run(train, *files).notes if "repeats" in n)
    assert note == "1 training row repeats the text of another one; 1 text with different labels."


def test_a_file_with_more_rows_than_are_held_is_sampled_evenly(tmp_path):
    rows = sorted(sentences(6000), key=lambda r: r[1])
    found = run(test=write_csv(tmp_path / "a.csv", rows), settings=replace(SETTINGS, max_rows=1000))
    assert len(found.test) == 1000
    assert 400 < sum(found.test["label"][:]) < 600
    assert any("a.csv has 6,000 rows, more than are held; an even random sample of 1,000" in n for n in found.notes)


def test_bytes_held_are_bounded_too(tmp_path, monkeypatch):
    bounds = rows_module.Bounds(rows=10**6, bytes=50_000)
    sample = rows_module._Sample(bounds, 0)
    import pyarrow as pa

    for start in range(0, 100_000, 1000):
        sample.add(pa.table({"text": [f"row {i}" for i in range(start, start + 1000)]}))
    table = sample.table(["text"])
    assert table.nbytes < 100_000
    assert 3000 < table.num_rows < 10_000
    places = [int(text[4:]) for text in table["text"].to_pylist()]
    assert places == sorted(places)
    assert 40_000 < np.mean(places) < 60_000


# ---------------------------------------------------------------------- kinds of labels


def test_pairs_of_texts(tmp_path):
    rows = [{"premise": f"Premise {i} is here", "hypothesis": f"It is {i} of them", "label": i % 2} for i in range(60)]
    found = run(test=write_jsonl(tmp_path / "a.jsonl", rows))
    assert found.test[3] == {"text": "Premise 3 is here", "text_pair": "It is 3 of them", "label": 1}


def test_several_labels_at_once(tmp_path):
    names = ["anger", "fear", "joy"]
    rows = [{"text": f"Text number {i} here", "labels": names[: i % 4]} for i in range(80)]
    found = run(write_jsonl(tmp_path / "a.jsonl", rows), names=names, kind="multi")
    assert found.labels.kind == "multi"
    one = next(row for row in found.train if row["text"] == "Text number 2 here")
    assert one["label"] == [1.0, 1.0, 0.0]
    assert len(found.test) == 8


@pytest.mark.parametrize("written", [(0, 1), (False, True), ("FALSE", "TRUE"), (0.0, 1.0)])
def test_columns_of_zeros_and_ones(tmp_path, written):
    rows = [[f"Comment number {i} here", written[i % 2], written[i % 3 == 0]] for i in range(80)]
    path = write_csv(tmp_path / "a.csv", rows, ("comment", "toxic", "insult"))
    found = run(test=path, names=["insult", "toxic"], kind="multi")
    assert found.columns["label"] == "toxic, insult"
    assert [row["label"] for row in found.test][:4] == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize("written", ["[0. 1. 1.]", "[0.0, 1.0, 1.0]", "[False, True, True]", "[0 1 1]"])
def test_rows_of_zeros_and_ones_in_one_cell(tmp_path, written):
    rows = [[f"Comment number {i} here", written] for i in range(80)]
    found = run(test=write_csv(tmp_path / "a.csv", rows, ("comment", "labels")), names=["a", "b", "c"], kind="multi")
    assert found.test[0]["label"] == [0.0, 1.0, 1.0]


def test_one_number(tmp_path):
    rows = [[f"First text {i}", f"Second text {i}", round(i / 20, 2)] for i in range(100)]
    path = write_csv(tmp_path / "a.csv", rows, ("sentence1", "sentence2", "score"))
    for names, kind in ((["LABEL_0"], "regression"), (None, None)):
        found = run(path, names=names, kind=kind)
        assert found.labels.kind == "regression"
        assert found.train.features["label"].dtype == "float64"
        assert max(found.test["label"][:]) > 4 > 1 > min(found.test["label"][:])


def test_no_labels_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(row[0] for row in sentences(100)), encoding="utf-8")
    found = run(path, learns=True)
    assert found.labels.kind == "none"
    assert found.train.column_names == ["text"]
    assert (len(found.train), len(found.test)) == (80, 10)
    assert any("learns from the teacher's predictions alone" in note for note in found.notes)
    with pytest.raises(DataError, match="A new head learns from labels"):
        run(path, names=None, kind=None)


def test_raw_texts_beside(tmp_path):
    raw = tmp_path / "raw.txt"
    raw.write_text("\n".join(row[0] for row in sentences(60, start=90)), encoding="utf-8")
    labelled = run(write_csv(tmp_path / "a.csv", sentences(100)), unlabelled=str(raw))
    assert (len(labelled.unlabelled), labelled.unlabelled.column_names) == (50, ["text"])
    learnt = texts(labelled.train) | texts(labelled.unlabelled)
    assert not learnt & (texts(labelled.test) | texts(labelled.validation)), "nothing may be learnt from and judged by"
    bare = run(write_csv(tmp_path / "b.csv", [[r[0]] for r in sentences(100)], ["text"]), unlabelled=str(raw))
    assert bare.unlabelled is None
    assert len(bare.train) == 80 + 50  # ten of the raw texts are among the rows
    assert any(note.startswith("10 raw texts also stand among the rows") for note in bare.notes)
    assert not texts(bare.train) & (texts(bare.test) | texts(bare.validation))


def test_running_text_is_one_piece(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("A line.\n\nAnother one.\n" * 9000, encoding="utf-8")
    found = run(path, names=[], kind=None, task=RUNNING)
    assert (found.train, len(found.test), found.labels.kind) == (None, 1, "none")
    assert len(found.test[0]["text"]) == 22 * 9000
    assert len(run(test=write_csv(tmp_path / "b.csv", sentences(7)), names=[], task=RUNNING).test) == 7


def test_the_demo_is_there():
    found = prepare(Data(), TASK, None, None, None, SETTINGS)
    assert min(map(len, (found.train, found.validation, found.test))) >= 500
    assert len(found.labels.names) > 2


# ---------------------------------------------------------------------- what is wrong is said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "names of columns and no rows"),
        (sentences(3), "The data has 3 different rows, and at least 6 are needed"),
        (sentences(1) * 500, "The data has 1 different row,"),
        (sentences(100, ["negative"]), "Every row has the label 'NEGATIVE'"),
        ([*sentences(100), ["Neutral", "neutral"]], "lacks the label 'neutral'"),
        ([["", "positive"]] * 9, "Every text of a.csv (train) is empty"),
        ([*sentences(100, ["negative"]), *sentences(4, ["positive"], 200)], "at least 6 different rows"),
    ],
)
def test_bad_rows(tmp_path, rows, said):
    with pytest.raises(DataError) as caught:
        run(write_csv(tmp_path / "a.csv", rows))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\0" * 5000, "NUL"), (b"PK\x03\x04 more", "Excel"), (b'text,label\n"abc,1\n', "quotes")],
)
def test_bad_files(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        run(path)


def test_wrong_columns_list_those_there_are(tmp_path):
    path = write_csv(tmp_path / "a.csv", [[i, i * 2.5] for i in range(50)], ("width", "height"))
    with pytest.raises(DataError, match=r"role `text`\. It has the columns 'width', 'height'"):
        run(path)
    other = write_csv(tmp_path / "b.csv", sentences(20), ("text", "mood"))
    with pytest.raises(DataError, match=r"b.csv \(test\) has no column 'label', which a.csv has"):
        run(write_csv(tmp_path / "a.csv", sentences(20)), test=other)


def test_a_class_with_one_row_in_a_given_split(tmp_path):
    train = write_csv(tmp_path / "a.csv", sentences(100))
    test = write_csv(tmp_path / "b.csv", [*sentences(20, ["negative"], 200), *sentences(1, ["positive"], 300)])
    with pytest.raises(DataError, match="test rows have fewer than 2 of this class: 'POSITIVE': 1"):
        run(train, test=test)


def test_all_problems_of_all_files_at_once(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.zip").write_bytes(b"PK")
    with pytest.raises(DataError) as caught:
        run(tmp_path / "a.csv", tmp_path / "b.zip", tmp_path / "gone.json")
    assert len(caught.value.problems) == 3


def test_strangers_reach_only_what_was_uploaded(tmp_path):
    uploads, others = tmp_path / "data" / "uploads", tmp_path / "data" / "jobs" / "b"
    hosted = replace(SETTINGS, hosted=True, data_dir=tmp_path / "data", readable=(str(uploads),))
    for folder in (uploads, others):
        folder.mkdir(parents=True)
    theirs, mine = write_csv(others / "a.csv", sentences(20)), write_csv(uploads / "a.csv", sentences(20))
    (uploads / "link.csv").symlink_to(theirs)
    for named in ("/etc/hosts.txt", str(theirs), str(mine)):  # a path in one word, even an upload's
        with pytest.raises(DataError, match="not a file that was uploaded"):
            prepare(Data(source=named), TASK, None, NAMES, "single", hosted)
    for named in (theirs, uploads / ".." / "jobs" / "b" / "a.csv", uploads / "link.csv"):
        with pytest.raises(DataError, match="not a file that was uploaded"):
            run(test=named, settings=hosted)
    with pytest.raises(DataError, match="not a file that was uploaded"):
        prepare(Data(source="demo", unlabelled=str(theirs)), TASK, None, NAMES, "single", hosted)
    assert len(run(test=mine, settings=hosted).test) == 20


def test_the_pages_process_stays_light():
    code = (
        "import sys, compressor.data.prepare, compressor.data.preview;"
        "print([m for m in ('torch', 'transformers', 'datasets', 'pandas') if m in sys.modules])"
    )
    assert json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) == []


def test_more_rows_of_labels_than_fit_into_memory(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "a.csv", [[f"Words of row {i}.", f"a{i % 4}|b{i % 5}"] for i in range(60)])
    assert run(path, names=None, kind=None).labels.kind == "multi"
    monkeypatch.setattr(labelling, "MAX_MARKS", 500)
    with pytest.raises(DataError, match="60 rows with 9 labels each do not fit"):
        run(path, names=None, kind=None)


# ---------------------------------------------------------------------- training rows to learn from


def test_where_something_is_trained_there_are_rows_with_labels_or_a_sentence(tmp_path):
    bare = write_csv(tmp_path / "train.csv", [[text, -1] for text, _ in sentences(200)])
    full = write_csv(tmp_path / "test.csv", sentences(60, start=500))
    found = run(bare, test=full)  # only measured: that needs no more
    assert (found.train, len(found.test)) == (None, 60)
    assert "train.csv and test.csv have no labels, so nothing can be learned" in found.notes[0]
    with pytest.raises(DataError, match=r"The training rows of train.csv and test.csv have no labels, .*label: "):
        run(bare, test=full, learns=True)
    found = run(bare, test=full, columns={"text": "text", "label": ""})
    assert "models are judged by how often they agree with the first one" in found.notes[0]
    found = run(bare, test=full, learns=True, columns={"text": "text", "label": ""})  # as it says
    assert "a student learns from the teacher's predictions alone" in found.notes[0]
    assert (len(found.train) > 0, found.labels.kind) == (True, "none")
    with pytest.raises(DataError, match=r"There are no training rows in test.csv"):
        run(test=full, learns=True)
