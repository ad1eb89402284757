"""The model card of each version, to read and to edit before it is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.ui.handlers import ASKS, LAST, LIGHT, guarded, visitor
from compressor.ui.outgoing import Outgoing
from compressor.ui.services import Services
from compressor.ui.shared import Shared, hidden_text
from compressor.ui.words import t
from compressor.untrusted.plain import read_json


@dataclass(frozen=True)
class CardPanel:
    """`edited` holds the edited cards as JSON, by version; `text` the card of `of`."""

    accordion: gr.Accordion
    of: gr.Dropdown
    text: gr.Textbox
    preview: gr.Markdown
    edited: gr.Textbox


def build() -> CardPanel:
    with gr.Accordion(t("publish.card"), open=False, elem_id="card-accordion") as accordion:
        of = gr.Dropdown(choices=[], value=None, elem_id="card-of", label=t("publish.card_of"))
        with gr.Row(equal_height=False):
            text = gr.Textbox(
                lines=16, max_lines=28, elem_id="card-text", label=t("publish.card_text"), info=t("publish.card_info"),
                max_length=100_000, min_width=280,
            )  # fmt: skip
            preview = gr.Markdown(
                "", elem_id="card-preview", elem_classes="preview", label=t("publish.card_preview"), sanitize_html=True
            )
    return CardPanel(accordion, of, text, preview, hidden_text("cards-edited", most=1_000_000))


def read_cards(edited: str | None) -> dict[str, str]:
    """The edited cards out of the hidden box; anything else that is sent there counts as none."""
    try:
        found = read_json(edited or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def body(card: str) -> str:
    """A card without the block of metadata on top, for the preview."""
    if card.startswith("---"):
        _, _, rest = card[3:].partition("\n---")
        return rest.lstrip("-\n") or card
    return card


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def show(self, run_id: str, variants: list[str], namespace: str | None, name: str, public: bool, floor: float,
             of: str | None, edited: str | None, browser: Any, token: Any) -> tuple[str, str]:  # fmt: skip
        if not run_id or not of:
            return "", ""
        who = visitor(self.services.settings, browser, token)
        kept = read_cards(edited)
        if of not in kept:
            repo = f"{namespace or t('publish.you')}/{name or t('publish.repo')}"
            kept = Outgoing(self.services).cards(self.services.job(run_id, who), repo, sorted({*variants, of}), who)
        return kept.get(of, ""), body(kept.get(of, ""))

    @staticmethod
    def edit(of: str | None, text: str, edited: str | None) -> tuple[str, str]:
        return json.dumps({**read_cards(edited), str(of): text}), body(text)


def wire(panel: CardPanel, chosen: list[Any], shared: Shared) -> None:
    act = Handlers(shared.services)
    inputs = [shared.publish_pick, *chosen, panel.of, panel.edited, *shared.who]
    panel.accordion.expand(guarded(act.show), inputs, [panel.text, panel.preview], **ASKS)
    panel.of.input(guarded(act.show), inputs, [panel.text, panel.preview], **ASKS, **LAST)
    panel.text.input(act.edit, [panel.of, panel.text, panel.edited], [panel.edited, panel.preview], **LIGHT, **LAST)
    shared.publish_pick.change(lambda: "", None, panel.edited, **LIGHT)  # a button may have chosen another run, too
