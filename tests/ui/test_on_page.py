"""Names of a recipe in the engine's sentences, as the boxes of the page that a person sees."""

from __future__ import annotations

import pytest

from compressor.data.matching import WAYS_OUT
from compressor.errors import RecipeError
from compressor.recipe import Recipe
from compressor.ui import on_page
from compressor.ui.handlers import sentence
from compressor.ui.words import t


def test_every_box_is_there_and_every_name_is_the_recipes() -> None:
    for name, box in on_page.BOXES.items():
        assert t(box)
        part, _, key = name.partition(".")
        with pytest.raises(RecipeError) as caught:  # a wrong value is found at that very key
            Recipe.parse({"teacher": "demo", **({part: {key: [[]]}} if key else {"teacher_head": [[]]})})
        assert name.split(":")[0] in str(caught.value)


def test_names_are_told_once_and_other_words_are_left_alone() -> None:
    said = on_page.told("Say which with `data.subset`. data.subset is what chooses it, data.columns does not.")
    assert said.endswith(
        "On this page that is “Part of the data set” for data.subset, “Columns and labels” for data.columns."
    )
    for other in ("The metadata.columns are wrong.", "See data.columns.html.", "Nothing is named here."):
        assert on_page.told(other) == other
    assert "“Fine-tune the teacher on these labels first” for teacher_head: new" in on_page.told(WAYS_OUT)


def test_a_toast_tells_them_too() -> None:
    assert "“Tokens a text”" in sentence(RecipeError("data.max_length is 0, and at least 1 is needed."))
