"""Part 3 of the form: the data. A Hub data set or files; the first rows, columns, labels, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import gradio as gr

from compressor.data.columns import label_columns
from compressor.errors import CompressorError, TooOftenError
from compressor.recipe import DATA_SUFFIXES, Data, Recipe
from compressor.ui import data_view
from compressor.ui.form import Form, data_raw, in_words
from compressor.ui.handlers import sentence
from compressor.ui.on_page import all_told
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import empty, step_title
from compressor.ui.text import clip, paragraphs
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.data.preview import Preview


FILLED = ("subset", "text", "text_pair", "label", "labels", "label_kind", "no_label", "columns")
"""What a look at the data fills in beside the preview."""


@dataclass(frozen=True)
class DataSection:
    source: gr.Dropdown
    demo: gr.Button
    subset: gr.Dropdown
    train: gr.File
    validation: gr.File
    test: gr.File
    text: gr.Dropdown
    text_pair: gr.Dropdown
    label: gr.Dropdown
    labels: gr.Dataframe
    label_kind: gr.Dropdown
    no_label: gr.Textbox
    new_head: gr.Checkbox
    columns: gr.Accordion
    preview: gr.HTML
    check: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """What a preview fills in."""
        return [self.preview, *(getattr(self, name) for name in FILLED)]


def build() -> DataSection:
    with gr.Column(elem_classes="step", elem_id="step-data"):
        step_title("3", "data")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=260):
                source = gr.Dropdown(
                    choices=[], value=None, allow_custom_value=True, elem_id="data-source", label=t("data.label"),
                    info=t("data.info"),
                )  # fmt: skip
                demo = gr.Button(t("data.demo"), elem_id="demo-data", size="sm")
                subset = gr.Dropdown(choices=[], visible=False, elem_id="data-subset", label=t("data.subset"))
            with gr.Column(scale=1, min_width=260):
                train = _file("data-file", t("data.file"), 120)
                gr.HTML(f'<p class="small">{t("data.file_info")}</p>')
        with gr.Accordion(t("data.more_files"), open=False, elem_id="more-files"), gr.Row():
            validation = _file("validation-file", t("data.validation_file"), 100)
            test = _file("test-file", t("data.test_file"), 100)
        preview = gr.HTML(empty(t("data.empty")), elem_id="data-preview")
        check = gr.HTML("", elem_id="data-check")
        columns, fixes = _columns()
    text, pair, label, labels, label_kind, no_label, new_head = fixes
    return DataSection(source, demo, subset, train, validation, test, text, pair, label, labels, label_kind, no_label, new_head,
                       columns, preview, check)  # fmt: skip


def _file(name: str, label: str, height: int) -> gr.File:
    return gr.File(
        label=label, elem_id=name, file_count="single", file_types=list(DATA_SUFFIXES), height=height, type="filepath"
    )


def _columns() -> tuple[gr.Accordion, tuple[Any, ...]]:
    """The accordion; text, second text, label, label map, what a cell holds, values without a label, new head."""
    with gr.Accordion(t("data.fix_columns"), open=False, visible=False, elem_id="fix-columns") as accordion:
        with gr.Row():
            text = gr.Dropdown(choices=[], elem_id="column-text", label=t("data.text"), min_width=160)
            pair = gr.Dropdown(choices=[], elem_id="column-pair", label=t("data.text_pair"), min_width=160)
            label = gr.Dropdown(choices=[], elem_id="column-label", label=t("data.label_column"), min_width=160)
        gr.HTML(f'<p class="small">{t("data.map_info")}</p>')
        labels = gr.Dataframe(
            headers=[t("data.map_mine"), t("data.map_theirs")], datatype="str", type="array", column_count=2,
            static_columns=[0], interactive=True, elem_id="label-map", label=t("data.map_label"), max_height=260,
            buttons=[],
        )  # fmt: skip
        with gr.Row():
            kinds = [
                (t("data.kind_open"), ""),
                *((t(f"data.kind_{kind}"), kind) for kind in ("one", "several", "number")),
            ]
            label_kind = gr.Dropdown(
                choices=kinds, value="", elem_id="label-kind", label=t("data.label_kind"), info=t("data.label_kind_info"),
                min_width=220,
            )  # fmt: skip
            no_label = gr.Textbox(
                elem_id="no-label",
                label=t("data.no_label"),
                info=t("data.no_label_info"),
                max_length=500,
                min_width=220,
            )
        new_head = gr.Checkbox(
            False, elem_id="new-head", label=t("data.new_head"), info=t("data.new_head_info"), container=False
        )
    return accordion, (text, pair, label, labels, label_kind, no_label, new_head)


class Touched(Enum):
    """What somebody has just chosen, which decides what of the rest still holds."""

    COLUMNS = auto()
    """Columns, labels or the head: everything stands as it was chosen."""
    SOURCE = auto()
    """Another data set: all is guessed anew."""
    TEACHER = auto()
    """Other labels to match: columns are guessed anew, and the data set's part stays."""
    PART = auto()
    """Another part of the data set, or another file: what was chosen stays where the new one has it all."""


def look(services: Services, form: Form, who: Visitor, touched: Touched) -> tuple[Any, ...]:
    """What `DataSection.shown` becomes."""
    if not form.has_data:
        return (
            empty(t("data.empty")),
            gr.update(visible=False),
            *(gr.update(),) * (len(FILLED) - 2),
            gr.update(visible=False),
        )
    try:
        fits = _fitting(services, form, who) if touched is Touched.PART and form.text else None
        found, spec = fits or _preview(services, form, who, touched)
    except Exception as error:  # nothing is known of the data: what was chosen of another source is nobody's choice
        said = paragraphs(sentence(error).splitlines(), "problem")
        if touched is Touched.SOURCE:
            return (said, *_unknown(), gr.update(visible=False))
        return (said, *(gr.skip(),) * (len(FILLED) - 1), gr.update(visible=bool(form.text)))
    return (
        render(found),
        _subset(found, spec),
        *_choices(found),
        [[mine, theirs or ""] for mine, theirs in found.labels],
        spec.label_kind or "",
        in_words(spec.no_label),
        gr.update(visible=True, open=bool(found.problems)),
    )


def _unknown() -> tuple[Any, ...]:
    """No subset, no columns, no labels, and nothing said of them."""
    none = gr.update(choices=[], value=None)
    return (gr.update(choices=[], value=None, visible=False), none, none, none, [["", ""]], "", "")


def _preview(services: Services, form: Form, who: Visitor, touched: Touched) -> tuple[Preview, Data]:
    teacher: dict[str, Any] = {}
    if form.teacher:
        teacher = dict(services.inspect(form.teacher.strip(), who))
        if form.new_head:
            teacher["head"] = "new"
    trains = teacher.get("task") != "text-generation"
    raw = data_raw(form, trains=trains) or {}
    of_labels = ("columns", "labels", "label_kind", "no_label")
    stale = {Touched.COLUMNS: (), Touched.SOURCE: (*of_labels, "subset")}
    for key in stale.get(touched, of_labels):
        raw.pop(key, None)
    recipe = Recipe.parse({"teacher": "any", "student": None, "data": raw})
    assert recipe.data is not None
    return services.preview(recipe.data, teacher, who), recipe.data


def _fitting(services: Services, form: Form, who: Visitor) -> tuple[Preview, Data] | None:
    """The preview with the columns and labels that stand there, where the data have them all. That the data before had no
    label says nothing of these: it is looked for again."""
    try:
        found, spec = _preview(services, replace(form, label=form.label or None), who, Touched.COLUMNS)
    except CompressorError:
        return None
    labels = [form.label] if form.label in found.columns else label_columns(form.label or "")
    chosen = {name for name in (form.text, form.text_pair, *labels) if name}
    named = {str(mine) for mine, theirs, *_ in form.labels if mine and theirs and not form.new_head}
    there = chosen <= set(found.columns) and named <= {mine for mine, _ in found.labels}
    return (found, spec) if there else None


def render(found: Preview) -> str:
    """The preview's rows, labels and sentences."""
    return "".join((
        data_view.splits_line(found.splits, found.made),
        data_view.rows_table(found.rows, found.roles),
        data_view.label_map(found.labels),
        paragraphs(all_told(found.problems), "problem"),
        paragraphs(all_told(found.notes)),
    ))  # fmt: skip


def _subset(found: Preview, spec: Data) -> Any:
    names = list(found.subsets)
    if len(names) < 2:
        return gr.update(choices=names, value=None, visible=False)
    return gr.update(choices=names, value=spec.subset if spec.subset in names else found.subset, visible=True)


def _choices(found: Preview) -> tuple[Any, Any, Any]:
    names = [(clip(name, 60), name) for name in found.columns]
    optional = [(t("data.no_column"), ""), *names]
    roles = found.roles
    if (label := roles.get("label")) and label not in found.columns:  # several columns of zeros and ones, joined
        optional.append((clip(label, 60), label))
    return (
        gr.update(choices=names, value=roles.get("text")),
        gr.update(choices=optional, value=roles.get("text_pair", "")),
        gr.update(choices=optional, value=roles.get("label", "")),
    )


def check(services: Services, form: Form, who: Visitor) -> str:
    """What the teacher's tokenizer and the teacher itself say of the rows: the share that is cut, and a warning where it
    is near chance. Quiet where it cannot be told yet."""
    if not form.has_data or not form.teacher:
        return ""
    data = data_raw(form) or {}
    said: list[str] = []
    warned: list[str] = []
    try:
        lengths = services.lengths(form.teacher, data, form.new_head, who)
        if lengths.get("cut_share"):
            said.append(t("data.cut", share=f"{lengths['cut_share']:.0%}", length=lengths["max_length"]))
        if not form.new_head and services.has_weights(form.teacher, who):
            judged = services.ask("label_check", 180, who, reference=form.teacher, data=data)
            if judged.get("warning"):
                warned.append(judged["warning"])
            elif judged.get("accuracy") is not None:
                said.append(t("data.checked", rows=judged["checked"], share=f"{judged['accuracy']:.0%}"))
    except TooOftenError as error:
        return paragraphs([str(error)], "warning")
    except CompressorError:
        return ""  # the preview has said already what is wrong with the data
    except Exception as error:
        return paragraphs([sentence(error)], "warning")
    return paragraphs(warned, "warning") + paragraphs(said)
