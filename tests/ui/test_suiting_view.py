"""What suits a place, as the page says it: the numbers, the limits of what was measured, and the mark."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from compressor.report import Report
from compressor.results.suiting import FLOOR, PLACES, By, Edge
from compressor.ui import compare_view, plots, suiting_view
from compressor.ui.words.en import WORDS
from tests.ui.sample import EVIL, report, variant

CARD = {"measured_on": {"device": "cuda", "threads": 2, "length": 32}}


def made(*more: dict[str, Any], **about: Any) -> Report:
    rows = [
        variant("teacher", 50_000_000, 0.90, 1.0, 11.3),
        variant("student-4bit", 9_000_000, 0.89, 0.985, 9.0, format="4bit"),
        variant("student-onnx-int8", 12_000_000, 0.89, 0.989, 2.1, format="onnx-int8"),
    ]
    return report(*rows, *more, hardware={"cpu": "AMD EPYC"}, **about)


def said(found: Report, place: str) -> list[str]:
    suited = suiting_view.suited(found, place)
    assert suited is not None
    return suiting_view.sentences(found, suited)


def test_the_sentence_says_why_with_the_numbers_and_where_they_are_from() -> None:
    assert said(made(), "server-cpu") == [
        "On a server without a graphics card: student-onnx-int8. It is 5.4 times as fast as the teacher (2.1 ms against "
        "11.3 ms for one text), has 24 % of the teacher's size (12 MB against 50 MB) and kept 98.9 % of its accuracy.",
        "Measured on AMD EPYC with 2 threads: on another processor expect the order to hold, not the milliseconds.",
    ]


def test_a_phone_and_a_web_page_are_not_where_it_was_measured() -> None:
    first, note = said(made(), "phone")
    assert first.startswith("On a phone or a small device: student-onnx-int8. It has 24 % of the teacher's size")
    assert note == (
        "Measured on AMD EPYC with 2 threads, not on a phone: expect the order to hold, not the milliseconds."
    )
    assert "not in a browser" in said(made(), "web")[1]
    assert "It is the only one here that runs there." in said(made(), "web")[0]


def test_without_a_graphics_card_nothing_is_said_of_its_speed() -> None:
    first, note = said(made(), "gpu")
    assert first.startswith("On a graphics card: student-4bit. It has 18 % of the teacher's size")
    assert " ms" not in first and "fast" not in first
    assert "speed there is not known and size alone decides" in note


def test_size_did_not_decide_where_nobody_else_was_left_to_choose_from() -> None:
    """The others lose too much, or do not run there: the note names what was not measured, and claims no choice."""
    poor = variant("student", 20, 0.72, 0.8, 3.0, latency_ms=None)
    first, note = said(report(variant("teacher", 100, 0.9, 1.0, 9.0, latency_ms=None), poor), "gpu")
    assert "keep less than 95 %" in first
    assert note == "Measured on a machine without a graphics card, so speed there is not known."
    alone = variant("student-onnx", 50, 0.9, 1.0, 3.0, format="onnx", latency_ms=None)
    assert len(said(report(variant("teacher", 100, 0.9, 1.0, 9.0), alone), "phone")) == 1


def test_on_a_graphics_card_its_name_is_said() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 9.0, **CARD), variant("student", 50, 0.9, 1.0, 3.0, **CARD),
                   hardware={"gpu": "NVIDIA H100"})  # fmt: skip
    first, note = said(found, "gpu")
    assert "3.0 times as fast as the teacher" in first
    assert note == "Measured on NVIDIA H100: on another card expect the order to hold, not the milliseconds."
    assert said(found, "server-cpu")[1] == "No time was measured on a processor, so size alone decides."


def test_what_to_do_where_nothing_runs_there() -> None:
    bare = report(variant("teacher", 100, 0.9, 1.0, 9.0))
    assert said(bare, "web") == [
        "In a web page: no version here runs there. To get one, tick ONNX or ONNX int8 under “Also make it” on the Compress tab "
        "and start a run."
    ]
    writes = report(variant("teacher", 100, 0.9, 1.0, 9.0), task="text-generation")
    assert said(writes, "web") == [
        "In a web page: no version here runs there. Compressor makes none for this kind of model yet."
    ]
    assert 'class="say say-warning"' in suiting_view.render(bare, suiting_view.suited(bare, "web"))


def test_the_teacher_itself_and_why() -> None:
    slow = report(variant("teacher", 100, 0.9, 1.0, 3.0), variant("a", 50, 0.9, 1.0, 9.0))
    assert said(slow, "server-cpu")[0] == (
        "On a server without a graphics card: teacher, the one that the others are held against. Of the others that keep enough "
        "of its accuracy, none is noticeably faster there."
    )
    bad = report(variant("teacher", 100, 0.9, 1.0, 3.0), variant("a", 50, 0.8, 0.89, 1.0))
    assert "The others that run there keep less than 95 % of its accuracy." in said(bad, "memory")[0]
    assert said(report(variant("teacher", 100, 0.9, 1.0, 3.0)), "memory") == [
        "Wherever memory is short: teacher, the one that the others are held against. It is the only one here that runs there."
    ]


def test_under_the_floor_it_says_so() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 9.0), variant("a", 50, 0.8, 0.89, 3.0, format="onnx"),
                   variant("b", 20, 0.7, 0.78, 2.0, format="onnx-int8"))  # fmt: skip
    first = said(found, "web")[0]
    assert first.startswith("In a web page: a. ")
    assert "No version that runs there keeps 95 % of the teacher's accuracy; this one comes nearest." in first
    assert 'class="say say-warning"' in suiting_view.render(found, suiting_view.suited(found, "web"))


def test_ties_are_named_and_what_the_chosen_one_has_over_them() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 9.0), variant("a", 50, 0.89, 0.99, 3.0),
                   variant("b", 20, 0.89, 0.99, 3.1), variant("c", 50, 0.89, 0.99, 3.2))  # fmt: skip
    assert said(found, "server-cpu")[0].endswith("About as fast: a and c. This one is smaller.")


def test_a_perplexity_is_quality_and_what_was_not_judged_is_said() -> None:
    quality = {"metric": "perplexity", "better": "lower", "ci95": (9, 15), "rows": 10}
    found = report(variant("teacher", 100, 1, 1.0, 9.0, quality={**quality, "value": 12.0}),
                   variant("a", 50, 1, 0.97, 5.0, quality={**quality, "value": 12.4}), task="text-generation")  # fmt: skip
    assert "kept 97.0 % of its quality" in said(found, "server-cpu")[0]
    none = {"quality": None, "retained": None, "agreement": None}
    bare = report(variant("teacher", 100, 1, 1.0, 9.0, **none), variant("a", 50, 1, 1.0, 5.0, **none))
    assert said(bare, "server-cpu")[0].endswith(
        "No quality was measured, so look at its answers before you rely on it."
    )


def test_agreement_is_said_where_there_is_no_quality() -> None:
    none = {"quality": None, "retained": None}
    found = report(variant("teacher", 100, 1, 1.0, 9.0, **none), variant("a", 50, 1, 0.97, 5.0, **none))
    assert "decides as the teacher does in 97.0 % of the test rows" in said(found, "server-cpu")[0]


def test_nothing_chosen_marks_nothing() -> None:
    for place in (suiting_view.NONE, None, "the moon"):
        assert suiting_view.suited(made(), place) is None
        assert suiting_view.render(made(), None) == ""
    assert 'class="suits"' not in compare_view.table(made())
    assert 'class="ring' not in plots.trade_off(made(), "bytes")


@pytest.mark.parametrize("place", list(PLACES))
def test_table_and_plots_mark_the_one_that_the_sentence_names(place: str) -> None:
    found = made()
    suited = suiting_view.suited(found, place)
    assert suited is not None and suited.variant is not None
    mark = suiting_view.badge(suited)
    rows = compare_view.table(found, suited).split("<tbody")[1:]
    marked = [v.name for v, row in zip(found.variants, rows, strict=True) if mark in row]
    assert marked == [suited.variant.name]
    for against in ("bytes", "latency"):
        drawn = plots.trade_off(found, against, suited)
        assert drawn.count('class="ring') == 1
        assert f"({mark})" in drawn.split("aria-label=")[1].split(">")[0]


def test_strangers_names_are_only_text() -> None:
    evil = variant(EVIL, 10, 0.9, 1.0, 1.0, format="onnx-int8")
    found = report(variant("teacher", 100, 0.9, 1.0, 9.0), evil, {**evil, "name": f"{EVIL}2", "bytes": 11},
                   hardware={"cpu": EVIL, "gpu": EVIL}, task=EVIL)  # fmt: skip
    for place in PLACES:
        suited = suiting_view.suited(found, place)
        shown = suiting_view.render(found, suited) + plots.trade_off(found, "bytes", suited)
        assert "<img" not in shown + compare_view.table(found, suited)
        assert "&lt;img" in shown


def test_every_place_measure_and_edge_has_its_words() -> None:
    wanted = [f"place.{name}" for name in PLACES] + [f"suits.{name}" for name in PLACES]
    wanted += [f"suits.level_{by}" for by in get_args(By)] + [f"suits.better_{by}" for by in get_args(By)]
    wanted += [f"suits.edge_{edge}" for edge in get_args(Edge)]
    assert [key for key in wanted if key not in WORDS] == []
    assert set(suiting_view.FACTS) == set(PLACES)
    assert FLOOR == 0.95
