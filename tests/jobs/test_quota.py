"""What one person may keep, and what stays free: said when a run is made, and again when it starts."""

from __future__ import annotations

import shutil
import threading
import time
from collections import namedtuple
from dataclasses import replace

import pytest

from compressor.errors import CompressorError, DiskFullError, RunError
from compressor.jobs import kinds, orders, quota
from compressor.jobs.job import Comparison
from compressor.jobs.kinds import Work
from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.runfolder import CANCELLED, FINISHED
from compressor.settings import Settings
from tests.jobs.conftest import ANNA, BERT, asks, until

GB = 10**9


@pytest.fixture
def store_with(settings):
    """A store under limits."""
    made = []

    def make(**limits) -> JobStore:
        made.append(JobStore(replace(settings, **limits)))
        return made[-1]

    yield make
    for store in made:
        store.close()


def ended(store, owner=ANNA, what="long", holds=0, status=FINISHED):
    """A run that is over and holds so many bytes (in a file without any)."""
    job = store.create(owner, asks(what), kind="test")
    with (job.folder / "weights").open("wb") as file:
        file.truncate(holds)
    store.settle(store.row(job.id), status)
    return job


def test_one_person_keeps_so_many_runs_and_others_are_not_counted(store_with):
    store = store_with(max_runs_each=2)
    first = ended(store, what="oldest")
    ended(store, status=CANCELLED)
    ended(store, BERT)
    with pytest.raises(
        RunError, match=r"You keep 2 runs here, and one person may keep 2.*the oldest is “oldest”, of today"
    ):
        store.create(ANNA, asks("more"))
    assert not list(store.folder.glob(".new-*")) and len(store.list(ANNA)) == 2
    store.delete(first.id, ANNA)
    assert store.create(ANNA, asks("more")).status == "queued"
    store.create(BERT, asks("more"))


def test_signing_in_gives_no_second_share(store_with):
    store = store_with(max_runs_each=1)
    ended(store, "a key of a browser")
    with pytest.raises(RunError, match="one person may keep 1"):
        store.create(ANNA, asks("more"), sees=["a key of a browser"])


def test_two_at_once_do_not_slip_past_the_number(store_with):
    store = store_with(max_runs_each=5)
    threads = [threading.Thread(target=lambda: _try(store)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.list(ANNA)) == 5


def _try(store):
    try:
        store.create(ANNA, asks("more"))
    except RunError as error:
        assert "one person may keep 5" in str(error)


def test_one_person_fills_so_much_of_the_disk_and_hears_what_to_delete(store_with):
    store = store_with(max_bytes_each=5 * GB)
    largest = ended(store, what="largest", holds=3 * GB)
    ended(store, what="middle", holds=19 * GB // 10)
    ended(store, what="small", holds=2 * GB // 10)
    ended(store, BERT, holds=4 * GB)
    says = r"Your runs hold 5\.1 GB; one person may keep 5\.0 GB here.*“largest” \(3\.0 GB\) and “middle” \(1\.9 GB\)"
    with pytest.raises(RunError, match=says):
        store.create(ANNA, asks("more"))
    store.create(BERT, asks("more"))
    store.delete(largest.id, ANNA)
    store.create(ANNA, asks("more"))


def test_a_full_disk_is_said_before_a_run_is_made(store_with, monkeypatch):
    store = store_with(hosted=True, min_free_share=0.1)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 * GB, 91 * GB, 9 * GB))
    with pytest.raises(DiskFullError, match=r"The disk has 9\.0 GB left, of which 10\.0 GB stay free, too little"):
        store.create(ANNA, asks("more"))
    assert not list(store.folder.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 * GB, 89 * GB, 11 * GB))
    store.create(ANNA, asks("more"))


def test_on_ones_own_machine_there_are_no_quotas_and_only_a_full_disk_counts(store_with, monkeypatch):
    store = store_with()
    for _ in range(25):
        ended(store, holds=GB)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 * GB, 100 * GB, 10**6))
    with pytest.raises(DiskFullError, match=r"The disk has 1 MB left, too little.*they hold 25\.0 GB.*free some space"):
        store.create(ANNA, asks("more"))


def test_when_a_run_starts_its_own_needs_count(settings, store_with):
    """The pipeline's own door: a recipe whose estimate goes beyond what is left does not begin."""
    store = store_with()
    job = store.create(ANNA, Recipe.parse({"teacher": "demo", "data": {"source": "demo"}}))
    tight = replace(settings, max_bytes_each=10**6)
    with pytest.raises(RunError, match=r"This run needs about \d+ MB of disk, and one person may keep 1 MB"):
        kinds.do("run", Work(job.run, job.asked(), tight, ANNA, None, begun))
    assert not job.run.recipe_file.exists()  # nothing was begun

    download = settings.hub_dir / "o-1" / "models--x--a"
    download.mkdir(parents=True)
    (download / "weights").write_bytes(bytes(10**6))
    with pytest.raises(RunError, match="one person may keep 1 MB"):  # and nobody's downloads went for it
        kinds.do("run", Work(job.run, job.asked(), replace(tight, max_cache_bytes=0), ANNA, None, begun))
    assert (download / "weights").exists()
    shutil.rmtree(download)

    needed, download = _needs(settings, job)
    assert needed > 10**6 and download == 0
    ended(store, what="other", holds=GB)
    tight = replace(settings, max_bytes_each=GB + needed - 1)
    with pytest.raises(RunError, match=r"your other runs hold 1\.0 GB.*the largest is “other” \(1\.0 GB\)"):
        kinds.do("run", Work(job.run, job.asked(), tight, ANNA, None, begun))


def begun(stage, *_, **__):
    raise AssertionError(f"it began with {stage}")


def _needs(settings, job):
    from compressor.hub import Hub
    from compressor.planning.estimating import disk_needed

    return disk_needed(job.recipe(), settings=settings, hub=Hub(settings, ""))


def test_what_it_wrote_already_is_not_asked_for_twice(settings, store_with, monkeypatch):
    store = store_with()
    job = ended(store, holds=3 * GB)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 * GB, 98 * GB, 2 * GB))
    runs = list(quota.owned(settings, ANNA))
    assert [run.folder for run in runs] == [job.folder]
    quota.check_room(settings, runs, 4 * GB, folder=job.folder)
    with pytest.raises(DiskFullError, match=r"needs about 3\.0 GB"):
        quota.check_room(settings, runs, 6 * GB, folder=job.folder)
    with pytest.raises(DiskFullError, match=r"needs about 3\.0 GB"):
        quota.check_room(settings, runs, 4 * GB, download=2 * GB, folder=job.folder)


def test_a_worker_says_it_before_anything_else(store_with, make_backend):
    """In a real process: made while there was room, started when there is none."""
    store = store_with()
    job = store.create(ANNA, Comparison(models=("a/b", "c/d")))
    full = replace(store.settings, min_free_share=1.0)  # no disk is as empty as that
    backend = make_backend(settings=full, store=store, module="compressor.jobs.worker")
    backend.start(job)
    until(lambda: store.row(job.id).status not in ("queued", "running"))
    over = store.get(job.id, ANNA)
    assert over.status == "failed" and over.error.startswith("The disk has ")
    assert not (job.folder / "events.jsonl").exists()


def test_limits_come_from_the_environment_and_a_slip_is_an_error():
    hosted = {"COMPRESSOR_HOSTED": "1", "COMPRESSOR_DATA": "unused"}
    one = Settings.from_environ(hosted)
    assert (one.max_bytes_each, one.max_runs_each, one.keep_days) == (5 * GB, 20, 7)
    assert (one.max_cache_bytes, one.min_free_share) == (20 * GB, 0.1)
    own = Settings.from_environ({"COMPRESSOR_DATA": "unused"})
    assert (own.max_bytes_each, own.max_runs_each, own.keep_days, own.max_cache_bytes) == (None,) * 4
    said = {
        "MAX_GB_EACH": "0.5",
        "MAX_RUNS_EACH": "3",
        "KEEP_DAYS": "none",
        "MAX_CACHE_GB": "1",
        "MIN_FREE_PERCENT": "25",
    }
    other = Settings.from_environ(hosted | {f"COMPRESSOR_{k}": v for k, v in said.items()})
    assert (other.max_bytes_each, other.max_runs_each, other.keep_days) == (GB // 2, 3, None)
    assert (other.max_cache_bytes, other.min_free_share) == (GB, 0.25)
    for slip in ("7d", "-1", "nan", "inf"):
        with pytest.raises(CompressorError, match=r"COMPRESSOR_KEEP_DAYS is .*Write a number, or none"):
            Settings.from_environ(hosted | {"COMPRESSOR_KEEP_DAYS": slip})
    assert orders.read(orders.write(other))[0] == other  # workers are told the same


def test_the_day_on_which_a_run_goes(store_with, settings):
    store = store_with(keep_days=7)
    job = ended(store)
    job = store.get(job.id, ANNA)
    assert quota.kept_until(store.settings, job) == pytest.approx(time.time() + 7 * 86_400, abs=60)
    assert quota.kept_until(settings, job) is None
    assert quota.kept_until(store.settings, store.create(ANNA, asks("long"))) is None
