"""A job's own process: `python -m compressor.jobs.worker DIR`, started by a backend.

One line of standard input says who asks, with which settings and token; standard output and error are the job's log.
Whatever happens, the folder's state says it in the end: the page only reads.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from compressor import logs
from compressor.backends.endings import AGAIN, LOCKED
from compressor.backends.vitals import SLACK
from compressor.errors import AgainError, CompressorError, RunLockedError
from compressor.failures import sentence
from compressor.jobs import job as jobs
from compressor.jobs import kinds, orders
from compressor.jobs.secrecy import guard_output, without
from compressor.measure.hardware import memory_limit
from compressor.runfolder import CANCELLED, ENDED, FAILED, RunFolder, Stopped
from compressor.settings import prepare_environ
from compressor.system import processes
from compressor.system.garbage import collect_rarely


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 where the job finished, `LOCKED` and `AGAIN` as they say, 1 otherwise."""
    prepare_environ()
    collect_rarely()
    processes.step_back()
    stop = _Stop()
    run = RunFolder(Path((arguments or sys.argv[1:])[0]))
    settings, order = orders.read(sys.stdin.readline())
    settings = replace(settings, readable=(str(run.path / "data"),))  # the job's own copies, where strangers share it
    processes.limit_memory(memory_limit(settings) + SLACK)
    _close_input()
    token = order.get("token")
    guard_output(token)
    logs.in_worker()
    try:
        with run.lock():
            try:
                with run.track():
                    work = kinds.Work(run, jobs.read_card(run.path)["asked"], settings, order["owner"], token, stop)
                    kinds.do(order["kind"], work)
            except BaseException as error:
                return _failed(run, error, stop, token)
    except RunLockedError as error:
        print(error, file=sys.stderr)
        return LOCKED
    return 0


class _Stop:
    """Turns SIGTERM into an exception, at once and again whenever progress is reported: a library may have caught the
    first one. Serves as the job's progress."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._now)

    def _now(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            raise Stopped

    def __call__(self, stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        if self.asked:
            raise Stopped


def _failed(run: RunFolder, error: BaseException, stop: _Stop, token: str | None) -> int:
    """The log gets the details, the state a sentence; a token gets into neither."""
    if isinstance(error, CompressorError):
        print(sentence(error), file=sys.stderr)
    elif not isinstance(error, Stopped):
        traceback.print_exception(error)
    if isinstance(error, AgainError) and not stop.asked:
        run.write_state(again=True)  # for a page that was started meanwhile, and does not hear the exit code
        return AGAIN
    state = run.state()
    if run.is_finished:
        return 0  # it was asked to end when all was done
    if stop.asked:
        run.write_state(status=CANCELLED, error=None)  # what breaks while everything is stopped is no failure
    elif state.get("status") not in ENDED:
        run.write_state(status=FAILED, error=without(token, sentence(error)))
    elif state.get("error"):
        run.write_state(error=without(token, str(state["error"])))
    return 1


def _close_input() -> None:
    """Nothing reads the terminal of whoever started the app, and no child inherits the pipe that the token came by."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
