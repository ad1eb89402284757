"""How far two models lie apart on the same rows, and whether that may be chance.

Two accuracies whose own intervals overlap can differ beyond doubt, since both models read the same rows: what counts is the rows
on which one is right and the other wrong. McNemar's exact test (McNemar 1947) and the interval of Agresti and Min (2005) look at
nothing else; for other metrics rows are drawn again and again, for both models alike (the paired bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from compressor.report import Better, Difference
from compressor.tasks.intervals import RESAMPLES, Z

if TYPE_CHECKING:
    import numpy as np


def accuracy_difference(right: np.ndarray, reference: np.ndarray) -> Difference:
    """Of two models that are right or wrong on the same rows: bool [rows] both."""
    gained, lost = int((right & ~reference).sum()), int((~right & reference).sum())
    rows = len(right)
    return Difference(
        metric="accuracy",
        better="higher",
        value=(gained - lost) / rows,
        ci95=agresti_min(gained, lost, rows),
        p=mcnemar(gained, lost),
        rows=rows,
        gained=gained,
        lost=lost,
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p of McNemar's exact test: how often a fair coin would part the rows on which two models differ at least as
    unevenly. 1 where they differ on none."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def agresti_min(gained: int, lost: int, rows: int) -> tuple[float, float]:
    """95 % interval of the difference of two paired shares: Wald's with half a row added to each cell of the two by two table
    (Agresti & Min 2005, Statistics in Medicine 24:729)."""
    n, b, c = rows + 2, gained + 0.5, lost + 0.5
    middle = (b - c) / n
    half = Z * math.sqrt(max(0.0, (b + c) - (b - c) ** 2 / n)) / n
    return max(-1.0, middle - half), min(1.0, middle + half)


def resampled_difference(
    metric: str, better: Better, of: Callable[[np.ndarray], tuple[float, float]], rows: int
) -> Difference:
    """Of any metric: `of(index)` gives both models' values on the rows that an index (int [rows]) draws. p is twice the share of
    draws on the other side of no difference."""
    import numpy as np

    random = np.random.default_rng(0)
    draws = np.array([np.subtract(*of(random.integers(0, rows, rows))) for _ in range(RESAMPLES)])
    low, high = np.percentile(draws, (2.5, 97.5))
    beyond = min(float((draws <= 0).mean()), float((draws >= 0).mean()))
    value = float(np.subtract(*of(np.arange(rows))))
    return Difference(
        metric=metric, better=better, value=value, ci95=(float(low), float(high)), p=min(1.0, 2 * beyond), rows=rows
    )
