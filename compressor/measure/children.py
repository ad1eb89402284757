"""Processes for measuring, seen from the parent: start, ask, tell how one ended, end them all.

Every variant gets a fresh process, so that its memory is its own and its crash nobody else's. On Linux and a CPU they are
forked from one that has imported the libraries already (some seconds saved for each); a CUDA context does not survive a
fork, and neither do macOS's libraries: there, every one imports for itself, all at once and before any is measured.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from compressor.errors import CompressorError, ModelError, OutOfMemoryError
from compressor.measure.hardware import cores, memory_free
from compressor.system import processes

MODULE = "compressor.measure.child"
BEAT = 1.0
"""Seconds between two signs of life while a child is silent."""
AHEAD = 2_000_000_000
"""Bytes that have to be free for each process that imports ahead of its turn."""

log = logging.getLogger("compressor.measure")
log.addHandler(logging.NullHandler())  # a stack trace goes to a job's log; never to the terminal for want of one

Hear = Callable[[float, float, float | None], None]
"""Called with (done, total, rate) as a child goes on, and with (0, 0, None) while it is silent."""


class Children:
    """Starts children, and ends them all when it is left.

    Args:
        task: `Task.key`.
        folders: of the models, whose code is imported ahead.
        together: whether all of them will be there at the same time; else one process is enough.
        errors: a file for what they write to standard error.
    """

    def __init__(self, task: str, folders: Sequence[Path], device: str, errors: Path, *, together: bool = True):
        self._preload = {"do": "preload", "task": task, "folders": [str(f) for f in folders]}
        self._errors = errors
        self._open: list[Child] = []
        try:
            self._nursery = _Nursery(errors, self._preload) if can_fork(device) else None
            count = _at_once(len(folders)) if together else 1
            self._ahead = [] if self._nursery is not None else _spawned(errors, self._preload, count)
        except BaseException:
            self.log_errors()  # the file goes with whoever made it
            raise

    def __enter__(self) -> Children:
        return self

    def start(self) -> Child:
        """A fresh process that has imported everything."""
        if self._nursery is not None:
            child = self._nursery.child()
        elif self._ahead:
            child = self._ahead.pop(0)
        else:
            (child,) = _spawned(self._errors, self._preload, 1)
        self._open.append(child)
        return child

    def log_errors(self) -> None:
        """What the children wrote to standard error goes to the log."""
        with contextlib.suppress(OSError):
            if text := self._errors.read_text(encoding="utf-8", errors="replace").strip():
                log.warning("%s", text[-20_000:])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in (*self._open, *self._ahead):
            child.end()
        if self._nursery is not None:
            self._nursery.end()


class Child:
    """One process. Ask it; the answer is a dictionary."""

    def __init__(self, pid: int, requests: IO[bytes], answers: IO[bytes], wait: Callable[[], int]):
        self.pid, self._requests, self._wait = pid, requests, wait
        self._heard: queue.Queue[bytes | None] = queue.Queue()
        self._status: int | None = None
        threading.Thread(target=self._listen, args=(answers,), daemon=True).start()

    def _listen(self, answers: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in answers:
                self._heard.put(line)
        self._heard.put(None)

    def ask(self, hear: Hear | None = None, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; `hear` is called about once a second, and may raise.

        Raises:
            ModelError, OutOfMemoryError: what it asked for failed in there, or the process ended.
        """
        self.send(**request)
        return self.answer(hear)

    def send(self, **request: Any) -> None:
        """Send a request; `answer` waits for what it says to it."""
        with contextlib.suppress(OSError):  # if it is dead, the end of its answers says so
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()

    def answer(self, hear: Hear | None = None) -> dict[str, Any]:
        """See `ask`."""
        while True:
            try:
                line = self._heard.get(timeout=BEAT)
            except queue.Empty:
                if hear is not None:
                    hear(0, 0, None)
                continue
            if line is None:
                raise ended(self.status())
            message = json.loads(line)
            if "progress" in message and hear is not None:
                done, total = message["progress"]
                hear(done, total, message["rate"])
            elif "error" in message:
                raise _error(message["error"], message["sentence"])
            elif "answer" in message:
                return dict(message["answer"])

    def status(self) -> int:
        """The exit code; waits for the end. Negative: the signal that ended it."""
        if self._status is None:
            self._status = self._wait()
        return self._status

    def end(self) -> None:
        """Kill it, if it still runs. What it holds is freed when this returns."""
        if self._status is None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            with contextlib.suppress(CompressorError):
                self.status()
        with contextlib.suppress(OSError):
            self._requests.close()


def ended(status: int) -> CompressorError:
    """Why a child that ended by itself did so."""
    if status == -9:
        return OutOfMemoryError(
            "The system ended the process that measured it, which it does when memory runs out. Close other programs, or "
            "choose a smaller model."
        )
    name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
    return ModelError(f"The process that measured it crashed ({name}); the log has what it said last.")


def _error(kind: str, sentence: str) -> CompressorError:
    if kind == "memory":
        return OutOfMemoryError(
            "Memory ran out while it was measured. Close other programs, or choose a smaller model or shorter texts."
        )
    if kind == "bug":
        return ModelError(f"It could not be run ({sentence.splitlines()[0][:200]}).")
    return ModelError(sentence)


def can_fork(device: str) -> bool:
    """Whether one process can import the libraries for all."""
    return sys.platform == "linux" and device == "cpu"


def _at_once(wanted: int) -> int:
    """How many processes import at the same time: no more than there are cores and memory for."""
    return max(1, min(wanted, cores(), memory_free() // AHEAD))


def _spawned(errors: Path, preload: dict[str, Any], count: int) -> list[Child]:
    """New processes that have imported everything: so many, or as many of them as could.

    Raises:
        ModelError, OutOfMemoryError: none could.
    """
    started: list[Child] = []
    ready: list[Child] = []
    failed: CompressorError | None = None
    try:
        for _ in range(count):
            started.append(_process(errors))
            started[-1].send(**preload)
        for child in started:
            try:
                child.answer()
                ready.append(child)
            except CompressorError as error:
                child.end()
                failed = failed or error
        if failed is not None and not ready:
            raise failed
    except BaseException:
        for child in started:
            child.end()
        raise
    return ready


def _process(errors: Path) -> Child:
    with errors.open("ab") as stderr:
        process = subprocess.Popen(
            processes.python(MODULE),
            env=processes.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    return Child(process.pid, process.stdin, process.stdout, process.wait)


class _Nursery:
    """The process that children are forked from."""

    def __init__(self, errors: Path, preload: dict[str, Any]):
        self._asked = 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, errors.open("ab") as stderr:
            self._process = subprocess.Popen(
                [*processes.python(MODULE), "--nursery"],
                env=processes.environ(),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            self._ask(**preload)
        except BaseException:
            self.end()
            raise

    def _ask(self, handle: int | None = None, **request: Any) -> dict[str, Any]:
        self._asked += 1
        data = json.dumps(request | {"number": self._asked}).encode()
        while True:
            try:
                if data and handle is not None:
                    socket.send_fds(self._control, [data], [handle])
                elif data:
                    self._control.send(data)
                answer = self._control.recv(1_000_000)
            except OSError:
                answer = b""
            if not answer:
                raise ended(self._process.wait())
            found = dict(json.loads(answer))
            if found["number"] == self._asked:
                return found
            data = b""  # the answer to a question that a signal cut short: ours comes behind it

    def child(self) -> Child:
        ours, theirs = socket.socketpair()
        with theirs:
            pid = self._ask(theirs.fileno(), do="fork")["pid"]
        requests, answers = ours.makefile("wb"), ours.makefile("rb")
        ours.close()  # the files keep it open
        return Child(pid, requests, answers, lambda: int(self._ask(do="wait", pid=pid)["status"]))

    def end(self) -> None:
        self._control.close()  # children that are left end at the end of their own input
        self._process.kill()
        self._process.wait()
