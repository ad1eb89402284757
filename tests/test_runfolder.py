from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from compressor.errors import ModelError, RunCancelledError, RunError, RunLockedError, RunMismatchError
from compressor.events import read_events
from compressor.recipe import Recipe
from compressor.report import Report, Variant
from compressor.runfolder import RunFolder, Stopped
from compressor.system import lease as leases
from compressor.system import processes
from compressor.system.lease import lease, taken, turn

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
        (MemoryError(), "failed", "The machine ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB."), "failed", "The graphics card ran out of memory"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling"), "failed", "The graphics card ran out of memory"),
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
        "with RunFolder(sys.argv[1]).lock(): print('mine', flush=True); time.sleep(600)"
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


@pytest.mark.parametrize(
    ("names", "ours"),
    [
        ([], True),
        ([".DS_Store", ".lock", "log"], True),
        ([".lock", ".state.json.0a1b2c3d.part"], True),
        (["thesis.txt"], False),
        (["work/figures.csv"], False),
        ([".notes.old"], False),
        (["recipe.yaml"], False),  # the person's own would be written over
        (["report.json"], False),
        (["thesis.txt", "state.json"], True),
    ],
)
def test_a_folder_of_ones_own_files_is_no_place_for_a_run(run, names, ours):
    run.path.mkdir()
    for name in names:
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_text("{}")
    if ours:
        run.check_ours()
        return
    with pytest.raises(RunError, match=f"holds other files .{names[0].split('/')[0]}"):
        run.check_ours()
    with pytest.raises(RunError, match=r"holds (other files|a run)"):
        run.check_ours(comparison=True)


def test_a_comparison_takes_the_place_of_one_and_never_of_a_run(run):
    run.path.mkdir()
    compared = REPORT.model_copy(
        update={"variants": (Variant(name="a", path="a", dtype="float32", load="", bytes=1, parameters=1),)}
    )
    run.report_file.write_text(compared.to_json())
    run.flips_file.write_text("")
    run.check_ours(comparison=True)
    with pytest.raises(RunError, match="holds other files"):
        run.check_ours()
    run.write_state()
    run.save_recipe(Recipe.parse({"teacher": "a/b"}))
    run.check_ours()
    with pytest.raises(RunError, match="holds a run"):
        run.check_ours(comparison=True)


def test_devices_are_leased_one_by_one(settings):
    waited, order = [], []
    held, done = threading.Event(), threading.Event()

    def hold():
        with lease(settings, "cpu"), lease(settings, "cpu"):
            held.set()
            done.wait(240)
            order.append("first")

    def wait():
        with lease(settings, "cpu", waiting=lambda: (waited.append(True), done.set())):
            order.append("second")

    first = threading.Thread(target=hold)
    first.start()
    held.wait(240)
    assert taken(settings, "cpu") and not taken(settings, "cuda:0")
    second = threading.Thread(target=wait)
    second.start()
    first.join(240)
    second.join(240)
    assert waited == [True] and order == ["first", "second"] and not taken(settings, "cpu")


def test_a_stage_that_waits_for_the_device_says_so_again_and_again_until_its_turn(settings, monkeypatch):
    monkeypatch.setattr(leases, "EVERY", 0.05)
    said, held, done = [], threading.Event(), threading.Event()

    def hold():
        with lease(settings, "cpu"):
            held.set()
            done.wait(240)

    def hear(stage, done_=0, total=0, **metrics):
        said.append((stage, metrics["message"]))
        if len(said) == 3:
            done.set()

    first = threading.Thread(target=hold)
    first.start()
    held.wait(240)
    with turn(settings, "cpu", "distill", hear):
        first.join(240)
    assert said[:3] == [("distill", leases.WAITING)] * 3 and said[-1] == ("distill", "")
    said.clear()
    with turn(settings, "cpu", "distill", hear):
        pass
    assert not said

    def stop(stage, done_=0, total=0, **metrics):
        raise Stopped

    held.clear()
    done.clear()
    first = threading.Thread(target=hold)
    first.start()
    held.wait(240)
    with pytest.raises(Stopped), turn(settings, "cpu", "distill", stop):
        pass
    done.set()
    first.join(240)


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
