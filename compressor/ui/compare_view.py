"""A report as people read it: one plain sentence, and the table with the best of each column marked. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compressor.report import Report, Variant
from compressor.results.suiting import Suited
from compressor.results.summary import (
    FLOOR,
    SAME_SPEED,
    apart,
    best,
    candidates,
    device_name,
    is_slower,
    is_smaller,
    kept,
    speedup,
)
from compressor.ui import frontier
from compressor.ui.metrics import generates, in_a_sentence, interval, metric_title, value
from compressor.ui.proof_view import loss, worth
from compressor.ui.suiting_view import badge
from compressor.ui.text import DASH, clip, count, esc, listed, milliseconds, percent, size, times
from compressor.ui.words import t


def sentence(report: Report, floor: float = FLOOR) -> str:
    """The outcome in one or two plain sentences, all of it from measured numbers."""
    if not report.variants:
        return t("compare.nothing")
    teacher, chosen = report.teacher_variant, best(report, floor)
    if chosen is None:
        return t("compare.only_teacher", name=teacher.name)
    found = frontier.sentence(report)
    said = t("compare.sentence", name=chosen.name, what=listed(_sizes(chosen, teacher)), kept=_kept(chosen))
    if about := loss(chosen.difference):
        said += " " + about
    smallest = min(candidates(report), key=lambda v: v.bytes)
    if is_smaller(smallest, chosen):
        said += " " + t("compare.smaller_still", name=smallest.name, times=times(teacher.bytes / max(smallest.bytes, 1)),
                        but=_but(smallest, teacher, chosen))  # fmt: skip
    if (share := kept(chosen)) is not None and share < floor:
        said += " " + t(_below(report), floor=percent(floor, 0))
    if about := worth(report.control):
        said += " " + about
    return f"{found} {said}".strip()


def _below(report: Report) -> str:
    """What can be done about too low a quality: another student, or another format of what was there; nothing about models that
    were only compared."""
    made = [v for v in report.variants[1:] if v.base is not None]
    if any(v.format == "float" or v.base != report.teacher_variant.name for v in made):
        return "compare.below_floor_student"
    return "compare.below_floor_format" if made else "compare.below_floor"


def _sizes(variant: Variant, teacher: Variant) -> list[str]:
    ratio = teacher.bytes / max(variant.bytes, 1)
    facts = [t("compare.x_smaller", times=times(ratio)) if ratio >= SAME_SPEED else t("compare.not_smaller")]
    if (quicker := speedup(variant, teacher)) is not None:
        facts.append(_speed(quicker))
    return facts


def _kept(variant: Variant) -> str:
    if variant.quality and variant.retained is not None:
        lower = variant.quality.better == "lower"  # nobody keeps a perplexity
        title = t("compare.quality") if lower else in_a_sentence(variant.quality.metric)
        return t("compare.kept", share=percent(variant.retained), metric=title)
    if variant.agreement is not None:
        return t("compare.agrees", share=percent(variant.agreement))
    return ""


def _speed(ratio: float) -> str:
    if ratio >= SAME_SPEED:
        return t("compare.x_faster", times=times(ratio))
    if ratio <= 1 / SAME_SPEED:
        return t("compare.x_slower", times=times(1 / ratio))
    return t("compare.as_fast")


def _but(smallest: Variant, teacher: Variant, chosen: Variant) -> str:
    """What speaks against the smallest variant."""
    found = []
    if smallest.retained is not None and (chosen.retained is None or smallest.retained < chosen.retained):
        found.append(t("compare.kept_only", share=percent(smallest.retained)))
    if is_slower(smallest, teacher):
        found.append(t("compare.slower_here"))
    return listed(found) if found else t("compare.not_chosen")


# ---------------------------------------------------------------------- the table


@dataclass(frozen=True)
class Column:
    """`number` is what the best is picked by (`best`: max or min; None marks nothing); `shown` is safe HTML."""

    key: str
    title: str
    shown: Callable[[Variant], str]
    number: Callable[[Variant], float | None]
    best: Callable[[Sequence[float]], float] | None


def columns(report: Report) -> list[Column]:
    """The columns that this report has numbers for."""
    first = next((v.quality for v in report.variants if v.quality), None)
    tokens = generates(report)
    better = min if first and first.better == "lower" else max
    least, most = (min, max) if len(devices(report)) < 2 else (None, None)  # a processor's times are not a card's
    found = [
        Column("quality", metric_title(first.metric) if first else "", _quality,
               lambda v: v.quality.value if v.quality else None, None if apart(report) else better),
        *_extra_metrics(report),
        Column("retained", t("table.retained"), lambda v: percent(v.retained), lambda v: v.retained, None),
        Column("agreement", t("table.agreement"), lambda v: percent(v.agreement), lambda v: v.agreement, None),
        Column("bytes", t("table.bytes"), lambda v: size(v.bytes), lambda v: float(v.bytes), min),
        Column("parameters", t("table.parameters"), lambda v: count(v.parameters), lambda v: float(v.parameters), min),
        Column("latency", t("table.answer" if tokens else "table.latency"), _latency,
               lambda v: v.latency_ms.p50 if v.latency_ms else None, least),
        Column("throughput", t("table.tokens" if tokens else "table.throughput"),
               lambda v: count(v.throughput), lambda v: v.throughput, most),
        Column("memory", t("table.memory"), lambda v: size(v.peak_memory_bytes), lambda v: v.peak_memory_bytes, least),
    ]  # fmt: skip
    return [c for c in found if any(c.number(v) is not None for v in report.variants)]


def devices(report: Report) -> list[str]:
    """The kinds of device that its variants were measured on, the first one's first."""
    return list(dict.fromkeys(v.device for v in report.variants if v.device))


def _extra_metrics(report: Report) -> list[Column]:
    names = list(dict.fromkeys(q.metric for v in report.variants for q in v.metrics))
    first = next((v.quality.metric for v in report.variants if v.quality), None)

    def reader(name: str) -> Callable[[Variant], float | None]:
        return lambda v: next((q.value for q in v.metrics if q.metric == name), None)

    def shower(name: str) -> Callable[[Variant], str]:
        return lambda v: esc(value(next((q for q in v.metrics if q.metric == name), None)))

    return [Column(n, metric_title(n), shower(n), reader(n), _better(report, n)) for n in names if n != first]


def _better(report: Report, name: str) -> Callable[[Sequence[float]], float]:
    lower = any(q.better == "lower" for v in report.variants for q in v.metrics if q.metric == name)
    return min if lower else max


def _quality(variant: Variant) -> str:
    return f'{esc(value(variant.quality))}<small class="under">{esc(interval(variant.quality))}</small>'


def _latency(variant: Variant) -> str:
    if variant.latency_ms is None:
        return DASH
    p95 = t("table.p95", ms=milliseconds(variant.latency_ms.p95))
    return f'{esc(milliseconds(variant.latency_ms.p50))}<small class="under">{esc(p95)}</small>'


def table(report: Report, suited: Suited | None = None) -> str:
    """The comparison as an HTML table, the teacher first; every row opens its snippet. What suits the chosen place is marked
    beside its name."""
    shown = columns(report)
    best = {c.key: _best(c, report.variants) for c in shown}
    head = "".join(f'<th scope="col">{esc(c.title)}</th>' for c in shown)
    rows = "".join(
        _row(v, number, shown, best, badge(suited) if suited and v is suited.variant else "")
        for number, v in enumerate(report.variants)
    )
    return (
        f'<table class="compare" aria-label="{esc(t("table.caption"))}">'
        f'<thead><tr><th scope="col">{esc(t("table.model"))}</th>{head}</tr></thead>{rows}</table>{_measured(report)}'
    )


def _best(column: Column, variants: Sequence[Variant]) -> float | None:
    numbers = [n for n in (column.number(v) for v in variants) if n is not None]
    if column.best is None or len(numbers) < 2:
        return None
    best = column.best(numbers)
    return best if numbers.count(best) <= max(len(numbers) // 2, 1) else None  # what most share is nobody's merit


def _row(
    variant: Variant, number: int, shown: Sequence[Column], best: dict[str, float | None], suits: str
) -> str:  # fmt: skip
    cells = []
    for column in shown:
        mine = column.number(variant)
        wins = mine is not None and mine == best[column.key]
        badge = f' <span class="best">{esc(t("table.best"))}</span>' if wins else ""
        classes = ' class="is-best"' if wins else ""
        value = f'<span class="value">{column.shown(variant)}</span>'
        cells.append(f'<td data-label="{esc(column.title)}"{classes}><span>{value}{badge}</span></td>')
    notes = "".join(f"<p>{esc(note)}</p>" for note in variant.notes)
    snippet = (
        f'<details><summary>{esc(t("table.snippet"))}</summary><pre><code>{esc(variant.load)}</code></pre></details>'
        if variant.load else ""
    )  # fmt: skip
    name = f'<span class="dot mark-{min(number, 7)}"></span>{esc(clip(variant.name, 60))}'
    if suits:
        name += f' <span class="suits">{esc(suits)}</span>'
    under = f'<tr class="more"><td colspan="{len(shown) + 1}">{notes}{snippet}</td></tr>' if notes or snippet else ""
    chosen = ' class="is-suited"' if suits else ""
    return f'<tbody{chosen}><tr><th scope="row">{name}</th>{"".join(cells)}</tr>{under}</tbody>'


def _measured(report: Report) -> str:
    on = next((v.measured_on for v in report.variants if v.measured_on), None)
    first = next((v.quality for v in report.variants if v.quality), None)
    said = []
    if on:
        lengths = [str(n) for n in sorted({v.measured_on.length for v in report.variants if v.measured_on})]
        where = listed([device_name(kind, report) for kind in devices(report)])
        said.append(t("table.measured", device=where, threads=on.threads, length=listed(lengths)))
        if len(devices(report)) > 1:
            names = listed([v.name for v in report.variants if v.device and v.device != on.kind])
            said.append(t("table.elsewhere", names=names))
    if first:
        said.append(t("table.token_rows" if generates(report) else "table.rows", rows=f"{first.rows:,}"))
    said += report.notes
    return "".join(f'<p class="small">{esc(s)}</p>' for s in said)
