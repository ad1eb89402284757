"""Successive halving (Jamieson & Talwalkar 2016, arXiv 1502.07943) over student sizes, for a target.

Every size is trained a little; those without prospects go, the others are trained three times as long, and so on. In the last
round sizes are trained in full, made into their formats and measured, the smallest first, until one meets the target.
Knows sizes, bytes and qualities only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from compressor.recipe import Target
from compressor.report import Point

FACTOR = 3
"""How much longer each round trains than the one before."""
ROUNDS = 3
SMALLER = 0.95
"""What another size would have to weigh of one that meets the target, to be trained in full as well."""


@dataclass(frozen=True)
class Candidate:
    """A student size (`teacher`: the teacher itself, only quantized) and what it would weigh, predicted."""

    size: str
    bytes: Mapping[str, int]
    """By format, `float` among them; only of formats that can be made."""
    speedup: float = 1.0
    """Times as fast as the teacher in the same format, estimated."""

    def formats_within(self, target: Target, slack: float = 1.05) -> list[str]:
        """Formats that may be small enough, the smallest first; `slack` is for what the prediction does not know."""
        most = target.bytes
        fit = [name for name, size in self.bytes.items() if most is None or size <= most * slack]
        return sorted(fit, key=lambda name: self.bytes[name])

    def formats_for(self, target: Target) -> list[str]:
        """`formats_within`; where none may be small enough, the smallest."""
        return self.formats_within(target) or [min(self.bytes, key=lambda name: self.bytes[name])]

    @property
    def least(self) -> int:
        return min(self.bytes.values())


def lengths(epochs: float, rounds: int = ROUNDS) -> list[float]:
    """Epochs of each round, the last in full."""
    return [epochs / FACTOR ** (rounds - 1 - i) for i in range(rounds)]


def after_round(candidates: Sequence[Candidate], retained: Mapping[str, float], target: Target) -> list[Candidate]:
    """Who goes on, the smallest first.

    Args:
        candidates: that were tried in this round.
        retained: what each kept of the teacher's quality so far, by size.

    With a quality to reach, whatever is larger than the smallest that has it already is not needed; of the rest, and without
    such a quality, the better half goes on.
    """
    ordered = sorted(candidates, key=lambda c: c.least)
    wanted = target.min_retained
    there = next((c for c in ordered if wanted is not None and retained[c.size] >= wanted), None)
    pool = ordered[: ordered.index(there)] if there is not None else ordered
    places = ceil(len(ordered) / 2) - (there is not None)
    best = sorted(pool, key=lambda c: -retained[c.size])[: max(places, 0)]
    kept = {c.size for c in best} | ({there.size} if there is not None else set())
    return [c for c in ordered if c.size in kept]


def last_round(
    finalists: Sequence[Candidate],
    others: Sequence[Candidate],
    target: Target,
    measure: Callable[[Candidate], list[Point]],
) -> list[Point]:
    """Train in full and measure until the target is met; everything that was measured, in order.

    Where a quality is asked for, the smallest finalist comes first, and what meets the target ends it: all that is left then are
    sizes of which some format would be smaller still than what was found, as when the smallest met it in floats alone. Without
    such a quality every finalist is measured, since the best of them is wanted. Where none of them meets the target, `others`
    follow that lie where it may be met, see `_next`.
    """
    found: list[Point] = []
    seen, left, going = [], list(others), sorted(finalists, key=lambda c: c.least)
    wanted = target.min_retained is not None
    while going:
        seen.append(going.pop(0))
        found += measure(seen[-1])
        if wanted and any(p.met for p in found):
            going = [c for c in [*going, *left] if _is_smaller(c, seen, found)]
            going.sort(key=lambda c: c.least)
            left = []
    while not any(p.met for p in found) and (following := _next(seen, left, found, target)) is not None:
        left.remove(following)
        seen.append(following)
        found += measure(following)
    return found


def _is_smaller(candidate: Candidate, seen: Sequence[Candidate], found: Sequence[Point]) -> bool:
    """Whether some format of a size that is larger than all that were measured would be smaller than what met the target."""
    least = min(p.bytes for p in found if p.met)
    return candidate.least < SMALLER * least and all(candidate.least > one.least for one in seen)


def _next(
    seen: Sequence[Candidate], left: Sequence[Candidate], found: Sequence[Point], target: Target
) -> Candidate | None:
    """Who may meet a target that nothing met yet: where everything was too large, the largest of those that are smaller; where
    nothing was fast enough, the slowest of those that are faster; else the smallest of those that are larger, and faster than
    what was too slow. Whatever is as large as something that was too large is out of the question; None where nobody is left."""
    heavy = [c for c in seen if _is_heavy(c, found, target)]
    left = [c for c in left if all(c.least < one.least for one in heavy)]
    if len(heavy) == len(seen):
        return max(left, key=lambda c: c.least, default=None)
    wanted = target.min_speedup
    fast = [c for c in seen if wanted is None or _is_fast(c, found, wanted)]
    too_slow = max((c.speedup for c in seen if c not in fast), default=0.0)
    quicker = [c for c in left if c.speedup > too_slow]
    if wanted is not None and not fast:
        return min(quicker, key=lambda c: c.speedup, default=None)
    most = max((c.least for c in fast if c not in heavy), default=0)
    return min((c for c in quicker if c.least > most), key=lambda c: c.least, default=None)


def _is_heavy(candidate: Candidate, found: Sequence[Point], target: Target) -> bool:
    """Whether it came out larger than is allowed, in each of its formats."""
    sizes = [p.bytes for p in found if p.size == candidate.size]
    return target.bytes is not None and bool(sizes) and min(sizes) > target.bytes


def _is_fast(candidate: Candidate, found: Sequence[Point], wanted: float) -> bool:
    return any((p.speedup or 0.0) >= wanted for p in found if p.size == candidate.size)


def chosen(points: Sequence[Point], target: Target) -> Point | None:
    """Of the measured points: the smallest that meets the target; without a quality to reach, of those that meet it the best;
    else the one that comes nearest. None where nothing was measured."""
    met = [p for p in points if p.met]
    if met and target.min_retained is not None:
        return min(met, key=lambda p: p.bytes)
    if met:
        return max(met, key=lambda p: (p.retained, -p.bytes))
    return min(points, key=lambda p: (miss(p, target), p.bytes), default=None)


def miss(point: Point, target: Target) -> float:
    """How far a point lies from the target: the shares that it lacks, added up; 0 where it meets it."""
    lacks = 0.0
    if target.bytes is not None:
        lacks += max(0.0, point.bytes / target.bytes - 1)
    if target.min_retained is not None:
        lacks += max(0.0, 1 - point.retained / target.min_retained)
    if target.min_speedup is not None:
        lacks += max(0.0, 1 - (point.speedup or 0) / target.min_speedup)
    return lacks
