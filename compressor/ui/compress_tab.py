"""The Compress tab: the form from top to bottom; a run takes its place while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from compressor.recipe import Recipe
from compressor.ui import data_section, estimate, frontier, keeping, options_section, teacher_section
from compressor.ui.data_section import DataSection, Touched
from compressor.ui.form import DEMO, Form, student_said, to_raw
from compressor.ui.handlers import ASKS, LAST, LIGHT, guarded, visitor
from compressor.ui.keeping import Keeping
from compressor.ui.options_section import OptionsSection
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import Shared, empty
from compressor.ui.teacher_section import TeacherSection
from compressor.ui.text import clip, esc
from compressor.ui.words import t

NO_FILES = (None, None, None)
"""Training, validation and test rows of one's own: none."""


@dataclass(frozen=True)
class CompressTab:
    """`form` is the column that a run takes the place of; `inputs` are in the order of `Form`'s fields."""

    form: gr.Column
    keeping: Keeping
    teacher: TeacherSection
    data: DataSection
    options: OptionsSection
    estimate: gr.HTML
    start: gr.Button
    recipe: gr.Code

    @property
    def inputs(self) -> list[Any]:
        d = self.data
        of_data = [
            d.source,
            d.subset,
            d.train,
            d.validation,
            d.test,
            d.text,
            d.text_pair,
            d.label,
            d.labels,
            d.label_kind,
            d.no_label,
            d.new_head,
        ]
        return [self.teacher.teacher, self.teacher.size, *self.teacher.wanted, *of_data, *self.options.all]


def build(services: Services) -> CompressTab:
    out_of_sight = keeping.hidden()
    with gr.Column(elem_id="compress-form") as form:
        kept = keeping.build(*out_of_sight)
        teacher = teacher_section.build(services)
        data = data_section.build()
        options = options_section.build()
        with gr.Column(elem_classes="step", elem_id="step-start"):
            with gr.Row(elem_id="start-row"):
                line = gr.HTML(empty(t("estimate.waiting")), elem_id="estimate")
                start = gr.Button(t("start"), variant="primary", size="lg", elem_id="start", scale=0, min_width=160)
            with gr.Accordion(t("recipe.title"), open=False, elem_id="recipe-accordion"):
                gr.HTML(f'<p class="small">{esc(t("recipe.lead"))}</p>')
                recipe = gr.Code(
                    value="", language="yaml", interactive=False, elem_id="recipe", label=t("recipe.label"), lines=4
                )
    return CompressTab(form, kept, teacher, data, options, line, start, recipe)


def read(values: tuple[Any, ...]) -> Form:
    """The form from its components' values."""
    return Form(*values)


class Handlers:
    """What happens when somebody touches the form. Every handler's inputs end with `Shared.who`."""

    def __init__(self, services: Services):
        self.services = services

    def who(self, values: tuple[Any, ...]) -> tuple[Form, Visitor]:
        *form, browser, token = values
        return read(tuple(form)), visitor(self.services.settings, browser, token)

    def choose(self, reference: Any, browser: Any, token: Any) -> Any:
        return teacher_section.choose(self.services, reference, visitor(self.services.settings, browser, token))

    def choose_again(self, reference: Any, size: Any, new_head: Any, browser: Any, token: Any) -> Any:
        who = visitor(self.services.settings, browser, token)
        return teacher_section.choose(self.services, reference, who, (size, bool(new_head)))

    def resize(self, reference: Any, chosen: Any, browser: Any, token: Any) -> Any:
        who = visitor(self.services.settings, browser, token)
        return teacher_section.resize(self.services, reference, chosen, who)

    def head(self, reference: str | None, browser: Any, token: Any) -> Any:
        return teacher_section.head_of(self.services, reference, visitor(self.services.settings, browser, token))

    def look_source(self, *values: Any) -> Any:
        form, who = self.who(values)
        return data_section.look(self.services, form, who, Touched.SOURCE)

    def look_part(self, *values: Any) -> Any:
        form, who = self.who(values)
        return data_section.look(self.services, form, who, Touched.PART)

    def look(self, *values: Any) -> Any:
        form, who = self.who(values)
        return data_section.look(self.services, form, who, Touched.COLUMNS)

    def look_after_teacher(self, *values: Any, touched: Touched = Touched.TEACHER) -> Any:
        form, who = self.who(values)
        if form.has_data:
            return data_section.look(self.services, form, who, touched)
        optional = form.teacher and not estimate.trains(self.services, form, who)
        return empty(t("data.optional" if optional else "data.empty")), *(gr.skip(),) * len(data_section.FILLED)

    def look_again(self, *values: Any) -> Any:
        return self.look_after_teacher(*values, touched=Touched.COLUMNS)

    def check(self, *values: Any) -> str:
        form, who = self.who(values)
        return data_section.check(self.services, form, who)

    def weigh(self, *values: Any) -> tuple[str, str, str]:
        form, who = self.who(values)
        trained = estimate.trains(self.services, form, who)
        line, saved = estimate.lines(self.services, form, trained, who)
        return line, estimate.recipe_of(form, trained), saved

    def start(self, *values: Any) -> str:
        """The new run's id. Everything that is wrong with the form is said at once."""
        form, who = self.who(values)
        if not (form.teacher or "").strip():
            raise gr.Error(t("teacher.none"), title="", print_exception=False)
        trained = estimate.trains(self.services, form, who)
        if trained and form.learns and not form.has_data:
            raise gr.Error(t("data.none"), title="", print_exception=False)
        base = None if self.services.settings.hosted else Path.cwd()  # of the one who started the app
        Recipe.parse(to_raw(form, trains=trained), base=base)  # before anything is copied
        files = self.services.keep(form.files, who) if form.files else None
        recipe = Recipe.parse(to_raw(form, trains=trained, files=files), base=base)
        try:
            return self.services.start(recipe, run_title(form, trained), who).id
        finally:
            self.services.let_go(files)  # the job has copies of its own


def run_title(form: Form, trained: bool = True) -> str:
    """What the list of runs calls it: `sst2 · half`. `trained`: whether this teacher's task can train a student."""
    name = clip((form.teacher or "").rstrip("/").split("/")[-1], 60)
    raw = to_raw(form, trains=trained)
    target = Recipe.parse(raw).target
    return f"{name} · {frontier.wanted(target) if target is not None else student_said(raw)}"


def wire(tab: CompressTab, shared: Shared) -> Any:
    """Connect the form; the event that a started run's id comes from."""
    services = shared.services
    act = Handlers(services)
    teacher, data, options = tab.teacher, tab.data, tab.options
    everything = [*tab.inputs, *shared.who]
    chosen = [teacher.card, teacher.size, teacher.sizes, data.new_head]
    weighed: dict[str, Any] = {"inputs": everything, "outputs": [tab.estimate, tab.recipe, options.saved], **ASKS}
    looked: dict[str, Any] = {"inputs": everything, "outputs": data.shown, **ASKS}

    for box, kind in ((teacher.teacher, "model"), (data.source, "dataset")):
        box.key_up(teacher_section.searcher(services, kind), shared.who, box, **ASKS)
    resized: dict[str, Any] = {"inputs": [teacher.teacher, teacher.size, *shared.who], "outputs": teacher.sizes, **ASKS}

    def follow(event: Any, choose: Any, choice: list[Any], look: Any) -> None:
        """What the form shows of a teacher and of data, once both stand in it."""
        event.then(choose, [*choice, *shared.who], chosen, **ASKS).then(look, **looked).then(
            act.resize, **resized
        ).then(act.weigh, **weighed).then(act.check, everything, data.check, **ASKS)

    files = [data.train, data.validation, data.test]
    demo = teacher.demo.click(lambda: (DEMO, DEMO, *NO_FILES), None, [teacher.teacher, data.source, *files], **LIGHT)
    looking = lambda: empty(t("teacher.looking"))  # noqa: E731
    for event in (teacher.teacher.input(looking, None, teacher.card, **LIGHT), demo):
        follow(event, act.choose, [teacher.teacher], act.look_after_teacher)
    filled = tab.keeping.filled.change(looking, None, teacher.card, **LIGHT)
    follow(filled, act.choose_again, [teacher.teacher, teacher.size, data.new_head], act.look_again)
    teacher.size.input(act.resize, **resized, **LAST)
    use_demo = data.demo.click(lambda: (DEMO, *NO_FILES), None, [data.source, *files], **LIGHT)
    named = data.source.input(lambda: NO_FILES, None, files, **LIGHT)
    # A file of one's own goes before a data set's name, which says so no longer.
    uploads = [data.train.upload(lambda: None, None, data.source, **LIGHT).then(act.look_part, **looked)]
    uploads += [box.upload(act.look_part, **looked) for box in files[1:]]
    uploads += [box.clear(act.look_part, **looked) for box in files]
    anew: dict[str, Any] = {"inputs": [teacher.teacher, *shared.who], "outputs": data.new_head, **ASKS}
    sources = [event.then(act.head, **anew).then(act.look_source, **looked) for event in (use_demo, named)]
    for event in (*sources, *uploads,
                  data.subset.input(act.look_part, **looked, **LAST),
                  *(box.input(act.look, **looked, **LAST) for box in (data.text, data.text_pair, data.label,
                                                              data.labels, data.label_kind, data.new_head)),
                  data.no_label.blur(act.look, **looked, **LAST)):  # fmt: skip
        event.then(act.weigh, **weighed).then(act.check, everything, data.check, **ASKS)
    for box in (teacher.size, *teacher.wanted, *options.all):
        left = box.blur if isinstance(box, gr.Number | gr.Textbox) else box.input
        left(act.weigh, **weighed, **LAST)
    return tab.start.click(guarded(act.start), everything, shared.run_id, concurrency_limit=4, api_visibility="private")
