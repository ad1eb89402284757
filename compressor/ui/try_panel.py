"""Try it: a text, and every version's answer side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.report import Report
from compressor.ui import answers, rows
from compressor.ui.handlers import LAST, LIGHT, guarded, visitor
from compressor.ui.metrics import generates
from compressor.ui.services import Services
from compressor.ui.shared import Shared, empty, step_title
from compressor.ui.words import t

MOST = 10_000
"""Characters of a text to try."""


@dataclass(frozen=True)
class TryPanel:
    text: gr.Textbox
    pair: gr.Textbox
    button: gr.Button
    examples: gr.Dataset
    answers: gr.HTML

    @property
    def shown(self) -> list[Any]:
        return [self.text, self.pair, self.button, self.examples, self.answers]


def build() -> TryPanel:
    """In the column that is open."""
    step_title("", "try")
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=240):
            text = gr.Textbox(label=t("try.text"), lines=2, max_lines=8, max_length=MOST, elem_id="try-text")
            pair = gr.Textbox(
                label=t("try.pair"), lines=2, max_lines=8, max_length=MOST, visible=False, elem_id="try-pair"
            )
        button = gr.Button(
            t("try.button"), variant="primary", scale=1, min_width=120, elem_id="predict", elem_classes="center-button"
        )
    examples = gr.Dataset(
        components=[gr.Textbox(visible=False)], samples=[], label=t("try.examples"), elem_id="try-examples",
        visible=False, type="values",
    )  # fmt: skip
    shown = gr.HTML(empty(t("try.waiting")), elem_id="answers")
    return TryPanel(text, pair, button, examples, shown)


def opened(report: Report, read: rows.Rows | None, sample: bool) -> tuple[Any, ...]:
    """`TryPanel.shown` for a report. The sample has no models to ask."""
    if sample:
        return (gr.update(interactive=False), gr.update(visible=False), gr.update(interactive=False),
                gr.update(visible=False), empty(t("try.sample")))  # fmt: skip
    short = rows.examples(read)
    label = t("try.prompt" if generates(report) else "try.text")
    return (
        gr.update(interactive=True, label=label, value=""),
        gr.update(visible=bool(read and read.pairs), value=""),
        gr.update(interactive=True),
        gr.update(visible=bool(short), samples=[[text] for text in short]),
        empty(t("try.waiting")),
    )


def closed() -> tuple[Any, ...]:
    off = gr.update(interactive=False)
    return off, gr.update(visible=False), off, gr.update(visible=False), ""


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def predict(self, run_id: str, text: str, pair: str, browser: Any, token: Any) -> str:
        if not (text or "").strip():
            return empty(t("try.waiting"))
        who = visitor(self.services.settings, browser, token)
        job = self.services.job(run_id, who)
        asked: Any = [text, pair] if (pair or "").strip() else text
        found = self.services.predict(job, [asked], who)
        return answers.render(found[0]["predictions"])


def wire(panel: TryPanel, shared: Shared) -> None:
    act = Handlers(shared.services)
    inputs = [shared.compare_pick, panel.text, panel.pair, *shared.who]
    asked: dict[str, Any] = {"concurrency_limit": 4, "show_progress": "minimal", "api_visibility": "private", **LAST}
    chosen = panel.examples.click(lambda sample: sample[0], panel.examples, panel.text, **LIGHT)
    events = [
        event(guarded(act.predict), inputs, panel.answers, **asked)
        for event in (panel.button.click, panel.text.submit, chosen.then)
    ]
    # An answer that comes once another run is chosen would stand under that one's name.
    shared.compare_pick.change(None, None, None, cancels=events, api_visibility="private")
