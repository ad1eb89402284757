"""A few hundred inputs to all parsers and validators, the same each time. Ten thousand others: `python -m tests.fuzz.run`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from compressor.errors import DataError
from tests.fuzz.memory import Peak
from tests.fuzz.targets import GROWTH, TARGETS, Target, attempt, told

ALL = 400


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_errors_of_our_own(name):
    one = TARGETS[name]
    share = ALL * one.share // sum(other.share for other in TARGETS.values())

    @settings(
        max_examples=max(3, share),
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(one.inputs)
    def throw(value):
        attempt(one, value)

    throw()


# ---------------------------------------------------------------------- the net itself


def holding(act) -> Target:
    return Target("planted", None, act)


def test_an_exception_that_is_not_ours_is_a_finding():
    with pytest.raises(KeyError):
        attempt(holding(lambda value: {}[value]), "a")


def test_an_error_of_ours_is_none_unless_its_sentence_is_no_sentence():
    def refuse(sentence):
        raise DataError(sentence)

    assert attempt(holding(refuse), "The file is empty. Check it.").taken is False
    with pytest.raises(AssertionError, match="without a sentence"):
        attempt(holding(refuse), " ")
    with pytest.raises(AssertionError, match="Traceback"):
        attempt(holding(refuse), "Traceback (most recent call last): …")
    with pytest.raises(AssertionError, match="characters"):
        told("x" * 2001)


def test_memory_that_was_given_back_was_held_all_the_same():
    with Peak() as peak:
        held = bytearray(100 * 2**20)
        held[::4096] = b"x" * len(held[::4096])
        del held
    assert 90 * 2**20 < peak.growth < 200 * 2**20
    with pytest.raises(AssertionError, match="MB"):
        attempt(holding(lambda size: len(b"x" * size)), GROWTH + 2**24)
