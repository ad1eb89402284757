"""A run in the form's place: stages, live curves, cancel; and what it came to. A timer reads what is new while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from compressor.errors import CompressorError
from compressor.ui import compare_view, plots, run_view
from compressor.ui.handlers import LIGHT, guarded, sentence, visitor
from compressor.ui.run_state import RunState, expected_stages
from compressor.ui.services import Services
from compressor.ui.shared import hidden_text
from compressor.ui.text import clip, esc, paragraphs
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job

SECONDS = 1.5
CAN_GO_ON = ("failed", "cancelled", "interrupted")


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
    compare: gr.Button
    share: gr.Button
    link: gr.Textbox
    new: gr.Button
    recipe: gr.Code
    log: gr.Code
    details: gr.Accordion
    title: gr.Textbox
    seen: gr.Textbox
    timer: gr.Timer

    @property
    def shown(self) -> list[Any]:
        """What `Handlers.show` fills in."""
        return [self.column, self.head, self.progress, self.result, self.curves, self.loss, self.quality, self.cancel,
                self.resume, self.compare, self.share, self.new, self.title, self.seen, self.timer]  # fmt: skip


def build() -> RunPanel:
    with gr.Column(visible=False, elem_id="run-panel") as column, gr.Column(elem_classes="step"):
        head = gr.HTML("", elem_id="run-head")
        result = gr.HTML("", elem_id="run-result")
        progress = gr.HTML("", elem_id="run-progress")
        with gr.Row(visible=False, elem_id="curves") as curves:
            loss, quality = _curve("loss"), _curve("quality")
        buttons = _buttons()
        link = gr.Textbox(
            visible=False, elem_id="share-link", label=t("run.share_label"), info=t("run.share_info"),
            interactive=False, buttons=["copy"],
        )  # fmt: skip
        with gr.Accordion(t("run.details"), open=False, elem_id="run-details") as details:
            recipe = gr.Code("", language="yaml", interactive=False, elem_id="run-recipe", label=t("recipe.label"))
            log = gr.Code("", language=None, interactive=False, elem_id="run-log", label=t("runs.log"), max_lines=20)
    title, seen = hidden_text("tab-title"), hidden_text("run-seen")
    timer = gr.Timer(SECONDS, active=False)
    cancel, resume, compare, share, new = buttons
    return RunPanel(column, head, progress, result, curves, loss, quality, cancel, resume,
                    compare, share, link, new, recipe, log,
                    details, title, seen, timer)  # fmt: skip


def _buttons() -> tuple[gr.Button, gr.Button, gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_id="run-buttons"):
        compare = gr.Button(t("run.compare"), variant="primary", visible=False, elem_id="open-compare", min_width=140)
        resume = gr.Button(t("run.resume"), variant="primary", visible=False, elem_id="resume", min_width=120)
        cancel = gr.Button(t("run.cancel"), variant="stop", visible=False, elem_id="cancel", min_width=120)
        share = gr.Button(t("run.share"), visible=False, elem_id="share", min_width=120)
        new = gr.Button(t("run.new"), elem_id="new-run", min_width=120)
    return cancel, resume, compare, share, new


def _curve(kind: str) -> gr.LinePlot:
    return gr.LinePlot(
        x=t("curve.step"), y=t(f"curve.{kind}"), color="series", color_title=" ", y_title=" ", height=250, min_width=260,
        colors_in_legend=[] if kind == "loss" else None,
        label=t(f"curve.{kind}_label"), elem_id=f"curve-{kind}", tooltip="axis",
        color_map={t("curve.loss"): "#1d4ed8", t("curve.student"): "#0f9488", t("curve.teacher"): "#7b8794"},
    )  # fmt: skip


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def show(self, run_id: str | None, share: str | None, browser: Any, token: Any) -> Any:
        """The panel for the run of that id; hidden where there is none."""
        if not run_id:
            return self._hidden()
        try:
            job = self.services.job(run_id, visitor(self.services.settings, browser, token), share or None)
            return self._shown(job, read_only=bool(share))
        except CompressorError as error:
            return self._missing(error)

    def tick(self, run_id: str | None, share: str | None, seen: str | None, browser: Any, token: Any) -> Any:
        """`show` again, where anything is new."""
        if not run_id:
            return gr.skip()
        try:
            job = self.services.job(run_id, visitor(self.services.settings, browser, token), share or None)
            if version(job, self.services.state(job)) == seen:
                return gr.skip()
            return self._shown(job, read_only=bool(share))
        except CompressorError as error:
            return self._missing(error)

    def cancel(self, run_id: str, browser: Any, token: Any) -> Any:
        job = self.services.job(run_id, visitor(self.services.settings, browser, token))
        self.services.cancel(job)
        return gr.update(interactive=False, value=t("run.cancelling"))

    def resume(self, run_id: str, browser: Any, token: Any) -> None:
        who = visitor(self.services.settings, browser, token)
        self.services.resume(self.services.job(run_id, who), who)

    def link(self, run_id: str, browser: Any, token: Any, request: gr.Request) -> Any:
        who = visitor(self.services.settings, browser, token)
        job = self.services.job(run_id, who)
        base = str(request.request.base_url) if request.request is not None else "/"
        return gr.update(visible=True, value=f"{base}?run={job.id}&share={self.services.share_key(job, who)}")

    def details(self, run_id: str, share: str | None, browser: Any, token: Any) -> tuple[str, str]:
        job = self.services.job(run_id, visitor(self.services.settings, browser, token), share or None)
        return recipe_of(job), log_of(job)

    # ------------------------------------------------------------------ rendering

    def _hidden(self) -> tuple[Any, ...]:
        return (gr.update(visible=False), *(gr.skip(),) * 11, t("app.name"), "", gr.Timer(active=False))

    def _missing(self, error: CompressorError) -> tuple[Any, ...]:
        off = gr.update(visible=False)
        said = paragraphs([sentence(error)], "problem")
        return (gr.update(visible=True), said, "", "", off, None, None, off, off, off, off, gr.update(visible=True),
                t("app.name"), "", gr.Timer(active=False))  # fmt: skip

    def _shown(self, job: Job, read_only: bool) -> tuple[Any, ...]:
        state = self.services.state(job)
        live = job.status in run_view.LIVE
        done = job.status == "finished"
        loss, quality = plots.loss_curve(state.loss), plots.quality_curve(state.quality, state.teacher_quality)
        mine = not read_only
        return (
            gr.update(visible=True),
            _head(job, read_only),
            run_view.progress(job.status, state, _expected(job), place=job.place, error=job.error),
            result(job.folder) if done else "",
            gr.update(visible=bool(loss or quality)),
            loss,
            quality,
            gr.update(visible=live and mine, interactive=True, value=t("run.cancel")),
            gr.update(visible=mine and job.status in CAN_GO_ON),
            gr.update(visible=done),
            gr.update(visible=mine),
            gr.update(visible=mine),
            run_view.title(job.status, state),
            version(job, state),
            gr.Timer(active=live),
        )


def version(job: Job, state: RunState) -> str:
    """Changes whenever the panel would look different."""
    return f"{job.id[:8]}.{job.status}.{job.place}.{state.offset}"


def result(folder: Path) -> str:
    """A finished run's one sentence."""
    from compressor.report import Report

    try:
        report = Report.load(folder)
    except CompressorError as error:
        return paragraphs([str(error)], "problem")
    return f'<p class="outcome">{esc(compare_view.sentence(report))}</p>'


def recipe_of(job: Job) -> str:
    try:
        return (job.folder / "recipe.yaml").read_text(encoding="utf-8")
    except OSError:
        return ""


def log_of(job: Job) -> str:
    from compressor.runfolder import RunFolder

    return RunFolder(job.folder).log_tail() or t("runs.no_log")


def _expected(job: Job) -> list[str]:
    from compressor.runfolder import RunFolder

    return ["measure"] if job.kind == "compare" else expected_stages(RunFolder(job.folder).recipe_or_none())


def _head(job: Job, read_only: bool) -> str:
    note = f'<p class="small">{esc(t("run.shared"))}</p>' if read_only else ""
    return f'<div class="step-title"><h2>{esc(clip(job.title, 120))}</h2></div>{note}'


def wire(
    panel: RunPanel, form: gr.Column, services: Services, run_id: gr.Textbox, share: gr.Textbox, who: list[Any]
) -> None:
    act = Handlers(services)
    where = [run_id, share, *who]
    run_id.change(act.show, where, panel.shown, **LIGHT).then(
        lambda found: gr.update(visible=not found), run_id, form, **LIGHT
    )
    run_id.change(None, [run_id, share], None, js=ADDRESS)
    panel.timer.tick(act.tick, [run_id, share, panel.seen, *who], panel.shown, **LIGHT)
    panel.title.change(None, panel.title, None, js="(title) => { document.title = title || 'Compressor'; }")
    panel.cancel.click(guarded(act.cancel), [run_id, *who], panel.cancel, api_visibility="private")
    panel.resume.click(guarded(act.resume), [run_id, *who], None, api_visibility="private").success(
        act.show, where, panel.shown, **LIGHT
    )
    panel.share.click(guarded(act.link), [run_id, *who], panel.link, api_visibility="private")
    panel.details.expand(guarded(act.details), where, [panel.recipe, panel.log], api_visibility="private")
    panel.new.click(lambda: ("", "", gr.update(visible=False)), None, [run_id, share, panel.link], **LIGHT)


ADDRESS = """(run, share) => {
  const url = new URL(window.location);
  for (const [key, value] of [['run', run], ['share', share]]) {
    value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
  }
  window.history.replaceState(null, '', url);
}"""
"""The run stands in the address, so that a reload and a bookmark show it again."""
