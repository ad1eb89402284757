"""A version as a zip file. Needs no account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from compressor.ui.handlers import LAST, LIGHT, guarded, visitor
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
    packed: gr.State
    """(the run, the version, what `pack` gave), for what was asked: another may be chosen by then."""


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
    return ZipPanel(variant, button, said, download, gr.State())


def pack(services: Services, run_id: str, variant: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
    if not run_id or not variant:
        raise gr.Error(t("publish.pick_variant"), title="", print_exception=False)
    who = visitor(services.settings, browser, token)
    job = services.job(run_id, who)
    services.count("download", who)
    path = Path(Outgoing(services).zip(job, variant))
    said = f'<p class="small">{esc(t("zip.ready", name=variant, size=size(path.stat().st_size)))}</p>'
    return said, gr.update(visible=True, value=str(path))


def handed(packed: tuple[Any, ...] | None, run_id: str | None, variant: str | None) -> tuple[Any, ...]:
    """`(said, download)`, where what was packed is still what is chosen."""
    return packed[2] if packed and packed[:2] == (run_id, variant) else (gr.skip(), gr.skip())


def wire(panel: ZipPanel, shared: Shared) -> None:
    chosen = [shared.publish_pick, panel.variant]

    def make(run_id: str, variant: str | None, browser: Any, token: Any) -> tuple[Any, ...]:
        return run_id, variant, pack(shared.services, run_id, variant, browser, token)

    panel.button.click(
        guarded(make), [*chosen, *shared.who], panel.packed, concurrency_limit=2, show_progress="full",
        show_progress_on=panel.said, api_visibility="private", **LAST,
    ).success(handed, [panel.packed, *chosen], [panel.said, panel.download], **LIGHT)  # fmt: skip
    gr.on(  # what was packed belongs to the run and version before
        [panel.variant.input, shared.publish_pick.change],
        lambda: ("", gr.update(visible=False)),
        None,
        [panel.said, panel.download],
        queue=False,
        api_visibility="private",
    )
