"""How each model copes with untidy text, as a table of its own. Pure functions."""

from __future__ import annotations

from compressor.report import Report, Variant
from compressor.results import untidy
from compressor.ui.metrics import is_percent, metric_title, value
from compressor.ui.text import DASH, clip, esc
from compressor.ui.words import t


def table(report: Report) -> str:
    """A row a model, a column a kind of untidiness; "" where none was measured."""
    if not (kinds := untidy.kinds(report)):
        return ""
    some = next(q for v in report.variants for q in v.robustness.values())
    head = "".join(f'<th scope="col">{esc(t(f"robust.{kind}"))}</th>' for kind in kinds)
    rows = "".join(_row(v, number, kinds) for number, v in enumerate(report.variants) if v.robustness)
    title = t("robust.title", metric=metric_title(some.metric))
    lead = t("robust.lead", rows=f"{some.rows:,}")
    first = f'<th scope="col">{esc(t("table.model"))}</th>'
    return (
        f'<h4>{esc(title)}</h4><p class="small">{esc(lead)}</p><table class="compare robust" aria-label="{esc(title)}">'
        f"<thead><tr>{first}{head}</tr></thead>{rows}</table>"
    )


def _row(variant: Variant, number: int, kinds: list[str]) -> str:
    cells = "".join(
        f'<td data-label="{esc(t(f"robust.{kind}"))}"><span>{_cell(variant, kind)}</span></td>' for kind in kinds
    )
    name = f'<span class="dot mark-{min(number, 7)}"></span>{esc(clip(variant.name, 60))}'
    return f'<tbody><tr><th scope="row">{name}</th>{cells}</tr></tbody>'


def _cell(variant: Variant, kind: str) -> str:
    quality, plain = variant.robustness.get(kind), variant.robustness.get("plain")
    if quality is None:
        return DASH
    shown = esc(value(quality))
    if kind == "plain" or plain is None:
        return shown
    change = quality.value - plain.value
    said = f"{change * 100:+.1f}" if is_percent(quality.metric) else f"{change:+.3g}"
    said = f"±{said[1:]}" if not change else said.replace("-", "−")
    return f'{shown}<small class="under">{esc(said)}</small>'
