"""Part 1 and 2 of the form: the teacher (search, card) and the student's size."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from compressor.errors import CompressorError, TooOftenError
from compressor.recipe import AUTO
from compressor.ui import teacher_view
from compressor.ui.form import DEMO, NONE
from compressor.ui.handlers import LIGHT, guarded, sentence, visitor
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import empty, step_title
from compressor.ui.text import count, paragraphs
from compressor.ui.words import t

PAUSE = 0.3
"""Seconds of no typing before the Hub is asked."""
MOST = 200
"""Characters of a search."""


@dataclass(frozen=True)
class TeacherSection:
    teacher: gr.Dropdown
    demo: gr.Button
    card: gr.HTML
    size: gr.Radio
    target: gr.Column
    """What a search is for; shown where the size is to be found."""
    wanted: tuple[gr.Number, ...]
    """Megabytes, percent kept, times faster."""
    sizes: gr.HTML


def build(services: Services) -> TeacherSection:
    with gr.Column(elem_classes="step", elem_id="step-teacher"):
        step_title("1", "teacher")
        with gr.Row(equal_height=False):
            teacher = gr.Dropdown(
                choices=[], value=None, allow_custom_value=True, elem_id="teacher", label=t("teacher.label"), scale=5,
                info=t("teacher.info" if services.settings.hosted else "teacher.info_local"), min_width=240,
            )  # fmt: skip
            demo = gr.Button(
                t("teacher.demo"), elem_id="try-demo", scale=1, min_width=140, elem_classes="center-button"
            )
        card = gr.HTML(empty(t("teacher.empty")), elem_id="teacher-card")
    with gr.Column(elem_classes="step", elem_id="step-student"):
        step_title("2", "student")
        size = gr.Radio(choices=[], visible=False, elem_id="student-size", label=t("student.label"))
        target, wanted = _target()
        sizes = gr.HTML(empty(t("student.waiting")), elem_id="student-sizes")
    size.change(lambda chosen: gr.update(visible=chosen == AUTO), size, target, **LIGHT)
    return TeacherSection(teacher, demo, card, size, target, wanted, sizes)


def _target() -> tuple[gr.Column, tuple[gr.Number, ...]]:
    with gr.Column(visible=False, elem_id="target") as column:
        gr.HTML(f'<p class="small">{t("target.lead")}</p>')
        with gr.Row():
            wanted = tuple(
                gr.Number(
                    value=given, minimum=0, elem_id=f"target-{name}", label=t(f"target.{name}"), info=t(f"target.{name}_info"),
                    min_width=150,
                )
                for name, given in (("megabytes", None), ("retained", 97), ("speedup", None))
            )  # fmt: skip
    return column, wanted


def found_choices(services: Services, query: str, kind: str, task: str | None, who: Visitor) -> list[tuple[str, str]]:
    """Search results as choices: the id, and how often it was downloaded. Empty where the Hub does not answer."""
    try:
        found = services.search(query, kind, task, who)
    except TooOftenError:
        raise
    except CompressorError:
        return []  # while one types, silence is better than a row of sentences; choosing says what is wrong
    return [(f"{one.id}   ({count(one.downloads)} downloads)", one.id) for one in found]


def searcher(services: Services, kind: str) -> Any:
    """The handler behind a search box: waits for a pause in the typing, then asks the Hub."""

    @guarded
    def find(query: str, browser: Any, token: Any) -> list[tuple[str, str]]:
        who = visitor(services.settings, browser, token)  # may ask the Hub whose token it is: not in the event loop
        return found_choices(services, query, kind, None, who)

    async def search(browser: Any, token: Any, typed: gr.KeyUpData) -> Any:
        query = (typed.input_value or "").strip()
        if len(query) < 2 or query == DEMO or "://" in query:
            return gr.skip()
        await asyncio.sleep(PAUSE)
        choices = await asyncio.to_thread(find, query[:MOST], browser, token)
        return gr.update(choices=choices) if choices else gr.skip()

    return search


def choose(
    services: Services, reference: str | None, who: Visitor, kept: tuple[str | None, bool] | None = None
) -> tuple[Any, Any, Any, Any]:
    """(card, size, sizes, new_head) for a chosen teacher. `kept`: the size and the new head that somebody chose before."""
    reference = (reference or "").strip()
    if not reference:
        return empty(t("teacher.empty")), gr.update(visible=False), empty(t("student.waiting")), gr.update(value=False)
    try:
        found = services.inspect(reference, who)
    except Exception as error:
        said = paragraphs([sentence(error)], "problem")
        new_head = gr.update(value=False) if kept is None else gr.skip()
        return said, gr.update(visible=False), empty(t("student.waiting")), new_head
    size, new = kept or (None, found.get("head") == "new")
    return (teacher_view.card(found), *_sizes(found, size), gr.update(value=new))


def head_of(services: Services, reference: str | None, who: Visitor) -> Any:
    """The new head as this teacher needs it: what was chosen for other data is nobody's choice for these."""
    try:
        return services.inspect(reference.strip(), who).get("head") == "new" if reference else False
    except Exception:  # said where the teacher was chosen
        return gr.skip()


def _sizes(found: Mapping[str, Any], wanted: str | None) -> tuple[Any, str]:
    names = [str(row["size"]) for row in found.get("sizes") or ()]
    if not names:
        return gr.update(choices=[(t("student.none"), NONE)], value=NONE, visible=False), empty(t("student.cannot"))
    chosen = wanted if wanted in (*names, AUTO, NONE) else "half" if "half" in names else names[0]
    choices = [*((teacher_view.t_size(n), n) for n in (*names, AUTO)), (t("student.none"), NONE)]
    return gr.update(choices=choices, value=chosen, visible=True), teacher_view.sizes_table(found, chosen)


def resize(services: Services, reference: str | None, chosen: str | None, who: Visitor) -> Any:
    """The table with the chosen row marked, and with the memory that each size needs."""
    if not reference:
        return gr.skip()
    try:
        found = services.inspect(reference.strip(), who)
        found = teacher_view.with_memory(found, services.memory(reference.strip(), who) if found.get("sizes") else {})
    except CompressorError:
        return gr.skip()
    if not found.get("sizes"):
        return gr.skip()
    note = empty(t("student.only_formats")) if chosen == NONE else ""
    return teacher_view.sizes_table(found, chosen) + note
