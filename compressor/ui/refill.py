"""The way back: from a recipe to the form that means it. What the form has no field for goes along in `Form.more`, so that
nothing of the recipe is lost. Knows nothing of gradio."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compressor.recipe import AUTO, SIZES, THIN_FORMATS, Data, Files, Recipe, Student
from compressor.ui import more
from compressor.ui.form import NONE, Form, in_words, to_raw

Path = tuple[str, ...]
SET_BY_OTHERS = {("distill", key) for key in ("epochs", "learning_rate", "alpha")} | {("student",), ("formats",)}
"""What is something else when it is said than when it is left open: budget and size set the first three, the task the others."""


FIELDS = {("teacher",), ("data",), ("student",), ("formats",)}


def from_recipe(recipe: Recipe) -> Form:
    """The form that means this recipe: `to_raw` of it is the same recipe, whatever that asks for."""
    student, data, distill = _student(recipe), recipe.data or Data(), recipe.distill
    cut = student.cut if student else None
    said = distill.model_fields_set if distill else set()
    found: dict[str, Any] = {}
    found |= {role: (data.columns or {}).get(role) for role in ("text", "text_pair", "label")}
    found |= {key: getattr(cut, key, None) for key in ("layers", "hidden", "intermediate")}
    if student is not None and student.low_rank is not None and student.low_rank.weights is not None:
        found["thin"] = 100 * student.low_rank.weights
    if student is not None and student.vocabulary is not None:
        found |= {"words": True} if student.vocabulary == "data" else {"vocabulary": student.vocabulary}
    found |= {
        key: getattr(distill, key)
        for key in ("epochs", "learning_rate", "batch_size", "temperature", "alpha")
        if key in said
    }
    if recipe.target is not None:
        found |= {"max_megabytes": recipe.target.max_megabytes, "min_speedup": recipe.target.min_speedup}
        if recipe.target.min_retained is not None:
            found["min_retained"] = 100 * recipe.target.min_retained
    if isinstance(data.source, Files):
        found |= data.source.model_dump()
    elif recipe.data is not None:
        found["source"] = data.source
    form = Form(
        teacher=recipe.teacher,
        size=_size(student),
        subset=data.subset,
        labels=tuple((data.labels or {}).items()),
        label_kind=data.label_kind,
        no_label=in_words(data.no_label) or None,
        new_head=recipe.teacher_head == "new",
        formats=_formats(recipe, student),
        budget=recipe.budget,
        limit=data.limit,
        max_length=data.max_length,
        seed=recipe.seed or None,
        student_model=student.model if student else None,
        distill=distill is not None or student is None,
        control=distill is not None and distill.control,
        **found,
    )
    return replace(form, more=more.write(rest(recipe, form)))


def rest(recipe: Recipe, form: Form) -> dict[Path, Any]:
    """What the recipe says and this form does not, by its path in the recipe."""
    asked, plain = _said(recipe), to_raw(form)
    meant = dict(more.leaves(plain))
    whole = dict(more.leaves(Recipe.model_construct(teacher="-", data=Data()).model_dump(mode="json")))
    lost: dict[Path, Any] = {}
    for path, value in more.leaves(asked):
        if path in meant and _same(meant[path], value):
            continue
        left_open = path not in SET_BY_OTHERS and path not in meant and path in whole and whole[path] == value
        if not (left_open or _in_form(path, value, asked)):
            lost[path] = value
    return lost


def _formats(recipe: Recipe, student: Student | None) -> tuple[str, ...]:
    """The formats; those of thin layers where a recipe leaves them open."""
    thin = student is not None and student.low_rank is not None
    return THIN_FORMATS if thin and "formats" not in recipe.model_fields_set else recipe.formats


def _in_form(path: Path, value: Any, asked: dict[str, Any]) -> bool:
    """What the form says in other words: what is null by itself, the order of formats, a label that is called the same on
    both sides; and what means nothing, like the epochs of no student."""
    if path[:2] in more.OWN_FIELD or path in FIELDS:
        return True
    if value is None and len(path) > 1:
        return True
    trains = asked["student"] is not None and asked.get("distill", {}) is not None
    if path[0] in ("distill", "budget") and (not trains or value == {}):
        return value is not None or asked["student"] is None
    if path[:2] == ("data", "labels") and len(path) == 3 and isinstance(value, str):
        same = path[2].strip().casefold() == value.strip().casefold()
        return not value.strip() or (same and asked.get("teacher_head") != "new")
    return False


def _said(recipe: Recipe) -> dict[str, Any]:
    """What was said, and what the task would choose where nothing was said of a student."""
    asked = recipe.model_dump(mode="json", exclude_unset=True)
    student = _student(recipe)
    asked["student"] = student.model_dump(mode="json", exclude_unset=True) if student else None
    return asked


def _student(recipe: Recipe) -> Student | None:
    if recipe.target is not None:
        return Student.model_validate({**(_dumped(recipe.student)), "size": AUTO})
    if "student" in recipe.model_fields_set or recipe.data is None:
        return recipe.student
    return Student(size="half")


def _dumped(student: Student | None) -> dict[str, Any]:
    return student.model_dump(exclude_unset=True) if student is not None else {}


def _size(student: Student | None) -> str:
    """The choice that stands above; other numbers or another model replace it. Nothing stands there where the rest of the
    student goes along in `more`: that alone is to count."""
    if student is None:
        return NONE
    if student.size is not None:
        return student.size
    if student.cut is None:
        return SIZES[0] if student.model is not None else NONE
    numbers = student.cut.layers or student.cut.hidden or student.cut.intermediate
    return SIZES[0] if numbers else NONE


def _same(a: Any, b: Any) -> bool:
    return a.strip() == b.strip() if isinstance(a, str) and isinstance(b, str) else bool(a == b)
