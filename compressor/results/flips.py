"""Which rows one model decides differently from another. Numbers are never quite the same: they count as different where they
lie noticeably apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

APART = 0.1
"""Of the standard deviation of the first model's numbers: what two of them may differ by and still say the same."""
NUMBERS = b"numbers"
"""Key of `predictions.parquet`'s metadata, where predictions are numbers: the gap from which on they differ."""


def gap_of(first: Sequence[str]) -> float:
    """From which difference on two numbers count as different, by the spread of the first model's."""
    return APART * statistics.pstdev(map(float, first)) if first else 0.0


def flipped(first: Sequence[str], other: Sequence[str], gap: float | None) -> list[int]:
    """Indices of the rows on which two models differ. Predictions are as the tables show them; `gap` is for numbers."""
    if gap is None:
        return [i for i, (a, b) in enumerate(zip(first, other, strict=True)) if a != b]
    return [i for i, (a, b) in enumerate(zip(first, other, strict=True)) if abs(float(a) - float(b)) > gap]
