"""Jobs for tests: what a worker can be made to do, in real processes. The recipe's teacher says which."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from compressor.errors import ModelError
from compressor.events import EventLog
from compressor.jobs.kinds import KINDS, Work
from compressor.report import Report
from compressor.system import halving

# Takes no notice of SIGTERM, and leaves its number where the test finds it.
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""


def _go_on(work: Work, seconds: float = 600, stage: str = "distill") -> None:
    log = EventLog(work.run.events_file)
    until = time.monotonic() + seconds
    step = 0
    while time.monotonic() < until:
        log.write(stage=stage, done=step, total=1000, metrics={})
        work.run.write_state(stage=stage)
        work.progress(stage, step, 1000)
        step += 1
        time.sleep(0.02)


def do(work: Work) -> None:
    what = work.asked["teacher"].removeprefix("test/")
    if what == "long":
        _go_on(work)
    elif what == "short":
        _go_on(work, 0.2)
    elif what == "deaf":  # a library that catches everything, and a process that ignores SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        EventLog(work.run.events_file).write(stage="distill", done=0, total=1, metrics={})
        time.sleep(600)
    elif what == "family":
        children(work)
        _go_on(work)
    elif what == "orphans":
        children(work)
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "refuses":
        raise ModelError("This model is made of cheese. Pick another one.")
    elif what == "bug":
        raise ZeroDivisionError("a secret detail")
    elif what == "memory":
        raise MemoryError
    elif what == "disk":
        raise OSError(28, "No space left on device")
    elif what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "greedy":
        greedy(work)
    elif what == "leaves":
        leaves(work)
    elif what == "hungry":
        halving.patiently(work.run, "distill", hungry, lambda reason: None, here=False)
    elif what == "killed":
        killed(work)
    elif what == "hangs":
        EventLog(work.run.events_file).write(stage="distill", done=0, total=1, metrics={})
        time.sleep(600)
    elif what == "lingers":  # all is said and done, and a library's thread does not end
        work.run.finish(Report.model_validate({"schema": 1, "task": "text-classification", "teacher": "a/b"}))
        time.sleep(600)
    elif what == "thinks":
        until = time.monotonic() + 4
        while time.monotonic() < until:
            sum(range(10_000))
    elif what == "swallows":
        swallow(work)
    elif what == "prints":
        print("the token is", work.token)
        sys.stderr.write(f"half {work.token[:5]}")
        sys.stderr.write(f"{work.token[5:]} half\n")
        os.system("cat /proc/$PPID/environ > environ.copy; tr '\\0' ' ' < /proc/$PPID/cmdline > argv.copy")
        EventLog(work.run.events_file).write(stage="data", done=0, total=0, metrics={})
        raise ModelError(f"The Hub said no to {work.token}.")


def children(work: Work) -> None:
    """A child in the group, and a grandchild that left it; both ignore SIGTERM."""
    subprocess.Popen([sys.executable, "-c", STUBBORN, "child.pid"])
    subprocess.Popen([sys.executable, "-c", STUBBORN, "runaway.pid"], start_new_session=True)
    told = [work.run.path / "child.pid", work.run.path / "runaway.pid"]
    while not all(file.exists() and file.read_text() for file in told):
        time.sleep(0.01)


def greedy(work: Work) -> None:
    """Holds 400 MB in a stage that works in batches; half of it where it is to compute half as many rows at a time."""
    stage = work.run.state().get("stage") or work.asked.get("task")
    work.run.write_state(stage=stage)
    held = bytearray(400_000_000 // halving.parts_of(work.run, stage))
    held[::4096] = b"x" * len(held[::4096])
    _go_on(work, 600 if halving.parts_of(work.run, stage) == 1 else 1, stage)


def leaves(work: Work) -> None:
    """Notes what it finds of an earlier job, and leaves a trace of every kind."""
    left = Path("left-by-a-job")
    seen = {"variable": os.environ.get("LEFT_BY_A_JOB"), "global": getattr(sys, "left", None), "file": left.exists()}
    (work.run.path / "seen.json").write_text(json.dumps(seen))
    os.environ["LEFT_BY_A_JOB"], sys.left = "1", 1
    left.write_text("x")


def hungry(parts: int) -> None:
    if parts < 4:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


def killed(work: Work) -> None:
    """The system kills it, as long as it computes all rows at a time."""
    work.run.write_state(stage="distill")
    EventLog(work.run.events_file).write(stage="distill", done=0, total=1, metrics={})
    if halving.parts_of(work.run, "distill") == 1:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    assert work.token == "hf_mine"


def swallow(work: Work) -> None:
    """A library that catches all exceptions and goes on."""
    while True:
        try:
            _go_on(work)
        except Exception:
            continue


KINDS["test"] = "tests.jobs.engine:do"
