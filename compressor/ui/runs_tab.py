"""The Runs tab: every run of this person, with its recipe, log and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from compressor.ui.handlers import LAST, LIGHT, guarded, visitor
from compressor.ui.on_page import why
from compressor.ui.run_panel import log_of, recipe_of, result
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import COMPRESS, Shared, empty
from compressor.ui.text import ago, clip, duration, esc, paragraphs
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job


@dataclass(frozen=True)
class RunsTab:
    pick: gr.Radio
    summary: gr.HTML
    detail: gr.Column
    open: gr.Button
    again: gr.Button
    change: gr.Button
    delete: gr.Button
    sure: gr.Button
    report: gr.DownloadButton
    recipe: gr.Code
    log: gr.Code

    @property
    def shown(self) -> list[Any]:
        return [self.summary, self.detail, self.report, self.recipe, self.log, self.change, self.delete, self.sure]


def build(keep_days: float | None) -> RunsTab:
    lead = t("runs.lead") if keep_days is None else t("runs.lead_days", days=f"{keep_days:g}")
    with gr.Column(elem_classes="step"):
        gr.HTML(f'<p class="lead">{esc(lead)}</p>')
        pick = gr.Radio(choices=[], elem_id="runs-list", label=t("runs.label"), elem_classes="as-list", visible=False)
        summary = gr.HTML(empty(t("runs.empty")), elem_id="run-summary")
        with gr.Column(visible=False, elem_id="run-detail") as detail:
            with gr.Row():
                open_ = gr.Button(t("runs.open"), variant="primary", elem_id="run-open", min_width=120)
                again = gr.Button(t("runs.again"), elem_id="run-again", min_width=140)
                change = gr.Button(t("run.change"), elem_id="run-change", min_width=160)
                report = gr.DownloadButton(t("runs.report"), visible=False, elem_id="run-report", min_width=140)
                delete = gr.Button(t("runs.delete"), elem_id="run-delete", min_width=120)
                sure = gr.Button(
                    t("runs.delete_sure"), variant="stop", visible=False, elem_id="run-delete-sure", min_width=120
                )
            recipe = gr.Code("", language="yaml", interactive=False, elem_id="runs-recipe", label=t("recipe.label"))
            log = gr.Code("", language=None, interactive=False, elem_id="runs-log", label=t("runs.log"), max_lines=24)
    return RunsTab(pick, summary, detail, open_, again, change, delete, sure, report, recipe, log)


def label(job: Job) -> str:
    """A run's line in a list: `teacher · half (finished, 3 min ago)`."""
    return t("runs.line", title=clip(job.title, 80), status=_status(job), when=ago(job.created))


def _status(job: Job) -> str:
    wait = getattr(job, "wait", None)
    if job.status != "queued" or not job.place:
        return t(f"status.{job.status}").lower()
    return (
        t("runs.queued", place=job.place) if wait is None else t("runs.queued_in", place=job.place, time=duration(wait))
    )


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def refresh(self, browser: Any, token: Any) -> tuple[Any, ...]:
        jobs = self.services.jobs(visitor(self.services.settings, browser, token))
        choices = [(label(job), job.id) for job in jobs]
        said = empty(t("runs.pick") if jobs else t("runs.empty"))
        off = gr.update(visible=False)
        return (
            gr.update(choices=choices, value=None, visible=bool(jobs)),
            said,
            off,
            off,
            "",
            "",
            gr.skip(),
            gr.skip(),
            off,
        )

    def pick(self, run_id: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
        if not run_id:
            return (gr.skip(),) * 8
        job = self.services.job(run_id, visitor(self.services.settings, browser, token))
        path = self.services.report_file(job)
        report = gr.update(visible=path is not None, value=path)
        said = (
            result(job.folder)
            if job.status == "finished"
            else paragraphs([why(job) or t(f"run.{job.status}")], "problem" if job.status == "failed" else "note")
        )
        return (said, gr.update(visible=True), report, recipe_of(job), log_of(job),
                gr.update(visible=job.kind == "run"), gr.update(visible=True), gr.update(visible=False))  # fmt: skip

    def again(self, run_id: str, browser: Any, token: Any) -> tuple[str, str, Any]:
        """The same once more, shown on the Compress tab."""
        who = visitor(self.services.settings, browser, token)
        job = self.services.again(self.services.job(run_id, who), who)
        return job.id, "", gr.Tabs(selected=COMPRESS)

    def delete(self, run_id: str, browser: Any, token: Any) -> None:
        who = visitor(self.services.settings, browser, token)
        self.services.delete(self.services.job(run_id, who), who)
        gr.Info(t("runs.deleted"), title="", duration=4)


def finished(services: Services, who: Visitor) -> list[tuple[str, str]]:
    """Finished runs and comparisons as choices, the newest first."""
    return [(label(job), job.id) for job in services.jobs(who) if job.status == "finished"]


def wire(tab: RunsTab, item: gr.Tab, shared: Shared) -> None:
    act = Handlers(shared.services)
    listed = [tab.pick, tab.summary, tab.detail, tab.report, tab.recipe, tab.log, tab.change, tab.delete, tab.sure]
    opened = [shared.run_id, shared.share, shared.tabs]
    item.select(guarded(act.refresh), shared.who, listed, **LIGHT)
    tab.pick.input(guarded(act.pick), [tab.pick, *shared.who], tab.shown, **LIGHT, **LAST)
    tab.open.click(lambda run_id: (run_id, "", gr.Tabs(selected=COMPRESS)), tab.pick, opened, **LIGHT)
    tab.again.click(guarded(act.again), [tab.pick, *shared.who], opened, api_visibility="private")
    tab.delete.click(lambda: (gr.update(visible=False), gr.update(visible=True)), None, [tab.delete, tab.sure], **LIGHT)
    tab.sure.click(guarded(act.delete), [tab.pick, *shared.who], None, api_visibility="private").then(
        guarded(act.refresh), shared.who, listed, **LIGHT
    )
