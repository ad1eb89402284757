"""A search in words and as a picture."""

from __future__ import annotations

import re
from typing import Any

import pytest

from compressor.errors import RecipeError
from compressor.recipe import Recipe
from compressor.report import Point, Report, Search, Variant
from compressor.results.searched import taken
from compressor.ui import frontier, run_view
from compressor.ui.compress_tab import run_title
from compressor.ui.form import Form, to_raw
from compressor.ui.run_state import RunState


def point(
    size: str, megabytes: float, kept: float, *, whole: bool = True, met: bool = False, fmt: str = "onnx-int8"
) -> Point:
    return Point(size=size, format=fmt, bytes=int(megabytes * 1e6), retained=kept, epochs=3, met=met, whole=whole)


TAKEN = point("third", 15.5, 0.97, met=True).model_copy(update={"speedup": 0.8})
FOUND = Search(
    max_megabytes=20, min_retained=0.96, size="third", format="onnx-int8", met=True,
    points=(point("tiny", 1.2, 0.6, whole=False), point("third", 15, 0.93, whole=False), TAKEN,
            point("third", 19, 0.972, met=True, fmt="8bit")),
)  # fmt: skip


def said(search: Search | None, on_test: float | None = 0.97) -> str:
    found = Variant(name="third-onnx-int8", dtype="int8", path="", load="", bytes=1, parameters=1, retained=on_test)
    return frontier.sentence(Report(task="text-classification", teacher="t", variants=(found,), search=search))


def test_what_was_found_is_a_sentence() -> None:
    assert said(FOUND) == (
        "You wanted at most 20 MB and at least 96 % kept. "
        "The smallest that was found is third, ONNX int8 (16 MB, 97.0 % kept on "
        "the validation rows)."
    )
    assert said(None) == ""
    assert said(FOUND, on_test=None) == said(FOUND)
    assert said(FOUND, on_test=0.951).endswith(
        "On the test rows it kept 95.1 %, less than you wanted: the validation rows promised more."
    )
    best = said(FOUND.model_copy(update={"min_retained": None}))
    assert best.startswith("You wanted at most 20 MB. The best of those that were found is third")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (
            {"max_megabytes": 5},
            "Nothing that was tried is like that: the smallest takes 16 MB. What comes nearest is third",
        ),
        ({"min_retained": 0.99}, "is like that: nothing kept more than 97.2 %."),
        ({"max_megabytes": 16, "min_retained": 0.971}, "Nothing that was tried is like that. What comes nearest"),
        (
            {"min_speedup": 9},
            "at least 9× faster. Nothing that was tried is like that: the fastest was 0.8× as fast as the teacher here. "
            "What comes nearest is third, ONNX int8 (16 MB, 97.0 % kept on the validation rows, 0.8× as fast as the teacher "
            "here).",
        ),
    ],
)
def test_what_nothing_meets_is_said_with_why(wanted: dict[str, float], says: str) -> None:
    asked = {"max_megabytes": None, "min_retained": None, "met": False} | wanted
    assert says in said(FOUND.model_copy(update=asked))


def test_the_picture_holds_every_point_and_what_is_wanted() -> None:
    drawn = frontier.plot(FOUND.points, FOUND, taken(FOUND))
    assert drawn.count('<circle class="trial ') == 4
    assert drawn.count("trial-met") == 2 and drawn.count("trial-tried") == 2 and drawn.count('class="ring') == 1
    assert 'class="wanted"' in drawn and "third, ONNX int8: 97.0 %, 16 MB" in drawn
    for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn):
        assert 0 < float(x) < 560 and 0 < float(y) < 320
    assert frontier.plot([], FOUND) == ""
    assert "<script" not in frontier.plot([point("<script>", 1, 0.5)], FOUND)


def test_a_run_tells_its_points_once_though_it_went_on_after_a_stop() -> None:
    state = RunState()
    told = [{"time": 1, "stage": "search", "metrics": {"point": p.model_dump()}} for p in FOUND.points]
    state.take(told[:2])
    state.take(told)
    assert frontier.points_of(state.points) == list(FOUND.points)
    assert "point" not in state.metrics
    state.take([{"time": 2, "stage": "search", "done": 0.4, "total": 1, "metrics": {"size": "mini"}}])
    assert "40 % · trying mini" in run_view.progress("running", state, ["search"])
    assert frontier.points_of([{"size": 3}]) == []


def test_the_form_asks_for_a_search() -> None:
    form = Form(teacher="demo", size="auto", source="demo", max_megabytes=20, min_retained=96, words=True)
    asked = Recipe.parse(to_raw(form))
    assert asked.target is not None and asked.student is not None
    assert (asked.target.max_megabytes, asked.target.min_retained) == (20, 0.96)
    assert (asked.student.size, asked.student.vocabulary) == ("auto", "data")
    assert run_title(form) == "demo · at most 20 MB and at least 96 % kept"


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ({"size": "half"}, "half"),
        ({"size": "none"}, "no student"),
        ({"size": "none", "thin": 50, "formats": ["onnx"]}, "thin layers"),
        ({"size": "none", "words": True}, "fewer words"),
        ({"size": "half", "vocabulary": 5000}, "half, fewer words"),
        ({"size": "half", "layers": 2, "hidden": 64}, "Layers: 2, Hidden size: 64"),
        ({"size": "half", "student_model": "x/y"}, "x/y"),
    ],
)  # fmt: skip
def test_a_run_is_called_by_what_it_will_do(asked: dict[str, Any], title: str) -> None:
    assert run_title(Form(teacher="demo", source="demo", **asked)) == f"demo · {title}"
    assert run_title(Form(teacher="demo", source="demo", **asked), trained=False) == "demo · no student"


@pytest.mark.parametrize("own", [{"layers": 2}, {"student_model": "x/y"}, {"thin": 50}], ids=str)
def test_a_search_beside_own_numbers_is_refused(own: dict[str, Any]) -> None:
    """The target was dropped without a word."""
    with pytest.raises(RecipeError, match="A size is to be found, and Advanced has own numbers"):
        to_raw(Form(teacher="demo", source="demo", size="auto", max_megabytes=20, **own))
    with pytest.raises(RecipeError, match="A size is to be found"):
        to_raw(Form(teacher="demo", source="demo", size="auto", **own))
    assert Recipe.parse(to_raw(Form(teacher="demo", size="half", source="demo", min_retained=96))).target is None
