"""Metrics and intervals against values worked out elsewhere."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from datasets import Dataset
from sklearn.metrics import f1_score

from compressor import tasks
from compressor.errors import ModelError
from compressor.results.flips import flipped, gap_of
from compressor.results.tables import SIGNED
from compressor.tasks import TextClassification, intervals

ROWS = intervals.CALIBRATED


def test_wilson_interval_matches_the_published_example():
    # 81 of 263: Newcombe 1998, table I: 0.2553 to 0.3662.
    low, high = intervals.wilson(81, 263)
    assert (low, high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert intervals.wilson(0, 10)[0] == 0.0
    assert intervals.wilson(10, 10)[1] == pytest.approx(1.0)


def test_single_label_metrics():
    task = tasks.get("text-classification/single")
    random = np.random.default_rng(1)
    outputs = random.normal(size=(ROWS, 3)).astype(np.float32)
    labels = random.choice(3, ROWS, p=[0.8, 0.15, 0.05])
    rows = Dataset.from_dict({"labels": labels.tolist()})
    accuracy, macro, calibration = task.qualities(outputs, rows)
    assert task.qualities(outputs, rows, first=True) == (accuracy,)
    said = outputs.argmax(1)
    assert accuracy.metric == "accuracy"
    assert accuracy.value == pytest.approx((said == labels).mean())
    assert macro.value == pytest.approx(f1_score(labels, said, average="macro"))
    for quality in (accuracy, macro, calibration):
        assert quality.ci95[0] < quality.value < quality.ci95[1]
        assert quality.rows == ROWS


def test_bootstrap_interval_has_about_the_right_width():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    said = np.where(random.random(400) < 0.9, truth, 1 - truth)
    low, high = intervals.f1_macro(truth, said).ci95
    # Near-balanced classes: macro-F1 moves as accuracy does, whose standard error is sqrt(.9*.1/400) = 0.015.
    assert 0.04 < high - low < 0.08


def test_several_labels_and_regression():
    multi = tasks.get("text-classification/multi")
    outputs = np.array([[1.0, -1.0], [-1.0, -1.0], [2.0, 3.0]], np.float32)
    rows = Dataset.from_dict({"labels": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]})
    micro, exact = multi.qualities(outputs, rows)
    assert micro.value == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert exact.value == pytest.approx(2 / 3)
    assert multi.decisions(outputs).tolist() == ["10", "00", "11"]
    regression = tasks.get("text-classification/regression")
    outputs = np.array([[1.0], [2.0], [3.0], [9.0]], np.float32)
    spearman, pearson, error = regression.qualities(outputs, Dataset.from_dict({"labels": [1.0, 2.0, 3.0, 4.0]}))
    assert spearman.value == pytest.approx(1.0)
    assert 0.8 < pearson.value < 0.95
    assert (error.better, error.value) == ("lower", pytest.approx(2.5))


def test_rows_without_labels_have_no_quality():
    task = tasks.get("text-classification")
    assert task.qualities(np.zeros((2, 2), np.float32), Dataset.from_dict({"row": [0, 1]})) == ()


def test_perplexity_weighs_tokens_not_windows():
    quality = intervals.perplexity(np.array([[10.0, 10.0], [1.0, 10.0]]))
    assert quality.value == pytest.approx(np.exp(11 / 20))
    assert (quality.better, quality.rows) == ("lower", 20)


def test_scores_are_probabilities_and_names_follow_them():
    task = tasks.get("text-classification")
    assert task.scores(np.array([[0.0, np.log(3.0)]], np.float32))[0] == pytest.approx([0.25, 0.75])
    assert task.shown(np.array([[0.0, 5.0], [5.0, 0.0]], np.float32), ["no", "yes"])[0][0] == "yes"
    assert task.shown_label(0, ["no", "yes"]) == "no"
    assert task.shown_label(None, ["no", "yes"]) is None


def test_task_is_found_by_config_and_by_key():
    found = tasks.for_config({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a"}})
    assert found.key == "text-classification/regression"
    multi = {"architectures": ["BertForSequenceClassification"], "problem_type": "multi_label_classification"}
    assert tasks.for_config(multi).key == "text-classification/multi"
    assert tasks.get("text-classification/multi").kind == "multi"
    assert tasks.for_config({"architectures": ["GPT2LMHeadModel"]}).name == "text-generation"
    with pytest.raises(ModelError, match="DetrForObjectDetection"):
        tasks.for_config({"architectures": ["DetrForObjectDetection"]})


def test_labels_come_in_the_order_of_their_index():
    task = tasks.get("text-classification")
    assert task.label_names({"id2label": {"10": "k", "2": "c", "0": "a"}}) == ["a", "c", "k"]


def test_a_thousand_classes_need_no_gigabytes():
    random = np.random.default_rng(0)
    truth = random.integers(0, 1500, 3000)
    said = np.where(random.random(3000) < 0.7, truth, random.integers(0, 1500, 3000))
    tracemalloc.start()
    quality = intervals.f1_macro(truth, said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert quality.value == pytest.approx(f1_score(truth, said, average="macro", zero_division=0))
    assert quality.ci95[0] < quality.ci95[1]


def test_calibration_error_is_the_gap_between_sure_and_right():
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 20_000)
    honest = random.random(20_000) < sure
    found = intervals.calibration_error(sure, honest)
    assert found.value < 0.015 and found.better == "lower"
    boasting = intervals.calibration_error(np.minimum(sure + 0.1, 1), honest)
    assert boasting.value == pytest.approx(np.mean(np.minimum(sure + 0.1, 1) - sure), abs=0.01)
    always = intervals.calibration_error(np.ones(1000), np.arange(1000) < 700)
    assert always.value == pytest.approx(0.3, abs=1e-3)
    assert always.ci95 == (pytest.approx(0.27, abs=0.01), pytest.approx(0.33, abs=0.01))


def test_a_calibration_error_is_not_made_of_chance():
    random, found = np.random.default_rng(0), []
    for _ in range(40):
        sure = random.uniform(0.5, 1, 1000)
        found.append(intervals.calibration_error(sure, random.random(1000) < sure))
        assert found[-1].ci95[0] <= found[-1].value <= found[-1].ci95[1]
    assert np.mean([one.value for one in found]) < 0.02, (
        "a plain one is 0.03 for a model that is just as sure as it is right"
    )
    assert intervals.calibration_error(np.ones(999), np.ones(999, bool)) is None


def test_a_class_that_no_drawn_row_has_says_nothing():
    truth = np.array([0] * 60 + [1] * 60 + [2])
    assert intervals.f1_macro(truth, truth).ci95 == (1.0, 1.0)


def test_small_numbers_are_told_apart():
    task = TextClassification("regression")
    shown = [
        name for name, _ in task.shown(np.array([[0.00123], [0.00456], [0.0], [-1234.5678], [2e-7]], np.float32), [])
    ]
    assert shown == ["0.00123", "0.00456", "0.000", "-1234.568", "2e-07"]
    assert flipped(shown[:2], shown[1::-1], gap_of(shown[:2])) == [0, 1]
    assert task.shown_label(-0.0031, []) == "-0.0031" and SIGNED.fullmatch("-2e-07")


def test_a_model_beyond_all_sense_has_a_number_all_the_same():
    found = intervals.perplexity(np.array([[9e6, 10.0], [9e6, 12.0]]))
    assert np.isfinite([found.value, *found.ci95]).all() and found.value > 1e30


@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_a_value_without_its_interval_is_the_same(kind):
    random = np.random.default_rng(3)
    outputs = random.normal(size=(60, 1 if kind == "regression" else 3)).astype(np.float32)
    labels = {
        "single": random.integers(0, 3, 60).tolist(),
        "multi": (random.random((60, 3)) > 0.5).astype(float).tolist(),
        "regression": random.normal(size=60).tolist(),
    }[kind]
    task = TextClassification(kind)
    encoded = Dataset.from_dict({"labels": labels})
    assert task.value(outputs, encoded) == pytest.approx(task.qualities(outputs, encoded)[0].value)
    assert task.value(outputs, Dataset.from_dict({"row": [0] * 60})) is None
