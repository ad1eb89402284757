from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from compressor.errors import ModelError, RunCancelledError, RunError, RunLockedError, RunMismatchError
from compressor.events import read_events
from compressor.recipe import Recipe
from compressor.report import Report
from compressor.runfolder import RunFolder, Stopped
from compressor.system import processes
from compressor.system.lease import lease, taken

REPORT = Report.model_validate({"schema": 1, "task": "text-classification", "teacher": "a/b"})


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def test_the_state_keeps_what_is_not_changed(run):
    assert run.state() == {}
    run.write_state(stage="data", seconds={"data": 1.5})
    state = run.write_state(status="running")
    assert (state["stage"], state["seconds"], state["status"]) == ("data", {"data": 1.5}, "running")
    assert run.state() == state and state["updated"] > 0
    run.state_file.write_text("{half")
    assert run.state() == {}


def test_readers_never_see_half_a_state(run):
    run.write_state(filler="x" * 200_000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            run.write_state(filler="y" * 200_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            assert len(json.loads(run.state_file.read_text())["filler"]) == 200_000
    finally:
        stop.set()
        writer.join()
    assert [p.name for p in run.path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ModelError("No."), "failed", "No."),
        (ValueError("detail"), "failed", "Something went wrong inside Compressor (ValueError)"),
        (MemoryError(), "failed", "ran out of memory"),
        (OSError(28, "No space left on device"), "failed", "disk is full"),
        (Stopped(), "cancelled", "was stopped"),
        (KeyboardInterrupt(), "cancelled", "was stopped"),
        (RunCancelledError("x"), "cancelled", "was stopped"),
    ],
)
def test_a_tracked_run_ends_with_a_sentence(run, error, status, sentence):
    with pytest.raises(type(error)), run.track():
        state = run.state()
        me = processes.current()
        assert (state["status"], state["pid"], state["process"]) == ("running", me.pid, me.mark)
        raise error
    assert run.state()["status"] == status and sentence in run.state()["error"]
    with run.track():
        assert run.state()["error"] is None
    assert run.state()["status"] == "finished"


def test_a_finished_run_stays_finished_and_another_runs_folder_as_it_was(run):
    with run.track():
        run.finish(REPORT)
    before = run.state()
    with pytest.raises(ModelError), run.track():
        raise ModelError("The Hub is away.")
    assert run.state()["status"] == "finished" and run.is_finished and run.report() == REPORT
    with pytest.raises(RunMismatchError), run.track():
        raise RunMismatchError("Another recipe.")
    assert {k: run.state()[k] for k in ("status", "error")} == {k: before[k] for k in ("status", "error")}


def test_one_process_owns_it_and_dying_is_letting_go(run):
    code = (
        "import sys, time; from compressor.runfolder import RunFolder\n"
        "with RunFolder(sys.argv[1]).lock(): print('mine', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, cwd=processes.ROOT)
    assert other.stdout.readline() == b"mine\n"
    with pytest.raises(RunLockedError, match="Another process is at work"), run.lock():
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with run.lock(), RunFolder(run.path).lock():  # entered again by its holder
        pass


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be used for a run"), RunFolder(tmp_path / "file" / "run").lock():
        pass


def test_the_recipe_comes_back_equal_and_the_log_has_an_end(run):
    recipe = Recipe.parse({"teacher": "a/b", "data": {"source": "demo"}, "distill": {"learning_rate": 1e-5}})
    assert run.recipe_or_none() is None and run.log_tail() == ""
    run.save_recipe(recipe)
    assert run.recipe() == recipe == run.recipe_or_none()
    run.log_file.write_text("é" * 50_000 + "end", encoding="utf-8")
    assert run.log_tail(10) == "é" * 7 + "end"


def test_devices_are_leased_one_by_one(settings):
    waited, order = [], []
    held, done = threading.Event(), threading.Event()

    def hold():
        with lease(settings, "cpu"), lease(settings, "cpu"):
            held.set()
            done.wait(5)
            order.append("first")

    def wait():
        with lease(settings, "cpu", waiting=lambda: (waited.append(True), done.set())):
            order.append("second")

    first = threading.Thread(target=hold)
    first.start()
    held.wait(5)
    assert taken(settings, "cpu") and not taken(settings, "cuda:0")
    second = threading.Thread(target=wait)
    second.start()
    first.join(5)
    second.join(5)
    assert waited == [True] and order == ["first", "second"] and not taken(settings, "cpu")


@pytest.mark.parametrize("content", ["[" * 50_000, '{"a":' * 50_000, "[1]", '{"a": ' + "9" * 5000 + "}"], ids=range(4))
def test_a_state_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "state.json").write_text(content, encoding="utf-8")
    assert RunFolder(tmp_path).state() == {}


def test_an_event_that_cannot_be_read_is_passed_over(tmp_path):
    lines = ['{"stage": "a"}', "[" * 50_000, "\ud800", '{"a": ' + "9" * 5000 + "}", "7", '{"stage": "b"}', ""]
    (tmp_path / "events.jsonl").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    events, at = read_events(tmp_path / "events.jsonl")
    assert [event["stage"] for event in events] == ["a", "b"]
    assert at == (tmp_path / "events.jsonl").stat().st_size
