"""Metrics with their 95 % intervals: Wilson's for shares of rows, the percentile bootstrap (Efron 1979) for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from compressor.report import Quality

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
BINS = 15
"""Classes of sureness of a calibration error."""
CALIBRATED = 1000
"""Rows from which on a calibration error says more of the model than of chance."""
MOST_NATS = 80.0
"""Per token; see `per_token`."""
Z = 1.959964


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share: stays within 0 and 1, right for few rows too."""
    share, z2 = hits / rows, Z * Z / rows
    middle = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows)) / (1 + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(right: np.ndarray) -> Quality:
    """Share of rows that are right: bool [rows]."""
    hits, rows = int(right.sum()), len(right)
    return Quality(metric="accuracy", better="higher", value=hits / rows, ci95=wilson(hits, rows), rows=rows)


def f1_macro(truth: np.ndarray, said: np.ndarray) -> Quality:
    """Unweighted mean of the classes' F1: int [rows] both. The bootstrap resamples the confusion matrix."""
    import numpy as np
    from sklearn.metrics import f1_score

    present = np.unique(np.concatenate([truth, said]))
    value = float(f1_score(truth, said, labels=present, average="macro", zero_division=0))
    rows, classes = len(truth), len(present)
    # Only cells that hold rows: with a thousand classes the whole matrix, drawn a thousand times, would fill gigabytes.
    t, s = np.searchsorted(present, truth), np.searchsorted(present, said)
    cells, counts = np.unique(t * classes + s, return_counts=True)
    t, s = np.divmod(cells, classes)
    random, f1 = np.random.default_rng(0), np.zeros(RESAMPLES)
    for i in range(RESAMPLES):
        drawn = random.multinomial(rows, counts / rows)
        hits = np.bincount(t, drawn * (t == s), classes)
        both = np.bincount(t, drawn, classes) + np.bincount(s, drawn, classes)
        there = both > 0  # a rare class may be in none of the drawn rows, and then says nothing
        f1[i] = (2 * hits[there] / both[there]).mean()
    return Quality(metric="f1_macro", better="higher", value=value, ci95=_percentiles(f1), rows=rows)


def f1_micro(truth: np.ndarray, said: np.ndarray) -> Quality:
    """F1 over all labels of all rows: bool [rows, labels] both."""
    rows = len(truth)
    ci95 = _bootstrap(lambda index: micro_f1(truth[index], said[index]), rows)
    return Quality(metric="f1_micro", better="higher", value=micro_f1(truth, said), ci95=ci95, rows=rows)


def micro_f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Twice the hits over all labels that are there or were said: bool [rows, labels] both. 0 where there are none."""
    total = int(truth.sum()) + int(said.sum())
    return float(2 * int((truth & said).sum()) / total) if total else 0.0


def correlation(name: Literal["spearman", "pearson"], truth: np.ndarray, said: np.ndarray) -> Quality:
    """Rank or linear correlation of two float [rows]; 0 where one of them never changes."""
    one = rank_correlation if name == "spearman" else linear_correlation
    ci95 = _bootstrap(lambda index: one(truth[index], said[index]), len(truth))
    return Quality(metric=name, better="higher", value=one(truth, said), ci95=ci95, rows=len(truth))


def rank_correlation(truth: np.ndarray, said: np.ndarray) -> float:
    """Spearman's, of two float [rows]; 0 where one of them never changes."""
    from scipy.stats import rankdata

    return linear_correlation(rankdata(truth), rankdata(said))


def linear_correlation(truth: np.ndarray, said: np.ndarray) -> float:
    """Pearson's, of two float [rows]; 0 where one of them never changes."""
    import numpy as np

    if truth.std() == 0 or said.std() == 0:
        return 0.0
    return float(np.corrcoef(truth, said)[0, 1])


def calibration_error(sure: np.ndarray, right: np.ndarray) -> Quality | None:
    """How far a model is from being right as often as it is sure: the mean gap between the two over fifteen classes of sureness,
    weighted by their rows (expected calibration error; Guo et al. 2017, arXiv 1706.04599). float and bool [rows].

    Chance alone opens gaps, and the more the fewer the rows, so what the bootstrap says of that is taken off (Efron & Tibshirani
    1993, chapter 10), and of fewer than `CALIBRATED` rows nothing is said.
    """
    import numpy as np

    rows = len(sure)
    if rows < CALIBRATED:
        return None
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = sure - right

    def of(index: np.ndarray) -> float:
        return float(np.abs(np.bincount(bins[index], gaps[index], BINS)).sum() / rows)

    found, draws = of(np.arange(rows)), _draws(of, rows)
    low, high = _percentiles(draws)
    value = max(0.0, 2 * found - float(draws.mean()))
    ci95 = (max(0.0, 2 * found - high), max(value, 2 * found - low))
    return Quality(metric="calibration_error", better="lower", value=value, ci95=ci95, rows=rows)


def root_mean_square_error(truth: np.ndarray, said: np.ndarray) -> Quality:
    """In the labels' own unit: float [rows] both."""
    import numpy as np

    square = (truth - said) ** 2
    ci95 = _bootstrap(lambda index: float(np.sqrt(square[index].mean())), len(truth))
    return Quality(metric="rmse", better="lower", value=float(np.sqrt(square.mean())), ci95=ci95, rows=len(truth))


def perplexity(windows: np.ndarray) -> Quality:
    """Of nats and predicted tokens per window: float [windows, 2]."""
    ci95 = _bootstrap(lambda index: per_token(windows[index]), len(windows))
    return Quality(
        metric="perplexity", better="lower", value=per_token(windows), ci95=ci95, rows=int(windows[:, 1].sum())
    )


def per_token(windows: np.ndarray) -> float:
    """exp of the mean negative log-likelihood per token, from nats and tokens per window: float [windows, 2]. At most
    exp(MOST_NATS), which is beyond all sense, and no number beyond it can be kept or drawn."""
    import numpy as np

    nats, tokens = windows.sum(0)
    return float(np.exp(min(nats / max(tokens, 1), MOST_NATS)))


def _bootstrap(statistic: Callable[[np.ndarray], float], rows: int) -> tuple[float, float]:
    return _percentiles(_draws(statistic, rows))


def _draws(statistic: Callable[[np.ndarray], float], rows: int) -> np.ndarray:
    import numpy as np

    random = np.random.default_rng(0)
    return np.array([statistic(random.integers(0, rows, rows)) for _ in range(RESAMPLES)])


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    import numpy as np

    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
