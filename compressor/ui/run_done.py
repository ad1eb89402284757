"""Where a finished run's model is: on one's own machine the folder and how to load it, else the way to a zip file or a repo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from compressor.errors import CompressorError
from compressor.report import Report, Variant
from compressor.results.summary import best
from compressor.settings import Settings
from compressor.ui.text import esc
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job


@dataclass(frozen=True)
class DonePanel:
    column: gr.Column
    said: gr.HTML
    folder: gr.Textbox
    load: gr.Code

    @property
    def shown(self) -> list[Any]:
        return [self.column, self.said, self.folder, self.load]


def build() -> DonePanel:
    with gr.Column(visible=False, elem_id="run-where") as column:
        folder = gr.Textbox(
            "", interactive=False, buttons=["copy"], elem_id="run-folder", label=t("run.where"), max_lines=3
        )
        load = gr.Code("", language="python", interactive=False, elem_id="run-load", label=t("run.load"), lines=4)
        said = gr.HTML("", elem_id="run-where-said")
    return DonePanel(column, said, folder, load)


def hidden() -> tuple[Any, ...]:
    """`DonePanel.shown` where there is no model to speak of."""
    return gr.update(visible=False), gr.skip(), gr.skip(), gr.skip()


def shown(job: Job, settings: Settings, *, mine: bool) -> tuple[Any, ...]:
    """`DonePanel.shown` for a finished run, for its owner."""
    made = models(job) if mine and job.status == "finished" else []
    if not made:
        return hidden()
    if settings.hosted:
        said = t("run.where_hosted", names=", ".join(variant.name for variant in made))
        off = gr.update(visible=False)
        until = "" if settings.keep_days is not None else t("run.where_until")  # the run's head names the day
        return gr.update(visible=True), f"<p>{esc(said)} {esc(until)}</p>", off, off
    first = made[0]
    return (
        gr.update(visible=True),
        f'<p class="small">{esc(t("run.where_info", name=first.name))}</p>',
        gr.update(visible=True, value=str(folder(job, first))),
        gr.update(visible=bool(first.load), value=first.load),
    )


def models(job: Job) -> list[Variant]:
    """What this run made, the one to speak of first. Empty for a comparison, or where no report can be read."""
    if job.kind == "compare":
        return []
    try:
        report = Report.load(job.folder)
    except CompressorError:
        return []
    made = [v for v in report.variants if folder(job, v).is_relative_to(job.folder / "variants")]
    chosen = best(report)
    return sorted(made, key=lambda variant: chosen is None or variant.name != chosen.name)


def folder(job: Job, variant: Variant) -> Path:
    return job.folder / variant.path
