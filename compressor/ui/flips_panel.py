"""Where the versions part ways: the rows, filtered; the change of each class; all of it as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.report import Report
from compressor.results.summary import best
from compressor.ui import rows
from compressor.ui.handlers import LAST, guarded, visitor
from compressor.ui.services import Services
from compressor.ui.shared import Shared, empty, step_title
from compressor.ui.text import esc
from compressor.ui.words import t


@dataclass(frozen=True)
class FlipsPanel:
    column: gr.Column
    variant: gr.Dropdown
    which: gr.Radio
    line: gr.HTML
    table: gr.HTML
    classes: gr.HTML
    prepare: gr.Button
    download: gr.DownloadButton

    @property
    def shown(self) -> list[Any]:
        return [self.column, self.variant, self.which, self.line, self.table, self.classes, self.prepare, self.download]


def build() -> FlipsPanel:
    with gr.Column(elem_classes="step", elem_id="flips", visible=False) as column:
        step_title("", "flips")
        with gr.Row():
            variant = gr.Dropdown(choices=[], elem_id="flips-variant", label=t("flips.variant"), min_width=180)
            which = gr.Radio(
                choices=_filters(), value=rows.ALL,
                elem_id="flips-filter", label=t("flips.filter"), min_width=260, scale=2,
            )  # fmt: skip
        line = gr.HTML("", elem_id="flips-count")
        table = gr.HTML("", elem_id="flips-table")
        classes = gr.HTML("", elem_id="classes")
        with gr.Row():
            prepare = gr.Button(t("flips.download"), elem_id="flips-download", min_width=160, scale=0)
            download = gr.DownloadButton(t("flips.download"), visible="hidden", elem_id="flips-file")
    return FlipsPanel(column, variant, which, line, table, classes, prepare, download)


def _filters(*, numbers: bool = False) -> list[tuple[str, str]]:
    """(what it says, its key): of numbers none is right or wrong, one is nearer."""
    said = {rows.LOST: "flips.lost_numbers", rows.WON: "flips.won_numbers"} if numbers else {}
    return [(t(said.get(key, f"flips.{key}")), key) for key in (rows.ALL, rows.LOST, rows.WON)]


def opened(report: Report, read: rows.Rows | None) -> tuple[Any, ...]:
    """`FlipsPanel.shown` for a report."""
    if read is None or len(read.names) < 2:
        return closed()
    chosen = best(report)
    name = chosen.name if chosen is not None and chosen.name in read.names else read.names[1]
    return (
        gr.update(visible=True),
        gr.update(choices=read.names[1:], value=name),
        gr.update(visible=read.labelled, choices=_filters(numbers=read.gap is not None), value=rows.ALL),
        *filled(read, name, rows.ALL),
        gr.update(visible=True),
        gr.skip(),
    )


def closed() -> tuple[Any, ...]:
    return (gr.update(visible=False), *(gr.skip(),) * 7)


def filled(read: rows.Rows, name: str, which: str) -> tuple[str, str, str]:
    """(line, table, classes) for a variant and a filter."""
    line = f'<p class="splits">{esc(rows.count_line(read, name))}</p>'
    shown = rows.table(read, name, which) or empty(
        t("flips.none" if read.gap is None else "flips.none_numbers", name=name)
    )
    return line, shown, rows.classes_table(rows.by_class(read, name))


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def fill(self, run_id: str | None, name: str, which: str, browser: Any, token: Any) -> Any:
        found = self.services.report(run_id or None, visitor(self.services.settings, browser, token))
        read = rows.load(found[1]) if found else None
        if read is None or name not in read.names:
            return (gr.skip(),) * 3
        return filled(read, name, which or rows.ALL)

    def file(self, run_id: str | None, browser: Any, token: Any) -> Any:
        who = visitor(self.services.settings, browser, token)
        found = self.services.report(run_id or None, who)
        path = found[1] / "flips.csv" if found else None
        if path is None or not path.is_file():
            raise gr.Error(t("flips.no_rows"), title="", print_exception=False)
        self.services.count("download", who)
        return self.services.share_file(path, "flips.csv")


def wire(panel: FlipsPanel, shared: Shared) -> None:
    act = Handlers(shared.services)
    inputs = [shared.compare_pick, panel.variant, panel.which, *shared.who]
    fill = guarded(act.fill)
    for box in (panel.variant, panel.which):
        box.input(fill, inputs, [panel.line, panel.table, panel.classes], concurrency_limit=8, show_progress="hidden",
                  api_visibility="private", **LAST)  # fmt: skip
    panel.prepare.click(
        guarded(act.file), [shared.compare_pick, *shared.who], panel.download, api_visibility="private"
    ).success(None, None, None, js="() => { setTimeout(() => document.querySelector('#flips-file').click(), 150); }")
