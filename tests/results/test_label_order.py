"""The same label of two models, whatever each calls it."""

from __future__ import annotations

import pytest

from compressor.results.label_order import label_order, named_as


@pytest.mark.parametrize(
    ("labels", "first", "order", "named"),
    [
        (["b", "a"], ["a", "b"], [1, 0], ["b", "a"]),
        (["Positive", "negative "], ["NEGATIVE", "POSITIVE"], [1, 0], ["POSITIVE", "NEGATIVE"]),
        (["LABEL_0", "LABEL_1"], ["no", "yes"], [0, 1], ["no", "yes"]),
        (["no", "yes"], ["LABEL_0", "LABEL_1"], [0, 1], ["LABEL_0", "LABEL_1"]),
        (["LABEL_1", "LABEL_0"], ["LABEL_0", "LABEL_1"], [1, 0], ["LABEL_1", "LABEL_0"]),
        (["cat", "dog"], ["no", "yes"], None, ["cat", "dog"]),
    ],
)
def test_by_name_or_by_place_where_one_has_only_numbers(labels, first, order, named):
    assert label_order(labels, first) == order
    assert named_as(labels, first) == named


def test_of_which_there_are_not_as_many_keep_their_names():
    assert named_as(["a", "b"], []) == named_as(["a", "b"], ["LABEL_0"]) == ["a", "b"]
