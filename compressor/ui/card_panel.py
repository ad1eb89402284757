"""The model card of each version, to read and to edit before it is published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.hub.values import is_id
from compressor.ui.handlers import ASKS, LAST, LIGHT, guarded, visitor
from compressor.ui.outgoing import Edited, Outgoing
from compressor.ui.services import Services
from compressor.ui.shared import Shared, hidden_text
from compressor.ui.words import t
from compressor.untrusted.plain import read_json

MOST_NAMES = 50


@dataclass(frozen=True)
class CardPanel:
    """`edited` holds the edited cards as JSON, by version; `text` the card of `of`, `names` the repos that it was written for, by
    version."""

    accordion: gr.Accordion
    of: gr.Dropdown
    text: gr.Textbox
    preview: gr.Markdown
    names: gr.Textbox
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
    names, edited = hidden_text("card-names", most=10_000), hidden_text("cards-edited", most=1_000_000)
    return CardPanel(accordion, of, text, preview, names, edited)


def read_cards(edited: str | None) -> dict[str, Edited]:
    """The edited cards out of the hidden box; anything else that is sent there counts as none."""
    found = _mapping(edited)
    return {
        str(name): Edited(str(card["text"]), _names(card.get("names")))
        for name, card in found.items()
        if isinstance(card, dict) and "text" in card
    }


def _mapping(text: str | None) -> dict[str, Any]:
    try:
        found = read_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _names(found: Any) -> dict[str, str]:
    """`{version: repo}`, of as many as a run can have: what is made of it takes time for each."""
    pairs = list(found.items())[:MOST_NAMES] if isinstance(found, dict) else []
    return {str(k): v for k, v in pairs if isinstance(v, str) and is_id(v)}


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
             of: str | None, edited: str | None, browser: Any, token: Any) -> tuple[str, str, str]:  # fmt: skip
        """(text, preview, names): the card of that version, as it was left or as it would be written now."""
        if not run_id or not of:
            return "", "", ""
        who, outgoing = visitor(self.services.settings, browser, token), Outgoing(self.services)
        job = self.services.job(run_id, who)
        repo, shown = f"{namespace or t('publish.you')}/{name or t('publish.repo')}", sorted({*variants, of})
        names = outgoing.repo_names(repo, shown)
        if (kept := read_cards(edited).get(of)) is not None:
            self.services.count("look", who)
            text = outgoing.renamed(kept, names)
        else:
            text = outgoing.cards(job, repo, shown, who).get(of, "")
        return text, body(text), json.dumps(names)

    @staticmethod
    def edit(of: str | None, text: str, names: str | None, edited: str | None) -> tuple[str, str]:
        cards = read_cards(edited) | {str(of): Edited(text, _names(_mapping(names)))}
        return json.dumps({name: {"text": card.text, "names": card.names} for name, card in cards.items()}), body(text)


def wire(panel: CardPanel, chosen: list[Any], shared: Shared) -> None:
    act = Handlers(shared.services)
    inputs = [shared.publish_pick, *chosen, panel.of, panel.edited, *shared.who]
    shown = [panel.text, panel.preview, panel.names]
    panel.accordion.expand(guarded(act.show), inputs, shown, **ASKS)
    panel.of.input(guarded(act.show), inputs, shown, **ASKS, **LAST)
    panel.text.input(
        act.edit, [panel.of, panel.text, panel.names, panel.edited], [panel.edited, panel.preview], **LIGHT, **LAST
    )
    # The card that is open is another run's from now on, and what was written in it as well; a button may have chosen it, too.
    shared.publish_pick.change(
        lambda: (gr.update(open=False), "", "", "", ""), None, [panel.accordion, *shown, panel.edited], **LIGHT
    )
