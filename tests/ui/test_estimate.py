"""What a run will take and what leaving out words would save, as the page says it."""

from __future__ import annotations

import pytest

from compressor.ui.estimate import saved

WORDS = {"known": 30522, "needed": 11592, "uncounted": 0, "saved_bytes": 14_500_000, "share": 0.32}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "Your data uses 11,592 of 30,522 tokens: the student gets 14 MB smaller, 32 % of it."),
        (
            {"uncounted": 90_000},
            "and 90,000 rows are not counted yet: the student gets up to 14 MB smaller, 32 % of it.",
        ),
        ({"share": 0.03}, "Your data uses 11,592 of 30,522 tokens. That would save 3 % of the student only."),
    ],
)
def test_what_words_would_save_is_a_sentence(change: dict[str, float], says: str) -> None:
    assert says in saved({"words": WORDS | change})


def test_nothing_is_said_where_it_is_not_known() -> None:
    assert saved({}) == saved({"words": None}) == ""
