"""Who goes on in a search, and what is taken in the end; on made-up sizes whose quality is known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from compressor.recipe import Target
from compressor.report import Point
from compressor.search.candidates import within
from compressor.search.rungs import Candidate, after_round, chosen, last_round, lengths, miss


def sizes(**megabytes: float) -> list[Candidate]:
    return [Candidate(n, {"float": int(m * 2e6), "onnx-int8": int(m * 1e6)}) for n, m in megabytes.items()]


ALL = sizes(tiny=1, mini=3, small=8, quarter=10, third=14, half=20)


def point(
    candidate: Candidate, kept: float, target: Target, fmt: str = "onnx-int8", speed: float | None = None
) -> Point:
    size = candidate.bytes[fmt]
    met = (
        (target.bytes is None or size <= target.bytes)
        and (target.min_retained is None or kept >= target.min_retained)
        and (target.min_speedup is None or (speed or 0) >= target.min_speedup)
    )
    return Point(size=candidate.size, format=fmt, bytes=size, retained=kept, epochs=3, met=met, speedup=speed)


def names(found: list[Candidate]) -> list[str]:
    return [c.size for c in found]


def test_each_round_trains_three_times_as_long_and_the_last_in_full():
    assert lengths(9.0) == [1.0, 3.0, 9.0]


def test_what_is_larger_than_needed_goes():
    kept = {"tiny": 0.5, "mini": 0.7, "small": 0.9, "quarter": 0.95, "third": 0.97, "half": 0.99}
    found = after_round(ALL, kept, Target(min_retained=0.96))
    assert names(found) == ["small", "quarter", "third"], "third has it; of the smaller ones the two best go on"
    assert names(after_round(ALL, kept, Target(max_megabytes=99))) == ["quarter", "third", "half"]
    assert names(after_round(ALL, kept, Target(min_retained=0.999))) == ["quarter", "third", "half"]
    assert names(after_round(ALL, kept, Target(min_retained=0.4))) == ["tiny"]


def test_a_search_ends_with_the_smallest_that_meets_the_target_whatever_the_sizes_are_worth():
    """Every order of qualities that grows with size, and every target: never more is measured than needed, and where the rounds
    dropped what was needed after all, larger ones follow."""
    grid = (0.6, 0.9, 0.97)
    for worth in itertools.combinations_with_replacement(grid, 6):
        final = dict(zip(names(ALL), worth, strict=True))
        for wanted in (0.55, 0.85, 0.95, 0.99):
            target = Target(min_retained=wanted)
            asked: list[str] = []

            def measure(c: Candidate, final=final, target=target, asked=asked) -> list[Point]:
                asked.append(c.size)
                return [point(c, final[c.size], target)]

            going = after_round(ALL, {n: q - 0.08 for n, q in final.items()}, target)
            going = after_round(going, {c.size: final[c.size] - 0.03 for c in going}, target)
            found = last_round(going, [c for c in ALL if c not in going], target, measure)
            best = chosen(found, target)
            assert best is not None
            assert best.met == any(q >= wanted for q in worth), (worth, wanted)
            assert len(asked) == len(set(asked))
            if best.met:
                assert asked[-1] == best.size, "it stops there"


def test_without_a_quality_to_reach_the_best_that_is_small_enough_is_taken():
    target = Target(max_megabytes=15)
    found = [point(c, q, target) for c, q in zip(ALL, (0.5, 0.7, 0.9, 0.93, 0.92, 0.99), strict=True)]
    assert chosen(found, target).size == "quarter"
    faster = Target(min_speedup=3)
    found = [point(ALL[4], 0.98, faster, speed=2.5), point(ALL[3], 0.95, faster, speed=3.5)]
    assert chosen(found, faster).size == "quarter"


def test_where_nothing_meets_it_the_nearest_is_taken():
    target = Target(max_megabytes=10, min_retained=0.98)
    found = [point(ALL[1], 0.60, target), point(ALL[3], 0.97, target), point(ALL[5], 0.99, target)]
    assert not any(p.met for p in found)
    assert chosen(found, target).size == "quarter"
    assert miss(found[1], target) == pytest.approx(1 - 0.97 / 0.98)
    assert chosen([], target) is None


def test_formats_that_are_too_large_are_not_made():
    assert ALL[5].formats_within(Target(max_megabytes=30)) == ["onnx-int8"]
    assert ALL[5].formats_within(Target(max_megabytes=39)) == ["onnx-int8", "float"], "a prediction may be a little off"
    assert ALL[5].formats_within(Target(max_megabytes=10)) == []
    assert ALL[5].formats_within(Target(min_retained=0.9)) == ["onnx-int8", "float"]


def test_where_nothing_is_fast_enough_faster_ones_follow_the_slowest_first():
    fast = [replace(c, speedup=s) for c, s in zip(ALL, (30.0, 12.0, 5.0, 4.0, 3.0, 2.0), strict=True)]
    for target in (
        Target(min_speedup=15),
        Target(min_speedup=15, min_retained=0.6),
        Target(min_speedup=15, max_megabytes=25),
    ):
        asked: list[str] = []

        def measure(c: Candidate, target=target, asked=asked) -> list[Point]:
            asked.append(c.size)
            return [point(c, 0.9, target, speed=c.speedup * 1.5)]

        going = after_round(fast, dict(zip(names(fast), (0.5, 0.7, 0.9, 0.93, 0.95, 0.97), strict=True)), target)
        going = after_round(going, {c.size: c.least / 1e9 for c in going}, target)
        found = last_round(going, [c for c in fast if c not in going], target, measure)
        assert chosen(found, target).size == "mini" and chosen(found, target).met
        assert "tiny" not in asked, "mini is fast enough, and better"


def test_of_several_that_meet_it_the_smallest_is_taken():
    target = Target(min_retained=0.9)
    found = [point(ALL[3], 0.99, target), point(ALL[2], 0.91, target, fmt="float"), point(ALL[2], 0.92, target)]
    best = chosen(found, target)
    assert (best.size, best.format) == ("small", "onnx-int8")


def test_what_met_it_in_floats_alone_is_held_against_larger_sizes_in_fewer_bits():
    """Their bytes: small 16 and 8 million, quarter 20 and 10, third 28 and 14, half 40 and 20."""
    target, asked = Target(min_retained=0.95), []
    worth = {"small": (0.96, 0.94), "quarter": (0.96, 0.94), "third": (0.97, 0.96)}

    def measure(c: Candidate) -> list[Point]:
        asked.append(c.size)
        floats, whole = worth[c.size]
        return [point(c, floats, target, "float"), point(c, whole, target)]

    found = last_round([ALL[2], ALL[3]], [ALL[0], ALL[1], ALL[4], ALL[5]], target, measure)
    assert asked == ["small", "quarter", "third"]
    assert (chosen(found, target).size, chosen(found, target).format) == ("third", "onnx-int8")


def test_where_the_finalists_lose_it_in_their_formats_larger_ones_follow_the_smallest_first():
    target, asked = Target(min_retained=0.95), []

    def measure(c: Candidate) -> list[Point]:
        asked.append(c.size)
        return [point(c, {"small": 0.94, "quarter": 0.93, "third": 0.96}.get(c.size, 0.99), target)]

    found = last_round([ALL[2]], [ALL[0], ALL[5], ALL[4], ALL[3]], target, measure)
    assert asked == ["small", "quarter", "third"], "tiny is smaller than what failed, half is not needed"
    assert chosen(found, target).size == "third"


def test_sizes_that_are_slower_than_one_that_was_too_slow_are_not_trained():
    """mini was fast enough and lost too much; third was good and too slow, so half, which is slower, cannot meet both."""
    fast = [replace(c, speedup=s) for c, s in zip(ALL, (30.0, 12.0, 5.0, 4.0, 3.0, 2.0), strict=True)]
    target, asked = Target(min_retained=0.95, min_speedup=3.5), []

    def measure(c: Candidate) -> list[Point]:
        asked.append(c.size)
        return [point(c, {"third": 0.97}.get(c.size, 0.9), target, speed=c.speedup)]

    found = last_round([fast[1], fast[4]], [fast[0], fast[2], fast[3], fast[5]], target, measure)
    assert asked == ["mini", "third", "small", "quarter"]
    assert not any(p.met for p in found)


def test_where_the_finalists_turn_out_too_large_smaller_ones_follow_the_largest_first():
    """Predictions are a little off: what came in on the last megabyte, and left no place to the others, may not fit after all."""
    worth = dict(zip(names(ALL), (0.5, 0.7, 0.9, 0.93, 0.95, 0.97), strict=True))
    for megabytes in (1.02, 2.9, 7.7, 7.9, 8.1, 9.8, 10.2, 13.5, 14.5, 19.5, 25.0):
        for wanted in (None, 0.6, 0.8, 0.92):
            target = Target(max_megabytes=megabytes, min_retained=wanted)
            asked: list[str] = []

            def measure(c: Candidate, target=target, asked=asked) -> list[Point]:
                asked.append(c.size)
                made = replace(c, bytes={name: int(size * 1.01) for name, size in c.bytes.items()})
                return [point(made, worth[c.size], target, name) for name in c.formats_for(target)]

            found = going = within(ALL, target)
            for _ in range(2):
                going = after_round(going, {c.size: worth[c.size] for c in going}, target)
            points = last_round(going, [c for c in found if c not in going], target, measure)
            able = [c.size for c in ALL if c.least * 1.01 <= target.bytes and worth[c.size] >= (wanted or 0)]
            assert chosen(points, target).met == bool(able), (megabytes, wanted, asked)
            assert len(asked) == len(set(asked))
            if able:
                assert chosen(points, target).size == (able[0] if wanted else able[-1])
