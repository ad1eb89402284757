"""Components that several tabs speak of, and the small pieces that every tab is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.ui.services import Services
from compressor.ui.text import esc
from compressor.ui.words import t

COMPRESS, COMPARE, PUBLISH, RUNS = "compress", "compare", "publish", "runs"


@dataclass(frozen=True)
class Shared:
    """`browser` is this browser's secret key (who it is, where strangers share the server); `token` the box of the
    Publish tab: it lives in the browser and comes with each request that needs it. `run_id` and `share` say which run
    the Compress tab shows."""

    services: Services
    browser: gr.BrowserState
    token: gr.Textbox
    run_id: gr.Textbox
    share: gr.Textbox
    tabs: gr.Tabs
    compare_pick: gr.Dropdown
    publish_pick: gr.Dropdown

    @property
    def who(self) -> list[Any]:
        """Inputs that say whose request it is, last of every handler's."""
        return [self.browser, self.token]


def step_title(number: str, key: str) -> gr.HTML:
    """The heading of a part of the page: its number, name and one line. `key` names `<key>.title` and `<key>.lead`."""
    shown = f'<span class="number">{esc(number)}</span>' if number else ""
    return gr.HTML(
        f'<div class="step-title">{shown}<h2>{esc(t(f"{key}.title"))}</h2><p>{esc(t(f"{key}.lead"))}</p></div>'
    )


def empty(sentence: str) -> str:
    """What stands where nothing is yet."""
    return f'<p class="empty">{esc(sentence)}</p>' if sentence else ""


def hidden_text(name: str, most: int = 2000) -> gr.Textbox:
    """A value that the browser keeps and sends along; not on the screen, nor in the keyboard's path.

    Args:
        most: characters that are taken from it (see `gate.py`).
    """
    return gr.Textbox(visible="hidden", elem_id=name, label=name, interactive=True, max_length=most)
