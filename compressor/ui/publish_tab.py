"""The Publish tab: sign in, choose versions and a name, read the card, publish; or take a version home as a zip file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.settings import Settings
from compressor.ui import card_panel, zip_panel
from compressor.ui.handlers import ASKS, LAST, LIGHT, guarded
from compressor.ui.publishing import Handlers
from compressor.ui.shared import PUBLISH, Shared, empty, hidden_text
from compressor.ui.text import esc
from compressor.ui.words import t


@dataclass(frozen=True)
class PublishTab:
    sign_in: gr.Button
    account: gr.HTML
    variants: gr.CheckboxGroup
    namespace: gr.Dropdown
    name: gr.Textbox
    public: gr.Checkbox
    floor: gr.Slider
    repos: gr.HTML
    card: card_panel.CardPanel
    publish: gr.Button
    anyway: gr.Button
    notice: gr.HTML
    """What keeps a publish from beginning."""
    result: gr.HTML
    work: gr.Textbox
    """The uploads that were begun here and are not done, by their keys."""
    opened: gr.Textbox
    """The run that the form was filled for."""
    timer: gr.Timer
    zip: zip_panel.ZipPanel

    @property
    def chosen(self) -> list[Any]:
        return [self.variants, self.namespace, self.name, self.public, self.floor]


def token_box(settings: Settings) -> gr.Textbox:
    """The token lives in this box, in the browser, and nowhere else."""
    return gr.Textbox(
        type="password", elem_id="token", label=t("publish.token"), info=t("publish.token_info"), max_length=200,
        render=False, visible=not settings.oauth, scale=4, min_width=240,
    )  # fmt: skip


def pick_box() -> gr.Dropdown:
    return gr.Dropdown(choices=[], value=None, elem_id="publish-pick", label=t("publish.run"), render=False)


def build(settings: Settings, token: gr.Textbox, pick: gr.Dropdown) -> PublishTab:
    with gr.Column(elem_classes="step", elem_id="publish-account"):
        gr.HTML(f'<p class="lead">{esc(t("publish.lead"))}</p>')
        if settings.oauth:
            gr.LoginButton(elem_id="login")
            gr.HTML(f'<p class="small">{esc(t("publish.new_tab"))}</p>')
        with gr.Row(equal_height=False):
            token.render()  # type: ignore[no-untyped-call]
            sign_in = gr.Button(
                t("publish.sign_in"), elem_id="sign-in", min_width=120, scale=1, visible=not settings.oauth,
                elem_classes="center-button",
            )  # fmt: skip
        account = gr.HTML(empty(t("publish.not_signed_in")), elem_id="account")
    with gr.Column(elem_classes="step", elem_id="publish-form"):
        pick.render()  # type: ignore[no-untyped-call]
        variants, namespace, name, public, floor, repos = _boxes()
        card = card_panel.build()
        with gr.Row():
            publish = gr.Button(
                t("publish.button"), variant="primary", size="lg", elem_id="publish", min_width=140, scale=0
            )
            anyway = gr.Button(
                t("publish.anyway"), variant="stop", visible=False, elem_id="publish-anyway", min_width=160, scale=0
            )
        notice = gr.HTML("", elem_id="publish-notice")
        result = gr.HTML("", elem_id="publish-result")
    work, opened, timer = hidden_text("publish-work"), hidden_text("publish-opened"), gr.Timer(1, active=False)
    return PublishTab(sign_in, account, variants, namespace, name, public, floor, repos, card, publish, anyway, notice,
                      result, work, opened, timer, zip_panel.build())  # fmt: skip


def _boxes() -> tuple[Any, Any, Any, Any, Any, Any]:
    variants = gr.CheckboxGroup(choices=[], elem_id="publish-variants", label=t("publish.variants"))
    with gr.Row():
        namespace = gr.Dropdown(
            choices=[], value=None, elem_id="namespace", label=t("publish.namespace"), min_width=160, info=" "
        )
        name = gr.Textbox(
            elem_id="repo-name",
            label=t("publish.name"),
            info=t("publish.name_info"),
            max_length=96,
            scale=2,
            min_width=220,
        )
    with gr.Row():
        public = gr.Checkbox(
            False, elem_id="public", label=t("publish.public"), info=t("publish.public_info"), min_width=220
        )
        floor = gr.Slider(
            50,
            100,
            value=95,
            step=1,
            elem_id="floor",
            label=t("publish.floor"),
            info=t("publish.floor_info"),
            min_width=220,
        )
    return variants, namespace, name, public, floor, gr.HTML("", elem_id="repos")


def wire(tab: PublishTab, item: gr.Tab, shared: Shared) -> None:
    act = Handlers(shared.services)
    pick, who = shared.publish_pick, shared.who
    _follow(item.select(guarded(act.refresh), [pick, *who], pick, **LIGHT), act, tab, shared)
    pick.input(guarded(act.open), [pick, tab.floor, *who], _opened(tab), **ASKS, **LAST)
    for event in (tab.sign_in.click, shared.token.submit):
        event(act.account, [tab.namespace, *who], [tab.account, tab.namespace], **{**ASKS, "show_progress": "minimal"})
    for box in (tab.variants, tab.namespace, tab.name):
        box.change(act.repos, [pick, *tab.chosen, *who], tab.repos, **ASKS)
    card_panel.wire(tab.card, tab.chosen, shared)
    watched = [tab.notice, tab.result, tab.work, tab.timer, tab.anyway]
    inputs = [pick, *tab.chosen, tab.card.edited, tab.work, *who]
    tab.publish.click(guarded(act.publish), inputs, watched, api_visibility="private")
    tab.anyway.click(guarded(act.publish_anyway), inputs, watched, api_visibility="private")
    pick.change(
        lambda: ("", gr.update(visible=False)), None, [tab.notice, tab.anyway], **LIGHT
    )  # said of the run before
    tab.timer.tick(act.tick, [tab.work, *who], [tab.result, tab.timer], **LIGHT)
    zip_panel.wire(tab.zip, shared)


def wire_open(button: gr.Button, run_id: gr.Textbox, tab: PublishTab, shared: Shared) -> None:
    """That button leads here, with the run chosen whose id stands in `run_id`."""
    act = Handlers(shared.services)

    def choose(wanted: str, browser: Any, token: Any) -> tuple[Any, Any]:
        return act.refresh(wanted, browser, token), gr.Tabs(selected=PUBLISH)

    clicked = button.click(guarded(choose), [run_id, *shared.who], [shared.publish_pick, shared.tabs], **LIGHT)
    _follow(clicked, act, tab, shared)


def _opened(tab: PublishTab) -> list[Any]:
    """What `Handlers.open` fills in."""
    return [tab.opened, tab.variants, tab.name, tab.card.of, tab.zip.variant, tab.publish]


def _follow(event: Any, act: Handlers, tab: PublishTab, shared: Shared) -> None:
    """What the tab shows once a run stands in its list."""
    pick, who = shared.publish_pick, shared.who
    event.then(guarded(act.visit), [pick, tab.floor, tab.opened, *who], _opened(tab), **ASKS).then(
        act.account, [tab.namespace, *who], [tab.account, tab.namespace], **ASKS
    ).then(act.repos, [pick, *tab.chosen, *who], tab.repos, **ASKS)
