from __future__ import annotations

from compressor.results.summary import best, summary
from compressor.ui import compare_view
from compressor.ui.plots import trade_off
from tests.ui.sample import EVIL, report, variant


def test_the_sentence_speaks_of_the_smallest_that_keeps_enough_and_is_not_slower() -> None:
    said = compare_view.sentence(report())
    assert said.startswith("student-8bit is 4.0× smaller and 1.3× faster, and kept 96.7 % of the accuracy.")
    assert (
        "student-4bit is smaller still (5.0×), but kept 95.6 % only and is slower than the teacher on this machine."
        in said
    )


def test_under_the_floor_the_one_that_keeps_most_is_named_and_the_sentence_says_so() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 5), variant("a", 50, 0.8, 0.89, 3), variant("b", 20, 0.7, 0.78, 2))
    assert (chosen := best(found)) is not None
    assert chosen.name == "a"
    assert "That is under 95 %" in compare_view.sentence(found)


def test_a_slower_variant_is_not_called_faster() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 5), variant("a", 50, 0.89, 0.99, 10))
    assert "2.0× slower on this machine" in compare_view.sentence(found)


def test_without_quality_the_agreement_is_said() -> None:
    found = report(variant("teacher", 100, 0.9, 1.0, 5, quality=None, retained=None),
                   variant("a", 50, 0.8, 0.9, 5, quality=None, retained=None, agreement=0.93))  # fmt: skip
    assert "decides as the teacher does in 93.0 % of the test rows" in compare_view.sentence(found)
    assert next(c.key for c in compare_view.columns(found)) == "agreement"


def test_under_the_floor_without_labels_the_sentence_says_so_too() -> None:
    bare = {"quality": None, "retained": None}
    found = report(variant("teacher", 100, 0.9, 1.0, 5, **bare), variant("a", 50, 0.8, 0.9, 5, **bare, agreement=0.93))
    assert "That is under 95 %" in compare_view.sentence(found)


def test_what_could_not_be_measured_is_not_said_to_be_smaller_still() -> None:
    broken = variant("b", 10, 0.9, 1.0, 5, quality=None, retained=None, agreement=None, measured_on=None)
    found = report(variant("teacher", 100, 0.9, 1.0, 5), variant("a", 50, 0.89, 0.99, 3), broken)
    assert "smaller still" not in compare_view.sentence(found)
    slow = variant("b", 10, 0.9, 1.0, 50, quality=None, retained=None, agreement=None)
    found = report(variant("teacher", 100, 0.9, 1.0, 5), variant("a", 50, 0.89, 0.99, 3), slow)
    assert "smaller still" not in summary(found)


def test_only_a_teacher() -> None:
    assert compare_view.sentence(report(variant("teacher", 100, 0.9, 1.0, 5))) == "Only teacher was measured."


def test_the_best_of_each_column_is_marked_once_and_in_words() -> None:
    shown = compare_view.table(report())
    rows = shown.split("<tbody>")[1:]
    assert [row.count("is-best") for row in rows] == [
        1,
        2,
        0,
        3,
    ]  # quality; latency, throughput; bytes, parameters, memory
    assert shown.count(">best<") == 6
    assert "87.0 – 91.0 %" not in rows[0]
    assert "88.0 – 92.0 %" in rows[0]


def test_lower_is_better_for_perplexity() -> None:
    quality = {"metric": "perplexity", "better": "lower", "ci95": (9, 15), "rows": 10}
    found = report(variant("teacher", 100, 1, 1.0, 5, quality={**quality, "value": 12.0}),
                   variant("a", 50, 1, 0.9, 5, quality={**quality, "value": 13.3}), task="text-generation")  # fmt: skip
    assert compare_view.table(found).split("<tbody>")[1].count("is-best") == 1
    assert "Tokens a second" in compare_view.table(found)
    assert "kept 90.0 % of the quality" in compare_view.sentence(found)


def test_names_notes_and_snippets_are_escaped() -> None:
    evil = variant(EVIL, 50, 0.8, 0.9, 3, load=EVIL, notes=[EVIL])
    found = report(variant("teacher", 100, 0.9, 1.0, 5), evil, notes=[EVIL])
    assert "<img" not in compare_view.table(found)


def test_a_processors_times_are_not_held_against_a_cards() -> None:
    """An ONNX file runs on the processor, beside a teacher that was timed on the card."""
    card = {"device": "cuda:0", "threads": 8, "length": 32}
    found = report(
        variant("teacher", 100_000_000, 0.9, 1.0, 4, measured_on=card),
        variant("student-8bit", 40_000_000, 0.89, 0.99, 3, measured_on=card),
        variant("student-onnx-int8", 16_000_000, 0.885, 0.983, 9),
    )
    said = compare_view.sentence(found)
    assert said.startswith("student-onnx-int8 is 6.2× smaller, and kept 98.3 % of the accuracy.")
    assert "slower" not in said + summary(found) and "faster" not in said + summary(found)
    shown = compare_view.table(found)
    assert "Measured on a graphics card and cpu" in shown
    assert "Times and memory of student-onnx-int8 are of another device" in shown
    best_of = {c.key: c.best for c in compare_view.columns(found)}
    assert (best_of["latency"], best_of["throughput"], best_of["memory"]) == (None, None, None)
    assert best_of["bytes"] is min
    drawn = trade_off(found, "latency")
    assert "student-8bit" in drawn and "student-onnx-int8" not in drawn
    assert "student-onnx-int8" in trade_off(found, "bytes")


def test_perplexities_of_other_tokens_are_neither_ranked_nor_drawn() -> None:
    def quality(value: float) -> dict[str, object]:
        interval = (value - 1, value + 1)
        return {"metric": "perplexity", "better": "lower", "value": value, "ci95": interval, "rows": 5000}

    found = report(
        variant("gpt2", 100, 0.9, 1.0, 4, quality=quality(30.1)),
        variant("gpt2-8bit", 50, 0.9, 0.99, 4, quality=quality(30.4)),
        variant("byte-lm", 90, 0.9, 1.0, 4, quality=quality(2.9), retained=None),
        task="text-generation",
    )
    columns = {c.key: c for c in compare_view.columns(found)}
    assert columns["quality"].best is None
    assert columns["latency"].title == "Answer of 16 tokens"
    drawn = trade_off(found, "bytes")
    assert "gpt2-8bit" in drawn and "byte-lm" not in drawn


def test_as_many_bytes_are_not_smaller_still() -> None:
    """Two fine-tunes of one architecture, the worse one first."""
    found = report(
        variant("teacher", 440, 0.9, 1.0, 5), variant("a", 268, 0.8, 0.889, 3), variant("b", 268, 0.89, 0.989, 3)
    )
    assert compare_view.sentence(found).startswith("b is 1.6× smaller")
    assert "smaller still" not in compare_view.sentence(found) + summary(found)


def test_what_can_be_done_about_a_low_quality_depends_on_what_was_made() -> None:
    def said(*variants: dict) -> str:
        return compare_view.sentence(report(variant("teacher", 100, 0.9, 1.0, 5), *variants))

    low = {"size": 50, "value": 0.7, "kept": 0.78, "ms": 3}
    assert "try a larger size" in said(variant("student", **low, base="teacher", format="float"))
    assert "try a format with more bits" in said(variant("teacher-4bit", **low, base="teacher", format="4bit"))
    compared = said(variant("another", **low))
    assert "That is under 95 %." in compared and "try a" not in compared
