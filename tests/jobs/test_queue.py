"""Whose turn it is, and when."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from compressor.jobs import queue
from compressor.jobs.store import JobStore
from compressor.runfolder import FINISHED
from tests.jobs.conftest import ANNA, BERT, asks

CARLA = "carla"


@pytest.fixture
def store(settings):
    store = JobStore(replace(settings, max_waiting_each=9))
    yield store
    store.close()


def wait(store, owner, seconds: float | None = None):
    job = store.create(owner, asks("short"), kind="test")
    store.ready(job, token=False)
    if seconds is not None:
        store.expect(job.id, seconds)
    return job


def turns(store):
    owners = []
    while (row := store.claim(lambda row: True)) is not None:
        owners.append(row.owner)
        store.settle(row, FINISHED)
    return owners


def test_people_take_turns_whatever_the_order_in_which_they_asked(store):
    for owner in (ANNA, ANNA, ANNA, BERT, CARLA, BERT):
        wait(store, owner)
    places = [store.get(row.id, row.owner).place for row in store.waiting()]
    assert places == [1, 2, 3, 4, 5, 6]
    assert turns(store) == [ANNA, BERT, CARLA, ANNA, BERT, ANNA]


def test_who_was_served_just_now_waits_behind_who_was_not(store):
    wait(store, ANNA)
    running = store.claim(lambda row: True)
    again, other = wait(store, ANNA), wait(store, BERT)
    assert (store.get(other.id, BERT).place, store.get(again.id, ANNA).place) == (1, 2)
    store.settle(running, FINISHED)
    assert turns(store) == [BERT, ANNA]


def test_nobody_waits_behind_newcomers_for_what_they_had_long_ago(store):
    wait(store, ANNA)
    store.settle(store.claim(lambda row: True), FINISHED)
    wait(store, ANNA), wait(store, BERT)
    rows, served = store.rows("queued"), store._table.served()
    assert [r.owner for r in queue.in_order(rows, served)] == [BERT, ANNA]
    assert [r.owner for r in queue.in_order(rows, served, time.time() + queue.LATELY)] == [ANNA, BERT]


def test_one_persons_runs_keep_their_order(store):
    jobs = [wait(store, ANNA) for _ in range(4)]
    assert [row.id for row in store.waiting()] == [job.id for job in jobs]


def test_a_wait_is_what_is_before_it(store):
    wait(store, ANNA, 100)
    row = store.claim(lambda row: True)
    first, second, third = wait(store, BERT, 60), wait(store, CARLA), wait(store, ANNA, 30)
    assert store.get(first.id, BERT).wait == pytest.approx(100, abs=2)
    assert store.get(second.id, CARLA).wait == pytest.approx(160, abs=2)
    assert store.get(third.id, ANNA).wait is None  # nobody knows how long Carla's takes
    later = queue.waits(store.waiting(), [replace(row, started=time.time() - 95)], {})
    assert later[first.id] == pytest.approx(10, abs=1)  # it outlives its estimate by a tenth at least


def test_what_is_not_known_is_taken_from_those_before(store):
    job = wait(store, ANNA)
    row = store.claim(lambda row: True)
    store._table.update(row.id, started=time.time() - 40)
    store.settle(row, FINISHED)
    assert store.get(job.id, ANNA).wait is None
    wait(store, ANNA)
    store.claim(lambda row: True)
    behind = wait(store, BERT)
    assert store.get(behind.id, BERT).wait == pytest.approx(40, abs=2)


def test_a_comparison_is_not_thought_to_take_as_long_as_a_run(store):
    def ended(kind, took):
        job = store.create(ANNA, asks("short"), kind=kind)
        store.ready(job, token=False)
        row = store.claim(lambda row: True)
        store._table.update(row.id, started=time.time() - took)
        store.settle(store.row(row.id), FINISHED)

    ended("run", 600)
    ended("compare", 20)
    for kind in ("compare", "run", "compare"):
        store.ready(store.create(ANNA, asks("short"), kind=kind), token=False)
    store.claim(lambda row: True)
    waits = [store.get(row.id, ANNA).wait for row in store.waiting()]
    assert waits == pytest.approx([20, 620], abs=2)
