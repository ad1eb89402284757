"""Which variant of a report suits the place where it will run, by what was measured. Pure: a report and a place go in, a
choice and its reasons come out; whoever shows them finds the words.

The rules, in this order:

1. **It runs there.** Its format says so (`Format.runs_on`). The teacher counts like any other.
2. **It keeps the floor**: 95 % of the teacher's quality (what publishing asks for), or where no quality was measured, 95 %
   agreement with the teacher. Where none does, those within a point of the one that keeps most.
3. **It costs least of what counts there** (`Place.by`). Times count only where they were taken on the kind of device that
   the place has, memory only where all were measured on one kind; else bytes on disk decide, and `by` says so.
4. **Within the noise** (10 %) all are as good. Among those, whoever is worse beyond the 95 % intervals falls out; then the
   faster wins in a web page and the smaller everywhere else; then the one that keeps more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from compressor.errors import RecipeError
from compressor.formats import FORMATS, Format, Where
from compressor.report import Report, Variant
from compressor.results.summary import FLOOR

NOISE = 1.10
"""Ratios below this are no difference: a second measurement may turn them round, and nobody notices."""
NEAR = 0.01
"""Under the floor, shares of the quality this close to the best one count as one."""

By = Literal["time", "memory", "bytes", "bytes-and-time"]
Edge = Literal["better", "faster", "smaller", "none"]


@dataclass(frozen=True)
class Place:
    """Somewhere that a model may run. `runs` is what a format has to run on there (None: anywhere at all), `device` the
    kind of device whose times tell something of it, `by` what counts there, `then` what breaks a tie."""

    name: str
    runs: Where | None
    device: str
    by: By
    then: By = "bytes"


PLACES = {
    place.name: place
    for place in (
        Place("gpu", "gpu", "cuda", "time"),
        Place("server-cpu", "cpu", "cpu", "time"),
        Place("phone", "phone", "cpu", "bytes-and-time"),
        Place("web", "web", "cpu", "bytes", then="time"),
        Place("memory", None, "cpu", "memory"),
    )
}


@dataclass(frozen=True)
class Suited:
    """What suits a place, and why."""

    place: Place
    variant: Variant | None
    """None: no variant of this report runs there."""
    by: By
    """What decided. It is `bytes` where what counts at the place could not be compared."""
    level: tuple[Variant, ...] = ()
    """The others that are as good within the noise, in the report's order."""
    edge: Edge = "none"
    """What it has over all of those; `none` where any of them will do."""
    kept: bool = True
    """Whether it keeps the floor; True also where nothing is known of any quality."""
    running: tuple[Variant, ...] = ()
    """All that run there."""
    rivals: tuple[Variant, ...] = ()
    """Those of them that it was chosen from: they keep the floor, or come nearest."""
    unmeasured: tuple[Variant, ...] = ()
    """Rivals that lack the number which decided, so that nothing can be said of them."""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, with names for variants."""
        return {
            "place": self.place.name,
            "variant": self.variant.name if self.variant else None,
            "by": self.by,
            "keeps_floor": self.kept if self.variant else None,
            "as_good": [v.name for v in self.level],
            "not_measured": [v.name for v in self.unmeasured],
        }


def place_of(name: str) -> Place:
    """The place of that name.

    Raises:
        RecipeError: there is none.
    """
    if name not in PLACES:
        raise RecipeError(f"There is no place {name!r}. Choose one of: {', '.join(PLACES)}.")
    return PLACES[name]


def suits(report: Report, place: Place, floor: float = FLOOR) -> Suited:
    """The variant that the measurements favour at that place, and why; see the top of this file for the rules."""
    running = tuple(v for v in report.variants if place.runs is None or place.runs in runs_on(v))
    if not running:
        return Suited(place, None, place.by)
    rivals, kept = _above(running, floor)
    by = place.by if _comparable(rivals, place) else "bytes"
    measured = [v for v in rivals if number(v, by, place) is not None]
    level = _least(measured, lambda v: _cost(v, by, place))
    sound = [v for v in level if not any(clearly_better(other, v) for other in level)]
    first = _order(sound, place)
    return Suited(
        place=place,
        variant=first,
        by=by,
        level=tuple(v for v in level if v is not first),
        edge=_edge(first, level, place),
        kept=kept,
        running=running,
        rivals=tuple(rivals),
        unmeasured=tuple(v for v in rivals if v not in measured),
    )


def runs_on(variant: Variant) -> frozenset[Where]:
    """Where a variant can run at all; a format that this version does not know runs where it was measured: on a processor."""
    return FORMATS[variant.format].runs_on if variant.format in FORMATS else Format.runs_on


def formats_for(place: Place, task: str) -> list[Format]:
    """Formats to ask for where nothing of a report runs at the place: those which do and can be made for this task."""
    name = task.partition("/")[0]
    return [
        f for f in FORMATS.values()
        if f.name != "float" and (place.runs is None or place.runs in f.runs_on) and (f.tasks is None or name in f.tasks)
    ]  # fmt: skip


def share(variant: Variant, among: Iterable[Variant]) -> float | None:
    """What a variant keeps: of the teacher's quality, or where that was measured for none of them, its agreement."""
    judged = any(_known(v.retained) is not None for v in among)
    return _known(variant.retained if judged else variant.agreement)


def number(variant: Variant, by: By, place: Place) -> float | None:
    """The measured number that `by` speaks of, the less the better; None where it was not measured, or on a device that says
    nothing of the place. Of `bytes-and-time` it is the time: bytes are always known."""
    if by == "bytes":
        return float(variant.bytes)
    if by == "memory":
        return float(variant.peak_memory_bytes) if variant.peak_memory_bytes else None  # 0: its growth was not seen
    return variant.latency_ms.p50 if variant.latency_ms and variant.device == place.device else None


def clearly_better(one: Variant, other: Variant) -> bool:
    """Whether one's quality is better beyond both 95 % intervals."""
    a, b = one.quality, other.quality
    if a is None or b is None or (a.metric, a.better) != (b.metric, b.better):
        return False
    return a.ci95[0] > b.ci95[1] if a.better == "higher" else a.ci95[1] < b.ci95[0]


def _known(value: float | None) -> float | None:
    """A measured number; a model that broke gives a perplexity that is none."""
    return None if value is None or math.isnan(value) else value


def _above(running: Sequence[Variant], floor: float) -> tuple[list[Variant], bool]:
    """Those that keep the floor and True; else those that come nearest and False."""
    shares = [(v, found) for v in running if (found := share(v, running)) is not None]
    if not shares:
        return list(running), True
    if above := [v for v, found in shares if found >= floor]:
        return above, True
    most = max(found for _, found in shares)
    return [v for v, found in shares if found >= most - NEAR], False


def _comparable(rivals: Sequence[Variant], place: Place) -> bool:
    """Whether anybody has the number that counts there, and whether the numbers are of one kind."""
    with_number = [v for v in rivals if number(v, place.by, place) is not None]
    return bool(with_number) and (place.by != "memory" or len({v.device for v in with_number}) == 1)


def _cost(variant: Variant, by: By, place: Place) -> float:
    """What it costs by what counts. Bytes and time together are the product of both: half the bytes weigh as much as half
    the time."""
    found = number(variant, by, place)
    assert found is not None
    return found * variant.bytes if by == "bytes-and-time" else found


def _least(variants: Sequence[Variant], cost: Callable[[Variant], float]) -> list[Variant]:
    """Those whose cost is within the noise of the least."""
    least = min(map(cost, variants))
    return [v for v in variants if cost(v) <= least * NOISE]


def _order(level: Sequence[Variant], place: Place) -> Variant:
    """The first of variants that are as good: by what breaks ties there, then by what they keep, then by their bytes."""
    if place.then == "time" and (timed := [v for v in level if number(v, "time", place) is not None]):
        level = _least(timed, lambda v: number(v, "time", place) or 0.0)
    return min(level, key=lambda v: (v.bytes, -(share(v, level) or 0.0)))


def _edge(first: Variant, level: Sequence[Variant], place: Place) -> Edge:
    others = [v for v in level if v is not first]
    if not others:
        return "none"
    if _order(level, place) is not first or all(clearly_better(first, v) for v in others):
        return "better"
    times = [number(v, "time", place) for v in (first, *others)]
    if place.then == "time" and all(one is not None and one > (times[0] or 0.0) for one in times[1:]):
        return "faster"
    return "smaller" if all(v.bytes > first.bytes for v in others) else "none"
