"""Which variant suits which place: what runs there, what it has to keep, what counts, and who wins within the noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compressor.errors import RecipeError
from compressor.formats import FORMATS
from compressor.report import Latency, MeasuredOn, Quality, Report, Variant
from compressor.results.suiting import PLACES, Suited, formats_for, place_of, suits


def variant(
    name: str, fmt: str, size: int, ms: float | None, kept: float | None = 1.0, *, memory: int | None = None,
    device: str = "cpu", width: float = 0.02, **more: Any,
) -> Variant:  # fmt: skip
    """A variant that keeps that share of a teacher with an accuracy of 0.8."""
    quality = None
    if kept is not None:
        value = kept * 0.8
        quality = Quality(
            metric="accuracy", better="higher", value=value, ci95=(value - width, value + width), rows=500
        )
    return Variant(**{
        "name": name, "format": fmt, "dtype": "x", "path": name, "load": "", "bytes": size, "parameters": 1,
        "quality": quality, "retained": kept, "peak_memory_bytes": memory,
        "latency_ms": Latency(p50=ms, p95=ms * 2) if ms is not None else None,
        "measured_on": MeasuredOn(device=device, threads=2, length=32), **more,
    })  # fmt: skip


def report(*variants: Variant, task: str = "text-classification") -> Report:
    return Report(task=task, teacher="t", variants=variants)


def full(device: str = "cpu") -> Report:
    """Every format; ONNX Runtime computes on the processor wherever the rest is measured."""
    return report(
        variant("teacher", "float", 400, 40, memory=900, device=device),
        variant("student", "float", 200, 20, 0.99, memory=600, device=device),
        variant("student-8bit", "8bit", 110, 30, 0.98, memory=500, device=device),
        variant("student-4bit", "4bit", 80, 35, 0.97, memory=400, device=device),
        variant("student-onnx", "onnx", 400, 12, 0.99, memory=800),
        variant("student-onnx-int8", "onnx-int8", 100, 6, 0.98, memory=700),
    )


def chosen(found: Report, place: str) -> Suited:
    return suits(found, place_of(place))


def name(found: Report, place: str) -> str | None:
    variant = chosen(found, place).variant
    return variant.name if variant else None


def test_each_place_has_its_own_winner() -> None:
    won = {place: name(full(), place) for place in PLACES}
    assert won == {
        "gpu": "student-4bit",
        "server-cpu": "student-onnx-int8",
        "phone": "student-onnx-int8",
        "web": "student-onnx-int8",
        "memory": "student-4bit",
    }


def test_what_decided_is_said() -> None:
    assert {place: chosen(full(), place).by for place in PLACES} == {
        "gpu": "bytes", "server-cpu": "time", "phone": "bytes-and-time", "web": "bytes", "memory": "memory",
    }  # fmt: skip


def test_every_format_says_where_it_runs() -> None:
    assert {f.name: f.runs_on for f in FORMATS.values() if f.name.startswith("onnx")} == {
        "onnx": {"cpu", "phone", "web"}, "onnx-int8": {"cpu", "phone", "web"},
    }  # fmt: skip
    assert all("cpu" in f.runs_on for f in FORMATS.values())
    assert all(not FORMATS[n].runs_on & {"web", "phone"} for n in ("float", "8bit", "4bit"))


def test_a_format_of_another_version_runs_where_it_was_measured_and_nowhere_else() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("new", "something-new", 10, 1))
    assert name(found, "server-cpu") == "new"
    assert name(found, "web") is None
    assert name(found, "gpu") == "teacher"


# ---------------------------------------------------------------------- the floor


def test_what_loses_too_much_is_not_chosen_however_fast() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("good", "float", 300, 30, 0.951),
                   variant("fast", "float", 10, 1, 0.949))  # fmt: skip
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "good"
    assert said.kept
    assert [v.name for v in said.rivals] == ["teacher", "good"]


def test_the_floor_is_the_callers() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("fast", "float", 10, 1, 0.94))
    said = suits(found, PLACES["server-cpu"], floor=0.9)
    assert said.variant is not None and said.variant.name == "fast"


def test_where_none_keeps_the_floor_the_nearest_is_chosen_and_it_says_so() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "onnx", 300, 30, 0.93),
                   variant("b", "onnx-int8", 30, 3, 0.85))  # fmt: skip
    said = chosen(found, "web")
    assert said.variant is not None and said.variant.name == "a"
    assert not said.kept


def test_under_the_floor_a_hairs_breadth_of_quality_does_not_decide() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "onnx", 300, 30, 0.930),
                   variant("b", "onnx-int8", 30, 3, 0.925))  # fmt: skip
    assert name(found, "web") == "b"


def test_lower_is_better_counts_by_what_is_kept() -> None:
    def perplexity(name: str, fmt: str, size: int, value: float) -> Variant:
        quality = Quality(metric="perplexity", better="lower", value=value, ci95=(value - 1, value + 1), rows=900)
        return variant(name, fmt, size, 10, None, quality=quality, retained=20 / value, memory=size)

    found = report(perplexity("teacher", "float", 400, 20), perplexity("8bit", "8bit", 200, 20.5),
                   perplexity("4bit", "4bit", 100, 30), task="text-generation")  # fmt: skip
    assert name(found, "memory") == "8bit"
    assert name(found, "gpu") == "8bit"


def test_without_quality_the_agreement_is_the_floor() -> None:
    found = report(variant("teacher", "float", 400, 40, None, agreement=1.0),
                   variant("a", "8bit", 200, 30, None, agreement=0.97),
                   variant("b", "4bit", 100, 20, None, agreement=0.60))  # fmt: skip
    assert name(found, "server-cpu") == "a"


def test_with_no_quality_at_all_the_cost_alone_decides() -> None:
    found = report(variant("teacher", "float", 400, 40, None), variant("b", "4bit", 100, 20, None))
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "b"
    assert said.kept


def test_what_was_not_judged_is_not_taken_where_others_were() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "4bit", 100, 20, None))
    assert name(found, "server-cpu") == "teacher"


def test_a_quality_that_is_no_number_keeps_nothing() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("broken", "4bit", 10, 1, float("nan")),
                   variant("a", "8bit", 100, 20))  # fmt: skip
    assert name(found, "server-cpu") == "a"


def test_a_quality_that_is_no_number_comes_nearest_to_nothing_either() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("broken", "onnx", 10, 1, float("nan")),
                   variant("a", "onnx-int8", 100, 20, 0.9))  # fmt: skip
    said = chosen(found, "web")
    assert said.variant is not None and said.variant.name == "a"
    assert not said.kept


# ---------------------------------------------------------------------- noise


def test_about_as_fast_goes_to_the_smaller() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "float", 200, 10.0, 0.99),
                   variant("b", "8bit", 100, 10.9, 0.98))  # fmt: skip
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "b"
    assert [v.name for v in said.level] == ["a"]
    assert said.edge == "smaller"


def test_beyond_the_noise_speed_decides() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "float", 200, 10.0, 0.99),
                   variant("b", "8bit", 100, 11.1, 0.98))  # fmt: skip
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "a"
    assert (said.level, said.edge) == ((), "none")


def test_about_as_fast_but_worse_beyond_the_intervals_loses_though_it_is_smaller() -> None:
    found = report(variant("teacher", "float", 400, 40, width=0.001), variant("a", "float", 200, 10.0, 0.99, width=0.001),
                   variant("b", "8bit", 100, 10.1, 0.96, width=0.001))  # fmt: skip
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "a"
    assert [v.name for v in said.level] == ["b"]
    assert said.edge == "better"


def test_of_equal_size_and_speed_the_one_that_keeps_more_and_no_edge_is_claimed() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "8bit", 100, 10.0, 0.97),
                   variant("b", "8bit", 100, 10.1, 0.98))  # fmt: skip
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "b"
    assert said.edge == "none"


def test_a_web_page_takes_the_faster_of_two_downloads_of_about_one_size() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "onnx-int8", 100, 10.0, 0.97),
                   variant("b", "onnx-int8", 105, 5.0, 0.97))  # fmt: skip
    said = chosen(found, "web")
    assert said.variant is not None and said.variant.name == "b"
    assert said.edge == "faster"


def test_a_phone_weighs_bytes_and_time_alike() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("a", "onnx-int8", 100, 10.0, 0.97),
                   variant("b", "onnx", 300, 5.0, 0.97), variant("c", "onnx", 60, 30.0, 0.97))  # fmt: skip
    assert name(found, "phone") == "a"  # 1000 against 1500 and 1800
    assert name(found, "web") == "c"


# ---------------------------------------------------------------------- what was not measured there


def test_nothing_runs_there() -> None:
    found = report(variant("teacher", "float", 400, 40), variant("b", "4bit", 100, 20))
    said = chosen(found, "web")
    assert said.variant is None and said.running == ()
    assert [f.name for f in formats_for(PLACES["web"], "text-classification")] == ["onnx", "onnx-int8"]
    assert formats_for(PLACES["web"], "text-generation") == []
    assert [f.name for f in formats_for(PLACES["gpu"], "text-generation/any")] == ["8bit", "4bit"]


def test_on_a_graphics_card_times_decide_where_there_was_one() -> None:
    said = chosen(full("cuda:0"), "gpu")
    assert said.variant is not None and said.variant.name == "student"
    assert said.by == "time"


def test_times_of_a_graphics_card_say_nothing_of_a_server_without_one() -> None:
    said = chosen(full("cuda"), "server-cpu")
    assert said.variant is not None and said.variant.name == "student-onnx-int8"
    assert said.by == "time"
    assert [v.name for v in said.unmeasured] == ["teacher", "student", "student-8bit", "student-4bit"]
    torch = report(*full("cuda").variants[:4])
    said = chosen(torch, "server-cpu")
    assert said.variant is not None and said.variant.name == "student-4bit"
    assert said.by == "bytes"


def test_memory_of_two_kinds_is_not_compared() -> None:
    assert chosen(full("cuda"), "memory").by == "bytes"
    assert chosen(report(*full("cuda").variants[:4]), "memory").by == "memory"


def test_memory_that_was_not_seen_to_grow_was_not_measured() -> None:
    found = report(variant("teacher", "float", 400, 40, memory=900), variant("a", "float", 300, 40, memory=0),
                   variant("b", "float", 350, 40, memory=500))  # fmt: skip
    said = chosen(found, "memory")
    assert said.variant is not None and said.variant.name == "b"
    assert [v.name for v in said.unmeasured] == ["a"]


def test_without_times_bytes_decide() -> None:
    found = report(variant("teacher", "float", 400, None), variant("a", "onnx", 300, None),
                   variant("b", "onnx-int8", 100, None))  # fmt: skip
    assert {p: (name(found, p), chosen(found, p).by) for p in PLACES if p != "gpu"} == {
        p: ("b", "bytes") for p in PLACES if p != "gpu"
    }


def test_one_that_could_not_be_measured_is_named_and_not_chosen() -> None:
    found = report(
        variant("teacher", "float", 400, 40), variant("a", "float", 200, 20), variant("b", "4bit", 100, None)
    )
    said = chosen(found, "server-cpu")
    assert said.variant is not None and said.variant.name == "a"
    assert [v.name for v in said.unmeasured] == ["b"]


def test_the_teacher_itself_where_nothing_beats_it() -> None:
    found = report(variant("teacher", "float", 400, 10), variant("a", "8bit", 100, 30))
    assert name(found, "server-cpu") == "teacher"
    assert name(report(variant("teacher", "float", 400, 10)), "memory") == "teacher"


def test_an_empty_report_suits_nothing() -> None:
    assert {name(report(), place) for place in PLACES} == {None}


def test_the_choice_does_not_hang_on_the_order_of_the_rows() -> None:
    rows = full().variants
    for place in PLACES:
        assert name(report(*reversed(rows)), place) == name(full(), place)


def test_the_demos_result() -> None:
    found = Report.load(Path(__file__).resolve().parent.parent.parent / "assets" / "demo" / "result")
    assert name(found, "server-cpu") == "student"
    assert name(found, "web") is None


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(RecipeError, match="web"):
        place_of("the moon")
