"""`python -m compressor doctor` as a person runs it, and each of its fields with a fault planted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compressor import doctor
from compressor.doctor import home, machine, network
from compressor.errors import RunError
from compressor.jobs import peek
from compressor.jobs.store import JobStore
from compressor.settings import Settings
from compressor.system import disk, processes
from compressor.system.lease import lease, taken
from compressor.system.processes import Process
from tests.jobs.conftest import ANNA, SOON, asks

NOBODY = "http://127.0.0.1:9"
RUN = "import sys; sys.modules['gradio'] = None; sys.argv[0] = 'compressor'; from compressor.cli import main; main()"
"""The command line where gradio cannot be imported."""


def run(*arguments: str, data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COMPRESSOR_DATA": str(data), "HF_ENDPOINT": NOBODY, **env}
    command = [sys.executable, "-c", RUN, "doctor", *arguments]
    return subprocess.run(
        command, cwd=processes.ROOT, env=environ, capture_output=True, text=True, check=False, timeout=600
    )


def by_part(findings: list[doctor.Finding]) -> dict[str, doctor.Finding]:
    return {finding.part: finding for finding in findings}


# ---------------------------------------------------------------------- the whole


def test_offline_and_without_gradio_all_that_is_needed_works(tmp_path: Path) -> None:
    done = run("--json", data=tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] is True and said["problems"] == 0
    parts = {check["part"]: check for check in said["checks"]}
    assert {"versions", "processor", "memory", "gpu", "data folder", "runs", "hub", "mode"} <= set(parts)
    assert {"python", "torch", "transformers", "bitsandbytes", "datasets", "compressor"} <= set(
        parts["versions"]["versions"]
    )
    for title, name in (("8-bit", "8bit"), ("4-bit", "4bit")):
        tried = parts[f"bitsandbytes {title}"]
        assert (tried["status"], tried["works"], tried["format"], tried["device"]) == ("ok", True, name, "cpu")
    assert parts["onnxruntime"]["status"] == "ok"
    assert (parts["hub"]["status"], parts["hub"]["reachable"]) == ("note", False)
    assert NOBODY in parts["hub"]["says"]
    assert parts["data folder"]["writable"] is True and parts["data folder"]["free_bytes"] > 0
    assert not (tmp_path / "data").exists(), "it leaves nothing behind"


def test_a_person_reads_sentences_and_no_token(tmp_path: Path, hub_server) -> None:
    done = run(data=tmp_path / "data", HF_ENDPOINT=hub_server.url, HF_TOKEN="hf_alice")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"OK       hub: {hub_server.url} answers, in " in done.stdout
    assert "OK       account: Signed in as alice, who may publish under alice, acme." in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("Everything that Compressor needs works here.")
    assert "hf_alice" not in done.stdout + done.stderr
    assert [entry.token for entry in hub_server.log if "whoami" in entry.path] == ["hf_alice"]


def test_a_data_folder_that_cannot_be_written_is_a_problem_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be")
    done = run(data=tmp_path / "data")
    assert done.returncode == 1
    assert f"PROBLEM  data folder: {tmp_path / 'data'} cannot be written: File exists." in done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"1 problem found, first data folder: {tmp_path / 'data'} cannot be written: File exists."
    assert "Traceback" not in done.stderr
    assert (tmp_path / "data").read_text() == "a file stands where the folder should be"


def test_a_check_that_fails_or_hangs_is_a_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def breaks(settings: Settings) -> list[doctor.Finding]:
        raise ZeroDivisionError("by nothing")

    def hangs(settings: Settings) -> list[doctor.Finding]:
        over.wait(600)
        return []

    monkeypatch.setattr(doctor, "CHECKS", (("one", breaks, 5), ("two", hangs, 0.2), ("hub", hangs, 0.2)))
    begun = time.monotonic()
    found = doctor.examine(settings)
    assert time.monotonic() - begun < SOON
    over.set()
    assert [(f.part, f.status) for f in found] == [("one", "problem"), ("two", "problem"), ("hub", "note")]
    assert "ZeroDivisionError: by nothing" in found[0].says
    assert (doctor.verdict(found) or "").startswith("2 problems found, first one: ")


def test_what_looks_like_a_token_is_never_told(settings: Settings) -> None:
    secret = replace(settings, token="hf_short")
    found = [doctor.Finding("x", doctor.NOTE, "with hf_short", "and hf_" + "a" * 30, {"more": ["hf_short"]})]
    for text in (doctor.as_text(found, secret), json.dumps(doctor.as_json(found, secret))):
        assert "hf_short" not in text and "hf_aaaa" not in text and "hf_[hidden]" in text


# ---------------------------------------------------------------------- the machine


def test_missing_and_old_packages_are_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.versions(settings)[0].status == "ok"
    monkeypatch.setattr(machine, "NEEDED", {"torch": "99.0", "no-such-package": None})
    monkeypatch.setattr(machine, "PAGE", "no-such-page")
    wrong, page = machine.versions(settings)
    assert wrong.status == "problem" and "pip install" in wrong.advice
    assert "Not installed: no-such-package." in wrong.says and "(from 99.0 on)" in wrong.says
    assert page.status == "note" and "the command line works without" in page.says


def test_little_memory_or_disk_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.memory(settings)[0].facts["free_bytes"] > 0
    for field, look in ((machine, machine.memory), (home, home.folder)):
        monkeypatch.setattr(field, "LEAST", 0)
        monkeypatch.setattr(field, "FEW", 1e18)
        assert look(settings)[0].status == "note"
        monkeypatch.setattr(field, "LEAST", 1e18)
        assert look(settings)[0].status == "problem" and look(settings)[0].advice


def test_a_folder_where_one_may_not_even_look_is_a_sentence(settings, monkeypatch, tmp_path) -> None:
    """Its parent is another user's. `Path.exists` raises there."""

    def no(self: Path, **_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    there = replace(settings, data_dir=tmp_path / "closed" / "data")
    monkeypatch.setattr(Path, "exists", no)
    monkeypatch.setattr(Path, "mkdir", denied)
    (one,) = home.folder(there)
    assert (one.status, "cannot be written: Permission denied." in one.says) == ("problem", True)
    assert peek.running(there) == []
    monkeypatch.setattr(Path, "is_dir", no)
    assert [one.status for one in home.runs(there)] == ["ok"]


def test_the_disk_is_really_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk.cannot_write(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "kept").mkdir()
    assert disk.cannot_write(tmp_path / "kept") is None
    assert list((tmp_path / "kept").iterdir()) == []
    (tmp_path / "file").write_text("")
    assert disk.cannot_write(tmp_path / "file") == "File exists"
    assert disk.cannot_write(tmp_path / "file" / "below") == "Not a directory"
    if Path("/dev/full").exists():  # a full disk, as the system makes one
        real = Path.write_bytes
        monkeypatch.setattr(Path, "write_bytes", lambda self, data: real(Path("/dev/full"), data))
        assert disk.cannot_write(tmp_path) == "No space left on device"


# ---------------------------------------------------------------------- the Hub


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        ("hf_alice_reads", "note", "Signed in as alice, with a token that may only read."),
        ("hf_alice_fine", "ok", "Signed in as alice, who may publish under acme."),
        ("hf_wrong", "problem", "The Hub does not accept this token"),
        ("hf wrong", "problem", "This is not a token of the Hub"),
        (None, "note", "Nobody is signed in"),
    ],
)
def test_whose_token_it_is_and_what_it_may_do(
    hub_settings: Settings, token: str | None, status: str, says: str
) -> None:
    found = by_part(network.check(replace(hub_settings, hosted=False, token=token)))
    assert found["account"].status == status and found["account"].says.startswith(says)
    assert found["hub"].status == "ok"
    assert not token or token not in str(found)


def test_a_hosted_page_never_uses_the_machines_token(hub_settings: Settings, hub_server) -> None:
    found = by_part(network.check(replace(hub_settings, token="hf_alice")))
    assert found["account"].status == "ok" and "never used" in found["account"].says
    assert hub_server.log and {entry.token for entry in hub_server.log} == {None}


def test_a_hub_in_trouble_or_away_is_a_note(hub_settings: Settings, hub_server, monkeypatch) -> None:
    mine = replace(hub_settings, hosted=False, token="hf_alice")
    hub_server.fail("/api/", 503, times=99)
    found = by_part(network.check(mine))
    assert found["hub"].status == "note" and "trouble of its own (503)" in found["hub"].says
    assert found["account"].says == "There is a token, but whose it is could not be asked."
    hub_server.faults.clear()
    hub_server.fail("/api/", 0, times=99, delay=4)
    monkeypatch.setattr(doctor, "CHECKS", (("hub", network.check, 0.5),))
    (silent,) = doctor.examine(mine)
    assert silent.status == "note" and "did not answer" in silent.says


# ---------------------------------------------------------------------- runs, mode


def test_a_run_whose_process_is_gone_is_told(settings: Settings) -> None:
    assert home.runs(settings)[0].says == "None is going on, and none was left half-way."
    store = JobStore(settings)
    jobs = [store.create(ANNA, asks(name), kind="test") for name in ("a", "b", "c")]
    assert home.runs(settings)[0].status == "ok"
    for job, worker in zip(jobs, (processes.current(), Process(os.getpid(), "another boot"), None), strict=True):
        with store._table.change():
            store._table.update(job.id, status="running")
        if worker:
            store.launched(job.id, worker)
    found = home.runs(settings)[0]
    assert (found.status, found.facts["running"], found.facts["gone"]) == (
        "note",
        [jobs[0].id],
        [jobs[1].id, jobs[2].id],
    )
    assert "2 runs are marked as running, but the process is gone." in found.says and "resume" in found.advice
    me = processes.current()
    jobs[2].run.write_state(pid=me.pid, process=me.mark)  # it has said itself who it is
    assert home.runs(settings)[0].facts["gone"] == [jobs[1].id]
    store.close()


def test_a_list_of_runs_that_cannot_be_read_is_told_and_left_alone(settings: Settings) -> None:
    file = settings.data_dir / "jobs.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database at all " * 400)
    found = home.runs(settings)[0]
    assert found.status == "note" and "cannot be read (file is not a database)" in found.says
    assert file.read_bytes() == b"no database at all " * 400


HOLDS = """
import sys, time
from pathlib import Path
from compressor.system.lease import lease
from compressor.settings import Settings
with lease(Settings(data_dir=Path(sys.argv[1])), "cuda:0"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_device_that_somebody_holds_is_told_and_a_lock_left_lying_is_not(settings: Settings) -> None:
    with lease(settings, "cpu"):
        pass
    assert len(home.runs(settings)) == 1
    command = [sys.executable, "-c", HOLDS, str(settings.data_dir)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=processes.ROOT)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    found = by_part(home.runs(settings))["locks"]
    assert found.status == "note" and found.facts["held"] == ["cuda:0"]
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert len(home.runs(settings)) == 1


def test_a_folder_for_turns_that_cannot_be_made_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands there")
    with (
        pytest.raises(RunError, match=r"cannot be made \(.*\), and runs take turns there. Set COMPRESSOR_DATA"),
        lease(settings, "cpu"),
    ):
        raise AssertionError


def test_the_mode_says_what_it_means(settings: Settings) -> None:
    assert home.mode(settings)[0].status == "ok"
    opened = home.mode(replace(settings, server_name="0.0.0.0"))[0]
    assert opened.status == "note" and "COMPRESSOR_HOSTED=1" in opened.advice
    hosted = home.mode(replace(settings, server_name="0.0.0.0", hosted=True))[0]
    assert hosted.status == "ok" and hosted.says.startswith("Hosted")


def test_two_that_look_at_once_do_not_take_each_other_for_a_run(settings: Settings) -> None:
    found: list[bool] = []

    def look(start: threading.Barrier) -> None:
        start.wait()
        found.append(taken(settings, "cpu"))

    for _ in range(40):
        start = threading.Barrier(4)
        looking = [threading.Thread(target=look, args=(start,)) for _ in range(4)]
        for one in looking:
            one.start()
        for one in looking:
            one.join()
    assert len(found) == 160 and not any(found)
