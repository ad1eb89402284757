"""The process in which a variant is measured: `python -m compressor.measure.child`, started by `children.py`.

It reads requests and writes answers, a JSON object a line, and ends when its parent does: at the end of its input. With
`--nursery` it measures nothing itself: it imports the libraries once, and forks a child for every variant (Linux).
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from compressor.errors import CompressorError, ModelError, OutOfMemoryError
from compressor.failures import as_ours
from compressor.measure.work import Work, preload
from compressor.settings import prepare_environ
from compressor.system.garbage import collect_rarely


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve until the parent hangs up."""
    prepare_environ()
    collect_rarely()
    if "--nursery" in arguments:
        _nursery()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    requests = os.fdopen(os.dup(0), "rb")
    serve(requests, answers)


def serve(requests: IO[bytes], answers: IO[bytes]) -> NoReturn:
    """Answer requests, one after the other, for as long as the parent is there."""
    waiting: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    work = Work()

    def answer(**message: Any) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    def say(done: float, total: float, rate: float | None) -> None:
        answer(progress=[done, total], rate=rate)

    while True:
        request = waiting.get()
        try:
            if request["do"] == "preload":
                preload(request["task"], request["folders"])
                answer(answer={})
            else:
                answer(answer=work.do(request, say))
        except Exception as error:
            traceback.print_exc()
            answer(error=_kind(error), sentence=str(as_ours(error) or f"{type(error).__name__}: {error}"))


def _listen(requests: IO[bytes], waiting: queue.Queue[dict[str, Any]]) -> None:
    """A thread of its own: when the parent is gone, however it went, nobody waits for what this process computes."""
    try:
        with contextlib.suppress(OSError):  # it was killed: the connection is reset, not ended
            for line in requests:
                waiting.put(json.loads(line))
    finally:
        os._exit(0)


def _kind(error: BaseException) -> str:
    ours = as_ours(error)
    if isinstance(ours, OutOfMemoryError):
        return "memory"
    return "model" if isinstance(ours, ModelError) else "other" if isinstance(ours, CompressorError) else "bug"


# ---------------------------------------------------------------------- Linux: import once, fork for every variant


def _nursery() -> NoReturn:
    """Serve `preload`, `fork` (with a socket for the child) and `wait` on the socket that is standard input.

    Nothing is computed here: a process that has run OpenMP's threads cannot be forked.
    """
    control = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    while True:
        data = b""
        passed: list[int] = []
        with contextlib.suppress(ConnectionError):  # its parent was killed: the connection is reset, not ended
            data, passed, _, _ = socket.recv_fds(control, 1_000_000, 1)
        if not data:
            os._exit(0)  # an orderly end of all those libraries takes seconds
        request = json.loads(data)
        answer: dict[str, Any] = {"number": request["number"]}
        if request["do"] == "preload":
            preload(request["task"], request["folders"])
            gc.freeze()  # what is there now is no garbage: a collection would touch, and so copy, all of it in every child
        elif request["do"] == "fork":
            answer["pid"] = os.fork()
            if not answer["pid"]:
                control.close()
                line = socket.socket(fileno=passed[0])
                serve(line.makefile("rb"), line.makefile("wb"))
            os.close(passed[0])
        else:
            answer["status"] = os.waitstatus_to_exitcode(os.waitpid(request["pid"], 0)[1])
        control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
