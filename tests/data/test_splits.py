"""Splits are made evenly, from the seed alone, and share no text."""

import numpy as np
import pyarrow as pa
import pytest

from compressor.data import splits
from compressor.data.labels import LabelSpace
from compressor.data.rows import Part

SINGLE = LabelSpace("single", ("a", "b", "c"))


def part(labels, texts=None):
    labels = np.asarray(labels)
    texts = texts or [f"text {i}" for i in range(len(labels))]
    keys = np.array([hash(t) & (2**63 - 1) for t in texts], np.uint64)
    return Part(pa.table({"text": texts}), keys, len(labels), labels=labels)


def random():
    return np.random.default_rng(3)


@pytest.mark.parametrize("total", [6, 10, 50, 333, 999])
def test_draw_takes_what_is_asked_in_proportion(total):
    groups = np.array([0] * 700 + [1] * 280 + [2] * 20)
    picked = splits.draw(groups, total, random())
    assert len(picked) == len(set(picked.tolist())) == total
    counts = np.bincount(groups[picked])
    assert counts.min() >= splits.FEWEST
    if total >= 333:
        assert np.abs(counts / total - [0.7, 0.28, 0.02]).max() < 0.01


def test_draw_depends_on_the_seed_alone():
    groups = np.arange(100) % 3
    assert (splits.draw(groups, 20, random()) == splits.draw(groups, 20, random())).all()
    assert not np.array_equal(splits.draw(groups, 20, random()), splits.draw(groups, 20, np.random.default_rng(4)))


def test_carve_keeps_the_classes_and_every_text_on_one_side():
    whole = part([0] * 50 + [1] * 40 + [2] * 10, [f"text {i // 2}" for i in range(100)])  # each text twice
    taken, rest = splits.carve(whole, SINGLE, 20, random())
    assert len(taken) == 20
    assert np.bincount(taken.labels).tolist() == [10, 8, 2]
    assert not set(taken.keys.tolist()) & set(rest.keys.tolist())
    assert len(rest) == 60
    assert len(set(taken.keys.tolist())) == 20


def test_strata():
    multi = part(np.array([[1, 0]] * 10 + [[0, 1]] * 10 + [[1, 1]] * 2, np.float32))
    groups = splits.strata(multi, LabelSpace("multi", ("a", "b")))
    assert [len(set(groups[i:j].tolist())) for i, j in ((0, 10), (10, 20), (20, 22))] == [1, 1, 1]
    assert len(set(groups.tolist())) == 3
    tenths = splits.strata(part(np.linspace(0, 5, 100)), LabelSpace("regression", ("x",)))
    assert np.bincount(tenths).tolist() == pytest.approx([10] * 10, abs=1)
    assert set(splits.strata(Part(pa.table({"text": ["a"]}), np.zeros(1, np.uint64), 1), LabelSpace("none", ()))) == {0}


@pytest.mark.parametrize("rows", [20, 30, 40, 100])
def test_numbers_leave_rows_to_train_on(rows):
    space = LabelSpace("regression", ("x",))
    whole = part(np.linspace(0, 1, rows), [f"text {i}" for i in range(rows)])
    wanted = splits.made_size(rows)
    taken, rest = splits.carve(whole, space, wanted, random())
    assert len(taken) == wanted and len(rest) == rows - wanted
    assert len(splits.draw(splits.strata(whole, space, 10), 10, random())) == 10


def test_repeated_rows_and_texts_with_two_labels():
    whole = part([0, 0, 1, 0, 1], ["x", "x", "y", "y", "z"])
    assert splits.repeated(whole) == (2, 1)


def test_apart():
    rest, both = splits.apart(part([0, 1, 2], ["x", "y", "z"]), part([0], ["y"]))
    assert (rest.table["text"].to_pylist(), rest.labels.tolist(), both) == (["x", "z"], [0, 2], 1)


def test_classes_that_a_split_lacks():
    assert splits.classes(part([0, 0, 1, 1]), "test", SINGLE, [0, 1]) == []
    assert "fewer than 2 of this class: 'b': 1" in splits.classes(part([0, 0, 1]), "test", SINGLE, [0, 1])[0]
    assert (
        "fewer than 2 of these classes: 'a': 0, 'c': 1"
        in splits.classes(part([1, 1, 2]), "training", SINGLE, [0, 1, 2])[0]
    )
    assert "Every row has the label 'a'" in splits.classes(part([0, 0]), "test", SINGLE, [0])[0]


def test_skew():
    assert splits.skew(part([0] * 50 + [1] * 30), SINGLE) is None
    assert "'a' has 90 rows, 'b' 30" in splits.skew(part([0] * 90 + [1] * 30), SINGLE)
