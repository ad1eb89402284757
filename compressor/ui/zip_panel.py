"""A version as a zip file. Needs no account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from compressor.ui.handlers import LAST, guarded, visitor
from compressor.ui.outgoing import Outgoing
from compressor.ui.services import Services
from compressor.ui.shared import Shared, step_title
from compressor.ui.text import esc, size
from compressor.ui.words import t


@dataclass(frozen=True)
class ZipPanel:
    variant: gr.Dropdown
    button: gr.Button
    said: gr.HTML
    download: gr.DownloadButton


def build() -> ZipPanel:
    with gr.Column(elem_classes="step", elem_id="zip"):
        step_title("", "zip")
        with gr.Row():
            variant = gr.Dropdown(choices=[], value=None, elem_id="zip-variant", label=t("zip.variant"), min_width=200)
            button = gr.Button(
                t("zip.button"), elem_id="zip-make", min_width=140, scale=0, elem_classes="center-button"
            )
        said = gr.HTML("", elem_id="zip-said")
        download = gr.DownloadButton(t("zip.download"), visible=False, variant="primary", elem_id="zip-download")
    return ZipPanel(variant, button, said, download)


def pack(services: Services, run_id: str, variant: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
    if not run_id or not variant:
        raise gr.Error(t("publish.pick_variant"), title="", print_exception=False)
    who = visitor(services.settings, browser, token)
    job = services.job(run_id, who)
    services.count("download", who)
    path = Path(Outgoing(services).zip(job, variant))
    said = f'<p class="small">{esc(t("zip.ready", name=variant, size=size(path.stat().st_size)))}</p>'
    return said, gr.update(visible=True, value=str(path))


def wire(panel: ZipPanel, shared: Shared) -> None:
    def make(run_id: str, variant: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
        return pack(shared.services, run_id, variant, browser, token)

    made = panel.button.click(
        guarded(make), [shared.publish_pick, panel.variant, *shared.who], [panel.said, panel.download],
        concurrency_limit=2, show_progress="full", show_progress_on=panel.said, api_visibility="private", **LAST,
    )  # fmt: skip
    other = [panel.variant.input, shared.publish_pick.change]
    gr.on(other, None, None, None, cancels=[made], api_visibility="private")
    gr.on(  # what was packed belongs to the run and version before
        other,
        lambda: ("", gr.update(visible=False)),
        None,
        [panel.said, panel.download],
        queue=False,
        api_visibility="private",
    )
