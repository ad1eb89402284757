"""What becomes of jobs when the page's process dies and another takes over."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from compressor.backends import endings
from compressor.jobs.store import JobStore
from compressor.system import processes
from tests.backends.test_local import gone
from tests.jobs.conftest import ANNA, SOON, asks, cancel, until

PAGE = """
import sys, time
from pathlib import Path
from compressor.settings import Settings
from compressor.jobs.store import JobStore
from compressor.backends.local import LocalBackend
from tests.jobs.conftest import asks
settings = Settings(data_dir=Path(sys.argv[1]))
store = JobStore(settings)
backend = LocalBackend(settings, store, module="tests.jobs.fake_worker", every=0.05)
for what, token in (("long", None), ("short", None), ("short", "hf_secret")):
    job = store.create("anna", asks(what), kind="test")
    backend.start(job, token)
    print(job.id, flush=True)
store.create("anna", asks("short"), kind="test")  # not handed in yet
print(store.list("anna")[0].id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def page_that_died(settings, tmp_path):
    """Another page's process had one job going and three waiting when it was killed: their ids."""
    command = [sys.executable, "-c", PAGE, str(settings.data_dir)]
    page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=processes.ROOT)
    ids = [page.stdout.readline().strip() for _ in range(4)]
    first = settings.jobs_dir / ids[0]
    until((first / "events.jsonl").exists)
    page.kill()
    page.wait()
    page.stdout.close()
    return ids


def test_after_a_restart_a_living_worker_is_taken_up_again(page_that_died, settings, make_backend):
    store = JobStore(settings)
    going, waits, wants_token, unfinished = (store.get(i, ANNA) for i in page_that_died)
    backend = make_backend(store=store)
    assert store.get(going.id, ANNA).status == "running"
    assert store.get(waits.id, ANNA).place == 1
    for job in (wants_token, unfinished):
        lost = store.get(job.id, ANNA)
        assert (lost.status, lost.error) == ("interrupted", endings.WAITED)
    pid = store.row(going.id).pid
    begun = time.monotonic()
    assert cancel(backend, going).status == "cancelled" and time.monotonic() - begun < SOON
    assert until(lambda: gone(pid))
    assert until(lambda: store.get(waits.id, ANNA).status == "finished")
    store.close()


def test_after_a_restart_a_dead_worker_means_interrupted_and_it_resumes(page_that_died, settings, make_backend):
    store = JobStore(settings)
    job = store.get(page_that_died[0], ANNA)
    worker = store.row(job.id).worker
    processes.kill(worker)
    until(lambda: not processes.alive(worker))
    backend = make_backend(store=store)
    over = store.get(job.id, ANNA)
    assert (over.status, over.error) == ("interrupted", endings.CUT_OFF)
    assert over.run.state()["status"] == "interrupted"
    events = len(backend.events(job)[0])
    until(lambda: store.get(page_that_died[1], ANNA).status == "finished")
    backend.start(over)
    until(lambda: len(backend.events(job)[0]) > events)
    assert store.get(job.id, ANNA).status == "running"
    cancel(backend, job)
    store.close()


OTHER_PAGE = """
import sys, time
from pathlib import Path
from compressor.settings import Settings
from compressor.jobs.store import JobStore
from compressor.backends import local
from compressor.backends.local import LocalBackend
local.PATIENCE = float(sys.argv[3])
store = JobStore(settings := Settings(data_dir=Path(sys.argv[1])))
backend = LocalBackend(settings, store, module="tests.jobs.fake_worker", watch=False)
job = store.get(sys.argv[2], "anna")
print(job.status, flush=True)
backend.start(job)
print(store.row(job.id).pid, flush=True)
time.sleep(600)
"""


def test_a_second_page_may_resume_what_a_first_one_started(store, settings, make_backend):
    first = make_backend(watch=False)
    job = store.create(ANNA, asks("long"), kind="test")
    first.start(job)
    until(job.run.events_file.exists)
    old = store.row(job.id).worker
    processes.kill(old)
    first._children[job.id].wait(240)
    command = [sys.executable, "-c", OTHER_PAGE, str(settings.data_dir), job.id, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=processes.ROOT) as second:
        try:
            assert second.stdout.readline().strip() == "interrupted"
            pid = int(second.stdout.readline())
            assert pid != old.pid
            for _ in range(3):
                first.poll()
            row = store.row(job.id)
            assert (row.status, row.pid) == ("running", pid) and processes.alive(row.worker)
            assert row.keeper != processes.current() and job.id not in first._children
            assert cancel(first, job).status == "cancelled" and until(lambda: gone(pid))
        finally:
            second.kill()


def test_how_a_job_ended_is_left_for_a_while_to_the_page_that_started_it(store, settings, make_backend, monkeypatch):
    first = make_backend(watch=False)
    job = store.create(ANNA, asks("segfault"), kind="test")
    first.start(job)
    first._children[job.id].wait(240)
    command = [sys.executable, "-c", OTHER_PAGE, str(settings.data_dir), job.id, "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=processes.ROOT) as second:
        try:
            assert second.stdout.readline().strip() == "running"  # nor does it say what it does not know
        finally:
            second.kill()
    first.poll()
    over = store.get(job.id, ANNA)
    assert over.status == "failed" and "SIGSEGV" in over.error


def test_a_job_started_again_with_less_is_its_pages_own(store, make_backend, monkeypatch):
    """Whoever had started it before: an end that only an exit code tells must not be lost."""
    backend = make_backend(watch=False)
    job = store.create(ANNA, asks("long"), kind="test")
    backend.start(job)
    until(job.run.events_file.exists)
    processes.kill(store.row(job.id).worker)
    backend._children[job.id].wait(240)
    store._table.update(job.id, keeper_pid=1, keeper_mark="another")
    backend._launch(store.row(job.id))
    child = backend._children[job.id]
    backend.poll()
    assert store.row(job.id).keeper == processes.current() and backend._children[job.id] is child


def test_a_run_whose_process_nobody_noted_stops_nobody(store, make_backend):
    """Resumed, taken, and the page was killed before it could note which process it had started."""
    stuck, other = (store.create(ANNA, asks("short"), kind="test") for _ in range(2))
    for job in (stuck, other):
        store.ready(job, token=False)
    stuck.run.write_state(status="queued", pid=None, process=None)
    assert store.claim(lambda row: True).id == stuck.id
    backend = make_backend()
    assert store.get(stuck.id, ANNA).status == "interrupted"
    backend.start(other)
    until(lambda: store.get(other.id, ANNA).status == "finished")


def test_a_row_that_cannot_be_looked_after_keeps_no_other_from_it(store, make_backend, monkeypatch):
    backend, seen = make_backend(watch=False), []
    jobs = [store.create(ANNA, asks("short"), kind="test") for _ in range(2)]
    for job in jobs:
        store._table.update(job.id, status="running")

    def look(row):
        seen.append(row.id)
        raise ZeroDivisionError

    monkeypatch.setattr(backend, "_look_after", look)
    backend.poll()
    assert set(seen) == {job.id for job in jobs}


def test_a_full_disk_ends_a_run_as_it_ended_once_there_is_room(store, make_backend, monkeypatch):
    backend = make_backend(watch=False)
    job = store.create(ANNA, asks("refuses"), kind="test")
    backend.start(job)
    child = until(lambda: backend._children.get(job.id))
    child.wait(240)
    real = store._table.update

    def full(*args, **values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._table, "update", full)
    backend.poll()
    assert store.row(job.id).status == "running"
    monkeypatch.setattr(store._table, "update", real)
    backend.poll()
    over = store.get(job.id, ANNA)
    assert over.status == "failed" and "made of cheese" in over.error
