"""Where will it run? A choice of places, and the version that the measurements favour there. The browser remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.ui import suiting_view
from compressor.ui.handlers import LIGHT
from compressor.ui.words import t

STORAGE = "compressor-place"
"""Where the browser keeps it."""


@dataclass(frozen=True)
class PlacePanel:
    place: gr.Radio
    said: gr.HTML
    kept: gr.BrowserState


def memory() -> gr.BrowserState:
    """What remembers the place. It stands outside the tabs: in one that is not open yet, the browser does not read it."""
    return gr.BrowserState(suiting_view.NONE, storage_key=STORAGE, secret=STORAGE)


def build(kept: gr.BrowserState) -> PlacePanel:
    place = gr.Radio(
        choices=suiting_view.choices(), value=suiting_view.NONE, elem_id="place", label=t("place.label"),
        info=t("place.info"), visible=False,
    )  # fmt: skip
    return PlacePanel(place, gr.HTML("", elem_id="suits"), kept)


def restore(kept: Any) -> Any:
    """The place that this browser kept, where it is one."""
    known = {name for _, name in suiting_view.choices()}
    return gr.update(value=kept) if isinstance(kept, str) and kept in known else gr.skip()


def wire(panel: PlacePanel, page: gr.Blocks) -> None:
    page.load(restore, panel.kept, panel.place, **LIGHT)
    panel.place.input(None, panel.place, panel.kept, js="(place) => place")
