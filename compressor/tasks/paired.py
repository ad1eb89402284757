"""How far two models lie apart on the same rows, and whether that may be chance.

Two accuracies whose own intervals overlap can differ beyond doubt, since both models read the same rows: what counts is the rows
on which one is right and the other wrong. McNemar's test (McNemar 1947; its mid-p, which is neither too careful nor too bold:
Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology 13:91) and the interval of Agresti and Min (2005) look at
nothing else; for other metrics rows are drawn again and again, for both models alike (the paired bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from compressor.report import CHANCE, Better, Difference
from compressor.tasks.intervals import RESAMPLES, Z

if TYPE_CHECKING:
    import numpy as np


def accuracy_difference(right: np.ndarray, reference: np.ndarray) -> Difference:
    """Of two models that are right or wrong on the same rows: bool [rows] both."""
    gained, lost = int((right & ~reference).sum()), int((~right & reference).sum())
    rows, p = len(right), mcnemar(gained, lost)
    return Difference(
        metric="accuracy",
        better="higher",
        value=(gained - lost) / rows,
        ci95=_with_nothing(agresti_min(gained, lost, rows), p),
        p=p,
        rows=rows,
        gained=gained,
        lost=lost,
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided mid-p of McNemar's test: how often a fair coin would part the rows on which two models differ more unevenly, and
    half of how often as unevenly. 1 where they differ on none."""
    from scipy.stats import binom

    if gained == lost:
        return 1.0
    fewer, both = min(gained, lost), gained + lost
    return float(2 * binom.cdf(fewer, both, 0.5) - binom.pmf(fewer, both, 0.5))


def _with_nothing(ci95: tuple[float, float], p: float) -> tuple[float, float]:
    """An interval that holds no difference where the test finds none: at the edge the two may disagree in a hair's breadth."""
    return (min(ci95[0], 0.0), max(ci95[1], 0.0)) if p >= CHANCE else ci95


def agresti_min(gained: int, lost: int, rows: int) -> tuple[float, float]:
    """95 % interval of the difference of two paired shares: Wald's with half a row added to each cell of the two by two table
    (Agresti & Min 2005, Statistics in Medicine 24:729)."""
    n, b, c = rows + 2, gained + 0.5, lost + 0.5
    middle = (b - c) / n
    half = Z * math.sqrt(max(0.0, (b + c) - (b - c) ** 2 / n)) / n
    return max(-1.0, middle - half), min(1.0, middle + half)


def resampled_difference(
    metric: str, better: Better, of: Callable[[np.ndarray], tuple[float, float]], rows: int, changed: int
) -> Difference:
    """Of any metric: `of(index)` gives both models' values on the rows that an index (int [rows]) draws. p is twice the share of
    draws on the other side of no difference, but no less than a coin's for the `changed` rows, those that the models answer
    differently: of very few rows the bootstrap is too sure."""
    import numpy as np

    random = np.random.default_rng(0)
    draws = np.array([np.subtract(*of(random.integers(0, rows, rows))) for _ in range(RESAMPLES)])
    low, high = np.percentile(draws, (2.5, 97.5))
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum())) + 1
    p = min(1.0, max(2 * beyond / (RESAMPLES + 1), 2.0 ** (1 - changed)))
    value = float(np.subtract(*of(np.arange(rows))))
    ci95 = _with_nothing((float(low), float(high)), p)
    return Difference(metric=metric, better=better, value=value, ci95=ci95, p=p, rows=rows)
