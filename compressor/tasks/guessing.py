"""Is a classifier better than guessing, and would it be if the labels stood for its outputs in another order?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROWS_EACH = 10
"""Rows of each class, on average, that it takes to tell an order."""
MUCH = 0.2
"""Accuracy that another order has to bring before it is taken for the right one."""


def no_better(predicted: np.ndarray, labels: np.ndarray) -> str | None:
    """What is wrong with a teacher that is no better than guessing; None for others. int [rows] both."""
    import numpy as np

    right = predicted == labels
    seen = np.unique(labels)
    chance = float(np.bincount(labels).max() / len(labels))
    by_class = float(np.mean([right[labels == label].mean() for label in seen]))
    return warning(float(right.mean()), chance, by_class, len(seen), len(labels))


def warning(accuracy: float, chance: float, by_class: float, classes: int, rows: int) -> str | None:
    """The sentence of `no_better`.

    Args:
        chance: the share of the most frequent label, which is what always saying it would be right.
        by_class: accuracy of each class, averaged (balanced accuracy): where nearly all rows have one label, there is no room
            above `chance`, and this tells a teacher that knows the others.
        classes: that the rows have.
    """
    # Two standard errors above always saying the most frequent label: less than that is no better than guessing.
    if accuracy > chance + 2 * (chance * (1 - chance) / rows) ** 0.5:
        return None
    if accuracy >= chance and by_class >= 0.5 * (1 + 1 / classes):
        return None
    return (
        f"On {rows} of your rows the teacher is right {accuracy:.0%} of the time; always saying the most frequent label "
        f"would be right {chance:.0%}. Are the labels matched rightly, and is this the right teacher? A student learns "
        "what its teacher does."
    )


def better_order(predicted: np.ndarray, labels: np.ndarray, size: int) -> tuple[list[int], float] | None:
    """(which output each label stands for, the teacher's accuracy then), where that is much better than the order as it is; None
    where it is not, or where there are too few rows of each class to say. The best order of one half of the rows, an assignment
    problem (scipy's `linear_sum_assignment`), has to hold on the other: on its own half some order always fits."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if len(labels) < ROWS_EACH * size:
        return None
    together = np.zeros((size, size), np.int64)
    np.add.at(together, (labels[::2], predicted[::2]), 1)
    _, order = linear_sum_assignment(together, maximize=True)
    rest = order[labels[1::2]] == predicted[1::2]
    better = float(rest.mean()) >= float((predicted == labels)[1::2].mean()) + MUCH
    return ([int(place) for place in order], float((order[labels] == predicted).mean())) if better else None
