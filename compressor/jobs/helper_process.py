"""The helper's own process: answers questions about models that the page must not load itself.

One JSON object a line: the settings first, then requests `{"id", "verb", "payload"}` on standard input; on standard output
`{"id", "started": true}` when the work on one begins, then `{"id", "answer"}` or `{"id", "error"}`. It ends when its
input does.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from io import BufferedWriter
from typing import Any

from compressor.backends.vitals import SLACK
from compressor.failures import as_ours
from compressor.jobs import orders, transport, verbs
from compressor.jobs.secrecy import without
from compressor.measure.hardware import memory_limit
from compressor.settings import Settings, prepare_environ
from compressor.system import processes
from compressor.system.garbage import collect_rarely
from compressor.system.lease import taken

MOST_LOG = 5_000_000
"""Bytes of `helper.log`."""
AT_ONCE = 4
"""Requests worked on at once; most of them wait for the network."""


class Answering:
    """Answers requests, several at once, those that compute one after the other."""

    def __init__(self, settings: Settings, out: BufferedWriter, idle: float):
        self.settings, self.out, self.idle = settings, out, idle
        self._writing, self._loading, self._computing = threading.Lock(), threading.Lock(), threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="helper")
        self._threads: int | None = None
        self._last, self._released = time.monotonic(), True
        threading.Thread(target=self._rest, name="idle", daemon=True).start()

    def take(self, line: bytes) -> None:
        """Begin to work on a request."""
        request = json.loads(line)
        self._pool.submit(self._answer, request)

    def _answer(self, request: Mapping[str, Any]) -> None:
        payload = request.get("payload") or {}
        token = payload.get("token")
        try:
            answer = {"answer": transport.plain(self._work(request, payload))}
            text = json.dumps({"id": request["id"], **answer})
        except BaseException as error:
            details = str(error) if as_ours(error) else "".join(traceback.format_exception(error))
            _trim_log()
            print(without(token, f"{request.get('verb')}: {details}"), file=sys.stderr, flush=True)
            text = json.dumps({"id": request["id"], "error": transport.pack(error, token)})
        self._send(text)

    def _work(self, request: Mapping[str, Any], payload: Mapping[str, Any]) -> Any:
        verb = verbs.find(str(request["verb"]))
        with self._loading:  # one import at a time: transformers' lazy modules do not like company
            verbs.warm()
        with ExitStack() as held:
            if verb.heavy:
                held.enter_context(self._computing)
            self._set_threads(payload.get("threads"))  # for all: the thread keeps what the request before it was given
            if verb.heavy:
                self._last, self._released = time.monotonic(), False
            self._send(json.dumps({"id": request["id"], "started": True}))
            try:
                return verbs.call(verb, payload, self.settings)
            finally:
                if verb.heavy:  # a look at a card holds no model, and keeps none
                    self._last = time.monotonic()

    def _set_threads(self, wanted: int | None) -> None:
        """One thread beside a training on the same cores: two would slow each other down twentyfold."""
        import torch

        self._threads = self._threads or torch.get_num_threads()
        busy = any(taken(self.settings, device) for device in ("cpu", "cuda"))  # whose run uses the cores too
        torch.set_num_threads(wanted or (1 if busy else self._threads))

    def _send(self, text: str) -> None:
        with self._writing:
            self.out.write(text.encode() + b"\n")
            self.out.flush()

    def _rest(self) -> None:
        """Let go of loaded models when nobody has asked for a while."""
        while True:
            time.sleep(min(30.0, self.idle / 4))
            if self._is_idle:
                with self._computing:
                    if not self._is_idle:  # somebody asked while it waited to compute
                        continue
                    verbs.release()
                    self._released = True
                print("idle: models let go", file=sys.stderr, flush=True)

    @property
    def _is_idle(self) -> bool:
        return not self._released and time.monotonic() - self._last > self.idle


def _trim_log() -> None:
    """Standard error is a file that nobody else shortens as long as this process lives: what went wrong long ago goes."""
    with suppress(OSError):
        if os.fstat(2).st_size > MOST_LOG:
            os.ftruncate(2, 0)
            os.lseek(2, 0, os.SEEK_SET)


def protect_output() -> BufferedWriter:
    """The real standard output, for answers alone: whatever else is printed in this process, by Python or by a C library,
    goes to standard error from now on."""
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def main() -> None:
    """Answer until the other side hangs up."""
    out = protect_output()
    prepare_environ()
    collect_rarely()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings, order = orders.read(sys.stdin.buffer.readline().decode())
    processes.goes_first(700)  # before a worker: whoever waits for an answer asks again, and a run has hours to lose
    processes.limit_memory(memory_limit(settings) + SLACK)
    answering = Answering(settings, out, float(order.get("idle") or 600.0))
    for line in sys.stdin.buffer:
        answering.take(line)
    os._exit(0)  # whatever it is still computing, nobody waits for it


if __name__ == "__main__":
    main()
