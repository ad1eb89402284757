from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from compressor.jobs.secrecy import _Guarded, without
from compressor.system import processes
from compressor.system.processes import Process
from tests.jobs.conftest import until


def sleeper(*, group: bool = True) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=group)


def test_a_process_is_told_from_a_later_one_of_the_same_number():
    child = sleeper()
    found = processes.find(child.pid)
    assert processes.alive(found) and not processes.alive(Process(child.pid, "another time"))
    processes.kill(Process(child.pid, "another time"))  # a stranger: left alone
    time.sleep(0.1)
    assert child.poll() is None
    processes.kill(found)
    assert child.wait(60) == -signal.SIGKILL and not processes.alive(found) and not processes.alive(None)


def test_a_zombie_is_not_alive():
    child = sleeper()
    found = processes.find(child.pid)
    child.kill()
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)  # dead, and nobody has asked how it ended
    assert processes.find(child.pid) is None and not processes.alive(found)
    child.wait()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="Linux says it more exactly")
def test_without_proc_the_start_time_serves(monkeypatch):
    exact = processes.current()
    monkeypatch.setattr(processes, "Path", lambda path: __import__("pathlib").Path("/nowhere" + str(path)))
    child = sleeper()
    found = processes.find(child.pid)
    assert found.mark != exact.mark and "." in found.mark and processes.alive(found)
    child.kill()
    child.wait()
    assert not processes.alive(found)


def test_a_child_finds_no_secret_in_its_environment(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET"):
        monkeypatch.setenv(name, "hf_secret")
    (tmp_path / "json.py").write_text("raise SystemExit('the working directory was imported')")
    child = processes.start_detached(
        [sys.executable, "-P", "-c", "import json, os, sys; print(sys.stdin.read(), dict(os.environ))"],
        folder=tmp_path,
        log=tmp_path / "log",
        line="a line",
    )
    assert child.wait(240) == 0
    said = (tmp_path / "log").read_text()
    assert said.startswith("a line\n") and "hf_secret" not in said and str(processes.ROOT) in said


def test_output_never_holds_the_token_however_it_is_cut(tmp_path):
    token = "hf_abcabcabd"
    with (tmp_path / "out").open("w") as file:
        guarded = _Guarded(file, token)
        text = f"one {token} two hf_abc\nthree {token}{token} hf_abcab"
        for letter in text:
            guarded.write(letter)
            guarded.flush()
        guarded.write("X\n")
    said = (tmp_path / "out").read_text()
    assert said == without(token, text) + "X\n" and token not in said and said.count("hf_[hidden]") == 3
