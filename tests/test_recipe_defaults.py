"""What a recipe leaves open, and its budget, its student and a new head decide."""

from __future__ import annotations

import pytest

from compressor.recipe import Recipe, Student, teacher_epochs

MINIMAL = {"teacher": "a/b", "data": {"source": "c/d"}}


@pytest.mark.parametrize(("budget", "passes"), [("quick", 4.0), ("balanced", 4.0), ("thorough", 10.0)])
def test_a_teacher_learns_a_new_head_sooner_than_a_student_what_it_lost(budget, passes):
    asked = Recipe.parse(MINIMAL | {"budget": budget, "teacher_head": "new"})
    distill = asked.resolved("text-classification", Student(size="half"), ()).distill
    assert teacher_epochs(distill) == passes
    assert teacher_epochs(None) == 4.0
    assert teacher_epochs(distill.model_copy(update={"epochs": 6.0})) == 6.0
    assert teacher_epochs(distill.model_copy(update={"epochs": 30.0})) == 10.0


@pytest.mark.parametrize(
    ("asked", "epochs", "rate"),
    [
        ({}, 4.0, 1e-4),
        ({"budget": "thorough"}, 10.0, 1e-4),
        ({"budget": "thorough", "distill": {"epochs": 20, "learning_rate": 2e-5, "batch_size": 8}}, 20.0, 2e-5),
        ({"distill": {"epochs": 2}}, 2.0, 1e-4),
        ({"distill": None}, 4.0, 1e-4),
    ],
)
def test_without_a_student_the_numbers_are_the_teachers(asked, epochs, rate):
    raw = MINIMAL | {"student": None, "teacher_head": "new", "formats": ["8bit"]} | asked
    full = Recipe.parse(raw).resolved("text-classification", Student(size="half"), ())
    assert (full.teacher_epochs, full.teacher_rate) == (epochs, rate)
    assert not full.learns and not full.asks_teacher
    again = Recipe.parse(full.to_yaml())
    assert again.resolved("text-classification", Student(size="half"), ()) == full == again


@pytest.mark.parametrize(
    ("budget", "half", "mini"), [("quick", "none", 1.0), ("balanced", "none", 3.0), ("thorough", "none", 3.0)]
)
def test_texts_are_made_up_for_narrow_students(budget, half, mini):
    for size, made in (("half", half), ("mini", mini)):
        asked = Recipe.parse(MINIMAL | {"budget": budget, "student": {"size": size}})
        assert asked.resolved("text-classification", None, ()).distill.augment == made


def test_thin_layers_come_as_onnx_where_nothing_is_said():
    asked = Recipe.parse(MINIMAL | {"student": {"low_rank": {"weights": 0.5}}})
    full = asked.resolved("text-classification", Student(size="half"), ("8bit", "4bit"))
    assert full.formats == ("onnx", "onnx-int8")
    assert (full.student.size, full.student.low_rank.weights) == (None, 0.5)


@pytest.mark.parametrize(
    ("student", "weight"),
    [
        ({"size": "half"}, 0.2),
        ({"size": "slim"}, 0.2),
        ({"cut": {"layers": 2, "intermediate": 128}}, 0.2),
        ({"low_rank": {"weights": 0.5}}, 0.2),
        ({"size": "mini"}, 0.5),
        ({"cut": {"hidden": 128}}, 0.5),
        ({"model": "some/student"}, 0.5),
    ],
)
def test_students_as_wide_as_their_teacher_want_few_of_the_labels(student, weight):
    asked = Recipe.parse(MINIMAL | {"student": student})
    full = asked.resolved("text-classification", None, ())
    assert full.distill.alpha == weight
    assert Recipe.parse(full.to_yaml()).resolved("text-classification", None, ()) == full
    for said in (0.5, 0.0):
        asked = Recipe.parse(MINIMAL | {"student": student, "distill": {"alpha": said}})
        assert asked.resolved("text-classification", None, ()).distill.alpha == said, "what is said counts"
