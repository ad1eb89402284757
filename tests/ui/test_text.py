from __future__ import annotations

import pytest

from compressor.ui import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0 bytes"),
        (812, "812 bytes"),
        (9_400_000, "9.4 MB"),
        (81_000_000, "81 MB"),
        (999_600_000, "1.0 GB"),
        (2.1e12, "2.1 TB"),
    ],
)
def test_bytes_are_written_in_decimal_units(value: float | None, shown: str) -> None:
    assert text.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (40, "40 s"), (89, "89 s"), (360, "6 min"), (3600, "1 h"), (7500, "2 h 5 min")]
)
def test_durations_are_said_as_one_would(value: float | None, shown: str) -> None:
    assert text.duration(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(9_999, "9,999"), (4_300_000, "4.3 M"), (66_955_010, "67 M"), (1.2e9, "1.2 B")]
)
def test_counts_are_short(value: float, shown: str) -> None:
    assert text.count(value) == shown


def test_shares_and_ratios() -> None:
    assert (text.percent(0.982), text.times(3.14), text.times(12.4)) == ("98.2 %", "3.1×", "12×")


def test_sentences_are_escaped_and_problems_are_announced() -> None:
    shown = text.paragraphs(["<b>one</b>\ntwo", ""], "problem")
    assert "<b>" not in shown
    assert shown.count("<p>") == 2
    assert 'role="alert"' in shown


def test_clip_makes_one_line_without_nul() -> None:
    assert text.clip("a\n b\0c" + "x" * 300, 10) == "a b cxxxx…"


def test_ago() -> None:
    assert [text.ago(1000.0, now) for now in (1010.0, 1300.0, 1000.0 + 7200)] == ["just now", "5 min ago", "2 h ago"]
