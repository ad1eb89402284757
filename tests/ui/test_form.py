from __future__ import annotations

import contextlib
from dataclasses import replace

import gradio as gr
import pytest

from compressor.data.preview import Preview
from compressor.errors import RecipeError
from compressor.recipe import Recipe
from compressor.ui import data_section, estimate
from compressor.ui.card_panel import read_cards
from compressor.ui.compress_tab import Handlers
from compressor.ui.form import NONE, Form, recipe_text, to_raw
from compressor.ui.keeping import NAMES
from compressor.ui.words import t


def recipe(form: Form, **more: object) -> Recipe:
    return Recipe.parse(to_raw(form, **more))  # type: ignore[arg-type]


def test_the_demo_is_three_lines_and_the_defaults() -> None:
    raw = to_raw(Form(teacher="demo", size="half", source="demo"))
    assert raw == {
        "teacher": "demo",
        "data": {"source": "demo"},
        "student": {"size": "half"},
        "formats": ["8bit", "4bit"],
    }


def test_own_numbers_replace_the_size_and_another_model_replaces_both() -> None:
    form = Form(teacher="a/b", size="half", source="demo", layers=2.0, hidden=128.0)
    assert recipe(form).student.cut.layers == 2  # type: ignore[union-attr]
    assert to_raw(Form(teacher="a/b", size="half", source="demo", layers=2, student_model=" c/d "))["student"] == {
        "model": "c/d"
    }


def test_advanced_values_reach_the_recipe() -> None:
    form = Form(teacher="a/b", size="tiny", source="x/y", subset="s", text="t", label="l", limit=100, max_length=64, epochs=2,
                learning_rate=2e-4, batch_size=8, temperature=3, alpha=0, seed=7, budget="quick", formats=["4bit"])  # fmt: skip
    found = recipe(form)
    assert found.data is not None and found.distill is not None
    assert (found.data.subset, found.data.columns, found.data.limit) == ("s", {"text": "t", "label": "l"}, 100)
    assert (found.distill.epochs, found.distill.alpha, found.distill.batch_size) == (2.0, 0.0, 8)
    assert (found.seed, found.budget, found.formats) == (7, "quick", ("4bit",))


@pytest.mark.parametrize(
    ("alpha", "said"), [(None, None), ("", None), (0, 0.0), (1.0, 1.0), (0.35, 0.35), ("0.35", 0.35)]
)
def test_what_the_labels_weigh_is_open_unless_it_is_said(alpha, said) -> None:
    form = Form(teacher="a/b", size="half", source="demo", alpha=alpha)
    assert to_raw(form).get("distill") == (None if said is None else {"alpha": said})
    assert form.weighs_labels is (said is not None)


def test_cut_only_and_quantize_only() -> None:
    assert recipe(Form(teacher="a/b", size="half", source="demo", distill=False)).distill is None
    only = recipe(Form(teacher="a/b", size=NONE))
    assert only.student is None and only.data is None


def test_nothing_to_do_is_a_sentence() -> None:
    with pytest.raises(RecipeError, match="nothing to do"):
        recipe(Form(teacher="a/b", size=NONE, formats=()))


def test_a_file_goes_before_a_data_set_and_is_shown_by_its_name() -> None:
    form = Form(teacher="demo", size="half", source="x/y", train="/tmp/gradio/abc/mine.csv")
    assert to_raw(form)["data"]["source"] == {"train": "/tmp/gradio/abc/mine.csv"}
    shown = recipe_text(form)
    assert "mine.csv" in shown
    assert "/tmp" not in shown


def test_a_language_model_is_only_measured_on_its_file() -> None:
    form = Form(teacher="a/gpt", size="half", train="/x/book.txt")
    raw = to_raw(form, trains=False)
    assert raw["student"] is None
    assert raw["data"] == {"source": {"test": "/x/book.txt"}}
    assert "teacher_head" not in to_raw(Form(teacher="a/gpt", new_head=True), trains=False)


def test_a_label_map_gives_way_to_a_new_head() -> None:
    pairs = [["pos", "positive"], ["neg", ""], ["", "x"]]
    form = Form(teacher="a/b", size="half", source="x/y", labels=pairs)
    assert to_raw(form)["data"]["labels"] == {"pos": "positive"}
    new = to_raw(Form(teacher="a/b", size="half", source="x/y", labels=pairs, new_head=True))
    assert new["teacher_head"] == "new"
    assert "labels" not in new["data"]


def test_no_label_column_is_said_so_that_none_is_guessed() -> None:
    chosen = Form(teacher="a/b", source="c/d", size="half", text="t", text_pair="", label="")
    assert to_raw(chosen)["data"]["columns"] == {"text": "t", "label": ""}
    assert to_raw(chosen, trains=False)["data"]["columns"] == {"text": "t"}
    assert "columns" not in to_raw(Form(teacher="a/b", source="c/d", size="half"))["data"]


@pytest.mark.parametrize(
    "odd",
    ["abc", [1], {"a": 1}, float("nan"), float("inf"), 10**400, 1 << 20_000, True, "\ud800", "a\0b"],
    ids=range(10),
)
def test_a_request_that_no_page_sends_is_a_sentence_or_a_recipe(odd: object) -> None:
    for name in Form.__dataclass_fields__:
        form = Form(**{"teacher": "demo", "source": "demo", "size": "half", name: odd})  # type: ignore[arg-type]
        try:
            recipe_text(form)
        except RecipeError as error:
            assert 0 < len(str(error)) <= 2000
    rows = [[], [1], [odd, odd], odd]
    with contextlib.suppress(RecipeError):
        recipe_text(Form(teacher="demo", source="demo", size="half", labels=rows))  # type: ignore[arg-type]


def test_numbers_that_are_none_are_named() -> None:
    with pytest.raises(RecipeError, match=r"`distill.epochs` is 'abc'; it has to be a number"):
        recipe(Form(teacher="demo", source="demo", size="half", epochs="abc"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["a: !!bool x", "[" * 9000, "a: !!int ''", "a: 1\na: 2", "b: &b {<<: {a: 1}}\nc: *b"], ids=range(5)
)
def test_lines_made_to_hurt_are_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError):
        to_raw(Form(teacher="demo", more=text))


@pytest.mark.parametrize("sent", ["[" * 50_000, "[1]", "{", '{"a": ' + "9" * 5000 + "}", "", None], ids=range(6))
def test_a_box_of_cards_that_holds_none(sent: str | None) -> None:
    assert read_cards(sent) == {}


def test_a_label_of_several_columns_is_among_the_choices():
    """gradio refuses a value that is not, in every later request that takes the form."""
    columns = ("text", "toxic", "insult", "threat")
    found = Preview(columns=columns, roles={"text": "text", "label": "toxic, insult, threat"})
    *_, label = data_section._choices(found)
    assert label["value"] == "toxic, insult, threat"
    assert label["value"] in {value for _, value in label["choices"]} > {"", *columns}


def test_own_test_rows_need_own_training_rows_where_something_learns():
    form = Form(teacher="demo", size="half", source="stanfordnlp/sst2", test="/t.csv")
    with pytest.raises(RecipeError, match="add a training file, or take these files out"):
        to_raw(form)
    assert to_raw(replace(form, size="none"))["data"] == {"source": {"test": "/t.csv"}}
    assert to_raw(replace(form, train="/a.csv"))["data"] == {"source": {"train": "/a.csv", "test": "/t.csv"}}


def test_without_a_student_the_numbers_are_the_heads():
    form = Form(teacher="demo", size="none", source="demo", new_head=True, budget="thorough", epochs=20, learning_rate=2e-5,
                batch_size=8, alpha=0.2, control=True, temperature=3)  # fmt: skip
    raw = to_raw(form)
    assert raw["distill"] == {"epochs": 20.0, "learning_rate": 2e-5, "batch_size": 8}
    assert (raw["student"], raw["budget"]) == (None, "thorough")


def test_a_start_without_data_is_answered_in_the_words_of_the_page(services, monkeypatch) -> None:
    act = Handlers(services)
    monkeypatch.setattr(estimate, "trains", lambda *_: True)
    form = Form(teacher="demo", size="half")
    with pytest.raises(gr.Error) as caught:
        act.start(*(getattr(form, name) for name in NAMES), "browser", "")
    assert str(caught.value.message) == t("data.none") and "data:" not in t("data.none")
