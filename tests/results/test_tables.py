"""Report rows and the plain sentence: what is divided by what, and what is said of it."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from datasets import Dataset

from compressor import tasks
from compressor.measure import Measured
from compressor.report import Control, Difference, Latency, MeasuredOn, Quality, Report, Variant
from compressor.results.summary import best, device_name, summary, worth
from compressor.results.tables import retained, write_tables
from compressor.ui import rows as shown


def quality(value, metric="accuracy", better="higher"):
    return Quality(metric=metric, better=better, value=value, ci95=(value - 0.01, value + 0.01), rows=100)


def variant(name, size, value=None, ms=10.0, agreement=None):
    teacher = 0.9
    return Variant(
        name=name, dtype="bfloat16", path=name, load="", bytes=size, parameters=1,
        quality=quality(value) if value is not None else None,
        retained=value / teacher if value is not None else None,
        agreement=agreement,
        latency_ms=Latency(p50=ms, p95=ms + 1),
        measured_on=MeasuredOn(device="cpu", threads=2, length=32),
    )  # fmt: skip


def report(*variants):
    return Report(task="text-classification", teacher="t", variants=variants)


def test_retained_is_inverted_where_lower_is_better():
    assert retained(quality(0.81), quality(0.9)) == pytest.approx(0.9)
    assert retained(quality(25, "perplexity", "lower"), quality(20, "perplexity", "lower")) == pytest.approx(0.8)
    assert retained(None, quality(0.9)) is None
    assert retained(quality(0.9), quality(20, "perplexity", "lower")) is None


def test_the_sentence_speaks_of_the_smallest_variant_above_the_floor():
    rows = report(
        variant("teacher", 900, 0.9), variant("student", 450, 0.89, 5), variant("student-4bit", 200, 0.80, 20)
    )
    assert best(rows).name == "student"
    said = summary(rows)
    assert said.startswith("student: 2.0× smaller, 2.0× faster on this CPU, kept 98.9 % of the accuracy; ")
    assert said.endswith("student-4bit is smaller still but slower than the teacher on this machine.")


def test_a_graphics_card_is_called_by_its_name():
    on = MeasuredOn(device="cuda", threads=8, length=32)
    rows = [variant("teacher", 900, 0.9), variant("student", 450, 0.89, 5)]
    found = report(*(row.model_copy(update={"measured_on": on}) for row in rows))
    assert "2.0× faster on this GPU" in summary(found)
    assert device_name("cuda", found) == "a graphics card" and device_name("cpu", found) == "cpu"
    assert device_name("cuda", found.model_copy(update={"hardware": {"gpu": "NVIDIA H200"}})) == "NVIDIA H200"


def difference(value, low, high, p, rows=1800, metric="accuracy"):
    return Difference(metric=metric, better="higher", value=value, ci95=(low, high), p=p, rows=rows)


def test_what_was_lost_says_whether_it_may_be_chance():
    def said(**of):
        first, second = variant("teacher", 900, 0.9), variant("student", 450, 0.89, 5)
        return summary(report(first, second.model_copy(update={"difference": difference(**of)})))

    assert "kept 98.9 % of the accuracy (no measurable loss; 95 %: −1.1 to +0.4 points)" in said(
        value=-0.004, low=-0.011, high=0.004, p=0.3
    )
    assert "(a loss of 2.0 points of accuracy; 95 %: −3.1 to −0.9 points)" in said(
        value=-0.02, low=-0.031, high=-0.009, p=0.001
    )
    assert "(a gain of 1.0 points of accuracy; " in said(value=0.01, low=0.002, high=0.018, p=0.01)
    few = said(value=-0.01, low=-0.08, high=0.06, p=0.9, rows=40)
    assert "no measurable loss, but 40 rows leave room for one of 8.0 points" in few


def test_what_the_teacher_was_worth_is_held_against_the_control():
    def said(**of):
        return worth(Control(quality=quality(0.871), difference=difference(**of)))

    assert said(value=0.012, low=0.003, high=0.021, p=0.01) == (
        "Learning from the teacher was worth 1.2 points of accuracy here (95 %: +0.3 to +2.1 points): trained as long on the "
        "labels alone, the same student came to 87.1% (one training each)."
    )
    assert said(value=0.002, low=-0.007, high=0.011, p=0.6).startswith(
        "Learning from the teacher made no measurable difference here (95 %: −0.7 to +1.1 points): "
    )
    assert said(value=-0.02, low=-0.03, high=-0.01, p=0.001).startswith("Learning from the teacher cost 2.0 points")


def test_slower_and_below_the_floor_are_said():
    rows = report(variant("teacher", 900, 0.9), variant("student-4bit", 200, 0.80, 20))
    assert "2.0× slower" in summary(rows)
    assert "below 95%" in summary(rows)
    assert summary(report(variant("teacher", 900, 0.9))) == "Only the teacher was measured."


def test_without_labels_it_speaks_of_agreement():
    rows = report(variant("teacher", 900), variant("student", 450, agreement=0.973))
    assert "predicts as the teacher on 97.3 % of the rows" in summary(rows)
    poor = variant("student-4bit", 100, agreement=0.5)
    unmeasured = variant("student-8bit", 50).model_copy(update={"measured_on": None, "latency_ms": None})
    rows = report(variant("teacher", 900), variant("student", 450, agreement=0.973), poor, unmeasured)
    assert best(rows).name == "student"
    assert best(rows, floor=0.99).name == "student"
    assert "which is below 99%: no variant agrees that often" in summary(rows, 0.99)
    assert best(report(variant("teacher", 900), variant("student", 450), unmeasured)).name == "student"


def test_tables_hold_every_row_and_flips_only_those_that_differ(tmp_path):
    task = tasks.get("text-classification")
    rows = Dataset.from_dict({"text": ["a", "=1+1", "c"], "label": [0, 1, 1]})
    outputs = {"teacher": [[2, 0], [0, 2], [0, 2]], "student": [[2, 0], [2, 0], [0, 1]]}
    measured = [
        Measured(name=n, dtype="x", bytes=1, parameters=1, outputs=np.array(o, np.float32)) for n, o in outputs.items()
    ]
    write_tables(tmp_path, task, ["no", "yes"], rows, measured)
    with (tmp_path / "flips.csv").open(newline="") as file:
        flips = list(csv.DictReader(file))
    assert [(f["row"], f["label"], f["teacher"], f["student"]) for f in flips] == [("1", "yes", "yes", "no")]
    assert flips[0]["text"] == "'=1+1"  # a spreadsheet would compute it
    assert float(flips[0]["student:score"]) == pytest.approx(0.8808, abs=1e-4)


def test_numbers_differ_where_they_lie_noticeably_apart(tmp_path):
    task = tasks.get("text-classification/regression")
    rows = Dataset.from_dict({"text": list("abcd"), "label": [1.0, 2.0, 3.0, 4.0]})
    outputs = {"teacher": [1.0, 2.0, 3.0, 4.2], "student": [1.01, 2.01, 3.6, 4.0]}
    measured = [
        Measured(name=n, dtype="x", bytes=1, parameters=1, outputs=np.array(o, np.float32)[:, None])
        for n, o in outputs.items()
    ]
    write_tables(tmp_path, task, ["score"], rows, measured)
    with (tmp_path / "flips.csv").open(newline="") as file:
        assert [f["row"] for f in csv.DictReader(file)] == ["2", "3"]
    read = shown.load(tmp_path)
    assert shown.count_line(read, "student") == (
        "2 of 4 test rows are judged more than 0.12 apart (50.0 %). "
        "The teacher is nearer to the label on 1 of them, this one on 1."
    )
    assert shown.by_class(read, "student") == []


def test_numbers_below_zero_stay_numbers(tmp_path):
    task = tasks.get("text-classification/regression")
    rows = Dataset.from_dict({"text": ["-1+1", "-2"], "label": [-1.0, 1.0]})
    outputs = {"teacher": [-1.0, 1.0], "student": [-0.5, 1.0]}
    measured = [
        Measured(name=n, dtype="x", bytes=1, parameters=1, outputs=np.array(o, np.float32)[:, None])
        for n, o in outputs.items()
    ]
    write_tables(tmp_path, task, ["score"], rows, measured)
    with (tmp_path / "flips.csv").open(newline="") as file:
        (flip,) = csv.DictReader(file)
    assert (float(flip["label"]), float(flip["teacher"]), float(flip["student"])) == (-1.0, -1.0, -0.5)
    assert flip["text"] == "'-1+1"
