"""Measuring with runners whose cost is known: what was planted is what is measured, whatever happens to a process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import groupby

import psutil
import pytest
from datasets import Dataset, load_from_disk

from compressor import models, tasks
from compressor.errors import ModelError, OutOfMemoryError, RunCancelledError
from compressor.measure import Request, children, latency, measure, measuring
from compressor.system.processes import environ
from tests import tiny

TASK = tasks.get("text-classification")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.bert(tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def rows(model, tmp_path_factory):
    """48 rows; a label says whether the row has an even number of tokens, as planted runners do."""
    encoded = TASK.encode(models.load_tokenizer(model), Dataset.from_dict({"text": tiny.texts(48)[0]}), 64)
    encoded = encoded.add_column("labels", [int(n % 2 == 0) for n in encoded["length"]])
    folder = tmp_path_factory.mktemp("rows") / "test"
    encoded.save_to_disk(str(folder))
    return folder


@pytest.fixture(scope="module")
def nursery(model, tmp_path_factory):
    """One for all tests of this file: it imports torch, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "MODULE", "tests.measure.planted")
        ask = {"do": "preload", "task": TASK.key, "folders": [str(model)]}
        made = children._Nursery(tmp_path_factory.mktemp("errors") / "errors", ask)
    end = made.end
    made.end = lambda: None
    yield made
    end()


@pytest.fixture
def planted(model, tmp_path, monkeypatch, nursery):
    monkeypatch.setattr(children, "MODULE", "tests.measure.planted")
    monkeypatch.setattr(children, "_Nursery", lambda errors, preload: nursery)
    monkeypatch.setattr(latency, "TARGET", 0.2)

    def make(name, **plan):
        folder = tmp_path / name
        shutil.copytree(model, folder)
        (folder / "plan.json").write_text(json.dumps({"name": name, **plan}))
        return Request(name, folder, "planted")

    return make


def processes_here():
    """All of the measuring that still run, but for the nursery (other tests of this session have a browser open)."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may end while it is looked at
            command = process.cmdline()
            if children.MODULE in command and (process.ppid() != os.getpid() or "--nursery" not in command):
                found.append(process)
    return found


def test_planted_costs_are_what_is_measured(planted, rows, tmp_path):
    log = str(tmp_path / "log")
    requests = [
        planted("a", cost=0.02, log=log),
        planted("b", cost=0.06, first=0.8, slow_calls=3, log=log, hold=150_000_000),
        planted("c", cost_a_row=0.02, wrong=3),
    ]
    a, b, c = measure(requests, TASK, rows=rows)
    # Latency: what a call costs, and nothing of the slow first calls.
    for one, ms in ((a, 20), (b, 60)):
        assert (one.latency_ms.p50, one.latency_ms.p95) == (pytest.approx(ms), pytest.approx(ms))
    # Memory: what one holds more than the other.
    assert b.peak_memory_bytes - a.peak_memory_bytes == pytest.approx(150_000_000, rel=0.15)
    assert a.peak_memory_bytes < 30_000_000
    # Throughput: rows in the runner's own seconds.
    assert c.throughput == pytest.approx(50)
    # Quality: outputs are in row order; agreement is with the first.
    assert (a.quality.metric, a.quality.value, a.quality.rows, a.agreement) == ("accuracy", 1.0, 48, 1.0)
    assert 0 < c.quality.value == c.agreement < 1
    assert [q.metric for q in c.metrics] == ["f1_macro"]
    assert a.outputs.shape == (48, 2)
    assert (a.dtype, a.parameters, a.notes) == ("planted", 7, ())
    # Turns: after the last of b's rows, a and b alternate.
    turns = [name for name, _ in groupby((tmp_path / "log").read_text())]
    assert len(turns) > 8
    assert processes_here() == []


def test_what_a_card_gets_ready_at_first_does_not_count_as_its_speed(planted, rows):
    """On an H200 the first answers took six times as long as all later ones."""
    slow = {"cost_a_row": 0.002, "first": 0.6, "slow_calls": 5}  # three of them warm it up
    card, processor = measure([planted("card", says="cuda", **slow), planted("processor", **slow)], TASK, rows=rows)
    assert card.throughput == pytest.approx(500)
    assert processor.throughput < 50, "there the first pass is what it is"


def test_without_rows_all_but_quality_is_measured(planted):
    (one,) = measure([planted("a", cost_a_row=0.005)], TASK)
    assert (one.quality, one.metrics, one.agreement, one.outputs) == (None, (), None, None)
    assert one.throughput == pytest.approx(200)
    assert one.measured_on.length == 64  # as many as this model takes of the usual 128
    assert one.latency_ms.p50 == pytest.approx(5)


def test_what_a_runner_says_of_itself_is_noted(planted, rows):
    one, other = measure([planted("one", notes=["It ran in 32 bits."]), planted("other")], TASK, rows=rows)
    assert (one.notes, other.notes) == (("It ran in 32 bits.",), ())


def test_the_probe_is_as_long_as_the_usual_row(planted, rows):
    (one,) = measure([planted("a")], TASK, rows=rows)
    assert one.measured_on.length in (8, 16)  # rows of 7 to 15 tokens


def test_a_model_that_cuts_texts_into_more_tokens_is_timed_on_as_much_text(planted, rows, tmp_path):
    """It was given as many tokens, which of characters is a sixth of the text."""
    coarse = load_from_disk(str(rows))
    fine = coarse.map(lambda row: {"input_ids": row["input_ids"] * 2, "length": row["length"] * 2})
    fine.save_to_disk(str(tmp_path / "fine"))
    first, same, other = planted("first"), planted("same"), replace(planted("other"), rows=tmp_path / "fine")
    lengths = [m.measured_on.length for m in measure([first, same, other], TASK, rows=rows, threads=1)]
    assert lengths[0] == lengths[1]
    assert lengths[2] == 2 * lengths[0]


def test_one_that_dies_is_a_note_and_the_others_go_on(planted, rows):
    requests = [
        planted("fine"),
        planted("killed", kill=int(signal.SIGKILL), kill_at_rows=2),
        planted("crashed", kill=int(signal.SIGSEGV)),
        planted("full", **{"raise": True}),
        planted("nan", nan=True),
        planted("also-fine"),
    ]
    found = {one.name: one for one in measure(requests, TASK, rows=rows)}
    assert all(found[name].latency_ms and not found[name].notes for name in ("fine", "also-fine"))
    assert "memory runs out" in found["killed"].notes[0]
    assert "SIGSEGV" in found["crashed"].notes[0]
    assert "Memory ran out" in found["full"].notes[0]
    assert "not a number" in found["nan"].notes[0]
    for name in ("killed", "crashed", "full", "nan"):
        assert found[name].notes[0].startswith(f"{name} could not be measured. ")
        assert (found[name].quality, found[name].latency_ms) == (None, None)
        assert found[name].bytes > 0
    assert found["full"].parameters > 100_000  # of one that never loaded, as its file says
    assert found["killed"].peak_memory_bytes is not None  # what was measured before it died is kept


@pytest.fixture
def untidy(planted, model, tmp_path):
    """Two requests with rows of more tokens than `rows` have, which end the second's process."""
    long = Dataset.from_dict({"text": ["word " * 30] * 3})
    TASK.encode(models.load_tokenizer(model), long, 64).save_to_disk(str(tmp_path / "disturbed"))
    asked = [planted("first"), planted("killed", kill_at_tokens=25)]
    return [replace(one, disturbed=tmp_path / "disturbed") for one in asked]


def test_untidy_rows_that_are_its_undoing_cost_nothing_else(untidy, rows):
    first, killed = measure(untidy, TASK, rows=rows)
    assert first.disturbed is not None and killed.disturbed is None
    assert killed.notes[0].startswith("How killed copes with untidy text could not be measured. ")
    assert killed.quality.value == 1.0 and killed.latency_ms is not None and killed.throughput


def test_without_the_first_there_is_nothing_to_hold_against(planted, rows):
    with pytest.raises(OutOfMemoryError, match=r"^killed could not be measured\. .*memory"):
        measure([planted("killed", kill=int(signal.SIGKILL)), planted("fine")], TASK, rows=rows)
    with pytest.raises(ModelError, match="has no format 'unknown'"):
        measure([replace(planted("unknown"), format="unknown")], TASK, rows=rows)
    assert processes_here() == []


def test_models_that_do_not_fit_together_are_timed_alone_and_say_so(planted, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "memory_free", lambda: 500_000_000)
    log = str(tmp_path / "log")
    found = measure([planted("a", log=log), planted("b", log=log)], TASK, rows=rows)
    assert "ba" not in (tmp_path / "log").read_text()
    assert all("one after the other" in one.notes[0] for one in found)


def test_cancelling_ends_every_process(planted, rows):
    def cancel(stage, done=0, total=0, **metrics):
        if done > 0.1:
            raise RunCancelledError("stopped")

    with pytest.raises(RunCancelledError):
        measure([planted("a", sleep=0.5)], TASK, rows=rows, progress=cancel)
    assert processes_here() == []


def test_progress_never_goes_back(planted, rows):
    seen = []
    measure([planted("a"), planted("b")], TASK, rows=rows, progress=lambda *said, **_: seen.append(said))
    assert {stage for stage, _, _ in seen} == {"measure"}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1] == ("measure", 2, 2)


def test_untidy_rows_have_a_part_of_the_progress(untidy, rows):
    seen = []
    measure(untidy, TASK, rows=rows, progress=lambda stage, done, total, **_: seen.append(done))
    assert seen == sorted(seen) and seen[-1] == 2
    over = measuring.OPEN + measuring.RUN
    for ended in (over - measuring.RUN * measuring.UNTIDY, over):  # the rows as they are, and the untidy ones
        assert any(done == pytest.approx(ended) for done in seen), (ended, seen)


def test_processes_die_with_their_parent(planted, rows, tmp_path):
    request = planted("slow", sleep=600)
    script = (
        "import sys; from pathlib import Path; from compressor import tasks; from compressor.measure import *\n"
        "from compressor.measure import children; children.MODULE = 'tests.measure.planted'\n"
        "measure([Request('slow', Path(sys.argv[1]), 'planted')], tasks.get('text-classification'))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(request.folder)], env=environ())
    family = []
    for _ in range(3000):
        family = psutil.Process(parent.pid).children(recursive=True)
        if len(family) == 2:  # the nursery and the slow one
            break
        time.sleep(0.1)
    assert len(family) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=120)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_where_nothing_can_be_forked_every_process_starts_by_itself(planted, rows, monkeypatch):
    monkeypatch.setattr(children, "can_fork", lambda device: False)
    (one,) = measure([planted("a", hold=150_000_000)], TASK, rows=rows)
    assert one.peak_memory_bytes == pytest.approx(150_000_000, rel=0.2)
    assert one.quality.value == 1.0
    assert processes_here() == []


def test_where_nothing_can_be_forked_processes_import_at_once_and_none_is_left(tmp_path, monkeypatch):
    """Three imports one after the other were most of what measuring took on a graphics card."""
    monkeypatch.setattr(children, "can_fork", lambda device: False)
    monkeypatch.setattr(children, "cores", lambda: 3)
    monkeypatch.setattr(children, "memory_free", lambda: 100 * children.AHEAD)
    with children.Children(TASK.key, [tmp_path] * 5, "cuda", tmp_path / "errors") as made:
        there = {process.pid for process in processes_here()}
        assert len(there) == 3, "as many as there are cores"
        assert {made.start().pid for _ in range(2)} < there
    assert processes_here() == []
    with children.Children(TASK.key, [tmp_path] * 5, "cuda", tmp_path / "errors", together=False):
        assert len(processes_here()) == 1, "where they do not fit together, one at a time"
    assert processes_here() == []
    monkeypatch.setattr(children, "memory_free", lambda: 2 * children.AHEAD)
    assert [children._at_once(n) for n in (1, 5)] == [1, 2], "and as there is memory for"
    monkeypatch.setattr(children, "memory_free", lambda: 0)
    assert children._at_once(5) == 1


def test_of_processes_that_import_ahead_one_may_fail(tmp_path, monkeypatch):
    made = []
    real = children._process

    def process(errors):
        made.append(real(errors))
        if len(made) == 1:
            os.kill(made[0].pid, signal.SIGKILL)
        return made[-1]

    monkeypatch.setattr(children, "_process", process)
    ready = children._spawned(tmp_path / "errors", {"do": "preload", "task": TASK.key, "folders": []}, 2)
    try:
        assert ready == [made[1]]
    finally:
        made[1].end()
    assert processes_here() == []


def test_what_a_process_said_before_it_failed_is_in_the_log(tmp_path, monkeypatch, caplog):
    """The file of its words goes with the temporary folder."""
    for fork in (True, False):
        monkeypatch.setattr(children, "can_fork", lambda device, fork=fork: fork)
        monkeypatch.setattr(children, "MODULE", "tests.measure.nowhere")
        with pytest.raises(ModelError), children.Children(TASK.key, [], "cpu", tmp_path / "errors") as made:
            made.start()
        assert "nowhere" in caplog.text
        caplog.clear()
    assert processes_here() == []
