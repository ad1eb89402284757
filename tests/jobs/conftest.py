"""Jobs in real processes, ended after each test."""

from __future__ import annotations

import time

import pytest

from compressor.backends.local import LocalBackend
from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.system import processes

ANNA, BERT = "anna", "bert"


def asks(what: str) -> Recipe:
    return Recipe.parse({"teacher": f"test/{what}", "data": {"source": "demo"}})


SOON = 40.0
"""Seconds within which something happens by itself, on a machine however busy: less than what sleeps here would go on for."""


def until(condition, seconds: float = 240.0, *, every: float = 0.02):
    """Wait for something to become true, and answer with it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(every)
    return found


def cancel(backend, job):
    """Cancel a job and wait until it is over, for longer than the page does: a busy machine takes its time over an end."""
    known = backend.store
    backend.cancel(known.get(job.id, job.owner))
    until(lambda: (backend.poll(), known.row(job.id).status)[1] not in ("queued", "running"))
    return known.get(job.id, job.owner)


@pytest.fixture
def store(settings):
    store = JobStore(settings)
    yield store
    store.close()


@pytest.fixture
def make_backend(settings, store):
    """LocalBackends with the tests' worker; what still runs at the end of a test is killed."""
    made = []

    def make(**options) -> LocalBackend:
        options = {"module": "tests.jobs.fake_worker", "every": 0.05, "settings": settings, "store": store} | options
        made.append(LocalBackend(**options))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
        for child in list(backend._children.values()):
            if process := processes.find(child.pid):
                processes.kill(process)
            child.wait(60)


@pytest.fixture
def backend(make_backend):
    return make_backend()


@pytest.fixture
def start(store, backend):
    """Start a test job of Anna's (or of somebody else's)."""

    def start(what: str, owner: str = ANNA, token: str | None = None):
        job = store.create(owner, asks(what), kind="test")
        backend.start(job, token)
        return job

    return start


@pytest.fixture
def ended(store):
    """Wait until a job is over in the table, not only in its folder."""

    def ended(job):
        until(lambda: store.row(job.id).status not in ("queued", "running"))
        return store.get(job.id, job.owner)

    return ended
