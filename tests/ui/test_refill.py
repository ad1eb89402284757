"""From a recipe back to the form: whatever a recipe asks for, the form that is made of it asks for the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.errors import RecipeError
from compressor.recipe import AUTO, DEFAULT_FORMATS, FORMATS, NEED_PLAIN, SIZES, Data, Distill, Files, Recipe, Student
from compressor.ui import more
from compressor.ui.form import NONE, Form, recipe_text, to_raw
from compressor.ui.refill import from_recipe

WORDS = st.text(alphabet="abcxyz/-_é", min_size=1, max_size=12)
MAYBE = st.one_of(st.none(), WORDS)
NUMBER = st.integers(1, 900)
LABELS = st.dictionaries(WORDS, WORDS, max_size=4)


def forms() -> st.SearchStrategy[Form]:
    """What a person can have filled in: data of one kind, at least one column chosen where there is none of labels."""
    return st.builds(
        Form,
        teacher=WORDS,
        size=st.sampled_from([*SIZES, AUTO, NONE]),
        max_megabytes=st.one_of(st.none(), st.floats(0.1, 900)),
        min_retained=st.one_of(st.none(), st.floats(1, 140)),
        min_speedup=st.one_of(st.none(), st.floats(0.5, 30)),
        source=WORDS,
        subset=MAYBE,
        train=MAYBE,
        text=WORDS,
        text_pair=MAYBE,
        label=st.one_of(st.none(), st.just(""), WORDS),
        labels=LABELS.map(lambda found: tuple(found.items())),
        label_kind=st.one_of(st.none(), st.sampled_from(["one", "several", "number"])),
        no_label=st.one_of(st.none(), st.just("[]"), st.lists(WORDS, min_size=1, max_size=3).map(", ".join)),
        new_head=st.booleans(),
        formats=st.lists(st.sampled_from(FORMATS), unique=True, min_size=1),
        budget=st.sampled_from(["quick", "balanced", "thorough"]),
        epochs=st.one_of(st.none(), st.floats(0.5, 20)),
        limit=st.one_of(st.none(), NUMBER),
        max_length=st.one_of(st.none(), st.integers(8, 512)),
        learning_rate=st.one_of(st.none(), st.floats(1e-6, 1e-2)),
        batch_size=st.one_of(st.none(), NUMBER),
        temperature=st.one_of(st.none(), st.floats(0.5, 9)),
        seed=st.one_of(st.none(), st.integers(0, 2**32 - 1)),
        layers=st.one_of(st.none(), NUMBER),
        hidden=st.one_of(st.none(), st.integers(8, 900)),
        alpha=st.one_of(st.just(""), st.none(), st.floats(0, 1)),
        student_model=st.one_of(st.none(), WORDS),
        distill=st.booleans(),
        vocabulary=st.one_of(st.none(), NUMBER),
        words=st.booleans(),
        control=st.booleans(),
    ).map(of_one_kind)


def of_one_kind(form: Form) -> Form:
    """A control needs a teacher that says something; a search is for something, and names no student of its own."""
    form = replace(form, control=form.control and form.alpha != 1)
    own = form.student_model or form.layers or form.hidden or form.intermediate or form.thin
    if form.size != AUTO or own:
        return replace(form, size="half" if form.size == AUTO else form.size)
    return replace(form, control=False, distill=True, min_speedup=form.min_speedup or 2.0)


def recipes() -> st.SearchStrategy[Recipe]:
    """Any recipe that is one, with each part said or left open."""
    source = st.one_of(st.just("demo"), WORDS, st.builds(lambda a, b: {"train": a, "test": b}, WORDS, MAYBE))
    data = st.fixed_dictionaries({"source": source}, optional={
        "subset": MAYBE, "revision": MAYBE, "unlabelled": MAYBE, "limit": st.one_of(st.none(), NUMBER),
        "columns": st.one_of(st.none(), st.dictionaries(st.sampled_from(["text", "text_pair", "label", "id"]), WORDS)),
        "labels": st.one_of(st.none(), LABELS), "label_kind": st.sampled_from(["one", "several", "number"]),
        "no_label": st.one_of(st.none(), st.lists(WORDS, max_size=3)), "max_length": st.integers(8, 99),
    })  # fmt: skip
    cut = st.fixed_dictionaries({}, optional={"layers": NUMBER, "hidden": st.integers(8, 99), "kv_heads": NUMBER})
    student = st.one_of(st.none(), st.sampled_from(SIZES).map(lambda s: {"size": s}), cut.map(lambda c: {"cut": c}),
                        WORDS.map(lambda m: {"model": m}))  # fmt: skip
    share = st.floats(0.01, 0.99)
    thin = st.one_of(share.map(lambda x: {"weights": x}), share.map(lambda x: {"energy": x}))
    student = st.one_of(student, st.builds(lambda s, t: {**(s or {}), "low_rank": t}, student, thin))
    words = st.one_of(st.just("data"), NUMBER)
    student = st.one_of(student, st.builds(lambda s, v: {**(s or {}), "vocabulary": v}, student, words))
    distill = st.one_of(st.none(), st.fixed_dictionaries({}, optional={
        "objective": st.sampled_from(["auto", "logits", "relations"]), "epochs": st.floats(0.5, 9), "alpha": st.floats(0, 1),
        "temperature": st.floats(0.5, 9), "learning_rate": st.floats(1e-6, 1e-2), "batch_size": NUMBER,
        "control": st.booleans(),
    }))  # fmt: skip
    target = st.fixed_dictionaries({"max_megabytes": st.floats(0.1, 900)}, optional={
        "min_retained": st.floats(0.01, 1.4), "min_speedup": st.floats(0.5, 30),
    })  # fmt: skip
    return st.fixed_dictionaries({"teacher": WORDS, "data": data}, optional={
        "target": target,
        "schema": st.just(1), "teacher_head": st.sampled_from(["keep", "new"]), "task": MAYBE, "student": student,
        "distill": distill, "budget": st.sampled_from(["quick", "balanced", "thorough"]), "seed": st.integers(0, 2**32 - 1),
        "formats": st.lists(st.sampled_from(FORMATS), unique=True, min_size=1), "backend": st.just("local"),
    }).map(possible).map(Recipe.parse)  # fmt: skip


def possible(asked: dict[str, Any]) -> dict[str, Any]:
    """Thin layers come in formats that hold a graph only; a control needs another student, and a teacher that says something;
    relations need one that says something of the tokens that the student reads."""
    if "target" in asked:
        if asked.pop("student", None):
            asked["student"] = {"size": "auto"}
        if asked.get("distill", {}) is None:
            asked.pop("distill")
        (asked.get("distill") or {}).pop("control", None)
    if (asked.get("student") or {}).get("low_rank") or (asked.get("distill") or {}).get("alpha") == 1:
        (asked.get("distill") or {}).pop("control", None)
    student, distill = asked.get("student") or {}, asked.get("distill") or {}
    if student.get("model") or student.get("vocabulary") or distill.get("alpha") == 1:
        distill.pop("objective", None)
    if (asked.get("student") or {}).get("low_rank") and "formats" in asked:
        asked["formats"] = [f for f in asked["formats"] if f not in NEED_PLAIN] or ["onnx"]
    return asked


def meaning(recipe: Recipe) -> dict[str, Any]:
    """A recipe with every default filled in, less what is the same in other words."""
    full = recipe.resolved("text-classification", Student(size="half"), DEFAULT_FORMATS)
    found = yaml.safe_load(full.to_yaml())  # a search leaves open what it does not say
    found["formats"] = sorted(found["formats"])
    if found["student"] is None or found["distill"] is None:
        found.pop("budget")
    data = found["data"]
    data["columns"] = data["columns"] or None
    named = {mine: theirs for mine, theirs in (data["labels"] or {}).items() if mine.casefold() != theirs.casefold()}
    data["labels"] = (named if found["teacher_head"] == "keep" else data["labels"]) or None
    if isinstance(data["source"], dict):
        data["source"] = {split: path for split, path in data["source"].items() if path}
    return found


@given(forms())
@settings(max_examples=300, deadline=None)
def test_what_the_form_can_say_comes_back_as_it_was(form: Form) -> None:
    asked = Recipe.parse(to_raw(form))
    back = from_recipe(asked)
    assert back.more == ""
    assert to_raw(back) == to_raw(form)
    assert Recipe.parse(to_raw(back)) == asked


@given(recipes())
@settings(max_examples=300, deadline=None)
def test_of_any_recipe_nothing_is_lost(recipe: Recipe) -> None:
    assert meaning(Recipe.parse(to_raw(from_recipe(recipe)))) == meaning(recipe)


def test_what_has_no_field_stands_in_sight_and_counts() -> None:
    asked = Recipe.parse({"teacher": "a/b", "task": "text-classification", "seed": 2**32 - 1, "student": {"cut": {"kv_heads": 2}},
                          "data": {"source": "c/d", "revision": "v1", "unlabelled": "/x/raw.txt"}})  # fmt: skip
    form = from_recipe(asked)
    assert (form.size, form.seed) == (NONE, 2**32 - 1)
    for line in ("task: text-classification", "revision: v1", "unlabelled: /x/raw.txt", "kv_heads: 2"):
        assert line in form.more
        assert line in recipe_text(form)
    assert Recipe.parse(to_raw(form)).data == asked.data


def test_fields_of_the_form_win_where_they_have_a_say() -> None:
    form = from_recipe(
        Recipe(teacher="a/b", student=None, distill=Distill(epochs=7), data=Data(source=Files(train="/a")))
    )
    assert (form.size, form.epochs, form.train, form.more) == (NONE, 7, "/a", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("just words", "key: value"),
        ("a: [", "key: value"),
        ("teacher: x/y", "field of its own"),
        ("data: {source: /etc/passwd}", "field of its own"),
        ("a: &x [1]\nb: *x", "& and *"),
        ("x: " + "y" * more.MOST, "too long"),
        ("nonsense: 1", "nonsense"),
    ],
)
def test_what_cannot_go_along_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said.replace("*", r"\*")):
        Recipe.parse(to_raw(Form(teacher="a/b", size="half", source="demo", more=text)))
