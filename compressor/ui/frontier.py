"""A search as people see it: what is wanted, every size that was tried as a mark, and what was found. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from compressor.report import Point, Report, Search
from compressor.results.searched import hindrance, missed_on_test, taken
from compressor.ui.placing import Box, Mark, place
from compressor.ui.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis
from compressor.ui.teacher_view import t_size
from compressor.ui.text import esc, listed, percent, size, times
from compressor.ui.words import t

ROOM = 0.03
"""Share of quality that the plot leaves free above and below."""


class Wanted(Protocol):
    """A recipe's target, or a search's."""

    @property
    def max_megabytes(self) -> float | None: ...
    @property
    def min_retained(self) -> float | None: ...
    @property
    def min_speedup(self) -> float | None: ...


def wanted(target: Wanted) -> str:
    """`at most 20 MB and at least 96 % kept`."""
    said = []
    if target.max_megabytes is not None:
        said.append(t("search.megabytes", n=f"{target.max_megabytes:g}"))
    if target.min_retained is not None:
        said.append(t("search.retained", n=f"{target.min_retained * 100:g}"))
    if target.min_speedup is not None:
        said.append(t("search.speedup", n=f"{target.min_speedup:g}"))
    return listed(said)


def sentence(report: Report) -> str:
    """What was found, or that nothing is like that and what comes nearest; "" without a search."""
    search = report.search
    if search is None:
        return ""
    point = taken(search)
    facts = [size(point.bytes), t("search.kept", share=percent(point.retained))]
    if point.speedup is not None and search.min_speedup is not None:
        facts.append(t("search.speed", times=times(point.speedup)))
    found = "search.found" if search.min_retained is not None else "search.found_best"
    key = found if search.met else "search.nearest"
    said = t(key, wanted=wanted(search), what=_name(point), facts=", ".join(facts), why=_why(search))
    missed = missed_on_test(report)
    return said if missed is None else f"{said} {t('search.missed', share=percent(missed))}"


def _why(search: Search) -> str:
    """Which part of the target nothing met, where one alone stands in the way."""
    found = hindrance(search)
    if found is None:
        return ""
    if found.part == "bytes":
        return t("search.why_bytes", size=size(found.nearest))
    if found.part == "retained":
        return t("search.why_retained", share=percent(found.nearest))
    return t("search.why_speed", times=times(found.nearest))


def _name(point: Point) -> str:
    """`half, ONNX int8`."""
    known = {"8bit", "4bit", "onnx", "onnx-int8", "openvino-int8"}
    fmt = t(f"options.{point.format}") if point.format in known else ""
    return ", ".join(filter(None, [t_size(point.size), fmt]))


def points_of(told: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Points as a run's events tell them; what is none is left out."""
    found = []
    for one in told:
        try:
            found.append(Point.model_validate(dict(one)))
        except ValueError:
            continue
    return found


def plot(points: Sequence[Point], target: Wanted, chosen: Point | None = None) -> str:
    """SVG of quality kept against bytes (logarithmic): hollow marks for sizes that were tried a little, full ones for what was
    trained and measured; the part of the plane that is wanted is shaded. "" while there is nothing to draw."""
    if not points:
        return ""
    x, y = _axes(points, target)
    said = "; ".join(f"{_name(p)}: {percent(p.retained)}, {size(p.bytes)}" for p in points)
    label = esc(t("search.plot_said", points=said))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" class="trade-off">',
        *_grid(x, y),
        *_wanted_part(x, y, target),
        f'<text class="axis-title" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}">{esc(t("plot.bytes"))}</text>',
        *_paths(points, x, y),
        *_marks(points, x, y, chosen),
        "</svg>",
    ]  # fmt: skip
    key = f'<p class="small">{esc(t("search.plot_key"))}</p>'
    caption = esc(t("search.plot_title"))
    return f'<figure class="plot frontier"><figcaption>{caption}</figcaption>{"".join(parts)}{key}</figure>'


def _axes(points: Sequence[Point], target: Wanted) -> tuple[Axis, Axis]:
    sizes = [float(p.bytes) for p in points] + ([target.max_megabytes * 1e6] if target.max_megabytes else [])
    kept = [p.retained for p in points] + ([target.min_retained] if target.min_retained else []) + [1.0]
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    room = max(0.08, (high - low) * 0.08)
    bottom = min(kept)
    return (
        Axis(low - room, high + 1.6 * room, LEFT, WIDTH - RIGHT),
        Axis(max(-ROOM, bottom - ROOM), max(kept) + ROOM, HEIGHT - BOTTOM, TOP),
    )


def _at(x: Axis, bytes_: float) -> float:
    return x.at(math.log10(max(bytes_, 1)))


def _wanted_part(x: Axis, y: Axis, target: Wanted) -> list[str]:
    right = _at(x, target.max_megabytes * 1e6) if target.max_megabytes else WIDTH - RIGHT
    bottom = y.at(target.min_retained) if target.min_retained else HEIGHT - BOTTOM
    right, bottom = max(LEFT, min(right, WIDTH - RIGHT)), max(TOP, min(bottom, HEIGHT - BOTTOM))
    return [
        f'<rect class="wanted" x="{LEFT}" y="{TOP}" width="{right - LEFT:.1f}" height="{bottom - TOP:.1f}"/>',
        f'<text class="tick wanted-name" x="{LEFT + 6}" y="{max(TOP + 14, (TOP + bottom) / 2 + 4):.1f}">'
        f"{esc(t('search.wanted_here'))}</text>",
    ]


def _grid(x: Axis, y: Axis) -> list[str]:
    parts = []
    for tick in y.ticks():
        at = y.at(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick * 100:.3g} %</text>')
    rounds = [m * 10.0**e for e in range(math.floor(x.low), math.ceil(x.high) + 1) for m in (1, 2, 5)]
    shown = [b for b in rounds if x.low <= math.log10(b) <= x.high]
    every = -(-len(shown) // 6) or 1
    for bytes_ in shown[::every]:
        at = _at(x, bytes_)
        parts.append(
            f'<text class="tick" x="{at:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{esc(size(bytes_))}</text>'
        )
    return parts


def _paths(points: Sequence[Point], x: Axis, y: Axis) -> list[str]:
    """From what a size was after a short training to what it became."""
    lines = []
    for name in dict.fromkeys(p.size for p in points):
        own = [p for p in points if p.size == name]
        steps = [p for p in own if not p.whole]
        steps += [p for p in own if p.whole and steps and p.format == steps[-1].format][:1]
        ends = " ".join(f"{_at(x, p.bytes):.1f},{y.at(p.retained):.1f}" for p in steps)
        if len(steps) > 1:
            lines.append(f'<polyline class="path" points="{ends}"/>')
    return lines


def _marks(points: Sequence[Point], x: Axis, y: Axis, chosen: Point | None) -> list[str]:
    """Marks, and a name beside the last of each size and format."""
    drawn, named = [], {}
    for point in points:
        px, py = _at(x, point.bytes), y.at(point.retained)
        kind = "met" if point.met else "whole" if point.whole else "tried"
        radius = 6.5 if point.whole else 4.5
        if point == chosen:
            drawn.append(f'<circle class="ring mark-1" cx="{px:.1f}" cy="{py:.1f}" r="11"/>')
        drawn.append(
            f'<circle class="trial trial-{kind}" cx="{px:.1f}" cy="{py:.1f}" r="{radius}">'
            f"<title>{esc(_name(point))}: {esc(percent(point.retained))}, {esc(size(point.bytes))}</title></circle>"
        )
        name = _name(point) if point.whole else t_size(point.size)
        named[(point.size, point.format if point.whole else "")] = (Mark(px, py, py, py, name), point == chosen)
    for name in {p.size for p in points if p.whole}:
        named.pop((name, ""), None)
    inside = Box(LEFT + 2, TOP - 4, WIDTH - 4, HEIGHT - BOTTOM + 4)
    labels = place([mark for mark, _ in named.values()], inside, [])
    for (mark, bold), label in zip(named.values(), labels, strict=True):
        if label.line is not None:
            x1, y1, x2, y2 = label.line
            drawn.insert(0, f'<line class="leader" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
        kind = "mark-name is-suited" if bold else "mark-name"
        drawn.append(
            f'<text class="{kind}" x="{label.x:.1f}" y="{label.y:.1f}" text-anchor="{label.anchor}">{esc(mark.name)}</text>'
        )
    return drawn
