"""Where the names of a plot's marks stand, so that none covers another or a mark. Geometry alone; knows nothing of what is
drawn.

Greedy and deterministic: the marks in their order, each name in the best of a few hundred places around its mark. Covering
something costs more than any distance, so that names only part company with their marks where there is no other way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

WIDE, HIGH = 8.0, 14.0
"""Pixels of a letter of a name (13 px, rather too wide than too narrow) and of its line."""
GAP = 14.0
"""Between a mark's middle and its name."""
MARK = 11.0
"""Half of a mark's square, with the ring that it may have."""
FAR = 24.0
"""From here on a name needs a line to its mark."""
COVERS, CROSSES = 1000.0, 8.0
"""What a pixel of a name or mark that is covered costs, and a line that is crossed; a pixel of distance costs 1."""


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Square pixels that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide * high if wide > 0 and high > 0 else 0.0


@dataclass(frozen=True)
class Mark:
    """A mark's middle, the ends of its upright interval, and its name as it is shown."""

    x: float
    y: float
    low: float
    high: float
    name: str


@dataclass(frozen=True)
class Label:
    """Where a name stands: `x`, `y` as SVG's text takes them with that anchor. `line` leads from the mark to a name that
    stands away from it, (x1, y1, x2, y2)."""

    x: float
    y: float
    anchor: str
    box: Box
    line: tuple[float, float, float, float] | None


def place(marks: Sequence[Mark], inside: Box, lines: Sequence[Box] = ()) -> list[Label]:
    """A label for each mark, in their order, within `inside` as long as there is room. `lines` are crossed only where it saves
    a long way, as the marks' intervals are."""
    squares = [Box(m.x - MARK, m.y - MARK, m.x + MARK, m.y + MARK) for m in marks]
    intervals = [Box(m.x - 1, min(m.low, m.high), m.x + 1, max(m.low, m.high)) for m in marks]
    placed: list[Label] = []
    for mark in marks:
        taken = [*squares, *(label.box for label in placed)]

        def cost(label: Label, mark: Mark = mark, taken: Sequence[Box] = taken) -> float:
            outside = (label.box.right - label.box.left) * (label.box.bottom - label.box.top) - label.box.overlap(
                inside
            )
            covered = sum(label.box.overlap(box) for box in taken)
            crossed = sum(label.box.overlap(box) > 0 for box in (*lines, *intervals))
            return COVERS * (outside + covered) + CROSSES * crossed + _distance(label.box, mark)

        placed.append(_cheapest(_around(mark, inside), mark, cost))
    return placed


def _cheapest(labels: Iterator[Label], mark: Mark, cost: Callable[[Label], float]) -> Label:
    """The first of the cheapest. They come from near to far: once distance alone costs more than the best one, it is found."""
    best = next(labels)
    least = cost(best)
    for label in labels:
        if abs(label.box.top + HIGH / 2 - mark.y) - HIGH / 2 >= least:
            break
        if (found := cost(label)) < least:
            best, least = label, found
    return best


def _around(mark: Mark, inside: Box) -> Iterator[Label]:
    """Places for a name: right of its mark, left of it, above and below, then further and further up and down."""
    width = WIDE * len(mark.name)
    steps = int((inside.bottom - inside.top) // 5) + 1
    for step in range(steps):
        for down in (step * 5.0, -step * 5.0) if step else (0.0,):
            for left, anchor in (
                (mark.x + GAP, "start"),
                (mark.x - GAP - width, "end"),
                (mark.x - width / 2, "middle"),
                (min(mark.x + GAP, inside.right - width), "start"),
                (max(mark.x - GAP - width, inside.left), "end"),
            ):
                yield _label(mark, left, mark.y + down - HIGH / 2, anchor)


def _label(mark: Mark, left: float, top: float, anchor: str) -> Label:
    box = Box(left, top, left + WIDE * len(mark.name), top + HIGH)
    x = {"start": box.left, "end": box.right, "middle": (box.left + box.right) / 2}[anchor]
    line = (mark.x, mark.y, *_nearest(box, mark)) if _distance(box, mark) > FAR else None
    return Label(x, box.top + 11, anchor, box, line)


def _nearest(box: Box, mark: Mark) -> tuple[float, float]:
    """The point of a name's box that is nearest to its mark."""
    return min(max(mark.x, box.left), box.right), min(max(mark.y, box.top), box.bottom)


def _distance(box: Box, mark: Mark) -> float:
    x, y = _nearest(box, mark)
    return math.hypot(x - mark.x, y - mark.y)
