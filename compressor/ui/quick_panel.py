"""Quick comparison: any models side by side, without a run. It is a job like a run, and opens above when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.recipe import DATA_SUFFIXES, Data, Recipe
from compressor.ui import run_panel, run_view, teacher_section
from compressor.ui.form import Form, data_raw
from compressor.ui.handlers import ASKS, LIGHT, guarded, sentence, visitor
from compressor.ui.runs_tab import finished
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import Shared, hidden_text, step_title
from compressor.ui.text import clip, paragraphs
from compressor.ui.words import t


@dataclass(frozen=True)
class QuickPanel:
    accordion: gr.Accordion
    models: gr.Dropdown
    source: gr.Dropdown
    file: gr.File
    button: gr.Button
    cancel: gr.Button
    progress: gr.HTML
    job: gr.Textbox
    opened: gr.Textbox
    timer: gr.Timer


def build() -> QuickPanel:
    with gr.Column(elem_classes="step", elem_id="quick"):
        step_title("", "quick")
        with gr.Accordion(t("quick.open"), open=False, elem_id="quick-open") as accordion:
            models = gr.Dropdown(
                choices=[], value=[], multiselect=True, allow_custom_value=True, elem_id="quick-models",
                label=t("quick.models"), info=t("quick.models_info"), max_choices=12,
            )  # fmt: skip
            with gr.Row(equal_height=False):
                source = gr.Dropdown(
                    choices=[], value=None, allow_custom_value=True, elem_id="quick-data", label=t("quick.data"),
                    info=t("quick.data_info"), min_width=240,
                )  # fmt: skip
                file = gr.File(
                    label=t("quick.file"),
                    elem_id="quick-file",
                    file_types=list(DATA_SUFFIXES),
                    height=100,
                    type="filepath",
                )
            with gr.Row():
                button = gr.Button(
                    t("quick.button"), variant="primary", elem_id="quick-compare", min_width=140, scale=0
                )
                cancel = gr.Button(
                    t("run.cancel"), variant="stop", visible=False, elem_id="quick-cancel", min_width=120, scale=0
                )
            progress = gr.HTML("", elem_id="quick-progress")
    return QuickPanel(accordion, models, source, file, button, cancel, progress, hidden_text("quick-job"),
                      hidden_text("quick-opened"), gr.Timer(1.5, active=False))  # fmt: skip


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def choices(self, browser: Any, token: Any) -> Any:
        """The demo's teacher and the versions of finished runs, to choose from."""
        who = visitor(self.services.settings, browser, token)
        found = [(t("teacher.demo_name"), "demo")]
        for job in self.services.jobs(who)[:20]:
            if job.status == "finished" and job.kind == "run":
                for name, folder in self.services.variants(job):
                    found.append((f"{clip(job.title, 50)}: {name}", folder))
        return gr.update(choices=found)

    def start(self, models: list[str], source: str | None, file: str | None, browser: Any, token: Any) -> str:
        who = visitor(self.services.settings, browser, token)
        references = [m.strip() for m in models or () if m and m.strip()]
        if len(references) < 2:
            raise gr.Error(t("quick.two"), title="", print_exception=False)
        return self.services.compare(references, *self._data(source, file, who), visitor=who).id

    def _data(self, source: str | None, file: str | None, who: Visitor) -> tuple[Data | None, dict[str, str] | None]:
        files = self.services.keep({"test": file}, who) if file else None
        raw = data_raw(Form(source=source, test=file), trains=False, files=files)
        if raw is None:
            return None, files
        return Recipe.parse({"teacher": "any", "student": None, "data": raw}).data, files

    def tick(self, job_id: str, browser: Any, token: Any) -> tuple[Any, ...]:
        """(progress, timer, cancel, pick, opened): when it is done, the tab opens it."""
        off = gr.Timer(active=False), gr.update(visible=False), gr.skip(), gr.skip()
        if not job_id:
            return gr.skip(), *off
        who = visitor(self.services.settings, browser, token)
        try:
            job = self.services.job(job_id, who)
            state = self.services.state(job)
        except Exception as error:
            return paragraphs([sentence(error)], "problem"), *off
        shown = run_view.progress(job.status, state, ["measure"], place=job.place, error=job.error)
        live = job.status in run_view.LIVE
        if job.status != "finished":
            return shown, gr.Timer(active=live), gr.update(visible=live), gr.skip(), gr.skip()
        pick = gr.update(choices=finished(self.services, who), value=job.id)
        return shown, gr.Timer(active=False), gr.update(visible=False), pick, job.id


def _begun() -> tuple[Any, Any]:
    """(timer, cancel): the button may say what became of the comparison before."""
    return gr.Timer(active=True), gr.update(interactive=True, value=t("run.cancel"))


def wire(panel: QuickPanel, open_it: Callable[[Any], Any], shared: Shared) -> None:
    """`open_it` makes an event show the run that stands in the list."""
    act, who, pick = Handlers(shared.services), shared.who, shared.compare_pick
    panel.accordion.expand(guarded(act.choices), who, panel.models, **LIGHT)
    panel.models.key_up(teacher_section.searcher(shared.services, "model"), who, panel.models, **ASKS)
    panel.source.key_up(teacher_section.searcher(shared.services, "dataset"), who, panel.source, **ASKS)
    panel.button.click(
        guarded(act.start), [panel.models, panel.source, panel.file, *who], panel.job, api_visibility="private"
    ).success(_begun, None, [panel.timer, panel.cancel], **LIGHT)
    panel.timer.tick(
        act.tick, [panel.job, *who], [panel.progress, panel.timer, panel.cancel, pick, panel.opened], **LIGHT
    )
    cancel = guarded(run_panel.Handlers(shared.services).cancel)
    panel.cancel.click(cancel, [panel.job, *who], panel.cancel, api_visibility="private")
    open_it(panel.opened.change)
