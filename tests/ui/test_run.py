"""A run's progress: from events to what the page shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.recipe import Recipe
from compressor.ui import run_view
from compressor.ui.run_state import RunState, expected_stages
from tests.ui.sample import EVIL

EVENTS = [
    {"time": 1, "stage": "data", "done": 0, "total": 3},
    {"time": 2, "event": "stage-finished", "stage": "data"},
    {"time": 3, "stage": "teacher-logits", "done": 5, "total": 5, "metrics": {"teacher_quality": 0.9}},
    {"time": 4, "event": "stage-finished", "stage": "teacher-logits"},
    {"time": 10, "stage": "distill", "done": 0, "total": 100},
    {"time": 40, "stage": "distill", "done": 60, "total": 100, "metrics": {"loss": 0.5, "rate": 148, "memory": 1.2e9}},
    {"time": 41, "stage": "distill", "done": 60, "total": 100, "metrics": {"quality": 0.85}},
]
EXPECTED = ["data", "teacher-logits", "distill", "8bit", "4bit", "measure"]


def state() -> RunState:
    found = RunState()
    found.take(EVENTS)
    return found


def test_stages_curves_and_the_teachers_line() -> None:
    found = state()
    assert (found.stage, found.share, found.finished) == ("distill", 0.6, ["data", "teacher-logits"])
    assert (found.loss, found.quality, found.teacher_quality) == ([(60, 0.5)], [(60, 0.85)], 0.9)
    assert found.left is not None
    assert 19 < found.left < 22  # 31 s for 60 %: 20.7 s for the rest


def test_a_stop_is_not_time_that_it_ran() -> None:
    found = state()
    assert "Running for 40 s" in run_view.progress("running", found, EXPECTED)
    found.take([{"time": 7241, "event": "resumed", "stages": ["data", "teacher-logits"]},
                {"time": 7244, "stage": "distill", "done": 65, "total": 100}])  # fmt: skip
    assert "Running for 43 s" in run_view.progress("running", found, EXPECTED)
    assert found.left is not None
    assert 17 < found.left < 20  # 34 s for 65 %


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(EVENTS[0]) + "\n" + '{"time": 2, "event": "st', encoding="utf-8")
    found = RunState()
    assert found.read(tmp_path)
    assert not found.read(tmp_path)
    assert found.stage == "data"
    with path.open("a", encoding="utf-8") as file:
        file.write('age-finished", "stage": "data"}\n')
    assert found.read(tmp_path)
    assert found.finished == ["data"]


def test_rows_say_what_is_done_now_and_to_come() -> None:
    rows = run_view.stage_rows("running", state(), EXPECTED)
    assert rows == [
        ("data", "done"),
        ("teacher-logits", "done"),
        ("distill", "now"),
        ("8bit", "wait"),
        ("4bit", "wait"),
        ("measure", "wait"),
    ]
    assert ("distill", "stopped") in run_view.stage_rows("cancelled", state(), EXPECTED)
    assert {how for _, how in run_view.stage_rows("finished", state(), EXPECTED)} == {"done"}


def test_the_current_stage_shows_percent_speed_time_and_memory() -> None:
    shown = run_view.progress("running", state(), EXPECTED)
    for fact in ("60 %", "148 a second", "21 s left", "1.2 GB of memory", 'value="60"'):
        assert fact in shown


def test_the_tabs_title() -> None:
    assert run_view.title("running", state()) == "60 % Train the student · Compressor"
    assert run_view.title("finished", state()) == "Finished · Compressor"


def test_waiting_and_failing_are_said() -> None:
    assert "number 3 in the queue" in run_view.progress("queued", RunState(), EXPECTED, place=3)
    shown = run_view.progress("failed", state(), EXPECTED, error=EVIL)
    assert "<img" not in shown
    assert 'role="alert"' in shown


def test_strangers_in_events_do_no_harm() -> None:
    found = RunState()
    found.take(
        [{"time": "x", "stage": EVIL, "done": "many", "metrics": {"loss": None, "message": EVIL}}, {"stage": None}]
    )
    assert "<img" not in run_view.progress("running", found, [])


def test_expected_stages() -> None:
    demo = Recipe.parse(
        {"teacher": "demo", "data": {"source": "demo"}, "student": {"size": "half"}, "formats": ["8bit"]}
    )
    assert expected_stages(demo) == ["data", "teacher-logits", "distill", "8bit", "measure"]
    cut = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}, "student": {"size": "half"}, "distill": None})
    assert expected_stages(cut) == ["data", "distill", "8bit", "4bit", "measure"]
    hub = Recipe.parse({"teacher": "a/b", "student": None})
    assert expected_stages(hub) == ["download", "8bit", "4bit", "measure"]


def test_curves_of_a_fine_tuned_teacher_give_way_to_the_students() -> None:
    found = RunState()
    found.take([{"stage": "fine-tune", "done": 1, "total": 2, "metrics": {"loss": 9.0}},
                {"stage": "distill", "done": 1, "total": 2, "metrics": {"loss": 1.0}}])  # fmt: skip
    assert found.loss == [(1, 1.0)]


def test_complaint_2_a_curve_that_is_read_again_is_the_whole_curve(tmp_path: Path) -> None:
    steps = [{"stage": "distill", "done": n, "total": 9, "metrics": {"loss": 1 / n}} for n in range(1, 5)]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps), encoding="utf-8")
    before, after = RunState(), RunState()  # the second one as after a restart of the app
    before.read(tmp_path)
    after.read(tmp_path)
    assert before.loss == after.loss == [(n, 1 / n) for n in range(1, 5)]


def test_time_that_was_waited_is_not_reckoned_with() -> None:
    state = RunState()
    state.take([{"time": 0.0, "stage": "distill", "metrics": {"message": "Waiting"}}])
    state.take([{"time": 3600.0, "stage": "distill", "metrics": {"message": ""}}])
    state.take([{"time": 3660.0, "stage": "distill", "done": 10, "total": 100, "metrics": {}}])
    assert state.left == pytest.approx(540)
