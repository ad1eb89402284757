"""A run in the form's place: stages, live curves, cancel; and what it came to. A timer reads what is new while it runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from compressor.errors import CompressorError
from compressor.jobs.quota import kept_until
from compressor.results.searched import taken
from compressor.ui import compare_view, frontier, on_page, plots, run_done, run_view
from compressor.ui.handlers import LIGHT, guarded, sentence, visitor
from compressor.ui.run_layout import RunPanel
from compressor.ui.run_state import RunState, expected_stages
from compressor.ui.services import Services
from compressor.ui.text import clip, day, duration, esc, paragraphs
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job

CAN_GO_ON = ("failed", "cancelled", "interrupted")


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
        rest = (gr.skip(),) * (13 + len(run_done.hidden()))
        return (gr.update(visible=False), *rest, t("app.name"), "", gr.Timer(active=False))

    def _missing(self, error: CompressorError) -> tuple[Any, ...]:
        off = gr.update(visible=False)
        said = paragraphs([sentence(error)], "problem")
        return (gr.update(visible=True), said, "", "", off, None, None, *(off,) * 6, gr.update(visible=True),
                *run_done.hidden(), t("app.name"), "", gr.Timer(active=False))  # fmt: skip

    def _shown(self, job: Job, read_only: bool) -> tuple[Any, ...]:
        state = self.services.state(job)
        live = job.status in run_view.LIVE
        done = job.status == "finished"
        loss, quality = plots.loss_curve(state.loss), plots.quality_curve(state.quality, state.teacher_quality)
        mine = not read_only
        return (
            gr.update(visible=True),
            _head(job, read_only, kept_until(self.services.settings, job)),
            run_view.progress(
                job.status,
                state,
                _expected(job),
                place=job.place,
                wait=getattr(job, "wait", None),
                error=on_page.why(job),
            )
            + ("" if done else _frontier(job, state)),
            result(job.folder) if done else "",
            gr.update(visible=bool(loss or quality)),
            loss,
            quality,
            gr.update(visible=live and mine, interactive=True, value=t("run.cancel")),
            gr.update(visible=mine and job.status in CAN_GO_ON),
            gr.update(visible=mine and job.status in CAN_GO_ON and job.kind == "run"),
            gr.update(visible=done),
            gr.update(visible=mine and done and job.kind == "run"),
            gr.update(visible=mine),
            gr.update(visible=mine),
            *run_done.shown(job, self.services.settings, mine=mine),
            run_view.title(job.status, state),
            version(job, state),
            gr.Timer(active=live),
        )


def version(job: Job, state: RunState) -> str:
    """Changes whenever the panel would look different."""
    wait = getattr(job, "wait", None)
    left = "" if wait is None else duration(wait)
    return f"{job.id[:8]}.{job.status}.{job.place}.{left}.{state.offset}"


def result(folder: Path) -> str:
    """A finished run's one sentence."""
    from compressor.report import Report

    try:
        report = Report.load(folder)
    except CompressorError as error:
        return paragraphs([str(error)], "problem")
    plot = ""
    if report.search is not None:
        plot = frontier.plot(report.search.points, report.search, taken(report.search))
    return f'<p class="outcome">{esc(compare_view.sentence(report))}</p>{plot}'


def _frontier(job: Job, state: RunState) -> str:
    """What a search has tried so far."""
    if not state.points or job.kind == "compare":
        return ""
    found = job.run.recipe_or_none()
    return frontier.plot(frontier.points_of(state.points), found.target) if found and found.target else ""


def recipe_of(job: Job) -> str:
    """The recipe with its defaults filled in; before the run has begun, as it was asked."""
    with suppress(OSError):
        return (job.folder / "recipe.yaml").read_text(encoding="utf-8")
    with suppress(CompressorError):
        return "" if job.kind == "compare" or job.view else job.recipe().to_yaml(asked_only=True)
    return ""


def log_of(job: Job) -> str:
    from compressor.runfolder import RunFolder

    return RunFolder(job.folder).log_tail() or t("runs.no_log")


def _expected(job: Job) -> list[str]:
    if job.kind == "compare":
        return ["measure"]
    found = job.run.recipe_or_none()
    if found is None:  # it has not begun
        with suppress(CompressorError):
            found = job.recipe()
    return expected_stages(found)


def _head(job: Job, read_only: bool, until: float | None = None) -> str:
    notes = [t("run.shared" if job.view else "run.shared_own")] if read_only else []
    notes += [t("run.kept_until", day=day(until))] if until is not None else []
    said = "".join(f'<p class="small">{esc(note)}</p>' for note in notes)
    return f'<div class="step-title"><h2>{esc(clip(job.title, 120))}</h2></div>{said}'


def wire(
    panel: RunPanel, form: gr.Column, services: Services, run_id: gr.Textbox, share: gr.Textbox, who: list[Any]
) -> Any:
    """Connect the panel; the event that leads from a run back to the form."""
    act = Handlers(services)
    where = [run_id, share, *who]
    run_id.change(act.show, where, panel.shown, **LIGHT).then(
        lambda found: gr.update(visible=not found), run_id, form, **LIGHT
    )
    run_id.change(None, [run_id, share], None, js=ADDRESS)
    # Another run's: its link would give that one away, and its log be taken for this one's.
    run_id.change(
        lambda: (gr.update(visible=False, value=""), gr.update(open=False), "", ""), None,
        [panel.link, panel.details, panel.recipe, panel.log], **LIGHT,
    )  # fmt: skip
    panel.timer.tick(act.tick, [run_id, share, panel.seen, *who], panel.shown, **LIGHT)
    panel.title.change(None, panel.title, None, js="(title) => { document.title = title || 'Compressor'; }")
    panel.cancel.click(guarded(act.cancel), [run_id, *who], panel.cancel, api_visibility="private")
    panel.resume.click(guarded(act.resume), [run_id, *who], None, api_visibility="private").success(
        act.show, where, panel.shown, **LIGHT
    )
    panel.share.click(guarded(act.link), [run_id, *who], panel.link, api_visibility="private")
    panel.details.expand(guarded(act.details), where, [panel.recipe, panel.log], api_visibility="private")
    return panel.new.click(lambda: ("", ""), None, [run_id, share], **LIGHT)


ADDRESS = """(run, share) => {
  const url = new URL(window.location);
  for (const [key, value] of [['run', run], ['share', share]]) {
    value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
  }
  window.history.replaceState(null, '', url);
}"""
"""The run stands in the address, so that a reload and a bookmark show it again."""
