"""-1 beside classes is no label; everything else is a class, and a large share is asked about."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compressor.data.labels import label
from compressor.data.ledger import HIDDEN, NO_LABEL
from compressor.data.matching import Asked
from compressor.errors import DataError
from tests.data.files import run, sentences, write_csv, write_jsonl

FOUR = ["a", "b", "c", "d"]


def rows(labels, without=0, value=-1):
    return sentences(120, labels) + [[text, value] for text, _ in sentences(without, start=900)]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
@pytest.mark.parametrize("names", [None, FOUR])
def test_minus_one_beside_classes_is_left_out_and_counted(tmp_path, kind, names):
    data, path = rows([0, 1, 2, 3], without=12), tmp_path / f"a.{kind}"
    if kind == "csv":
        write_csv(path, data)
    elif kind == "parquet":
        pq.write_table(pa.table({"text": [t for t, _ in data], "label": [n for _, n in data]}), path)
    else:
        lines = [{"text": text, "label": label} for text, label in data]
        write_jsonl(path, lines) if kind == "jsonl" else path.write_text(json.dumps(lines))
    found = run(path, names=names, kind="single" if names else None)
    assert found.rows.left_out == {NO_LABEL: 12}
    assert len(found.labels.names) == 4 and "-1" not in found.labels.names
    assert any("-1 beside the classes" in note for note in found.notes)


@pytest.mark.parametrize("labels", [(-1, 1), (-1, 0, 1), ("+", "-"), (-1, 2, 5)])
def test_these_are_classes(tmp_path, labels):
    found = run(write_csv(tmp_path / "a.csv", rows(labels)), names=None, kind=None)
    assert found.labels.kind == "single" and sorted(found.labels.names) == sorted(map(str, labels))
    assert not found.rows.left_out


def test_a_teacher_of_two_has_no_third(tmp_path):
    path = write_csv(tmp_path / "a.csv", rows((0, 1), without=12))
    assert run(path).rows.left_out == {NO_LABEL: 12}
    with pytest.raises(DataError, match="run from -1 to 1"):
        run(path, names=["negative", "neutral", "positive"])


def test_classes_counted_from_minus_one_are_asked_about(tmp_path):
    """-1 to 2 of a teacher of four: all four, counted from -1, and the first is no row without a label."""
    path = write_csv(tmp_path / "a.csv", rows([0, 1, 2], without=12))
    with pytest.raises(DataError, match="run from -1 to 2"):
        run(path, names=FOUR)
    given = dict(zip(("-1", "0", "1", "2"), FOUR, strict=True))
    assert not run(path, names=FOUR, labels=given).rows.left_out


def test_a_split_of_nothing_but_no_label_is_set_aside(tmp_path):
    path = write_csv(tmp_path / "a.csv", sentences(200))
    test = write_csv(tmp_path / "t.csv", [[text, "?"] for text, _ in sentences(30, start=900)])
    found = run(path, test=test, no_label=["?"])
    assert found.rows.left_out == {HIDDEN: 30} and len(found.test) == 20


def test_minus_one_of_named_classes_can_be_a_class():
    cells, names = {"0": 50, "1": 50, "-1": 30}, ("a", "b")
    assert label(cells, "label", Asked(class_names=names)).problems
    assert label(cells, "label", Asked(class_names=names, no_label=[])).space.names == ("-1", "a", "b")


def test_a_large_share_is_asked_about(tmp_path):
    path = write_csv(tmp_path / "a.csv", rows((0, 1, 2), without=60))
    with pytest.raises(DataError, match=r"data\.no_label"):
        run(path, names=None, kind=None)
    assert run(path, names=None, kind=None, no_label=["-1"]).rows.left_out == {NO_LABEL: 60}
    assert run(path, names=None, kind=None, no_label=[]).labels.names == ("-1", "0", "1", "2")


def test_the_person_says_which_values_are_none(tmp_path):
    path = write_csv(tmp_path / "a.csv", rows(("good", "bad"), without=20, value="Unclear"))
    found = run(path, names=None, kind=None, no_label=["unclear"])
    assert (found.labels.names, found.rows.left_out) == (("bad", "good"), {NO_LABEL: 20})


# ---------------------------------------------------------------------- several numbers in a cell


@pytest.mark.parametrize(
    "cells",
    [
        ("0", "3", "0,3", "1,4", "2", "2,4", "5"),
        ("0", "3", "0, 3", "1, 4", "4"),
        ("0;3", "3;1", "0", "1;0", "3", "1"),
        ("0|3", "3|1", "0", "1|0", "3", "1"),
        ("0#3", "3#1", "0", "1#0", "3", "1"),
        ("0 3", "3 1", "0", "1 0", "3", "1"),
        ("0\n3", "3\n1", "0", "1\n0", "3", "1"),
        ("1,2,3", "1", "2", "3", "2,3"),
    ],
)
def test_numbers_joined_by_a_sign_are_several_labels(tmp_path, cells):
    path = write_csv(tmp_path / "a.csv", sentences(210, cells))
    found = run(path, names=None, kind=None)
    parts = {
        part
        for cell in cells
        for part in cell.replace(",", " ").replace(";", " ").replace("|", " ").replace("#", " ").split()
    }
    assert (found.labels.kind, set(found.labels.names)) == ("multi", parts)
    names = [f"LABEL_{i}" for i in range(6)]
    assert run(path, names=names, kind="multi").labels.kind == "multi"


@pytest.mark.parametrize(
    "cells",
    [
        ("3,5", "4,0", "2,5", "5,0", "1,5", "4,5"),
        ("3,5", "4", "2,5", "5", "1,5", "1", "2", "3", "0,5"),
        ("0,1", "0,2", "0,35", "0,4", "1,0"),
        ("0,05", "0,1", "1", "0", "0,15"),
        ("1,251", "12,500", "3.5", "700"),
        ("1", "1,25", "1,5", "1,75", "2", "2,25", "2,5", "3", "3,75", "4", "5"),
    ],
)
def test_decimal_commas_are_numbers_and_it_is_said(tmp_path, cells):
    path = write_csv(tmp_path / "a.csv", sentences(240, cells))
    found = run(path, names=None, kind=None)
    assert found.labels.kind == "regression"
    if all("." not in cell for cell in cells):
        assert any("was taken for a decimal one" in note for note in found.notes)


def test_amounts_as_india_writes_them_are_not_several_labels(tmp_path):
    cells = ("1,50,000", "2,25,000", "75,000", "1,00,000", "500", "99,999.5")
    assert run(write_csv(tmp_path / "a.csv", sentences(240, cells)), names=None, kind=None).labels.kind == "regression"


def test_what_a_column_is_taken_for_can_be_changed(tmp_path):
    decimal = write_csv(tmp_path / "a.csv", sentences(240, ("0,1", "0,2", "1,2", "2,0")))
    assert run(decimal, names=None, kind=None).labels.kind == "regression"
    several = run(decimal, names=None, kind=None, label_kind="several")
    assert (several.labels.kind, several.labels.names) == ("multi", ("0", "1", "2"))
    one = run(decimal, names=None, kind=None, label_kind="one")
    assert (one.labels.kind, len(one.labels.names)) == ("single", 4)
    with pytest.raises(DataError, match=r"data\.label_kind"):
        run(decimal, names=["a", "b"], kind="single", label_kind="number", columns={"label": "label"})
