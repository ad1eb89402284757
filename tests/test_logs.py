"""The app's log: a run's life with its id, nobody's name, never a token."""

# ruff: noqa: F811 (fixtures of the jobs are imported, and asked for by name)
from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from compressor import logs
from compressor.events import EventLog
from compressor.jobs.store import JobStore
from compressor.system import processes
from tests.jobs.conftest import ANNA, BERT, asks, backend, cancel, ended, make_backend, start, store, until  # noqa: F401

TOKEN = "hf_aVeryPrivateTokenOf40CharactersAltogeth"
MACHINES = "hf_theTokenOfThisMachineItselfWhichIsSecret"
SIGNED_IN = "hf_oauth_eyJhbGciOiJFZERTQSJ9.eyJzY29wZSI6WyJvcGVuaWQiXX0.c2lnbmF0dXJl-_x"


@pytest.fixture
def settings(settings):
    return replace(settings, token=MACHINES)


@pytest.fixture(autouse=True)
def keeping(settings):
    logs.set_up(settings)
    yield
    logs.tear_down()


def lines(settings, run=None):
    """What the log says, of one run."""
    found = [json.loads(line) for line in logs.log_file(settings).read_text(encoding="utf-8").splitlines()]
    return [line for line in found if run is None or line.get("run") == run]


def events(settings, run):
    return [line["event"] for line in lines(settings, run)]


def test_a_runs_life_stands_in_the_log_under_its_id(settings, start, store, ended):
    job = start("short")
    until(lambda: store.row(job.id).pid)
    pid = store.row(job.id).pid
    ended(job)
    said = until(lambda: [line for line in lines(settings, job.id) if line["event"] == "run-finished"])[0]
    assert events(settings, job.id) == ["run-created", "run-queued", "run-started", "run-finished"]
    assert {"level": "info", "kind": "test", "status": "finished"}.items() <= said.items()
    assert 0 < said["seconds"] < 30 and "error" not in said
    assert lines(settings, job.id)[2]["pid"] == pid
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines(settings))


def test_stages_and_new_tries_that_a_run_tells_of_are_told_once(settings, start, store, backend):
    job = start("long")
    until(lambda: store.row(job.id).pid)
    tells = EventLog(job.run.events_file)
    tells.write(event="stage-finished", stage="data", seconds=1.5)
    tells.write(event="retried", stage="distill", batch_size=16)
    until(lambda: "run-retried" in events(settings, job.id))
    backend.poll()
    tells.write(event="stage-finished", stage="distill", seconds=4)  # the last word before the end
    cancel(backend, job)
    assert events(settings, job.id)[3:] == [
        "run-stage-finished", "run-retried", "run-cancel-asked", "run-stage-finished", "run-cancelled",
    ]  # fmt: skip
    first, again = lines(settings, job.id)[3:5]
    assert (first["stage"], first["seconds"]) == ("data", 1.5)
    assert (again["stage"], again["batch_size"]) == ("distill", 16)


def test_a_run_that_goes_on_tells_its_earlier_stages_no_second_time(settings, start, store, backend):
    job = start("long")
    until(lambda: store.row(job.id).pid)
    EventLog(job.run.events_file).write(event="stage-finished", stage="data", seconds=1.5)
    until(lambda: "run-stage-finished" in events(settings, job.id))
    backend.start(cancel(backend, job))
    until(lambda: events(settings, job.id).count("run-started") == 2)
    backend.poll()
    cancel(backend, job)
    assert events(settings, job.id).count("run-stage-finished") == 1
    assert events(settings, job.id)[4:8] == ["run-cancel-asked", "run-cancelled", "run-queued-again", "run-queued"]


def test_what_happened_while_the_app_was_down_is_told_once_by_the_next(settings, start, store, make_backend):
    job = start("long")
    until(lambda: store.row(job.id).pid)
    tells = EventLog(job.run.events_file)
    tells.write(event="stage-finished", stage="data", seconds=1.5)
    until(lambda: "run-stage-finished" in events(settings, job.id))
    logs.tear_down()  # the app is down
    tells.write(event="stage-finished", stage="teacher-logits", seconds=2)
    logs.set_up(settings)
    make_backend().poll()
    stages = until(
        lambda: [x["stage"] for x in lines(settings, job.id) if "stage" in x][1:] and lines(settings, job.id)
    )
    assert [x["stage"] for x in stages if "stage" in x] == ["data", "teacher-logits"]


def test_a_failed_run_is_a_warning_with_the_sentence(settings, capsys, start, store, ended):
    logs.set_up(settings)  # to the standard error of this test
    job = start("refuses")
    ended(job)
    said = until(lambda: [line for line in lines(settings, job.id) if line["event"] == "run-failed"])[0]
    assert (said["level"], said["status"]) == ("warning", "failed")
    assert said["error"] == "This model is made of cheese. Pick another one."
    told = capsys.readouterr().err
    assert re.search(
        rf"^\d{{4}}-\S+Z WARNING compressor.runs: run-failed {job.id[:8]}: This model is made of", told, re.M
    )
    assert "run-started" not in told


def test_a_killed_run_and_a_deleted_one_are_told(settings, start, store, ended):
    job = start("long")
    until(lambda: store.row(job.id).pid)
    processes.kill(store.row(job.id).worker)
    ended(job)
    until(lambda: "run-interrupted" in events(settings, job.id))
    assert "killed from outside" in lines(settings, job.id)[-1]["error"]
    store.delete(job.id, ANNA)
    assert events(settings, job.id)[-1] == "run-deleted"


def test_a_person_is_a_short_hash_that_outlives_a_restart(settings, store):
    mine = [store.create(ANNA, asks("a")).id, store.create(ANNA, asks("b")).id]
    other = store.create(BERT, asks("c")).id
    logs.set_up(settings)
    mine.append(store.create(ANNA, asks("d")).id)
    people = {line["run"]: line["person"] for line in lines(settings)}
    assert len({people[id_] for id_ in mine}) == 1 and people[other] != people[mine[0]]
    assert re.fullmatch("[0-9a-f]{10}", people[other])
    for hashed in (hashlib.sha256(ANNA.encode()), hashlib.md5(ANNA.encode()), hashlib.sha1(ANNA.encode())):
        assert not hashed.hexdigest().startswith(people[mine[0]])
    text = logs.log_file(settings).read_text(encoding="utf-8")
    assert ANNA not in text and BERT not in text
    assert not list(logs.log_file(settings).parent.glob("*key*")), "whoever is handed the log has no key to it"


def test_no_file_ever_holds_a_token(settings, start, store, backend, ended, capsys):
    logs.set_up(settings)
    job = start("prints", token=TOKEN)
    assert ended(job).status == "failed"
    until(lambda: "run-failed" in events(settings, job.id))
    assert lines(settings, job.id)[-1]["error"] == "The Hub said no to hf_[hidden]."
    try:
        raise ValueError(f"a bug that quotes\n{TOKEN}")
    except ValueError:
        logging.getLogger("compressor.jobs").exception("with %s and %s", MACHINES, SIGNED_IN)
    logs.event("run-failed", run=job.id, level=logging.ERROR, error=f"{MACHINES} {SIGNED_IN}")
    last = lines(settings)[-2]
    assert last["error"] == "ValueError: a bug that quotes\nhf_[hidden]" and "Traceback" in last["trace"]
    files = [f for f in settings.data_dir.rglob("*") if f.is_file()]
    assert logs.log_file(settings) in files and job.run.log_file in files
    for secret in (TOKEN, MACHINES, SIGNED_IN):
        assert [f for f in files if secret.encode() in f.read_bytes()] == []
        assert secret not in capsys.readouterr().err


def test_the_log_stays_small_and_private(settings):
    logs.set_up(settings, max_bytes=2000, kept=2)
    for number in range(300):
        logs.event("run-created", run=f"{number:032x}", owner=ANNA)
    files = sorted(logs.log_file(settings).parent.iterdir())
    assert [f.name for f in files] == ["app.jsonl", "app.jsonl.1", "app.jsonl.2"]
    assert all(f.stat().st_size <= 2000 and f.stat().st_mode & 0o077 == 0 for f in files)
    runs = [json.loads(x)["run"] for f in reversed(files) for x in f.read_text(encoding="utf-8").splitlines()]
    assert runs == [f"{n:032x}" for n in range(300 - len(runs), 300)]


def test_a_log_that_cannot_be_written_stops_nothing(settings, capsys):
    logs.tear_down()
    log = logs.log_file(settings).parent
    for file in log.iterdir():
        file.unlink()
    log.rmdir()
    log.write_text("a file stands where the folder should be")
    logs.set_up(settings)
    assert "There is no log" in capsys.readouterr().err
    store = JobStore(settings)
    store.create(ANNA, asks("a"))
    store.close()
    logs.event("run-failed", level=logging.WARNING, error="It is said here still.")
    assert "It is said here still." in capsys.readouterr().err


def test_without_a_log_events_go_nowhere(settings, capsys):
    logs.tear_down()
    before = logs.log_file(settings).read_bytes()
    logs.event("run-failed", level=logging.ERROR, error="unheard")
    assert logs.log_file(settings).read_bytes() == before and capsys.readouterr().err == ""


WORKER = """
import logging, warnings
from compressor import logs
logs.in_worker()
logging.getLogger("compressor.x").warning("ours")
warnings.warn("a warning of Python's")
import torch, transformers.utils.logging, huggingface_hub.utils.logging
logging.getLogger("torch.x").warning("of torch")
transformers.utils.logging.get_logger("transformers.x").warning("of transformers")
huggingface_hub.utils.logging.get_logger("huggingface_hub.x").warning("of the hub's client")
"""


def test_in_a_runs_own_log_every_record_says_when_and_how_bad():
    done = subprocess.run(
        [sys.executable, "-c", WORKER], capture_output=True, text=True, check=True, timeout=600, cwd=processes.ROOT
    )
    stamped = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING \S+: "
    for text in ("ours", ".*a warning of Python's", "of transformers", "of the hub's client", "of torch"):
        assert len(re.findall(stamped + text + "$", done.stderr, re.M)) == 1, done.stderr
        assert len(re.findall(text, done.stderr)) == 1, done.stderr


@pytest.mark.parametrize("left", [None, b"", b"half"])
def test_a_key_that_was_never_written_to_its_end_is_made_anew(settings, left):
    path = settings.data_dir / "log.key"
    path.unlink(missing_ok=True)
    if left is not None:
        path.write_bytes(left)
    made = logs._salt(settings)
    assert len(made) == logs.KEY and logs._salt(settings) == made
    assert path.stat().st_mode & 0o777 == 0o600
