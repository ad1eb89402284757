"""The Compare tab: one sentence, the trade-off, the table; try a text; where the versions part ways; any models at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from compressor.errors import CompressorError
from compressor.report import Report
from compressor.ui import browser_panel, compare_view, flips_panel, plots, quick_panel, rows, try_panel
from compressor.ui.handlers import ASKS, LIGHT, sentence, visitor
from compressor.ui.runs_tab import finished
from compressor.ui.services import SAMPLE_ID, Services
from compressor.ui.shared import Shared, empty
from compressor.ui.text import clip, esc, paragraphs
from compressor.ui.words import t


@dataclass(frozen=True)
class CompareTab:
    outcome: gr.HTML
    plots: gr.HTML
    table: gr.HTML
    try_it: try_panel.TryPanel
    browser: browser_panel.BrowserPanel
    flips: flips_panel.FlipsPanel
    quick: quick_panel.QuickPanel

    @property
    def shown(self) -> list[Any]:
        return [self.outcome, self.plots, self.table, *self.try_it.shown, *self.browser.shown, *self.flips.shown]


def build(pick: gr.Dropdown) -> CompareTab:
    with gr.Column(elem_classes="step", elem_id="compare-result"):
        pick.render()  # type: ignore[no-untyped-call]
        outcome = gr.HTML("", elem_id="outcome")
        drawn = gr.HTML("", elem_id="trade-offs")
        table = gr.HTML("", elem_id="compare-table")
    with gr.Column(elem_classes="step", elem_id="try-it"):
        try_it = try_panel.build()
        browser = browser_panel.build()
    flips = flips_panel.build()
    quick = quick_panel.build()
    return CompareTab(outcome, drawn, table, try_it, browser, flips, quick)


def pick_box() -> gr.Dropdown:
    return gr.Dropdown(
        choices=[],
        value=None,
        elem_id="compare-pick",
        label=t("compare.pick"),
        info=t("compare.pick_info"),
        render=False,
    )


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def refresh(self, current: str | None, browser: Any, token: Any) -> Any:
        """The list of finished runs; what was chosen stays, else the newest is."""
        who = visitor(self.services.settings, browser, token)
        choices = finished(self.services, who)
        ids = [run_id for _, run_id in choices]
        keeps = current in ids
        shown = choices or [(t("compare.sample"), SAMPLE_ID)]
        return gr.update(choices=shown, value=current if keeps else shown[0][1])

    def show(self, run_id: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
        who = visitor(self.services.settings, browser, token)
        try:
            found = self.services.report(run_id, who)
        except CompressorError as error:
            return (paragraphs([sentence(error)], "problem"), "", "", *_closed())
        if found is None:
            return (empty(t("compare.empty")), "", "", *_closed())
        return self._shown(*found, sample=run_id == SAMPLE_ID)

    def _shown(self, report: Report, folder: Path, *, sample: bool) -> tuple[Any, ...]:
        read = rows.load(folder)
        return (
            outcome(report, sample),
            drawings(report),
            compare_view.table(report),
            *try_panel.opened(report, read, sample),
            *browser_panel.opened(self.services, report, sample),
            *flips_panel.opened(report, read),
        )


def _closed() -> tuple[Any, ...]:
    return (*try_panel.closed(), *browser_panel.closed(), *flips_panel.closed())


def outcome(report: Report, sample: bool = False) -> str:
    """The sentence on top, and what it is about."""
    said = f'<p class="outcome">{esc(compare_view.sentence(report))}</p>'
    source = clip(report.teacher.rstrip("/").split("/")[-1], 80) if report.teacher else ""
    about = t("compare.sample_note") if sample else t("compare.about", teacher=source, n=len(report.variants))
    return f'{said}<p class="outcome-from">{esc(about)}</p>'


def drawings(report: Report) -> str:
    """Both plots, or the sentence why there is none."""
    drawn = plots.trade_off(report, "bytes") + plots.trade_off(report, "latency")
    return f'<div class="plots">{drawn}</div>' if drawn else f'<p class="small">{esc(t("plot.none"))}</p>'


def wire(tab: CompareTab, item: gr.Tab, shared: Shared) -> None:
    act = Handlers(shared.services)
    pick = shared.compare_pick
    item.select(act.refresh, [pick, *shared.who], pick, **LIGHT).then(act.show, [pick, *shared.who], tab.shown, **ASKS)
    pick.input(act.show, [pick, *shared.who], tab.shown, **ASKS)
    try_panel.wire(tab.try_it, shared)
    browser_panel.wire(tab.browser, tab.try_it, shared)
    flips_panel.wire(tab.flips, shared)
    quick_panel.wire(tab.quick, tab.shown, act.show, shared)
