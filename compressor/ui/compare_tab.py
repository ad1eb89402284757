"""The Compare tab: one sentence, the trade-off, the table; try a text; where the versions part ways; any models at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from compressor.errors import CompressorError
from compressor.report import Report
from compressor.results.suiting import Suited
from compressor.ui import (
    browser_panel,
    compare_view,
    flips_panel,
    place_panel,
    plots,
    quick_panel,
    robust_view,
    rows,
    suiting_view,
    try_panel,
)
from compressor.ui.handlers import ASKS, LAST, LIGHT, guarded, sentence, visitor
from compressor.ui.runs_tab import finished, label
from compressor.ui.services import SAMPLE_ID, Services, Visitor
from compressor.ui.shared import Shared, empty, hidden_text
from compressor.ui.text import clip, esc, paragraphs
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job


Looked: TypeAlias = tuple[tuple[Any, ...], str, tuple[Any, ...]]


@dataclass(frozen=True)
class CompareTab:
    outcome: gr.HTML
    place: place_panel.PlacePanel
    plots: gr.HTML
    table: gr.HTML
    try_it: try_panel.TryPanel
    browser: browser_panel.BrowserPanel
    flips: flips_panel.FlipsPanel
    quick: quick_panel.QuickPanel
    opened: gr.Textbox
    """The result that stands here, see `edition`."""

    @property
    def shown(self) -> list[Any]:
        return [*self.seen, self.opened, *self.used]

    @property
    def seen(self) -> list[Any]:
        """What is only looked at."""
        return [self.outcome, self.place.place, *self.suited, *self.browser.shown]

    @property
    def used(self) -> list[Any]:
        """What somebody typed, found or filtered."""
        return [*self.try_it.shown, *self.flips.shown]

    @property
    def suited(self) -> list[Any]:
        """What the chosen place changes."""
        return [self.place.said, self.plots, self.table]

    def asked(self, shared: Shared) -> list[Any]:
        """Inputs of `Handlers.show` and `Handlers.suit`."""
        return [shared.compare_pick, self.place.place, shared.share, *shared.who]


def build(pick: gr.Dropdown, kept_place: gr.BrowserState) -> CompareTab:
    with gr.Column(elem_classes="step", elem_id="compare-result"):
        pick.render()  # type: ignore[no-untyped-call]
        outcome = gr.HTML("", elem_id="outcome")
        place = place_panel.build(kept_place)
        drawn = gr.HTML("", elem_id="trade-offs")
        table = gr.HTML("", elem_id="compare-table")
    with gr.Column(elem_classes="step", elem_id="try-it"):
        try_it = try_panel.build()
        browser = browser_panel.build()
    flips = flips_panel.build()
    quick = quick_panel.build()
    return CompareTab(outcome, place, drawn, table, try_it, browser, flips, quick, hidden_text("compare-opened"))


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

    def refresh(self, current: str | None, run_id: str | None, share: str | None, browser: Any, token: Any) -> Any:
        """The list of finished runs, the one that a link shows among them; what was chosen stays, else the newest is."""
        who = visitor(self.services.settings, browser, token)
        choices = finished(self.services, who)
        lent = self._lent(run_id, share, who)
        choices = [*choices, (label(lent), lent.id)] if lent and lent.status == "finished" else choices
        ids = [run_id for _, run_id in choices]
        keeps = current in ids
        shown = choices or [(t("compare.sample"), SAMPLE_ID)]
        return gr.update(choices=shown, value=current if keeps else shown[0][1])

    def _lent(self, run_id: str | None, share: str | None, who: Visitor) -> Job | None:
        """Somebody else's run, where this link shows it."""
        if not run_id or not share:
            return None
        with suppress(CompressorError):
            job = self.services.job(run_id, who, share)
            return job if job.view else None
        return None

    def visit(
        self, run_id: str | None, place: str | None, share: str | None, opened: str, browser: Any, token: Any
    ) -> tuple[Any, ...]:
        """`show`; where the same result stood here before, what was typed, found and filtered stays."""
        seen, edition, used = self._look(run_id, place, share, browser, token)
        return (*seen, edition, *((gr.skip() for _ in used) if opened and opened == edition else used))

    def show(
        self, run_id: str | None, place: str | None, share: str | None, browser: Any, token: Any
    ) -> tuple[Any, ...]:
        """`CompareTab.shown` for a run."""
        seen, edition, used = self._look(run_id, place, share, browser, token)
        return (*seen, edition, *used)

    def _look(self, run_id: str | None, place: str | None, share: str | None, browser: Any, token: Any) -> Looked:
        """What `CompareTab.seen`, `opened` and `used` are for a run. Of somebody else's: what was measured, and neither rows of
        the data nor the models."""
        who = visitor(self.services.settings, browser, token)
        try:
            found = self.services.report(run_id, who, share or None)
        except CompressorError as error:
            return _nothing(paragraphs([sentence(error)], "problem"))
        if found is None:
            return _nothing(empty(t("compare.empty")))
        report, folder = found
        sample = run_id == SAMPLE_ID
        figures = (gr.update(visible=bool(report.variants)), *suited(report, place))
        if self._lent(run_id, share, who):
            return _closed(outcome(report, t("compare.shared_note")), *figures)
        read = rows.load(folder)
        said = outcome(report, t("compare.sample_note") if sample else "")
        seen = (said, *figures, *browser_panel.opened(self.services, report, sample))
        return seen, edition(folder), (*try_panel.opened(report, read, sample), *flips_panel.opened(report, read))

    def suit(self, run_id: str | None, place: str | None, share: str | None, browser: Any, token: Any) -> Any:
        """`CompareTab.suited` for another place."""
        found = self.services.report(run_id, visitor(self.services.settings, browser, token), share or None)
        return suited(found[0], place) if found else (gr.skip(),) * 3


def edition(folder: Path) -> str:
    """Names a result, and another one once it is made anew."""
    with suppress(OSError):
        return f"{folder.name} {(folder / 'report.json').stat().st_mtime_ns}"
    return ""


def suited(report: Report, place: str | None) -> tuple[str, str, str]:
    """(what suits the place, plots, table), all marked alike."""
    found = suiting_view.suited(report, place)
    return (
        suiting_view.render(report, found),
        drawings(report, found),
        compare_view.table(report, found) + robust_view.table(report),
    )


def _nothing(said: str) -> Looked:
    return _closed(said, gr.update(visible=False), "", "", "")


def _closed(*figures: Any) -> Looked:
    return (*figures, *browser_panel.closed()), "", (*try_panel.closed(), *flips_panel.closed())


def outcome(report: Report, note: str = "") -> str:
    """The sentence on top, and what it is about: `note`, where this is not simply a run of one's own."""
    said = f'<p class="outcome">{esc(compare_view.sentence(report))}</p>'
    source = clip(report.teacher.rstrip("/").split("/")[-1], 80) if report.teacher else ""
    judged = any(v.quality is not None or v.agreement is not None for v in report.variants)
    key = "compare.about" if judged else "compare.about_no_rows"
    about = note or t(key, teacher=source, n=len(report.variants))
    return f'{said}<p class="outcome-from">{esc(about)}</p>'


def drawings(report: Report, found: Suited | None = None) -> str:
    """Both plots, or the sentence why there is none."""
    drawn = plots.trade_off(report, "bytes", found) + plots.trade_off(report, "latency", found)
    return f'<div class="plots">{drawn}</div>' if drawn else f'<p class="small">{esc(t("plot.none"))}</p>'


def wire(tab: CompareTab, item: gr.Tab, page: gr.Blocks, shared: Shared) -> None:
    act = Handlers(shared.services)
    pick = shared.compare_pick
    asked = tab.asked(shared)
    item.select(act.refresh, [pick, shared.run_id, shared.share, *shared.who], pick, **LIGHT).then(
        act.visit, [*asked[:3], tab.opened, *shared.who], tab.shown, **ASKS
    )
    pick.input(act.show, asked, tab.shown, **ASKS, **LAST)
    place_panel.wire(tab.place, page)
    tab.place.place.input(guarded(act.suit), asked, tab.suited, **ASKS, **LAST)
    try_panel.wire(tab.try_it, shared)
    browser_panel.wire(tab.browser, tab.try_it, shared)
    flips_panel.wire(tab.flips, shared)
    quick_panel.wire(tab.quick, lambda event: event(act.show, asked, tab.shown, **ASKS), shared)
