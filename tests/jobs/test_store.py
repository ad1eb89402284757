from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from dataclasses import replace

import pytest

from compressor.errors import DataError, RecipeError, RunError
from compressor.jobs.job import NOT_FOUND, Comparison
from compressor.jobs.store import JobStore
from compressor.recipe import Data, Recipe
from compressor.runfolder import FAILED, FINISHED, INTERRUPTED, RUNNING
from compressor.system import processes
from tests.jobs.conftest import ANNA, BERT, asks


def hand_in(store, owner=ANNA, what="long"):
    job = store.create(owner, asks(what), kind="test")
    store.ready(job, token=False)
    return job


def test_a_job_is_a_folder_with_what_was_asked_and_nothing_more(store, settings):
    recipe = Recipe.parse({"teacher": "a/b", "data": {"source": "demo"}, "distill": {"epochs": 2}})
    job = store.create(ANNA, recipe)
    assert len(job.id) == 32 and job.folder == settings.jobs_dir / job.id
    assert (job.status, job.title, job.kind, job.place) == ("queued", "b", "run", 1)
    assert job.recipe() == recipe and job.recipe().model_fields_set == {"teacher", "data", "distill"}
    assert job.run.state()["status"] == "queued"
    assert not (job.folder / "recipe.yaml").exists()  # the pipeline writes that, defaults filled in
    assert not list(settings.jobs_dir.glob(".new-*"))


def test_nobody_else_sees_it_and_every_wrong_address_looks_the_same(store):
    job = store.create(ANNA, asks("long"))
    for wrong in (
        lambda: store.get(job.id, BERT),
        lambda: store.get(job.id),
        lambda: store.get(job.id, ""),
        lambda: store.get(job.id, None, share_key=""),
        lambda: store.get(job.id, None, share_key="0" * 32),
        lambda: store.get("0" * 32, ANNA),
        lambda: store.get("../" + job.id, ANNA),
        lambda: store.get("", ANNA),
        lambda: store.get(None, ANNA),
        lambda: store.share_key(job.id, BERT),
        lambda: store.cancel(job.id, BERT),
        lambda: store.delete(job.id, BERT),
        lambda: store.rerun(job.id, BERT),
        lambda: store.resume(job.id, BERT),
    ):
        with pytest.raises(RunError) as error:
            wrong()
        assert str(error.value) == NOT_FOUND
    assert store.list(BERT) == [] and store.list("") == []
    assert [j.id for j in store.list(ANNA)] == [job.id]
    assert job.folder.is_dir() and store.get(job.id, ANNA).status == "queued"


def test_the_share_key_shows_it_and_changes_nothing(store, backend):
    job = store.create(ANNA, asks("long"))
    seen = store.get(job.id, BERT, share_key=store.share_key(job.id, ANNA))
    assert seen.view and seen.id == job.id and not seen.resumable
    for change in (backend.cancel, backend.start):
        with pytest.raises(RunError, match="only shows the run"):
            change(seen)
    assert store.get(job.id, ANNA).status == "queued"
    assert not store.get(job.id, ANNA, share_key="wrong").view  # the owner is the owner, whatever the link


def test_the_queue_has_places_and_bounds(settings):
    store = JobStore(replace(settings, max_queue=4, max_waiting_each=2))
    first, second = hand_in(store), hand_in(store)
    with pytest.raises(RunError, match="You have 2 runs waiting already"):
        hand_in(store)
    third = hand_in(store, BERT)
    assert [store.get(j.id, j.owner).place for j in (first, second, third)] == [1, 3, 2]  # in turns
    hand_in(store, BERT)
    with pytest.raises(RunError, match="4 runs are waiting already"):
        hand_in(store, "carla")
    assert len(list(settings.jobs_dir.iterdir())) == 4  # what was refused left no folder
    store.cancel(first.id, ANNA)
    assert [store.get(j.id, j.owner).place for j in (first, second, third)] == [None, 1, 2]
    assert first.run.state()["status"] == "cancelled"


def test_one_is_claimed_at_a_time_in_order_and_only_what_was_handed_in(store):
    waits = store.create(ANNA, asks("long"))
    first, second = hand_in(store), hand_in(store)
    assert store.claim(lambda row: True).id == first.id
    assert store.claim(lambda row: True) is None
    store.settle(store.row(first.id), FAILED, "It broke.")
    assert store.claim(lambda row: row.id != second.id) is None
    assert store.claim(lambda row: True).id == second.id
    assert store.get(waits.id, ANNA).status == "queued"
    assert first.run.state()["error"] == store.get(first.id, ANNA).error == "It broke."


def test_many_threads_never_claim_twice(store):
    for _ in range(4):
        hand_in(store)
    claimed, barrier = [], threading.Barrier(8)

    def claim():
        barrier.wait()
        claimed.append(store.claim(lambda row: True))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(row is not None for row in claimed) == 1


def test_what_is_over_can_be_resumed_in_its_folder_or_run_anew(store):
    job = hand_in(store)
    with pytest.raises(RunError, match="is queued: there is nothing to resume"):
        store.resume(job.id, ANNA)
    other = hand_in(store)
    store.claim(lambda row: True)
    job.run.write_state(status=RUNNING, stage="distill", finished_stages=["data"], pid=1, process="x")
    store.settle(store.row(job.id), INTERRUPTED, "Cut off.")
    again = store.resume(job.id, ANNA)
    assert (again.status, again.error, again.place, again.folder) == ("queued", None, 2, job.folder)
    assert store.get(other.id, ANNA).place == 1
    assert again.run.state()["finished_stages"] == ["data"]  # what is done stays done
    anew = store.rerun(job.id, ANNA)
    assert anew.id != job.id and anew.asked() == job.asked() and anew.folder != job.folder


def test_a_finished_one_cannot_be_resumed_and_a_running_one_not_deleted(store):
    job = hand_in(store)
    store.claim(lambda row: True)
    with pytest.raises(RunError, match="Cancel it before"):
        store.delete(job.id, ANNA)
    store.settle(store.row(job.id), FINISHED)
    with pytest.raises(RunError, match="nothing to resume"):
        store.resume(job.id, ANNA)
    store.delete(job.id, ANNA)
    assert not job.folder.exists() and store.list(ANNA) == []


@pytest.mark.parametrize("loss", ["gone", "garbage", "other version"])
def test_the_database_is_rebuilt_from_the_folders(store, settings, loss):
    done, waits, going = hand_in(store), hand_in(store, BERT), hand_in(store)
    store.settle(store.row(done.id), FAILED, "It broke.")
    going.run.write_state(status=RUNNING, pid=4_000_000, process="long ago")
    keys = [store.share_key(j.id, j.owner) for j in (done, waits, going)]
    store.close()
    database = settings.data_dir / "jobs.sqlite"
    for file in settings.data_dir.glob("jobs.sqlite-*"):
        file.unlink()
    if loss == "gone":
        database.unlink()
    elif loss == "garbage":
        database.write_bytes(b"no database at all" * 100)
    else:
        with sqlite3.connect(database) as db:
            db.execute("PRAGMA user_version=99")
        db.close()
    (settings.jobs_dir / ("f" * 32)).mkdir()  # no job.json: not a job
    rebuilt = JobStore(settings)
    try:
        assert [j.id for j in rebuilt.list(ANNA)] == [going.id, done.id]
        again = rebuilt.get(done.id, ANNA)
        assert (again.status, again.error, again.created) == ("failed", "It broke.", done.created)
        assert rebuilt.get(waits.id, BERT).place == 1
        row = rebuilt.row(going.id)
        assert (row.status, row.pid, row.mark) == ("running", 4_000_000, "long ago")
        assert [rebuilt.share_key(j.id, j.owner) for j in (done, waits, going)] == keys
    finally:
        rebuilt.close()


def test_a_folder_that_was_deleted_by_hand_goes_from_the_list(store, settings):
    job, stays = hand_in(store), hand_in(store)
    shutil.rmtree(job.folder)
    (settings.jobs_dir / ".old-1").mkdir()
    store.close()
    again = JobStore(settings)
    assert [j.id for j in again.list(ANNA)] == [stays.id]
    assert not (settings.jobs_dir / ".old-1").exists()
    again.close()


def test_a_damaged_card_is_a_sentence(store):
    job = hand_in(store)
    (job.folder / "job.json").write_text(json.dumps({"id": job.id}))
    with pytest.raises(RunError, match="gone or damaged"):
        store.get(job.id, ANNA).asked()


def test_a_comparison_keeps_its_models(store):
    asked = Comparison(models=("a/b", "c/d"), data=Data(source="demo"))
    job = store.create(ANNA, asked)
    assert (job.kind, job.title) == ("compare", "b · d")
    assert Comparison.model_validate(job.asked()) == asked
    assert store.rerun(job.id, ANNA).asked() == job.asked()
    with pytest.raises(RunError, match="has no recipe"):
        job.recipe()


def test_uploads_move_in_and_own_files_stay(store, settings, tmp_path):
    upload = settings.data_dir / "uploads" / "x" / "mine.CSV"
    upload.parent.mkdir(parents=True)
    upload.write_text("text,label\na,b\n")
    own = tmp_path / "own.csv"
    own.write_text("text,label\nc,d\n")
    recipe = Recipe.parse({"teacher": "a/b", "data": {"source": {"train": str(upload), "test": str(own)}}})
    job = store.create(ANNA, recipe)
    shutil.rmtree(upload.parent)
    source = job.recipe().data.source
    assert source.train == str(job.folder / "data" / "train.csv") and source.test == str(own)
    assert (job.folder / "data" / "train.csv").read_text() == "text,label\na,b\n"
    again = store.rerun(job.id, ANNA)
    store.delete(job.id, ANNA)
    assert (again.folder / "data" / "train.csv").read_text() == "text,label\na,b\n"
    with pytest.raises(DataError, match="no longer there"):
        store.create(ANNA, recipe)


def test_strangers_name_no_files_of_the_server(settings, tmp_path):
    store = JobStore(replace(settings, hosted=True))
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\n")
    for data in ({"source": {"train": str(secret)}}, {"source": "a/b", "unlabelled": str(secret)}):
        with pytest.raises(RecipeError, match="not open to visitors"):
            store.create(ANNA, Recipe.parse({"teacher": "a/b", "data": data}))
    assert list(settings.jobs_dir.iterdir()) == []
    store.close()


@pytest.mark.parametrize(("said", "seen"), [("failed", "running"), ("cancelled", "running"), ("finished", "finished")])
def test_that_a_run_failed_is_the_backends_to_say(store, said, seen):
    """Its memory may have run out, and it is started once more in a moment; that it is finished is final."""
    job = store.create(ANNA, asks("short"), kind="test")
    store.ready(job, token=False)
    store.claim(lambda row: True)
    store.launched(job.id, processes.current())
    job.run.write_state(status=said, error="No.", pid=processes.current().pid)
    assert store.get(job.id, ANNA).status == seen
