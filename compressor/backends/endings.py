"""How a job ended whose process is gone, in a sentence."""

from __future__ import annotations

import signal

from compressor.jobs.table import Row
from compressor.runfolder import CANCELLED, FAILED, FINISHED, INTERRUPTED, QUEUED, RunFolder

LOCKED, AGAIN = 3, 4
"""The worker's exit codes where another process owns the folder, and where a fresh one is to go on with a smaller batch."""

TIME_LIMIT = "The run was stopped because it took longer than the {minutes} minutes that a run may take here."
MEMORY_LIMIT = (
    "The run was stopped because it held {held:.1f} GB of memory, and a run may hold {limit:.1f} GB here. Try shorter texts, or "
    "smaller models."
)
HUNG = (
    "The run was stopped because it had done nothing for {minutes} minutes: no word, no computing. Resume it to go on from where "
    "it was; if it stops there again, its log shows what it waits for."
)
WAITED = "The app was restarted while this run was waiting. Resume it, signed in if it needs your account."
CUT_OFF = "The run was cut off when the app or the machine went down. Resume it to go on from where it was."
FROM_OUTSIDE = "The run was stopped from outside the app. Resume it to go on from where it was."
KILLED = (
    "The run's process was killed from outside, most likely because the machine ran out of memory. Resume it to go on from "
    "where it was; if it happens again, try shorter texts or smaller models."
)
CRASHED = "The run's process crashed ({signal}). Resume it to try again; its log has the details."
NO_START = "The run's process ended before it had begun (exit code {code}). Its log has the details."
OWNED = "Another process is at work in this run's folder. Wait until it has ended, then start this run again."


def ending(row: Row, run: RunFolder, code: int | None, why: str | None) -> tuple[str, str | None]:
    """(status, sentence or None) of a job whose process is gone.

    Args:
        code: the process's exit code, negative for a signal; None where it was not this process's child.
        why: the sentence of whoever else than the owner stopped it.
    """
    state = run.state()
    if run.is_finished or state.get("status") == FINISHED:
        return FINISHED, None
    if row.cancel:
        return CANCELLED, None
    if why is not None:
        return FAILED, why
    if state.get("status") == FAILED:
        return FAILED, str(state.get("error") or CRASHED.format(signal="no reason given"))
    if code == LOCKED:
        return FAILED, OWNED
    if state.get("status") == CANCELLED:
        return INTERRUPTED, FROM_OUTSIDE  # it was asked to end, but not by its owner
    return _without_a_word(state.get("status") == QUEUED, code)


def _without_a_word(not_begun: bool, code: int | None) -> tuple[str, str]:
    if code is None:
        return INTERRUPTED, CUT_OFF
    if code == -signal.SIGTERM:
        return INTERRUPTED, FROM_OUTSIDE
    if code < 0 and code == -getattr(signal, "SIGKILL", 9):
        return INTERRUPTED, KILLED
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return FAILED, CRASHED.format(signal=name)
    if not_begun:
        return FAILED, NO_START.format(code=code)
    return FAILED, CRASHED.format(signal=f"exit code {code}")
