"""Jobs whose memory runs out, and jobs in which nothing happens any more."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from compressor.backends import endings, vitals
from compressor.events import read_events
from compressor.recipe import Recipe
from compressor.system import halving, processes
from tests.backends.test_local import gone, running
from tests.jobs.conftest import ANNA, asks, until


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    monkeypatch.setattr(vitals, "EVERY", 0.2)


def retries(job) -> list[str]:
    events, _ = read_events(job.run.events_file)
    return [event["reason"] for event in events if event.get("event") == "retried"]


def greedy(store, backend, stage: str):
    recipe = Recipe.parse({"teacher": "test/greedy", "task": stage, "data": {"source": "demo"}})
    job = store.create(ANNA, recipe, kind="test")
    backend.start(job)
    return job


def test_a_run_that_holds_too_much_goes_on_with_half_the_batch(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, max_run_memory_bytes=320_000_000))
    job = greedy(store, backend, "distill")
    first = running(store, job)
    over = ended(job)
    assert (over.status, over.error) == ("finished", None)
    assert gone(first) and retries(job) == [halving.RETRIED.format(rows=16, before=32)]
    assert job.run.state()["parts"] == {"distill": 2}


def test_a_run_that_holds_too_much_where_no_batch_helps_ends_with_a_sentence(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, max_run_memory_bytes=320_000_000))
    over = ended(greedy(store, backend, "measure"))
    assert over.status == "failed" and "a run may hold 0.3 GB here. Try shorter texts" in over.error
    assert retries(over) == [] and over.resumable


def test_a_run_that_the_system_killed_for_its_memory_is_started_again_with_its_token(
    make_backend, store, ended, monkeypatch
):
    kills = iter([3, 4, 4, 4])
    monkeypatch.setattr(processes, "memory_kills", lambda: next(kills))  # no test makes the system run out of memory
    backend = make_backend()
    job = store.create(ANNA, asks("killed"), kind="test")
    backend.start(job, "hf_mine")
    over = ended(job)
    assert (over.status, over.error) == ("finished", None), over.run.log_tail()
    assert retries(job) == [halving.RETRIED.format(rows=16, before=32)]


def test_a_run_whose_allocator_gives_up_goes_on_in_fresh_processes(make_backend, store, ended):
    job = store.create(ANNA, asks("hungry"), kind="test")
    make_backend().start(job)
    over = ended(job)
    assert (over.status, over.error) == ("finished", None), over.run.log_tail()
    assert retries(job) == [halving.RETRIED.format(rows=32 // n, before=64 // n) for n in (2, 4)]


def test_a_run_that_somebody_killed_is_not(make_backend, store, ended):
    backend = make_backend()
    job = store.create(ANNA, asks("killed"), kind="test")
    backend.start(job, "hf_mine")
    over = ended(job)
    assert (over.status, over.error, retries(job)) == ("interrupted", endings.KILLED, [])


def test_a_run_in_which_nothing_happens_is_stopped_with_a_sentence(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, max_silent_seconds=1.5))
    job = store.create(ANNA, asks("hangs"), kind="test")
    backend.start(job)
    pid = running(store, job)
    over = ended(job)
    assert over.status == "failed" and "had done nothing" in over.error and over.resumable
    assert until(lambda: gone(pid))


def test_a_run_that_computes_without_a_word_is_left_alone(make_backend, settings, store, ended):
    backend = make_backend(settings=replace(settings, max_silent_seconds=1.5))
    job = store.create(ANNA, asks("thinks"), kind="test")
    backend.start(job)
    assert ended(job).status == "finished"


def test_memory_that_a_family_shares_counts_once():
    held = bytearray(60_000_000)
    held[::4096] = b"x" * len(held[::4096])
    alone, _ = processes.vitals(processes.current())
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    try:
        together, spent = processes.vitals(processes.current())
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert alone > 60_000_000 and together < alone + 30_000_000 and spent > 0
