"""The page's side of the helper: one warm process that looks at models, so that the page's own never imports torch.

A helper that died is started again; one that takes too long over something is ended, and what others had asked of it is
asked again.
"""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from compressor.errors import OutOfMemoryError, RunError
from compressor.jobs import orders, transport
from compressor.settings import Settings
from compressor.system import processes

QUEUE = 180.0
"""Seconds to wait until the helper begins with a request: it may have to start, or be busy with others."""
TIMED_OUT = "This took longer than {seconds:.0f} seconds and was stopped. Try again; if it happens again, try something smaller."
BUSY = "The helper is busy with other requests. Try again in a moment."
NO_START = "The helper process cannot be started. The app's helper.log says why."
DIED = "The helper process ended while it looked at this. Try again; the app's helper.log has the details."
KILLED = "The machine ran out of memory while it looked at this. Close other programs, or try a smaller model."


class Helper:
    """Answers requests through a process of its own. Safe to use from several threads.

    Args:
        module: what the process runs.
        idle: seconds without a request after which it lets go of loaded models.
    """

    def __init__(self, settings: Settings, *, module: str = "compressor.jobs.helper_process", idle: float = 600.0):
        self.settings, self.module, self.idle = settings, module, idle
        self._lock = threading.Lock()
        self._line: _Line | None = None

    def request(self, verb: str, timeout: float = 60.0, **payload: Any) -> dict[str, Any]:
        """Ask one thing and wait for the answer.

        Args:
            verb: see `verbs.VERBS`.
            timeout: seconds that the work itself may take, once begun.
            payload: its arguments, JSON data; `owner` and `token` say whose request this is.

        Raises:
            CompressorError: as the engine raised it in the helper.
            RunError: it took too long, or the helper died over it.
        """
        if not self.settings.hosted and payload.get("token") is None and self.settings.token:
            payload["token"] = self.settings.token  # one's own machine: its token is whoever asks here
        for last_try in (False, True):
            line = self._connected()
            asked = line.ask(verb, payload)
            if line.wait(asked, QUEUE, begun=True) and not line.wait(asked, timeout):
                line.end(over=asked)
                raise RunError(TIMED_OUT.format(seconds=timeout))
            if asked.reply is not None:
                if "error" in asked.reply:
                    raise transport.unpack(asked.reply["error"])
                answer: dict[str, Any] = asked.reply["answer"]
                return answer
            if not asked.over:
                line.forget(asked)
                raise RunError(BUSY)
            innocent = not asked.begun or line.ended_over not in (None, asked)
            if last_try or not innocent:
                raise line.epitaph(asked)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.end(over=None)

    @property
    def pid(self) -> int | None:
        """The process, while it lives."""
        return self._line.child.pid if self._line and self._line.alive else None

    def _connected(self) -> _Line:
        with self._lock:
            if self._line is None or not self._line.alive:
                self._line = _Line(self.settings, self.module, self.idle)
            return self._line


@dataclass(eq=False)
class _Asked:
    id: int
    begun: bool = False
    over: bool = False
    """Answered, or never to be."""
    reply: dict[str, Any] | None = None


class _Line:
    """One process, and what was asked of it."""

    def __init__(self, settings: Settings, module: str, idle: float):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        log = settings.data_dir / "helper.log"
        try:
            self.child = processes.start_attached(processes.python(module), folder=settings.data_dir, log=log)
        except OSError as error:
            raise RunError(NO_START) from error
        self.process = processes.find(self.child.pid)
        self.alive, self.ended_over = True, None  # type: tuple[bool, _Asked | None]
        self._ids, self._asked = count(1), dict[int, _Asked]()
        self._news, self._writing = threading.Condition(), threading.Lock()
        threading.Thread(target=self._read, name="helper", daemon=True).start()
        self._write(orders.write(settings, idle=idle))

    def ask(self, verb: str, payload: dict[str, Any]) -> _Asked:
        asked = _Asked(next(self._ids))
        with self._news:
            self._asked[asked.id] = asked
            asked.over = not self.alive
        self._write(json.dumps({"id": asked.id, "verb": verb, "payload": payload}, default=str))
        return asked

    def wait(self, asked: _Asked, seconds: float, begun: bool = False) -> bool:
        """Until it is over (or, with `begun`, at least begun); False where the time was up first."""
        with self._news:
            return self._news.wait_for(lambda: asked.over or (begun and asked.begun), seconds)

    def forget(self, asked: _Asked) -> None:
        with self._news:
            self._asked.pop(asked.id, None)

    def end(self, over: _Asked | None) -> None:
        """End the process, because of that request; everybody else's can be asked again."""
        with self._news:
            if self.ended_over is None:
                self.ended_over = over
            self.alive = False
        if self.process is not None:
            processes.kill(self.process)
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(5)

    def epitaph(self, asked: _Asked) -> RunError:
        """What became of the process, for whoever waited on it."""
        if not asked.begun:
            return RunError(NO_START)
        return OutOfMemoryError(KILLED) if self.child.returncode == -9 and self.ended_over is None else RunError(DIED)

    def _write(self, text: str) -> None:
        assert self.child.stdin is not None
        try:
            with self._writing:
                self.child.stdin.write(text.encode() + b"\n")
                self.child.stdin.flush()
        except (OSError, ValueError):
            self.alive = False  # the reader finds out the rest

    def _read(self) -> None:
        assert self.child.stdout is not None and self.child.stdin is not None
        with self.child.stdout as stream:
            for line in stream:
                self._take(line)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
        with self._news:
            self.alive = False
            for asked in self._asked.values():
                asked.over = True
            self._asked.clear()
            self._news.notify_all()
        with self._writing:
            processes.close_quietly(self.child.stdin)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            asked = self._asked.get(said["id"])
        except (ValueError, KeyError, TypeError):
            return  # not of our making; the request it stood in for runs into its time limit
        if asked is None:
            return
        with self._news:
            asked.begun = True
            if "started" not in said:
                asked.reply, asked.over = said, True
                self._asked.pop(asked.id, None)
            self._news.notify_all()
