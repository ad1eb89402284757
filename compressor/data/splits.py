"""Training, validation and test rows out of what there is: made where they are missing, kept apart, bounded. All seeded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.data.cells import some
from compressor.data.labels import LabelSpace
from compressor.data.rows import Part

SHARE = 0.1
"""Of the training rows that a validation or test split is made of."""
MOST_MADE = 5000
MOST_HELD = {"validation": 5000, "test": 10_000}
"""Rows of a given split that are used: the intervals hardly narrow beyond, and every variant runs over all of them."""
FEWEST = 2
"""Rows of a class that every split needs."""
SKEW = 3.0
"""Times that the commonest class outnumbers the rarest one, from where accuracy alone misleads."""


def strata(part: Part, space: LabelSpace, total: int | None = None) -> np.ndarray:
    """A group number per row, int64 [rows], to draw `total` rows from evenly: the class; the set of labels, rare sets together;
    the tenth of the range of numbers, or a larger part of it where so few are drawn that not each tenth can have its rows."""
    if part.labels is None or space.kind == "none" or not len(part):
        return np.zeros(len(part), np.int64)
    if space.kind == "multi":
        _, group, counts = np.unique(part.labels, axis=0, return_inverse=True, return_counts=True)
        group = group.reshape(-1)
        return np.where(counts[group] >= 3 * FEWEST, group, len(counts)).astype(np.int64)
    if space.kind == "regression":
        groups = 10 if total is None else max(1, min(10, total // FEWEST))
        edges = np.unique(np.quantile(part.labels, np.linspace(0, 1, groups + 1)[1:-1]))
        return np.searchsorted(edges, part.labels).astype(np.int64)
    return part.labels.astype(np.int64)


def draw(groups: np.ndarray, total: int, random: np.random.Generator) -> np.ndarray:
    """Rows drawn from each group in proportion to its size, at least FEWEST of each where it has them, `total` in all
    (a few more where the groups are many): sorted indices."""
    names, counts = np.unique(groups, return_counts=True)
    if total >= len(groups):
        return np.arange(len(groups))
    exact = counts * (total / len(groups))
    share = np.minimum(counts, np.maximum(np.floor(exact).astype(int), FEWEST))
    # What rounding down left over goes to the groups that lost the most by it; the smallest have more than their share.
    lost = np.where(exact >= FEWEST, exact - np.floor(exact), -1.0)
    for i in np.argsort(-lost, kind="stable"):
        if share.sum() >= total or lost[i] < 0:
            break
        share[i] += share[i] < counts[i]
    # What the smallest groups got beyond their share comes off the largest ones.
    for i in np.argsort(-share, kind="stable"):
        over = int(share.sum()) - total
        if over <= 0:
            break
        share[i] -= min(over, max(0, int(share[i]) - max(FEWEST, int(exact[i] * 0.5))))
    picked = [
        random.choice(np.flatnonzero(groups == name), size=int(n), replace=False) for name, n in zip(names, share)
    ]
    return np.sort(np.concatenate(picked))


def made_size(rows: int) -> int:
    """Rows of a made split, from how many there are to make it of."""
    return min(MOST_MADE, max(FEWEST, round(rows * SHARE)))


def carve(part: Part, space: LabelSpace, rows: int, random: np.random.Generator) -> tuple[Part, Part]:
    """Take `rows` rows out of a split, evenly over its classes. A text that stands several times is drawn once at most, and
    its other rows are dropped from what stays.

    Returns:
        (what was taken, what stays)
    """
    _, first = np.unique(part.keys, return_index=True)
    first = np.sort(first)
    picked = first[draw(strata(part.take(first), space, rows), min(rows, len(first)), random)]
    taken = part.take(picked)
    return taken, part.take(np.flatnonzero(~np.isin(part.keys, taken.keys)))


def apart(part: Part, other: Part) -> tuple[Part, int]:
    """A split without the rows whose texts stand in another one, and how many those were."""
    inside = np.isin(part.keys, other.keys)
    return (part.take(np.flatnonzero(~inside)), int(inside.sum())) if inside.any() else (part, 0)


def repeated(part: Part) -> tuple[int, int]:
    """(rows beyond the first of each text, texts that stand with different labels)."""
    _, inverse, counts = np.unique(part.keys, return_inverse=True, return_counts=True)
    again = int((counts - 1).sum())
    if not again or part.labels is None:
        return again, 0
    _, codes = np.unique(part.labels, axis=0, return_inverse=True)
    pairs = np.unique(np.stack((inverse.reshape(-1), codes.reshape(-1)), 1), axis=0)
    return again, int((np.bincount(pairs[:, 0]) > 1).sum())


def class_counts(part: Part, size: int) -> np.ndarray:
    """Rows of each class, int64 [size]."""
    assert part.labels is not None
    return np.bincount(part.labels, minlength=size)


def too_few_to_split(part: Part, space: LabelSpace, parts: int) -> list[str]:
    """Why `parts` splits cannot be made of this one; [] where they can."""
    needed = FEWEST * parts
    different = len(np.unique(part.keys))
    if different < max(needed, 2 * parts):
        return [
            f"The data has {different} different row{'' if different == 1 else 's'}, and at least {needed} are needed to train, "
            "validate and test on different ones (some hundreds to learn anything). Add rows."
        ]
    if space.kind != "single":
        return []
    _, first = np.unique(part.keys, return_index=True)
    counts = class_counts(part.take(first), len(space.names))
    if (counts > 0).sum() < 2:
        return []  # said by `classes`
    rare = [(space.names[i], int(n)) for i, n in enumerate(counts) if 0 < n < needed]
    if not rare:
        return []
    listed = ", ".join(f"{some([name])}: {n}" for name, n in rare[:10])
    return [
        f"Every class needs at least {needed} different rows, {FEWEST} for each of the {parts} splits, and these have fewer: "
        f"{listed}. Add rows, leave these classes out, or join them to others with `data.labels`."
    ]


def classes(part: Part, split: str, space: LabelSpace, present: Sequence[int]) -> list[str]:
    """What is wrong with the classes of a finished split. `present`: classes that the data has anywhere."""
    if space.kind != "single" or part.labels is None:
        return []
    if not len(part):
        return [f"No rows are left for {split}."]
    if len(present) < 2:
        name = some([space.names[i] for i in present])
        return [
            f"Every row has the label {name}: with one class only there is nothing to tell apart. Add rows of another class."
        ]
    counts = class_counts(part, len(space.names))
    rare = [f"{some([space.names[i]])}: {counts[i]}" for i in present if counts[i] < FEWEST]
    if not rare:
        return []
    return [
        f"The {split} rows have fewer than {FEWEST} of {'these classes' if len(rare) > 1 else 'this class'}: "
        f"{', '.join(rare[:10])}. Add rows, join classes with `data.labels`, or leave the {split} file out where that helps: "
        "it is then made of the training rows."
        if split != "training"
        else f"The training rows have fewer than {FEWEST} of {'these classes' if len(rare) > 1 else 'this class'}: "
        f"{', '.join(rare[:10])}. Add rows, or join classes with `data.labels`."
    ]


def skew(part: Part, space: LabelSpace) -> str | None:
    """A sentence where some class has many times the rows of another."""
    if space.kind != "single" or part.labels is None:
        return None
    counts = class_counts(part, len(space.names))
    here = np.flatnonzero(counts)
    if len(here) < 2 or counts[here].max() < SKEW * counts[here].min():
        return None
    most, least = here[counts[here].argmax()], here[counts[here].argmin()]
    return (
        f"The classes are uneven: {some([space.names[most]])} has {counts[most]:,} rows, {some([space.names[least]])} "
        f"{counts[least]:,}. Macro-F1, which counts every class the same, stands beside accuracy."
    )
