"""What people complain about in tools of this kind, by its number on the list that this project was begun with: 5 opaque
failures, 8 out of memory at the very end, 10 a late failure that loses everything, 12 one job's state in the next, 13 memory that
is held after its use. Numbers 1, 2 and 6 need a browser: see `tests/browser/test_nothing_is_lost.py`.
"""

from __future__ import annotations

import errno
import json
import os

import pytest

from compressor import pipeline
from compressor.errors import DiskFullError
from compressor.events import read_events
from compressor.hub import Hub
from compressor.jobs.helper import Helper
from compressor.measure import Request, measure
from compressor.planning import estimating
from compressor.planning.estimating import estimate
from compressor.recipe import Recipe
from compressor.runfolder import RunFolder
from compressor.system import whole
from compressor.tasks import TextClassification
from tests import tiny
from tests.jobs.conftest import ANNA, asks, backend, ended, make_backend, store, until  # noqa: F401

pytestmark = pytest.mark.usefixtures("measured_soon")


@pytest.mark.parametrize("what", ["refuses", "bug", "memory", "disk", "segfault"])
def test_complaint_5_a_failure_is_a_sentence_that_says_what_to_do(backend, store, ended, what):  # noqa: F811
    job = store.create(ANNA, asks(what), kind="test")
    backend.start(job)
    said = ended(job).error
    assert said[0].isupper() and said.endswith(".") and len(said.split()) > 5
    assert not any(word in said for word in ("Traceback", "Error:", "secret detail", "division"))


def test_complaint_8_a_run_that_does_not_fit_is_told_before_its_start(settings, monkeypatch):
    monkeypatch.setattr(estimating, "_memory_total", lambda settings, device: 1_200_000_000)
    asked = {"teacher": "demo", "data": {"source": "demo"}, "distill": {"batch_size": 4096}}
    found = estimate(asked, settings=settings, hub=Hub(settings), rows=4800, tokens=60)
    assert not found["fits"] and "so it would not finish" in found["problem"]


def test_complaint_10_a_disk_that_fills_up_late_loses_nothing(settings, tmp_path, monkeypatch):
    teacher, rows = tiny.bert(tmp_path / "teacher"), tiny.write_csv(tmp_path / "rows.csv", 120)
    asked = {"teacher": str(teacher), "data": {"source": {"train": str(rows)}}, "student": {"size": "half"},
             "distill": {"epochs": 0.5}, "formats": ["8bit"]}  # fmt: skip
    real = whole.to_disk

    def full(path, deep=True):
        if "student-8bit" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, deep)

    run = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(whole, "to_disk", full)
        pipeline.run(Recipe.parse(asked), run.path, settings=settings)
    state = run.state()
    assert (state["status"], state["finished_stages"]) == ("failed", ["data", "teacher-logits", "distill"])
    assert state["error"] == str(DiskFullError(state["error"])) and "goes on where it stopped" in state["error"]
    assert [p.name for p in run.variants.iterdir()] == ["student"]
    report = pipeline.run(Recipe.parse(asked), run.path, settings=settings)
    assert [v.name for v in report.variants] == ["teacher", "student", "student-8bit"]
    done = [e["stage"] for e in read_events(run.events_file)[0] if e.get("event") == "stage-finished"]
    assert done == ["data", "teacher-logits", "distill", "8bit", "measure"]  # each once


def test_complaint_12_a_job_finds_nothing_of_the_one_before(backend, store, ended):  # noqa: F811
    seen = []
    for _ in range(2):
        job = store.create(ANNA, asks("leaves"), kind="test")
        backend.start(job)
        assert ended(job).status == "finished"
        seen.append(json.loads((job.folder / "seen.json").read_text()))
    assert seen[0] == seen[1] == {"variable": None, "global": None, "file": False}
    assert "LEFT_BY_A_JOB" not in os.environ


def test_complaint_13_a_helper_that_is_idle_holds_no_model(settings):
    helper = Helper(settings, module="tests.jobs.fake_helper", idle=0.4)
    try:
        helper.request("load")
        assert until(lambda: helper.request("loaded") == {"held": []}, every=0.8)
    finally:
        helper.close()


def test_complaint_13_what_was_measured_leaves_no_process(tmp_path):
    import psutil

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    folder = tiny.bert(tmp_path / "bert")
    measure([Request(name="a", folder=folder), Request(name="b", folder=folder)], TextClassification())
    rest = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert until(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in rest))
