"""What the sweep removes, and what it never touches: real folders, real processes, old times."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from compressor.errors import RunError
from compressor.hub import Hub, kept
from compressor.jobs import sweep as sweeping
from compressor.jobs.job import Comparison
from compressor.jobs.store import JobStore
from compressor.jobs.sweep import Swept, sweep
from compressor.recipe import Recipe
from compressor.report import Report
from compressor.runfolder import CANCELLED, FAILED, FINISHED, INTERRUPTED, RUNNING
from compressor.settings import ASSETS
from compressor.system.holding import Hold, holding, take_away
from compressor.ui.outgoing import Outgoing
from compressor.ui.services import Services
from tests.hub_fixture import HASTY, MODEL
from tests.jobs.conftest import ANNA, BERT, asks, until

DAY = 86_400
MB = 10**6


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A later time is pretended below: what others have among the system's temporary folders would be swept away."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.fixture
def week(settings):
    """A store that keeps runs for seven days."""
    store = JobStore(replace(settings, keep_days=7))
    yield store
    store.close()


def over(store, status=FINISHED, owner=ANNA, asked=None):
    job = store.create(owner, asked or asks("long"), kind="test")
    store.settle(store.row(job.id), status)
    return store.get(job.id, owner)


def made_of(store, job):
    """A run that waits and is made from that one's model."""
    return store.create(ANNA, Recipe.parse({"teacher": str(job.folder / "variants" / "student"), "student": None}))


def ago(path, seconds, inside=True):
    """As if nothing had been written there for so long."""
    then = time.time() - seconds
    for one in [*(sorted(path.rglob("*"), reverse=True) if inside and path.is_dir() else ()), path]:
        os.utime(one, (then, then), follow_symlinks=False)
    return path


def test_runs_go_so_many_days_after_they_ended_whatever_they_came_to(week):
    jobs = [over(week, status) for status in (FINISHED, FAILED, CANCELLED, INTERRUPTED)] + [over(week, owner=BERT)]
    assert sweep(week, time.time() + 6.9 * DAY).runs == 0
    assert sweep(week, time.time() + 7.1 * DAY).runs == 5
    assert not week.list(ANNA) and not week.list(BERT) and not list(week.folder.iterdir())
    with pytest.raises(RunError, match="no run"):
        week.get(jobs[0].id, ANNA)


def test_what_waits_or_goes_on_stays_and_so_does_what_it_is_made_from(week):
    going, waiting, source, other = over(week), week.create(ANNA, asks("long")), over(week), over(week)
    week._table.update(going.id, status=RUNNING)
    user = made_of(week, source)
    compared = over(week)
    side_by_side = week.create(BERT, Comparison(models=("a/b", str(compared.folder / "variants" / "x"))))
    assert sweep(week, time.time() + 100 * DAY).runs == 1
    left = {folder.name for folder in week.folder.iterdir()}
    assert left == {job.id for job in (going, waiting, source, user, compared, side_by_side)} and other.id not in left


def test_one_that_was_started_again_since_the_sweep_looked_stays(week):
    job = over(week, FAILED)
    row = week.row(job.id)
    week.resume(job.id, ANNA)
    assert not week.expire(row) and job.folder.is_dir()
    week.settle(week.row(job.id), FAILED)
    assert not week.expire(row) and job.folder.is_dir()  # it ended later than that
    assert week.expire(week.row(job.id)) and not job.folder.exists()


def test_a_run_that_somebody_downloads_at_that_moment_stays_until_that_is_done(week, monkeypatch):
    from compressor.publishing import publish as publishing

    job, going, go_on = over(week), threading.Event(), threading.Event()

    def slow(folder, variant, out):
        going.set()
        assert go_on.wait(240) and folder.is_dir()
        return out

    monkeypatch.setattr(publishing, "zip_variant", slow)
    shutil.copy(ASSETS / "demo" / "result" / "report.json", job.folder)
    outgoing, name = Outgoing(Services(week.settings)), Report.load(job.folder).variants[-1].name
    thread = threading.Thread(target=lambda: outgoing.zip(job, name))
    thread.start()
    assert going.wait(240)
    assert sweep(week, time.time() + 8 * DAY).runs == 0 and job.folder.is_dir()
    go_on.set()
    thread.join(240)
    assert sweep(week, time.time() + 8 * DAY).runs == 1 and not job.folder.exists()


def test_a_damaged_run_that_nobody_can_see_goes_too(week):
    job = over(week)
    (job.folder / "job.json").write_text("{")
    week._table.delete(job.id)
    ago(job.folder, 6 * DAY)
    assert sweep(week).runs == 0
    ago(job.folder, 8 * DAY)
    assert sweep(week).runs == 1 and not job.folder.exists()


def test_on_ones_own_machine_no_run_is_ever_deleted(store):
    job = over(store)
    assert sweep(store, time.time() + 10_000 * DAY).runs == 0 and job.folder.is_dir()


def test_uploads_that_no_run_took_go_after_an_hour(store, settings):
    uploads = settings.data_dir / "uploads"
    for name in ("old", "fresh"):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "train.csv").write_text("text,label\na,b\n")
    taken = store.create(
        ANNA, Recipe.parse({"teacher": "a/b", "data": {"source": {"train": str(uploads / "old/train.csv")}}})
    )
    ago(uploads / "old", 3700)
    ago(uploads / "fresh", 3700)
    (uploads / "fresh" / "train.csv").write_text("still coming in")
    assert sweep(store).uploads == 1
    assert [folder.name for folder in uploads.iterdir()] == ["fresh"]
    assert (taken.folder / "data" / "train.csv").read_text() == "text,label\na,b\n"


def test_what_crashes_left_goes_and_what_is_being_made_stays(store, settings):
    folder = store.folder
    for name in (".new-late", ".new-now", ".old-now"):
        (folder / name / "inside").mkdir(parents=True)
    ago(folder / ".new-late", 3700)
    done, failed, waits = over(store), over(store, FAILED), store.create(ANNA, asks("long"))
    for job in (done, failed, waits):
        (job.folder / "work" / "checkpoint").mkdir(parents=True)
        (job.folder / "variants").mkdir()
        (job.folder / "variants" / ".student.0a1b2c3d.part").mkdir()
        (job.folder / ".state.json.0a1b2c3d.part").write_text("{")
    assert sweep(store).leftovers == 2  # the runs ended a moment ago: whoever ran them may be tidying up
    assert {f.name for f in folder.iterdir()} == {".new-now", done.id, failed.id, waits.id}
    assert sweep(store, time.time() + 3700).leftovers == 3
    assert not (folder / ".new-now").exists()
    for job, work in ((done, False), (failed, True)):  # a failed one goes on from its checkpoints
        assert (job.folder / "work").exists() == work and (job.folder / "job.json").exists()
        assert not list(job.folder.rglob("*.part"))
    assert len(list(waits.folder.rglob("*.part"))) == 2


def test_a_run_that_is_worked_on_is_left_alone_whatever_the_list_says(store):
    job = over(store, FAILED)
    part = job.folder / ".state.json.0a1b2c3d.part"
    part.write_text("{")
    code = "import sys,time; from filelock import FileLock\nwith FileLock(sys.argv[1]): print(1, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, str(job.folder / ".lock")], stdout=subprocess.PIPE) as worker:
        try:
            worker.stdout.read(1)
            sweep(store, time.time() + 2 * DAY)
            assert part.exists()
        finally:
            worker.kill()
    sweep(store, time.time() + 2 * DAY)
    assert not part.exists()


def test_temporary_folders_of_processes_killed_days_ago_go(store, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = (
        "compressor-measure-old",
        "compressor-compare-old",
        "compressor-measure-new",
        "compressor-of-somebody-else",
    )
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
        ago(tmp_path / name, DAY if "new" in name else 3 * DAY)
    assert sweep(store).leftovers == 2
    assert {f.name for f in tmp_path.iterdir() if f.name in names} == set(names[2:])


# ---------------------------------------------------------------------- downloads


@pytest.fixture
def repos(hub_server, hub_settings):
    """Three repos as downloads of two people, the first used longest ago; with a store over them."""
    for name in ("x/a", "x/b", "x/c"):
        hub_server.add(name, MODEL)
    folders = {}
    for age, (name, owner) in enumerate((("x/c", BERT), ("x/b", ANNA), ("x/a", ANNA))):
        model = Hub(hub_settings, "", owner, HASTY).fetch_model(name)
        folders[name] = model.folder.parents[1]
        with (folders[name] / "blobs" / "large").open("wb") as file:
            file.truncate(100 * MB)
        os.utime(folders[name], (time.time() - (1 + age) * 3600,) * 2)
    store = JobStore(replace(hub_settings, max_cache_bytes=250 * MB))
    yield store, folders
    store.close()


def test_downloads_beyond_their_room_go_the_least_recently_used_first(repos, hub_settings):
    store, folders = repos
    assert 100 * MB < sweep(store).downloads < 101 * MB
    assert [name for name, folder in folders.items() if folder.exists()] == ["x/c", "x/b"]
    assert sweep(store).downloads == 0
    Hub(hub_settings, "", ANNA, HASTY).fetch_config("x/b")  # used again: the other one goes now
    os.utime(folders["x/c"], (time.time() - 60,) * 2)
    store.settings = replace(store.settings, max_cache_bytes=150 * MB)
    sweep(store)
    assert [name for name, folder in folders.items() if folder.exists()] == ["x/b"]
    assert Hub(hub_settings, "", ANNA, HASTY).fetch_model("x/a").folder.is_dir()  # it comes again


def test_a_short_disk_counts_too(repos, monkeypatch):
    store, folders = repos
    store.settings = replace(store.settings, max_cache_bytes=None, min_free_share=0.1)
    usage = namedtuple("usage", "total used free")
    free = lambda: 50 * MB + (3 - sum(f.exists() for f in folders.values())) * 100 * MB  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2000 * MB, 0, free()))
    sweep(store)
    assert [name for name, folder in folders.items() if folder.exists()] == ["x/c"]


def test_for_what_has_no_room_even_so_nothing_goes(repos, hub_settings, monkeypatch):
    store, folders = repos
    settings = replace(store.settings, max_cache_bytes=None)
    usage = namedtuple("usage", "total used free")
    free = lambda: 50 * MB + (3 - sum(f.exists() for f in folders.values())) * 100 * MB  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2000 * MB, 0, free()))
    assert kept.make_room(settings, 400 * MB, only_if_enough=True) == 0
    with holding(settings, folders["x/a"]):
        assert kept.make_room(settings, 300 * MB, only_if_enough=True) == 0
    assert all(folder.exists() for folder in folders.values())
    assert kept.make_room(settings, 300 * MB, only_if_enough=True) > 200 * MB
    assert not any(folder.exists() for folder in folders.values())


def test_a_download_that_a_job_or_the_helper_uses_stays(repos, hub_settings):
    store, folders = repos
    store.settings = replace(store.settings, max_cache_bytes=0)
    hub = Hub(hub_settings, "", ANNA, HASTY)
    hub.fetch_config("x/a")
    sweep(store)
    assert [name for name, folder in folders.items() if folder.exists()] == ["x/a"]
    hub.let_go()
    sweep(store)
    assert not folders["x/a"].exists()


def test_what_a_process_uses_stays_until_it_ends_however_it_ends(repos, hub_settings):
    store, folders = repos
    store.settings = replace(store.settings, max_cache_bytes=0)
    code = (
        "import sys, time; from pathlib import Path; from compressor.hub import Hub; from compressor.settings import Settings\n"
        "settings = Settings(Path(sys.argv[1]), hosted=True, hub_endpoint=sys.argv[2])\n"
        "hub = Hub(settings, '', sys.argv[3]); hub.fetch_model('x/a'); print(1, flush=True); time.sleep(600)"
    )
    arguments = [str(hub_settings.data_dir), hub_settings.hub_endpoint, ANNA]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE) as job:
        try:
            assert job.stdout.read(1) == b"1"
            sweep(store)
            assert [name for name, folder in folders.items() if folder.exists()] == ["x/a"]
        finally:
            job.kill()
    until(lambda: sweep(store).downloads > 0)
    assert not folders["x/a"].exists() and not list((store.settings.locks_dir / "held").iterdir())


def test_the_teacher_of_a_run_that_waits_stays(repos):
    store, folders = repos
    store.settings = replace(store.settings, max_cache_bytes=0)
    store.create(ANNA, Recipe.parse({"teacher": "x/b", "student": None}))
    over(store, asked=Recipe.parse({"teacher": "x/a", "student": None}))
    sweep(store)
    assert [name for name, folder in folders.items() if folder.exists()] == ["x/b"]


def test_transfers_that_broke_off_go_after_a_day(repos):
    store, folders = repos
    parts = [folders["x/a"] / "blobs" / f"{name}.incomplete" for name in ("old", "new")]
    for part, age in zip(parts, (2 * DAY, 3600), strict=True):
        part.write_bytes(b"half")
        ago(part, age)
    (folders["x/a"].parent / ".old-0").mkdir()
    store.settings = replace(store.settings, max_cache_bytes=None)
    assert sweep(store).leftovers == 2
    assert [part.exists() for part in parts] == [False, True]


# ---------------------------------------------------------------------- several at once


def test_only_one_sweeps_at_a_time(store, settings):
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.locks_dir / "sweep.lock"):
        assert sweep(store) is None
    assert sweep(store) == Swept()


def test_many_processes_sweeping_while_runs_come_and_go_harm_nothing(week):
    code = (
        "import sys, time; from pathlib import Path; from compressor.settings import Settings\n"
        "from compressor.jobs.store import JobStore; from compressor.jobs.sweep import sweep\n"
        "store = JobStore(Settings(Path(sys.argv[1]), keep_days=1e-9)); end = time.time() + 4\n"
        "while time.time() < end: sweep(store); time.sleep(0.01)"
    )
    command = [sys.executable, "-c", code, str(week.settings.data_dir)]
    sweepers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    waiting, gone = [], []
    while any(one.poll() is None for one in sweepers):
        for old in waiting:
            week.delete(old.id, ANNA)
        waiting = [week.create(ANNA, asks("long"))]
        ended = week.create(ANNA, asks("long"), kind="test")
        week.settle(week.row(ended.id), FINISHED)  # from now on it may be gone at any moment
        gone.append(ended)
    for one in sweepers:
        assert one.wait(240) == 0, one.stderr.read()
        one.stderr.close()
    assert all((job.folder / "job.json").is_file() and week.get(job.id, ANNA).status == "queued" for job in waiting)
    sweep(week, time.time() + 8 * DAY)
    assert {folder.name for folder in week.folder.iterdir()} == {job.id for job in waiting} and len(gone) > 5


def test_it_goes_on_by_itself_and_outlives_an_error(store, monkeypatch, caplog):
    asked = []

    def failing(store):
        asked.append(store)
        raise OSError("a disk that went away")

    monkeypatch.setattr(sweeping, "sweep", failing)
    stop = sweeping.start(store, every=0.01)
    until(lambda: len(asked) > 2)
    stop.set()
    until(lambda: "sweep" not in {thread.name for thread in threading.enumerate()})
    assert "sweeping failed" in caplog.text


# ---------------------------------------------------------------------- holding


def test_a_hold_is_let_go_once_and_counts_for_one_folder(settings, tmp_path):
    folder, other = tmp_path / "one", tmp_path / "two"
    folder.mkdir()
    other.mkdir()
    first, second = Hold(settings, folder), Hold(settings, folder)
    assert take_away(settings, other, tmp_path / "away")
    first.release()
    assert not take_away(settings, folder, tmp_path / "gone")
    second.release()
    second.release()
    assert take_away(settings, folder, tmp_path / "gone") and not folder.exists()
    with holding(settings, folder), pytest.raises(ValueError, match="x"), holding(settings, folder):
        raise ValueError("x")
    assert not list((settings.locks_dir / "held").iterdir())


def test_a_folder_that_cannot_be_moved_stays(settings, tmp_path):
    assert not take_away(settings, tmp_path / "nothing", tmp_path / "gone")
    full = tmp_path / "full"
    (full / "x").mkdir(parents=True)
    (tmp_path / "one").mkdir()
    assert not take_away(settings, tmp_path / "one", full) and (tmp_path / "one").is_dir()


def test_where_a_download_lies(settings):
    inside = settings.hub_dir / "o-1" / "models--x--a" / "snapshots" / "0a"
    assert kept.download_of(settings, inside) == settings.hub_dir / "o-1" / "models--x--a"
    assert kept.download_of(settings, Path("variants/student")) is None
    assert kept.download_of(settings, settings.jobs_dir / "x") is None
