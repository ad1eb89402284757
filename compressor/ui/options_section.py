"""Part 4 of the form: formats, effort, and what most people leave alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.formats import get
from compressor.formats.base import missing
from compressor.recipe import ALPHA_OF_WIDE, DEFAULT_FORMATS, FORMATS, Distill
from compressor.ui.more import MOST
from compressor.ui.shared import step_title
from compressor.ui.words import t

TRAINING = ("epochs", "limit", "max_length", "learning_rate", "batch_size", "temperature", "seed")
SHAPE = ("layers", "hidden", "intermediate", "thin", "vocabulary")

ALPHAS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Weights of the labels to choose from; others can be typed."""


@dataclass(frozen=True)
class OptionsSection:
    formats: gr.CheckboxGroup
    budget: gr.Radio
    numbers: tuple[gr.Number, ...]
    """In the order of TRAINING, then of SHAPE. An empty box counts as 0, which is no value of any of them."""
    words: gr.Checkbox
    saved: gr.HTML
    """What leaving out words would save."""
    alpha: gr.Dropdown
    student_model: gr.Textbox
    distill: gr.Checkbox
    control: gr.Checkbox
    more: gr.Textbox
    accordion: gr.Accordion

    @property
    def all(self) -> list[Any]:
        return [self.formats, self.budget, *self.numbers, self.words, self.alpha, self.student_model, self.distill,
                self.control, self.more]  # fmt: skip


def _formats_info() -> str:
    """What the formats are for, and what has to be installed for those that need more."""
    lacking = (missing(get(name).title, *get(name).extras) for name in FORMATS)
    return " ".join([t("options.formats_info"), *filter(None, lacking)])


def build() -> OptionsSection:
    with gr.Column(elem_classes="step", elem_id="step-options"):
        step_title("4", "options")
        with gr.Row():
            formats = gr.CheckboxGroup(
                choices=[(t(f"options.{name}"), name) for name in FORMATS], value=list(DEFAULT_FORMATS),
                elem_id="formats", label=t("options.formats"), info=_formats_info(), min_width=220,
            )  # fmt: skip
            efforts = [(t(f"options.{name}"), name) for name in ("quick", "balanced", "thorough")]
            budget = gr.Radio(
                choices=efforts, value="balanced", elem_id="budget", label=t("options.effort"), min_width=260
            )
        words = gr.Checkbox(False, elem_id="words", label=t("options.words"), info=t("options.words_info"))
        saved = gr.HTML("", elem_id="words-saved")
        with gr.Accordion(t("advanced.title"), open=False, elem_id="advanced") as accordion:
            gr.HTML(f'<p class="small">{t("advanced.lead")}</p>')
            numbers = [*_numbers(TRAINING[:4]), *_numbers(TRAINING[4:])]
            alpha = gr.Dropdown(
                choices=[(t("advanced.alpha_open"), ""), *((f"{weight:g}", weight) for weight in ALPHAS)], value="",
                allow_custom_value=True, elem_id="advanced-alpha", label=t("advanced.alpha"),
                info=t("advanced.alpha_info", wide=f"{ALPHA_OF_WIDE:g}", narrow=f"{Distill().alpha:g}"),
            )  # fmt: skip
            numbers += _numbers(SHAPE)
            student_model, distill, control = _learning()
        more = gr.Textbox(
            "", visible=False, lines=3, max_lines=12, max_length=MOST, elem_id="more", label=t("more.title"),
            info=t("more.info"),
        )  # fmt: skip
    return OptionsSection(
        formats, budget, tuple(numbers), words, saved, alpha, student_model, distill, control, more, accordion
    )


def _learning() -> tuple[gr.Textbox, gr.Checkbox, gr.Checkbox]:
    student_model = gr.Textbox(
        elem_id="student-model",
        label=t("advanced.student_model"),
        info=t("advanced.student_model_info"),
        max_length=200,
    )
    with gr.Row(equal_height=False):
        with gr.Column(min_width=260):
            distill = gr.Checkbox(True, elem_id="distill", label=t("advanced.distill"), info=t("advanced.distill_info"))
        with gr.Column(min_width=260):
            control = gr.Checkbox(
                False, elem_id="control", label=t("advanced.control"), info=t("advanced.control_info")
            )
    return student_model, distill, control


def _numbers(names: tuple[str, ...]) -> list[gr.Number]:
    with gr.Row():
        return [
            gr.Number(
                value=None, minimum=0, elem_id=f"advanced-{name.replace('_', '-')}", label=t(f"advanced.{name}"),
                info=t(f"advanced.{name}_info"), min_width=150,
            )
            for name in names
        ]  # fmt: skip
