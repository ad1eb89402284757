"""A form that is not lost: what was filled in stays in the browser and is there again after a reload, and a run's recipe opens
in the form to be changed. The browser writes by itself; the server hears of it when the page is opened."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from compressor.recipe import AUTO, SIZES
from compressor.ui.form import NONE, Form
from compressor.ui.handlers import LIGHT, guarded, visitor
from compressor.ui.on_page import told
from compressor.ui.refill import from_recipe
from compressor.ui.services import Services
from compressor.ui.shared import COMPRESS, Shared, hidden_text
from compressor.ui.text import clip, paragraphs
from compressor.ui.words import t

STORAGE = "compressor-form"
"""Where the browser keeps it. Nothing in it is secret: no token, no file."""
FILES = ("train", "validation", "test")
NAMES = tuple(one.name for one in fields(Form))
ADVANCED = ("epochs", "limit", "max_length", "learning_rate", "batch_size", "temperature", "seed", "layers", "hidden",
            "intermediate", "thin", "vocabulary", "student_model")  # fmt: skip
OLD_ALPHA = 0.5
"""What a form of version 1 says of the labels' weight where nobody said anything."""
MOST_TEXT, MOST_ROWS = 20_000, 1000


@dataclass(frozen=True)
class Keeping:
    """`filled` changes when the form was filled in from elsewhere; `missing` names the files that a person has to choose
    again, by their part."""

    kept: gr.BrowserState
    note: gr.Row
    said: gr.HTML
    clear: gr.Button
    filled: gr.Textbox
    missing: gr.Textbox

    @property
    def shown(self) -> list[Any]:
        return [self.note, self.said, self.filled, self.missing]


def hidden() -> tuple[gr.BrowserState, gr.Textbox, gr.Textbox]:
    """What is never on the screen: kept, filled, missing. It stands outside the form, because gradio shows such boxes
    together with a column that it shows."""
    kept = gr.BrowserState(None, storage_key=STORAGE, secret=STORAGE)
    return kept, hidden_text("form-filled"), hidden_text("form-missing")


def build(kept: gr.BrowserState, filled: gr.Textbox, missing: gr.Textbox) -> Keeping:
    """The line on top of the form."""
    with gr.Row(visible=False, elem_id="form-note") as note:
        with gr.Column(scale=5, min_width=240):
            said = gr.HTML("", elem_id="form-note-said")
        clear = gr.Button(
            t("kept.start_over"), size="md", elem_id="start-over", scale=0, min_width=170, elem_classes="center-button"
        )
    return Keeping(kept, note, said, clear, filled, missing)


def read(raw: Any) -> tuple[Form, dict[str, str]] | None:
    """What a browser kept: the form without its files, and those files' names by their part. None where it is nothing, or
    not what this page wrote; one value that does not fit is left out alone."""
    values = raw.get("form") if isinstance(raw, Mapping) else None
    if not isinstance(values, Mapping) or len(json.dumps(values, default=str)) > 10 * MOST_TEXT:
        return None
    if raw.get("version", 1) == 1 and values.get("alpha") == OLD_ALPHA:
        values = {**values, "alpha": None}
    known = {name: values[name] for name in NAMES if name not in FILES and values.get(name) is not None}
    known["labels"] = _pairs(known.get("labels"))
    try:
        form = _FORM.validate_python(known)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        try:
            form = _FORM.validate_python({name: value for name, value in known.items() if name not in wrong})
        except ValidationError:
            return None
    named = {part: clip(values[part], 120) for part in FILES if isinstance(values.get(part), str) and values[part]}
    return (form, named) if touched(form) or named else None


_FORM = TypeAdapter(Form)


def _pairs(rows: Any) -> tuple[tuple[str, str], ...]:
    """The label map's lines that are two texts."""
    lines = [row for row in rows if isinstance(row, Sequence)] if isinstance(rows, list) else []
    return tuple((str(row[0] or ""), str(row[1] or "")) for row in lines[:MOST_ROWS] if len(row) > 1)


def touched(form: Form) -> bool:
    """Whether somebody has begun to fill it in."""
    return bool((form.teacher or "").strip() or form.has_data or (form.student_model or "").strip())


def values(form: Form, files: Mapping[str, str] | None) -> list[Any]:
    """The form as values for its components. `files`: what to offer for upload, by part; None leaves them as they are.
    Choices that only the chain after it can tell stand there with what was chosen alone, so that it is a choice."""
    sizes = [(t(f"size.{name}"), name) for name in (*SIZES, AUTO)]
    chosen = {
        "size": gr.update(choices=[*sizes, (t("student.none"), NONE)], value=form.size, visible=False),
        "subset": _only(form.subset, visible=bool(form.subset)),
        **{role: _only(getattr(form, role)) for role in ("text", "text_pair", "label")},
        "labels": [list(pair) for pair in form.labels] or [["", ""]],
        "formats": list(form.formats),
        "alpha": form.alpha if form.weighs_labels else "",
        "more": gr.update(value=form.more, visible=bool(form.more)),
        **{part: (gr.skip() if files is None else files.get(part)) for part in FILES},
    }
    return [chosen[name] if name in chosen else gr.update(value=getattr(form, name)) for name in NAMES]


def _only(value: str | None, **more: Any) -> Any:
    choices = [(t("data.no_column"), ""), *([(clip(value, 60), value)] if value else [])]
    return gr.update(choices=choices, value=value, **more)


class Handlers:
    def __init__(self, services: Services):
        self.services = services

    def restore(self, run_id: str | None, kept: Any, *inputs: Any) -> Any:
        """(the form's components, note, said, filled, missing, advanced): the form as this browser kept it. A run goes
        before it, and so does what stands in the form already."""
        found = None if run_id or touched(Form(*inputs[: len(NAMES)])) else read(kept)
        if found is None:
            return gr.skip()
        form, named = found
        if named.keys() & {"train", "test"}:
            form = replace(form, source=None, subset=None)  # the file went before it
        said = [t("kept.restored")]
        if named:
            said.append(t("kept.files", names=", ".join(named.values())))
        return self._filled(form, None, said, named)

    def open(self, run_id: str, browser: Any, token: Any) -> Any:
        """The same, and (run id, share, tabs): a run's recipe in the form, with the run's own files."""
        job = self.services.job(run_id, visitor(self.services.settings, browser, token)).own()
        form, files, gone = from_recipe(job.recipe()), {}, {}
        for part, path in form.files.items():
            if Path(path).is_file():
                files[part] = self.services.share_file(Path(path), Path(path).name)
            else:
                gone[part] = part
        said = [t("kept.recipe", title=clip(job.title, 120))]
        if job.error and job.status in ("failed", "interrupted"):
            said.append(t("kept.why", error=told(job.error)))
        if gone:
            said.append(t("kept.files_gone", names=", ".join(gone)))
        form = replace(form, train=None, validation=None, test=None)
        return *self._filled(form, files, said, gone), "", "", gr.Tabs(selected=COMPRESS)

    def _filled(
        self, form: Form, files: Mapping[str, str] | None, said: list[str], missing: Mapping[str, str]
    ) -> tuple[Any, ...]:
        advanced = any(getattr(form, name) for name in ADVANCED) or form.weighs_labels or not form.distill
        return (
            *values(form, files),
            gr.update(visible=True),
            paragraphs(said, "warning" if missing else "note"),
            secrets.token_hex(8),
            json.dumps(dict(missing)),
            gr.update(open=True) if advanced else gr.skip(),
        )


def wire(keeping: Keeping, inputs: list[Any], advanced: gr.Accordion, shared: Shared, openings: list[Any]) -> None:
    """Keep the form on every change, and bring it back after each of `openings`, where no run is shown."""
    act = Handlers(shared.services)
    restored = [*inputs, *keeping.shown, advanced]
    gr.on([box.change for box in inputs], None, [*inputs, keeping.missing, keeping.kept], keeping.kept, js=KEEP)
    for then in openings:
        then(guarded(act.restore), [shared.run_id, keeping.kept, *inputs], restored, **LIGHT)
    keeping.clear.click(None, None, None, js=CLEAR)


def wire_open(button: gr.Button, run_id: Any, keeping: Keeping, inputs: list[Any], advanced: gr.Accordion,
              shared: Shared) -> None:  # fmt: skip
    """That button opens the recipe of the run whose id stands in `run_id`."""
    outputs = [*inputs, *keeping.shown, advanced, shared.run_id, shared.share, shared.tabs]
    act = guarded(Handlers(shared.services).open)
    button.click(act, [run_id, *shared.who], outputs, concurrency_limit=4, api_visibility="private")


KEEP = """(...values) => {
  const names = %s, kept = values.pop(), missing = JSON.parse(values.pop() || '{}');
  const form = Object.fromEntries(names.map((name, i) => [name, values[i] ?? null]));
  for (const part of %s) form[part] = form[part]?.orig_name ?? missing[part] ?? null;
  form.labels = (form.labels?.data ?? []).filter((row) => row.some(Boolean));
  const begun = form.teacher || form.source || form.student_model || form.train || form.test;
  return begun ? { version: 2, form } : kept;
}""" % (json.dumps(NAMES), json.dumps(FILES))  # noqa: UP031
"""Runs in the browser alone. A form that nobody has touched is not kept: it would take the place of the one to be restored."""

CLEAR = f"""() => {{
  const forget = () => localStorage.removeItem({json.dumps(STORAGE)});
  // Again as the page goes: an event that is still under way would write the form back before that.
  window.addEventListener("pagehide", forget);
  forget();
  window.location.reload();
}}"""
