"""Run it in this browser: a version of the run, on the visitor's own device. The server hands out the model's files; the text is
never sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from compressor import browser
from compressor.report import Report
from compressor.results import in_browser
from compressor.ui import browser_files
from compressor.ui.handlers import sentence, visitor
from compressor.ui.metrics import generates
from compressor.ui.services import Services
from compressor.ui.shared import Shared, hidden_text
from compressor.ui.text import esc, size
from compressor.ui.try_panel import TryPanel
from compressor.ui.words import t

SCRIPT = browser.OWN / "panel.js"
MOST = 500_000
"""Characters of what the page is told of a model: its labels, most of all."""

SPOKEN = ("browser.no_text", "browser.no_wasm", "browser.preparing", "browser.loading", "browser.not_fetched", "browser.failed",
          "browser.name", "browser.ms", "browser.how", "browser.wasm", "browser.webgpu", "browser.loaded")  # fmt: skip
"""What the page says by itself, without the server."""


@dataclass(frozen=True)
class BrowserPanel:
    button: gr.Button
    note: gr.HTML
    ask: gr.Button
    told: gr.Textbox

    @property
    def shown(self) -> list[Any]:
        return [self.button, self.note]


def build() -> BrowserPanel:
    """In the column that is open."""
    with gr.Row(elem_id="browser-row"):
        button = gr.Button(
            t("browser.button"), interactive=False, scale=0, min_width=200, elem_id="run-in-browser",
            elem_classes="center-button",
        )  # fmt: skip
        note = gr.HTML("", elem_id="browser-note")
    gr.HTML('<div id="browser-here" role="status" aria-live="polite"></div>', elem_id="browser-answer")
    ask = gr.Button(t("browser.button"), visible="hidden", elem_id="browser-ask")
    return BrowserPanel(button, note, ask, hidden_text("browser-told", MOST))


def opened(services: Services, report: Report, sample: bool) -> tuple[Any, ...]:
    """`BrowserPanel.shown` for a report."""
    chosen = in_browser.candidate(report)
    reason = reason_not(services, report)
    if sample or reason or chosen is None:
        return gr.update(interactive=False), _line(reason or t("browser.no_variant"))
    room = size(chosen.bytes + browser.download(services.settings))
    return gr.update(interactive=True), _line(t("browser.offer", name=chosen.name, size=room))


def closed() -> tuple[Any, ...]:
    return gr.update(interactive=False), ""


def _line(said: str) -> str:
    return f'<p class="small">{esc(said)}</p>'


def reason_not(services: Services, report: Report) -> str | None:
    """Why no version of this report can run in a browser now, in a sentence; None where one can."""
    if generates(report):
        return t("browser.no_task")
    chosen = in_browser.candidate(report)
    if chosen is None:
        return t("browser.no_variant")
    if Path(chosen.path).is_absolute():  # somebody's folder or a download: only predicting reads there
        return t("browser.not_made")
    if browser.look(services.settings).ready:
        return None
    if services.fetching:
        return t("browser.fetching")
    return t("browser.not_installed") if browser.npm() else t("browser.no_npm")


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def prepare(self, run_id: str, browser_key: Any, token: Any) -> str:
        """Lend the version's files to this visitor: JSON with their addresses and what the browser has to know, or
        `{"run", "say": sentence}`."""
        try:
            found = self._lent(run_id, browser_key, token)
        except Exception as error:  # the panel says it, where the person looks
            found = {"say": sentence(error)}
        return json.dumps({"run": run_id, **found})

    def _lent(self, run_id: str, browser_key: Any, token: Any) -> dict[str, Any]:
        who = visitor(self.services.settings, browser_key, token)
        job = self.services.job(run_id, who)
        report = Report.load(job.own().folder)
        if (reason := reason_not(self.services, report)) is not None:
            return {"say": reason}
        chosen = in_browser.candidate(report)
        assert chosen is not None
        files = in_browser.files(job.folder / chosen.path)
        self.services.count("download", who)
        told = self.services.helper.request(
            "browser", 120, folder=str(job.folder), variant=chosen.name, owner=job.own().owner
        )
        lent = self.services.lend(files, who.owner)
        return {
            "name": chosen.name,
            "mark": report.variants.index(chosen),
            "facts": told,
            "runtime": browser_files.address(),
            "files": {name: {"url": _address(path), "bytes": path.stat().st_size} for name, path in lent.items()},
        }


def _address(path: Path) -> str:
    """Where gradio serves a file of its own folder, from the page's root."""
    return f"gradio_api/file={quote(path.as_posix())}"


def script() -> str:
    """The page's side, as the function that gradio runs when the page is opened."""
    words = json.dumps({key.partition(".")[2]: t(key) for key in SPOKEN})
    return f"() => {{ (\n{SCRIPT.read_text(encoding='utf-8').strip()}\n)({words}); }}"


def wire(panel: BrowserPanel, trial: TryPanel, shared: Shared) -> None:
    act = Handlers(shared.services)
    pick = shared.compare_pick
    here: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    panel.button.click(
        None, [pick, trial.text, trial.pair], None, **here,
        js="(run, text, pair) => { window.compressorBrowser.press(run, text, pair); }",
    )  # fmt: skip
    asked = (
        panel.ask.click(  # another run may be asked for before the first has answered: its answer is told by its run
            act.prepare, [pick, *shared.who], panel.told, concurrency_limit=4, trigger_mode="multiple", **here
        )
    )
    asked.success(None, panel.told, None, js="(told) => { window.compressorBrowser.hear(told); }", **here)
    asked.failure(None, None, None, js="() => { window.compressorBrowser.unheard(); }", **here)
    pick.change(None, None, None, js="() => { window.compressorBrowser?.letGo(); }", **here)
