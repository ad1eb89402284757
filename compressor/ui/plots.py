"""Plots: the trade-off of a report (quality against bytes, and against latency), and the live curves of a run.

The curves are gradio's native line plots. The trade-off is a small SVG of our own: the native scatter draws one layer of
hollow marks, and this one needs the teacher's line, each mark's name beside it and its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compressor.report import Report, Variant
from compressor.results.suiting import Suited
from compressor.results.summary import apart
from compressor.ui.metrics import generates, is_percent, metric_title, value
from compressor.ui.placing import Box, Label, Mark, place
from compressor.ui.suiting_view import badge
from compressor.ui.text import esc, milliseconds, size
from compressor.ui.words import t

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 18, 46


@dataclass(frozen=True)
class Axis:
    """A linear scale from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, number: float) -> float:
        share = (number - self.low) / (self.high - self.low or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 4) -> list[float]:
        """Round numbers inside the axis."""
        raw = (self.high - self.low) / wanted or 1
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [step * k for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def trade_off(report: Report, against: str, suited: Suited | None = None) -> str:
    """SVG of quality against `bytes` or `latency`: a mark a variant, its 95 % interval, the teacher's line, a ring around what
    suits the chosen place. Empty where nothing can be drawn (no quality was measured)."""
    x_of: Callable[[Variant], float | None]
    if against == "bytes":
        x_of, x_text, title = (lambda v: float(v.bytes)), size, t("plot.bytes")
    else:
        device = (
            report.teacher_variant.device if report.variants else ""
        )  # times of another kind are not drawn beside its
        x_of = lambda v: v.latency_ms.p50 if v.latency_ms and v.device == device else None  # noqa: E731
        x_text, title = milliseconds, t("plot.answer" if generates(report) else "plot.latency")
    left = apart(report) if report.variants else []
    shown = [v for v in report.variants if v.quality is not None and x_of(v) is not None and v not in left]
    if len(shown) < 2:
        return ""
    xs = [float(x_of(v) or 0.0) for v in shown]
    x = Axis(0, max(xs) * 1.12 or 1, LEFT, WIDTH - RIGHT)
    y = _quality_axis(shown)
    name = metric_title(shown[0].quality.metric if shown[0].quality else "")
    label = t("plot.summary", metric=name, against=title, points="; ".join(
        f"{v.name}: {value(v.quality)}, {x_text(at)}{_said(v, suited)}" for v, at in zip(shown, xs)))  # fmt: skip
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{esc(label)}" class="trade-off">',
        *_grid(x, y, x_text, is_percent(shown[0].quality.metric if shown[0].quality else "")),
        f'<text class="axis-title" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}">{esc(title)}</text>',
        *_teacher_line(shown[0], y),
        *_marks(shown, [report.variants.index(v) for v in shown], xs, x, y, suited.variant if suited else None),
        "</svg>",
    ]
    better = "" if shown[0].quality and shown[0].quality.better == "higher" else f" ({t('plot.lower')})"
    caption = f"{esc(t('plot.title', metric=name, against=title))}{esc(better)}"
    return f'<figure class="plot"><figcaption>{caption}</figcaption>{"".join(parts)}</figure>'


def _said(variant: Variant, suited: Suited | None) -> str:
    """What those who cannot see the ring are told."""
    return f" ({badge(suited)})" if suited is not None and variant is suited.variant else ""


def _quality_axis(variants: Iterable[Variant]) -> Axis:
    ends = [end for v in variants if v.quality for end in (*v.quality.ci95, v.quality.value)]
    low, high = min(ends), max(ends)
    room = (high - low) * 0.12 or abs(high) * 0.05 or 0.05
    return Axis(low - room, high + room, HEIGHT - BOTTOM, TOP)


def _grid(x: Axis, y: Axis, x_text: Callable[[float | None], str], as_percent: bool) -> list[str]:
    parts = []
    for tick in y.ticks():
        at, shown = y.at(tick), f"{tick * 100:.3g} %" if as_percent else f"{tick:.3g}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{shown}</text>')
    for tick in x.ticks():
        at = x.at(tick)
        parts.append(f'<text class="tick" x="{at:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">'
                     f"{esc('0' if tick == 0 else x_text(tick))}</text>")  # fmt: skip
    return parts


def _teacher_line(teacher: Variant, y: Axis) -> list[str]:
    if teacher.quality is None:
        return []
    at = y.at(teacher.quality.value)
    return [
        f'<line class="teacher-line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>',
    ]


def _marks(
    shown: Sequence[Variant], numbers: Sequence[int], xs: Sequence[float], x: Axis, y: Axis, suited: Variant | None
) -> list[str]:
    """Intervals and marks, what suits the chosen place above the others; then the names above them all. `numbers` are the
    variants' places in the report: each has one colour in all that is drawn of it."""
    under: list[str] = []
    above: list[str] = []
    marks: list[Mark] = []
    for variant, number, at in zip(shown, numbers, xs):
        if variant.quality is None:
            continue
        px, py = x.at(at), y.at(variant.quality.value)
        low, high = (y.at(end) for end in variant.quality.ci95)
        colour = f"mark-{min(number, 7)}"
        under.append(f'<line class="interval {colour}" x1="{px:.1f}" x2="{px:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
        if variant is suited:
            above.append(f'<circle class="ring {colour}" cx="{px:.1f}" cy="{py:.1f}" r="11"/>')
        (above if variant is suited else under).append(
            f'<circle class="mark {colour}" cx="{px:.1f}" cy="{py:.1f}" r="6.5">'
            f"<title>{esc(variant.name)}: {esc(value(variant.quality))}</title></circle>"
        )
        marks.append(Mark(px, py, low, high, variant.name if len(variant.name) <= 28 else variant.name[:27] + "…"))
    first = shown[0].quality
    level = y.at(first.value) if first else TOP
    inside, teacher = (
        Box(LEFT + 2, TOP - 4, WIDTH - 4, HEIGHT - BOTTOM + 4),
        Box(LEFT, level - 1, WIDTH - RIGHT, level + 1),
    )
    labels = place(marks, inside, [teacher])
    lines = [_leader(label.line) for label in labels if label.line is not None]
    named = zip(marks, labels, [v is suited for v in shown if v.quality is not None])
    return [*lines, *under, *above, *(_name(mark.name, label, bold) for mark, label, bold in named)]


def _leader(line: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = line
    return f'<line class="leader" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _name(name: str, label: Label, bold: bool) -> str:
    kind = "mark-name is-suited" if bold else "mark-name"
    return f'<text class="{kind}" x="{label.x:.1f}" y="{label.y:.1f}" text-anchor="{label.anchor}">{esc(name)}</text>'


# ---------------------------------------------------------------------- live curves (gradio's own line plots)

POINTS = 240
"""At most so many points a series: a long run stays light in the browser."""


def loss_curve(points: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """(step, loss) pairs as the data of a line plot; None where there are none yet."""
    rows = [[step, loss, t("curve.loss")] for step, loss in thin(points)]
    return _plot_data(rows, t("curve.step"), t("curve.loss")) if len(rows) > 1 else None


def quality_curve(points: Sequence[tuple[float, float]], teacher: float | None) -> dict[str, Any] | None:
    """(step, validation quality) pairs with the teacher's line; None where there are none yet."""
    if not points:
        return None
    rows: list[list[Any]] = [[step, quality, t("curve.student")] for step, quality in thin(points)]
    if teacher is not None:
        start, end = min(rows[0][0], 0), max(rows[-1][0], 1)
        rows += [[at, teacher, t("curve.teacher")] for at in (start, end)]
    return _plot_data(rows, t("curve.step"), t("curve.quality"))


def thin(points: Sequence[tuple[float, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """At most `most` of the points, evenly spaced, the last one always kept."""
    if len(points) <= most:
        return list(points)
    every = math.ceil(len(points) / most)
    kept = list(points[::every])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _plot_data(rows: Sequence[Sequence[Any]], x: str, y: str) -> dict[str, Any]:
    kinds: Mapping[str, str] = {x: "quantitative", y: "quantitative", "series": "nominal"}
    return {"columns": [x, y, "series"], "data": [list(r) for r in rows], "datatypes": dict(kinds), "mark": "line"}
