"""What the form makes of data: parts of a Hub data set to choose from, and what stays when something else is chosen."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from compressor.ui import data_section
from compressor.ui.compress_tab import Handlers
from compressor.ui.data_section import Touched
from compressor.ui.form import Form, data_raw
from compressor.ui.services import Services, Visitor
from tests.data.files import sentences, write_csv

ANNE = Visitor("anne")
CARD = b"""---
configs:
- config_name: cola
  data_files: [{split: train, path: cola/train.csv}]
- config_name: qqp
  data_files: [{split: train, path: qqp/train.csv}]
---
"""
FIELDS = ("preview", "subset", "text", "text_pair", "label", "labels", "label_kind", "no_label", "columns")


@pytest.fixture
def glue(hub_server: Any) -> str:
    """Like GLUE: two parts, none of them the default, with columns of their own."""
    rows = sentences(60)
    cola = "\n".join(["sentence,label", *(f"{text},{label}" for text, label in rows)])
    qqp = "\n".join(
        ["question1,question2,is_duplicate", *(f"{text},is it {text}?,{n % 2}" for n, (text, _) in enumerate(rows))]
    )
    files = {"README.md": CARD, "cola/train.csv": cola.encode(), "qqp/train.csv": qqp.encode()}
    hub_server.add("nyu/glue", files, "dataset")
    return "nyu/glue"


def look(services: Services, form: Form, touched: Touched) -> tuple[Form, dict[str, Any]]:
    """The form as it stands afterwards, and what was shown."""
    shown = dict(zip(FIELDS, data_section.look(services, form, ANNE, touched), strict=True))
    changed = {n: shown[n]["value"] for n in ("subset", "text", "text_pair", "label") if "value" in (shown[n] or {})}
    changed |= {n: shown[n] for n in ("label_kind", "no_label") if isinstance(shown[n], str)}
    labels = shown["labels"] if isinstance(shown["labels"], list) else form.labels
    return replace(form, **changed, labels=labels), shown


def test_the_parts_of_a_data_set_can_be_chosen(services: Services, glue: str) -> None:
    form, shown = look(services, Form(source=glue), Touched.SOURCE)
    assert "has several subsets: cola, qqp" in shown["preview"]
    assert (shown["subset"]["visible"], shown["subset"]["choices"]) == (True, ["cola", "qqp"])
    form, shown = look(services, replace(form, subset="cola"), Touched.PART)
    assert (form.subset, form.text, form.label) == ("cola", "sentence", "label")
    form, shown = look(services, replace(form, subset="qqp"), Touched.PART)  # its columns have other names
    assert (form.subset, form.text, form.text_pair, form.label) == ("qqp", "question1", "question2", "is_duplicate")
    form, _ = look(services, form, Touched.TEACHER)  # chosen after the data
    assert form.subset == "qqp"
    form, shown = look(services, replace(form, source="demo"), Touched.SOURCE)
    assert (form.subset, shown["subset"]["visible"]) == (None, False)


def test_a_part_stays_out_of_a_recipe_with_the_demo() -> None:
    """Between the click on the demo and the look at it the old part still stands in its field."""
    assert data_raw(Form(source="demo", subset="qqp")) == {"source": "demo"}


def test_a_hub_out_of_reach_takes_nothing_that_was_chosen(services: Services, glue: str, hub_server: Any) -> None:
    chosen, _ = look(services, Form(source=glue, subset="cola"), Touched.PART)
    gone = replace(chosen, source="nyu/gone")
    form, shown = look(services, gone, Touched.COLUMNS)
    assert "nyu/gone" in shown["preview"]
    assert form == gone
    form, _ = look(services, gone, Touched.SOURCE)  # another data set: what belonged to the first is not its own
    assert (form.subset, form.text, form.label) == (None, None, None)


def test_what_a_column_holds_can_be_changed_and_is_forgotten_with_the_data(services: Services, uploads: Path) -> None:
    rows = [[text, ("0,1", "0,2", "1,2", "2,0", "?")[n % 5]] for n, (text, _) in enumerate(sentences(200))]
    path = str(write_csv(uploads / "a.csv", rows))
    form, shown = look(services, Form(train=path, new_head=True, label_kind="several", no_label="?"), Touched.COLUMNS)
    assert [mine for mine, _ in shown["labels"]] == ["0", "1", "2"]
    assert "40 without a label" in shown["preview"]
    assert (form.label_kind, form.no_label) == ("several", "?")
    other = str(write_csv(uploads / "b.csv", sentences(60)))
    form, shown = look(services, replace(form, train=other), Touched.SOURCE)
    assert (form.label_kind, form.no_label) == ("", "")


@pytest.mark.parametrize("touched", list(Touched))
def test_every_way_fills_in_all_that_it_shows(services: Services, touched: Touched) -> None:
    """gradio refuses a handler that returns less than it has outputs."""
    act = Handlers(services)
    values = [getattr(Form(), field.name) for field in fields(Form)]
    for form in (Form(), Form(source="nyu/gone"), Form(source="demo")):
        assert len(data_section.look(services, form, ANNE, touched)) == len(FIELDS)
    for handler in (act.look_after_teacher, act.look_again, act.look, act.look_part, act.look_source):
        assert len(handler(*values, "browser", None)) == len(FIELDS)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """Where gradio puts what somebody uploads: the only place that a shared machine reads files from."""
    (tmp_path / "gradio").mkdir(exist_ok=True)
    return tmp_path / "gradio"


def test_no_label_in_one_file_is_no_choice_for_the_next(services: Services, uploads: Path) -> None:
    bare = write_csv(uploads / "bare.csv", [[text] for text, _ in sentences(60)], ("text",))
    form, shown = look(services, Form(train=str(bare)), Touched.PART)
    assert (form.text, form.label) == ("text", ""), shown
    full = write_csv(uploads / "full.csv", sentences(60), ("text", "mood"))
    form, _ = look(services, replace(form, train=str(full)), Touched.PART)
    assert (form.text, form.label) == ("text", "mood")


def test_what_was_chosen_stays_where_the_next_file_has_it(services: Services, uploads: Path) -> None:
    rows = [[text, text.upper(), n % 2, n % 3 > 0] for n, (text, _) in enumerate(sentences(60))]
    names = ("shown", "said", "toxic", "insult")
    first, second = (write_csv(uploads / f"{n}.csv", rows, names) for n in "ab")
    form, _ = look(services, Form(train=str(first)), Touched.PART)
    assert form.text == "shown"
    mine = replace(form, text="said", label="toxic, insult", labels=[])
    form, shown = look(services, replace(mine, train=str(second)), Touched.PART)
    assert (form.text, form.label) == ("said", "toxic, insult")
    assert "problem" not in shown["preview"]
    other = write_csv(uploads / "c.csv", sentences(60), ("text", "label"))
    form, _ = look(services, replace(form, train=str(other)), Touched.PART)
    assert (form.text, form.label) == ("text", "label")
