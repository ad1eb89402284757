"""A process that has imported everything, and that jobs are forked from: a run then takes its own seconds and no more.

It computes nothing itself: a process that has run OpenMP's threads cannot be forked. Those that are forked compute with one
thread, which for tiny models is no slower, and the same beside other work.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

os.environ["OMP_NUM_THREADS"] = "1"

from compressor import pipeline  # noqa: F401
from compressor.jobs import orders, verbs, worker
from compressor.measure import child as measuring
from compressor.measure import children
from compressor.measure.work import preload
from compressor.settings import Settings


def warm(folders: list[Path]) -> None:
    """Import what a run imports on its way. `folders` are models of the kinds that it loads."""
    import bitsandbytes  # noqa: F401
    import datasets  # noqa: F401
    import sklearn.metrics  # noqa: F401
    from transformers import Trainer  # noqa: F401

    from compressor.stages import judge, quantize, student, teacher  # noqa: F401
    from compressor.training import trainer  # noqa: F401

    verbs.warm()
    preload("text-classification", [str(f) for f in folders])
    gc.freeze()


def fork(work: Callable[[], int | None], log: Path | None = None) -> int:
    """Do `work` in a forked process; its number. Its output goes to `log`."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        _end(work, log)
    return pid


def _end(work: Callable[[], int | None], log: Path | None) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        if log is not None:
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run_job(folder: Path, settings: Settings, owner: str, before: Callable[[], None] = lambda: None) -> int:
    """Fork the real worker onto a job's folder, as a backend would start it; its number.

    Args:
        before: called in the new process before anything else.
    """
    nursery, control = _nursery()
    order = orders.write(settings, owner=owner, kind="run")

    def work() -> int:
        before()
        _adopt(nursery, control)
        reads, writes = os.pipe()
        os.write(writes, order.encode() + b"\n")
        os.close(writes)
        os.dup2(reads, 0)
        sys.stdin = os.fdopen(os.dup(0), encoding="utf-8")
        return worker.main([str(folder)])

    pid = fork(work, folder / "log")
    control.close()
    return pid


def _nursery() -> tuple[int, socket.socket]:
    """The process that a worker's measuring processes are forked from, beside the worker."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def serve() -> NoReturn:
        ours.close()
        os.dup2(theirs.fileno(), 0)
        measuring._nursery()

    pid = fork(serve)
    theirs.close()
    return pid, ours


class _Process:
    """What `_Nursery` asks of a process that it did not start itself."""

    def __init__(self, pid: int):
        self.pid = pid

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        return 0


def _adopt(pid: int, control: socket.socket) -> None:
    def begin(self: Any, errors: Path, request: dict[str, Any]) -> None:
        self._asked, self._control, self._process = 0, control, _Process(pid)
        self._ask(**request)

    children._Nursery.__init__ = begin  # type: ignore[method-assign]


def wait(pid: int, seconds: float = 120.0) -> int:
    """The exit code of a forked process, negative for a signal.

    Raises:
        TimeoutError: it does not end.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(pid, signal.SIGKILL)
    raise TimeoutError(f"process {pid} did not end")


def reap() -> None:
    """Let go of nurseries whose worker is gone."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
