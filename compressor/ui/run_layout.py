"""What a run's panel consists of: its components, and which of them change while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.ui import run_done
from compressor.ui.shared import hidden_text
from compressor.ui.words import t

SECONDS = 1.5
"""Between two looks at a run that is going on."""


@dataclass(frozen=True)
class RunPanel:
    column: gr.Column
    head: gr.HTML
    progress: gr.HTML
    result: gr.HTML
    curves: gr.Row
    loss: gr.LinePlot
    quality: gr.LinePlot
    cancel: gr.Button
    resume: gr.Button
    change: gr.Button
    compare: gr.Button
    publish: gr.Button
    share: gr.Button
    link: gr.Textbox
    new: gr.Button
    recipe: gr.Code
    log: gr.Code
    details: gr.Accordion
    title: gr.Textbox
    seen: gr.Textbox
    timer: gr.Timer
    done: run_done.DonePanel

    @property
    def shown(self) -> list[Any]:
        """What `Handlers.show` fills in."""
        return [self.column, self.head, self.progress, self.result, self.curves, self.loss, self.quality, self.cancel,
                self.resume, self.change, self.compare, self.publish, self.share, self.new, *self.done.shown,
                self.title, self.seen, self.timer]  # fmt: skip


def build() -> RunPanel:
    with gr.Column(visible=False, elem_id="run-panel") as column, gr.Column(elem_classes="step"):
        head = gr.HTML("", elem_id="run-head")
        result = gr.HTML("", elem_id="run-result")
        done = run_done.build()
        progress = gr.HTML("", elem_id="run-progress")
        with gr.Row(visible=False, elem_id="curves") as curves:
            loss, quality = _curve("loss"), _curve("quality")
        cancel, resume, change, compare, publish, share, new = _buttons()
        link = gr.Textbox(
            visible=False, elem_id="share-link", label=t("run.share_label"), info=t("run.share_info"),
            interactive=False, buttons=["copy"],
        )  # fmt: skip
        with gr.Accordion(t("run.details"), open=False, elem_id="run-details") as details:
            recipe = gr.Code("", language="yaml", interactive=False, elem_id="run-recipe", label=t("recipe.label"))
            log = gr.Code("", language=None, interactive=False, elem_id="run-log", label=t("runs.log"), max_lines=20)
    title, seen = hidden_text("tab-title"), hidden_text("run-seen")
    timer = gr.Timer(SECONDS, active=False)
    return RunPanel(column, head, progress, result, curves, loss, quality, cancel, resume, change, compare, publish, share,
                    link, new, recipe, log, details, title, seen, timer, done)  # fmt: skip


def _buttons() -> tuple[gr.Button, ...]:
    """Cancel, resume, change, compare, publish, share, new."""
    with gr.Row(elem_id="run-buttons"):
        compare = gr.Button(t("run.compare"), variant="primary", visible=False, elem_id="open-compare", min_width=140)
        publish = gr.Button(t("run.publish"), visible=False, elem_id="open-publish", min_width=140)
        resume = gr.Button(t("run.resume"), variant="primary", visible=False, elem_id="resume", min_width=120)
        change = gr.Button(t("run.change"), visible=False, elem_id="change", min_width=160)
        cancel = gr.Button(t("run.cancel"), variant="stop", visible=False, elem_id="cancel", min_width=120)
        share = gr.Button(t("run.share"), visible=False, elem_id="share", min_width=120)
        new = gr.Button(t("run.new"), elem_id="new-run", min_width=120)
    return cancel, resume, change, compare, publish, share, new


def _curve(kind: str) -> gr.LinePlot:
    return gr.LinePlot(
        x=t("curve.step"), y=t(f"curve.{kind}"), color="series", color_title=" ", y_title=" ", height=250, min_width=260,
        colors_in_legend=[] if kind == "loss" else None,
        label=t(f"curve.{kind}_label"), elem_id=f"curve-{kind}", tooltip="axis",
        color_map={t("curve.loss"): "#3b82f6", t("curve.student"): "#0f9488", t("curve.teacher"): "#7b8794"},
    )  # fmt: skip
