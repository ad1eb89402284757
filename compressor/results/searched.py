"""What a search came to: the point that was taken, what stood in the way, and both in one plain sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compressor.report import Point, Report, Search
from compressor.results.summary import kept


@dataclass(frozen=True)
class Hindrance:
    """The one part of a target that nothing met, and the nearest that anything came to it."""

    part: Literal["bytes", "retained", "speed"]
    nearest: float
    """Bytes, a share of the teacher's quality, or times as fast as the teacher."""


def taken(search: Search) -> Point:
    """What was chosen, as it was measured."""
    return next(p for p in search.points if p.whole and (p.size, p.format) == (search.size, search.format))


def hindrance(search: Search) -> Hindrance | None:
    """Of what was trained in full; None where the target was met, or where every part of it was met by something."""
    whole = [p for p in search.points if p.whole]
    speeds = [p.speedup for p in whole if p.speedup is not None]
    if search.max_megabytes is not None and (least := min(p.bytes for p in whole)) > search.max_megabytes * 1e6:
        return Hindrance("bytes", least)
    if search.min_retained is not None and (most := max(p.retained for p in whole)) < search.min_retained:
        return Hindrance("retained", most)
    if search.min_speedup is not None and speeds and (fastest := max(speeds)) < search.min_speedup:
        return Hindrance("speed", fastest)
    return None


def missed_on_test(report: Report) -> float | None:
    """What the student that a search found keeps on the test rows, where the validation rows promised more; None where that is
    enough."""
    search, share = report.search, kept(report.variants[-1])
    if search is None or not search.met or search.min_retained is None or share is None or share >= search.min_retained:
        return None
    return share


def wanted(search: Search) -> str:
    """A search's target in words: "at most 20 MB and at least 96 % kept"."""
    said = []
    if search.max_megabytes is not None:
        said.append(f"at most {search.max_megabytes:g} MB")
    if search.min_retained is not None:
        said.append(f"at least {search.min_retained * 100:g} % kept")
    if search.min_speedup is not None:
        said.append(f"at least {search.min_speedup:g}× faster")
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def searched(report: Report) -> str:
    """What a report's search found, or that nothing meets its target and what comes nearest."""
    search = report.search
    assert search is not None
    point = taken(search)
    what = f"{point.size} as {point.format}" if point.format != "float" else point.size
    facts = f"{point.bytes / 1e6:.1f} MB, {point.retained * 100:.1f} % kept on the validation rows"
    if point.speedup is not None and search.min_speedup is not None:
        facts += f", {point.speedup:.1f}× as fast as the teacher here"
    if search.met:
        which = "smallest" if search.min_retained is not None else "best"
        said = f"Wanted: {wanted(search)}. The {which} that was found: {what} ({facts})."
        if (share := missed_on_test(report)) is not None:
            said += (
                f" On the test rows it kept {share * 100:.1f} %, less than wanted: the validation rows promised more."
            )
        return said
    return (
        f"Wanted: {wanted(search)}. Nothing that was tried is like that{_why(search)}. The nearest: {what} ({facts})."
    )


def _why(search: Search) -> str:
    found = hindrance(search)
    if found is None:
        return ""
    said = {
        "bytes": f"the smallest takes {found.nearest / 1e6:.1f} MB",
        "retained": f"nothing kept more than {found.nearest * 100:.1f} %",
        "speed": f"the fastest was {found.nearest:.1f}× as fast as the teacher here",
    }
    return f": {said[found.part]}"
