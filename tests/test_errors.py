"""Sentences stay sentences whatever value stands in them."""

from __future__ import annotations

from compressor.errors import DataError, ModelError, readable


def test_a_long_value_does_not_push_out_what_to_do_next():
    said = str(ModelError(f"There is no folder at {'x' * 100_000}. Check the path."))
    assert len(said) <= 2000
    assert said.startswith("There is no folder at x") and said.endswith("x. Check the path.")


def test_a_sentence_can_always_be_sent():
    said = str(ModelError("The folder a\0b\ud800c is not there."))
    assert said == "The folder a\ufffdb?c is not there."
    said.encode()


def test_of_many_problems_the_first_are_kept_and_that_there_are_more():
    error = DataError([f"Problem {i}: {'y' * 300}." for i in range(5000)])
    assert error.problems[0].startswith("Problem 0:") and "more problems" in error.problems[-1]
    assert len(error.problems) < 10 and len(str(error)) <= 2000
    assert DataError("One.").problems == ["One."]
    assert str(DataError(["One.", "Two."])) == "One.\nTwo."


def test_a_short_sentence_stays_as_it_is():
    assert readable("Grün, 漢字 😀\nand more.") == "Grün, 漢字 😀\nand more."
