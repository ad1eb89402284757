"""Which students learn what of the teacher's layers, from the recipe to the training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from transformers import AlbertConfig

from compressor import pipeline, tasks
from compressor.errors import RecipeError, RunCancelledError
from compressor.recipe import Distill, Recipe, Student
from compressor.stages.hints import _wanted
from compressor.training import hints, teacher, trainer
from tests.few import few_rows

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("measured_soon")]

SHORT = {"epochs": 0.5, "augment": "none"}
SIZES = 7
"""That a search tries first, one after the other."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    source = few_rows(tmp_path_factory.mktemp("few"))
    return {"teacher": "demo", "data": {"source": source}, "formats": []}


@pytest.fixture
def heard(monkeypatch, request):
    """What trainings were given: (kind, the teacher's layers that were taken down, layers that one row has). The parameter
    says at which training the run is cancelled, where what comes behind is not asked for."""
    found, real = [], trainer.train

    def hear(*args, **kwargs):
        given = kwargs["hints"]
        found.append((given.kind.name, given.layers, given[0].shape[0]) if given is not None else None)
        if len(found) == getattr(request, "param", None):
            raise RunCancelledError("enough")
        return real(*args, **kwargs)

    monkeypatch.setattr(trainer, "train", hear)
    return found


@pytest.mark.parametrize("heard", [1], indirect=True)
@pytest.mark.parametrize(
    ("student", "distill", "learns"),
    [
        ({"size": "half"}, {}, ("hidden", (2, 4, 6), 3)),
        ({"size": "mini"}, {}, ("relations", (3, 6), 2)),
        ({"cut": {"intermediate": 64}}, {}, ("hidden", (1, 2, 3, 4, 5, 6), 6)),
        ({"size": "half"}, {"objective": "relations"}, ("relations", (2, 4, 6), 3)),
        ({"size": "half"}, {"objective": "logits"}, None),
        ({"size": "half"}, {"alpha": 1.0}, None),
        ({"size": "half", "vocabulary": "data"}, {}, None),
    ],
)
def test_a_student_has_the_hints_that_it_can_follow(student, distill, learns, heard, asked, tmp_path, settings):
    recipe = Recipe.parse(asked | {"student": student, "distill": SHORT | distill})
    with pytest.raises(RunCancelledError):
        pipeline.run(recipe, tmp_path / "run", settings=settings)
    assert heard == [learns]


@pytest.mark.parametrize("heard", [SIZES], indirect=True)
def test_a_search_takes_down_what_each_of_its_sizes_can_follow(heard, asked, tmp_path, settings):
    recipe = Recipe.parse(asked | {"target": {"max_megabytes": 20}, "distill": SHORT})
    with pytest.raises(RunCancelledError):
        pipeline.run(recipe, tmp_path / "run", settings=settings)
    assert {kind for kind, _, _ in heard} == {"hidden", "relations"}
    assert {rows for kind, _, rows in heard if kind == "hidden"} == {1, 2, 3, 6}, "a quarter, a third, a half, and slim"


@pytest.mark.parametrize("heard", [SIZES], indirect=True)
def test_a_search_among_students_of_one_kind_of_hints_but_of_different_rows(heard, asked, tmp_path, settings):
    distill = SHORT | {"objective": "relations", "augment": "auto"}
    recipe = Recipe.parse(asked | {"target": {"max_megabytes": 20}, "distill": distill})
    with pytest.raises(RunCancelledError):
        pipeline.run(recipe, tmp_path / "run", settings=settings)
    assert {kind for kind, _, _ in heard} == {"relations"}


def test_data_without_room_for_them_is_learned_from_by_the_answers_alone(heard, asked, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(hints, "MOST_BYTES", 1000)
    recipe = Recipe.parse(asked | {"student": {"size": "half"}, "distill": SHORT})
    report = pipeline.run(recipe, tmp_path / "run", settings=settings)
    assert heard == [None]
    assert "so the student learns its answers alone" in " ".join(report.notes)


def test_a_teacher_that_gives_no_states_is_learned_from_by_its_answers(heard, asked, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(teacher, "gives_states", lambda *_: False)
    report = pipeline.run(
        Recipe.parse(asked | {"student": {"size": "half"}, "distill": SHORT}), tmp_path / "run", settings=settings
    )
    assert heard == [None]
    assert "The layers of bert models cannot be imitated" in " ".join(report.notes)


def test_a_search_from_a_teacher_that_cannot_be_cut_asks_for_no_hints():
    run = SimpleNamespace(
        recipe=SimpleNamespace(student=Student(size="auto"), distill=Distill()), task=tasks.get("text-classification")
    )
    assert _wanted(run, AlbertConfig(hidden_size=32, num_attention_heads=2, embedding_size=16)) == {}


@pytest.mark.parametrize(
    ("student", "distill", "says"),
    [
        ({"size": "mini"}, {"objective": "hidden"}, "narrower than its teacher"),
        ({"size": "half", "vocabulary": "data"}, {"objective": "relations"}, "reads other tokens"),
        ({"size": "half"}, {"objective": "hidden", "alpha": 1}, "nothing is learned from the teacher"),
    ],
)
def test_what_a_student_cannot_follow_is_a_sentence(student, distill, says):
    with pytest.raises(RecipeError, match=says):
        Recipe.parse({"teacher": "demo", "data": {"source": "demo"}, "student": student, "distill": distill})
