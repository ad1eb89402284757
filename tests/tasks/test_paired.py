"""Differences on the same rows, against values worked out elsewhere and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset
from scipy.stats import binom

from compressor import tasks
from compressor.tasks import paired


def test_mcnemar_is_the_binomial_test_on_the_rows_that_differ():
    # Agresti, Categorical Data Analysis: 86 against 150 approvals that changed; the exact p is 0.00004.
    assert paired.mcnemar(86, 150) == pytest.approx(2 * binom.cdf(85, 236, 0.5) + binom.pmf(86, 236, 0.5))
    assert paired.mcnemar(86, 150) == pytest.approx(2.9e-5, rel=0.1)
    assert paired.mcnemar(0, 0) == 1.0
    assert paired.mcnemar(5, 5) == 1.0
    assert paired.mcnemar(0, 5) == paired.mcnemar(5, 0) == pytest.approx(1 / 32)
    # Fagerland et al. 2013, table 1 (Bentur et al. 2009): 1 against 7, exact 0.070, mid-p 0.039.
    assert paired.mcnemar(1, 7) == pytest.approx(0.039, abs=5e-4)


@pytest.mark.parametrize("rows", [100, 500, 10_000])
def test_the_interval_and_the_test_never_contradict_each_other(rows):
    for differ in range(1, 60):
        for gained in range(differ + 1):
            right, reference = np.ones(rows, bool), np.ones(rows, bool)
            reference[:gained] = False
            right[gained:differ] = False
            found = paired.accuracy_difference(right, reference)
            assert (found.ci95[0] <= 0 <= found.ci95[1]) == (not found.measurable)


def test_the_interval_of_a_paired_difference_matches_the_published_example():
    # Agresti & Min 2005: n = 1600, 86 and 150: -0.040 within (-0.059, -0.021).
    low, high = paired.agresti_min(86, 150, 1600)
    assert (low, high) == (pytest.approx(-0.0588, abs=6e-4), pytest.approx(-0.0212, abs=6e-4))
    low, high = paired.agresti_min(0, 0, 20)
    assert low < 0 < high, "rows that all agree do not make it certain"


def test_a_paired_interval_is_narrower_than_two_of_its_own_and_holds_what_it_promises():
    random, held, significant = np.random.default_rng(3), 0, 0
    for _ in range(400):
        hard = random.random(600)
        a, b = hard + 0.05 * random.normal(size=600) < 0.85, hard + 0.05 * random.normal(size=600) < 0.85
        found = paired.accuracy_difference(a, b)
        held += found.ci95[0] <= 0 <= found.ci95[1]
        significant += found.measurable
        assert found.ci95[1] - found.ci95[0] < 0.057, "one accuracy of 0.85 on 600 rows has an interval of 0.057"
    assert 0.93 <= held / 400 <= 0.99
    assert significant / 400 <= 0.05


def test_which_way_it_lies_is_said_of_measurable_differences_alone():
    truth = np.ones(300, bool)
    worse = truth.copy()
    worse[:30] = False
    found = paired.accuracy_difference(worse, truth)
    assert (found.value, found.gained, found.lost) == (pytest.approx(-0.1), 0, 30)
    assert found.measurable and found.worse
    better = paired.accuracy_difference(truth, worse)
    assert better.measurable and not better.worse
    few = paired.accuracy_difference(worse[28:], truth[28:])
    assert not few.measurable and not few.worse


@pytest.mark.parametrize("kind", ["multi", "regression"])
def test_other_metrics_are_resampled_for_both_models_alike(kind):
    random = np.random.default_rng(0)
    task = tasks.get(f"text-classification/{kind}")
    clean = random.normal(size=(500, 3 if kind == "multi" else 1)).astype(np.float32)
    labels = (clean > 0).astype(float).tolist() if kind == "multi" else clean[:, 0].astype(float).tolist()
    rows = Dataset.from_dict({"labels": labels})
    noise = random.normal(size=clean.shape).astype(np.float32)
    good, bad = clean + 0.3 * noise, clean + 0.6 * noise
    found = task.difference(bad, good, rows)
    qualities = [task.qualities(x, rows)[0].value for x in (bad, good)]
    assert found.value == pytest.approx(qualities[0] - qualities[1])
    assert found.worse and found.ci95[0] < found.value < found.ci95[1] < 0
    same = task.difference(good, good.copy(), rows)
    assert (same.value, same.p, same.measurable) == (0.0, 1.0, False)


@pytest.mark.parametrize(("changed", "measurable"), [(4, False), (12, True)])
def test_a_handful_of_rows_proves_nothing(changed, measurable):
    labels = np.array([[1.0, 0.0], [0.0, 1.0]] * 100)
    reference = np.where(labels > 0, 1.0, -1.0)
    outputs = reference.copy()
    outputs[:changed] *= -1
    found = tasks.get("text-classification/multi").difference(
        outputs, reference, Dataset.from_dict({"labels": labels.tolist()})
    )
    assert found.value < 0 and found.p > 0
    assert found.measurable == measurable
    assert (found.ci95[0] <= 0 <= found.ci95[1]) == (not measurable)


def test_perplexities_are_compared_window_by_window():
    task = tasks.get("text-generation")
    random = np.random.default_rng(0)
    tokens = np.full(80, 100.0)
    nats = 300 + 30 * random.normal(size=80)
    reference = np.stack([nats, tokens], 1).astype(np.float32)
    worse = np.stack([nats * 1.02 + random.normal(size=80), tokens], 1).astype(np.float32)
    found = task.difference(worse, reference, Dataset.from_dict({"row": list(range(80))}))
    assert (found.metric, found.better) == ("perplexity", "lower")
    assert found.worse and 0 < found.ci95[0] < found.value < found.ci95[1]
    assert task.difference(worse[:3], reference, Dataset.from_dict({"row": [0, 1, 2]})) is None


def test_without_labels_there_is_no_difference():
    task = tasks.get("text-classification")
    assert task.difference(np.zeros((2, 2)), np.ones((2, 2)), Dataset.from_dict({"row": [0, 1]})) is None
