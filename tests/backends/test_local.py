from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from compressor import backends
from compressor.backends import endings
from compressor.backends.local import LocalBackend
from compressor.errors import RunError
from compressor.system import processes
from tests.jobs.conftest import ANNA, BERT, SOON, asks, cancel, until

TOKEN = "hf_aVeryPrivateTokenOf40CharactersAltogeth"


def running(store, job):
    """Wait until the job has said something."""
    return until(lambda: job.run.events_file.exists() and store.row(job.id).pid)


def gone(pid: int) -> bool:
    return processes.find(pid) is None


def pid_in(job, name: str) -> int:
    return int(until(lambda: (job.folder / name).exists() and (job.folder / name).read_text()))


def test_a_job_runs_in_a_process_of_its_own_and_finishes(start, backend, store, ended):
    job = start("short")
    pid = running(store, job)
    assert pid != os.getpid() and os.getpgid(pid) == pid != os.getpgid(0)
    assert psutil.Process(pid).nice() > psutil.Process().nice()
    assert Path(f"/proc/{pid}/cwd").resolve() == job.folder
    seen = store.get(job.id, ANNA)
    assert (seen.status, seen.place) == ("running", None) and backend.busy
    first, offset = backend.events(job, 0)
    assert first and first[0]["stage"] == "distill"
    done = ended(job)
    assert (done.status, done.error) == ("finished", None) and done.finished >= done.started
    later, end = backend.events(job, offset)
    assert later and later[0] not in first and backend.events(job, end) == ([], end)
    assert gone(pid) and not backend.busy
    assert backend.fetch(done, "events.jsonl") == job.folder / "events.jsonl"
    for name in ("../", "nothing", "/etc/passwd"):
        with pytest.raises(RunError, match="This run has no"):
            backend.fetch(done, name)


def test_the_second_waits_for_its_turn(start, store, backend, ended):
    first, second, third = start("long"), start("short", BERT), start("short")
    running(store, first)
    assert [store.get(j.id, j.owner).place for j in (first, second, third)] == [None, 1, 2]
    assert not second.run.events_file.exists()
    cancel(backend, first)
    assert ended(second).status == "finished"
    assert ended(third).started >= store.get(second.id, BERT).finished


def test_cancelling_takes_the_whole_family_within_five_seconds(start, store, backend):
    job = start("family")
    pid, child, runaway = running(store, job), pid_in(job, "child.pid"), pid_in(job, "runaway.pid")
    begun = time.monotonic()
    over = cancel(backend, job)
    assert time.monotonic() - begun < SOON
    assert (over.status, over.error) == ("cancelled", None) and job.run.state()["status"] == "cancelled"
    assert until(lambda: all(map(gone, (pid, child, runaway))))


def test_a_process_that_does_not_listen_is_killed(start, store, backend):
    job = start("deaf")
    pid = running(store, job)
    begun = time.monotonic()
    over = cancel(backend, job)
    assert time.monotonic() - begun < SOON
    assert over.status == "cancelled" and until(lambda: gone(pid))


def test_a_library_that_catches_everything_does_not_keep_a_run_alive(make_backend, store):
    backend = make_backend(grace=300)
    job = store.create(ANNA, asks("swallows"), kind="test")
    backend.start(job)
    running(store, job)
    begun = time.monotonic()
    assert cancel(backend, job).status == "cancelled"
    assert time.monotonic() - begun < SOON  # it went by itself


def test_a_waiting_job_is_cancelled_at_once_and_can_be_resumed(start, store, backend, ended):
    first, second = start("long"), start("short")
    assert cancel(backend, second).status == "cancelled"
    cancel(backend, first)
    assert not second.run.events_file.exists()
    backend.start(store.get(second.id, ANNA))
    assert ended(second).status == "finished"
    with pytest.raises(RunError, match="nothing to resume"):
        backend.start(store.get(second.id, ANNA))


def test_cancelling_what_is_over_changes_nothing(start, store, backend, ended):
    job = start("refuses")
    assert ended(job).status == "failed"
    assert cancel(backend, job).status == "failed"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("refuses", "This model is made of cheese. Pick another one."),
        ("bug", "Something went wrong inside Compressor (ZeroDivisionError). The run's log has the details."),
        ("memory", "ran out of memory"),
        ("disk", "The disk is full"),
        ("segfault", "crashed (SIGSEGV)"),
    ],
)
def test_failures_are_sentences_and_their_details_are_in_the_log(start, ended, what, sentence):
    job = ended(start(what))
    assert job.status == "failed" and sentence in job.error
    assert job.run.state()["error"] == job.error and "Traceback" not in job.error
    log = job.run.log_tail()
    assert ("a secret detail" in log and "Traceback" in log) == (what == "bug")
    assert "a secret detail" not in job.error


def test_kill_9_is_noticed_and_nothing_is_left(start, ended):
    job = start("orphans")
    over = ended(job)
    assert (over.status, over.error) == ("interrupted", endings.KILLED)
    assert until(lambda: gone(pid_in(job, "child.pid")))
    os.kill(pid_in(job, "runaway.pid"), signal.SIGKILL)  # it had left the group before its parent died


def test_a_stop_from_outside_is_no_cancel(start, store, ended):
    job = start("long")
    os.kill(running(store, job), signal.SIGTERM)
    over = ended(job)
    assert (over.status, over.error) == ("interrupted", endings.FROM_OUTSIDE)
    assert over.resumable


def test_a_worker_that_cannot_even_begin(make_backend, store, ended):
    backend = make_backend(module="tests.jobs.no_such_module")
    job = store.create(ANNA, asks("short"), kind="test")
    backend.start(job)
    over = ended(job)
    assert over.status == "failed" and "ended before it had begun (exit code 1)" in over.error
    assert "no_such_module" in over.run.log_tail()


def test_another_process_in_the_folder_is_left_alone(backend, store, ended):
    job = store.create(ANNA, asks("short"), kind="test")
    with job.run.lock():
        job.run.write_state(status="running", stage="measure")
        backend.start(job)
        over = ended(job)
        assert (over.status, over.error) == ("failed", endings.OWNED)
        assert job.run.state()["status"] == "running"
    backend.start(over)
    assert ended(job).status == "finished"


def test_a_kind_that_does_not_exist_is_a_sentence(backend, store, ended):
    job = store.create(ANNA, asks("short"), kind="nothing")
    backend.start(job)
    over = ended(job)
    assert over.status == "failed" and "no jobs of the kind 'nothing'" in over.error


def test_a_run_has_a_time_limit(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, max_run_seconds=0.8))
    job = store.create(ANNA, asks("long"), kind="test")
    backend.start(job)
    pid = until(lambda: store.row(job.id).pid)
    over = ended(job)
    assert over.status == "failed" and "took longer than" in over.error and until(lambda: gone(pid))
    assert job.run.state()["status"] == "failed"


def test_the_token_goes_in_over_standard_input_and_nowhere_else(start, store, ended, settings, backend):
    job = start("prints", token=TOKEN)
    over = ended(job)
    assert over.error == "The Hub said no to hf_[hidden]." and job.run.state()["error"] == over.error
    log = job.run.log_file.read_text()
    assert "the token is hf_[hidden]" in log and "half hf_[hidden] half" in log
    assert (job.folder / "argv.copy").read_text().count("tests.jobs.fake_worker") == 1
    assert "PYTHONPATH" in (job.folder / "environ.copy").read_text()
    for path in (p for p in settings.data_dir.rglob("*") if p.is_file()):
        assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in repr(store.row(job.id)) + repr(over) + repr(vars(backend))


def test_a_token_is_forgotten_with_the_run_that_never_began(start, store, backend):
    start("long")
    waiting = store.create(BERT, asks("short"), kind="test")
    backend.start(waiting, TOKEN)
    assert backend._tokens == {waiting.id: TOKEN}
    cancel(backend, waiting)
    backend.poll()
    assert backend._tokens == {}


def test_where_strangers_share_it_a_token_like_the_servers_own_is_somebodys(make_backend, settings, store):
    backend = make_backend(settings=replace(settings, hosted=True, token=TOKEN), watch=False)
    first, second = (store.create(owner, asks("long"), kind="test") for owner in (ANNA, BERT))
    backend.start(first)
    backend.start(second, TOKEN)
    assert backend._tokens == {second.id: TOKEN}


def test_the_machines_own_token_reaches_the_jobs_of_its_only_user(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, token=TOKEN))
    job = store.create(ANNA, asks("prints"), kind="test")
    backend.start(job)
    assert ended(job).error == "The Hub said no to hf_[hidden]."


def test_many_threads_may_poll_at_once(make_backend, store, ended, monkeypatch):
    backend = make_backend(watch=False)
    started = []
    launch = backend._launch
    monkeypatch.setattr(backend, "_launch", lambda row: (started.append(row.id), launch(row)))
    jobs = [store.create(ANNA, asks("short"), kind="test") for _ in range(3)]
    for job in jobs:
        store.ready(job, token=False)
    stop = threading.Event()

    def poll():
        while not stop.is_set():
            backend.poll()

    threads = [threading.Thread(target=poll) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for job in jobs:
            assert ended(job).status == "finished"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert started == [job.id for job in jobs]


def test_backends_are_found_by_name(settings, store):
    backend = backends.make("local", settings, store)
    assert isinstance(backend, LocalBackend)
    backend.close()
    with pytest.raises(RunError, match="no backend 'moon'"):
        backends.make("moon", settings, store)
