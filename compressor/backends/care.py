"""What a backend remembers of a running job's process: whether it has to be stopped, and whether it may go on with less."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

import psutil

from compressor.backends.endings import AGAIN, HUNG, MEMORY_LIMIT, TIME_LIMIT
from compressor.backends.vitals import Vitals
from compressor.jobs.table import Row
from compressor.measure.hardware import memory_limit
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.system import halving, processes


@dataclass
class Stopping:
    """A job's process that was asked to end."""

    until: float
    family: list[psutil.Process]
    """What it had started by then."""
    why: str | None
    """The sentence for a run that was not cancelled by its owner."""
    memory: bool = False
    """It held more memory than a run may, so that less of it may help."""


@dataclass
class Care:
    """What is remembered of a running job's process, by the page's process that looks after it."""

    vitals: Vitals
    token: str | None = field(default=None, repr=False)
    """Its owner's, for as long as it runs: it may have to be started once more."""
    memory_kills: int | None = None
    """`processes.memory_kills` when it was started; None where another page's process started it."""
    stopping: Stopping | None = None
    lingering: float | None = None
    """Since when it has been over in all but its process."""

    def unwell(self, row: Row, settings: Settings) -> tuple[str, bool] | None:
        """(why this job has to be stopped, whether less memory may help), or None."""
        limit = memory_limit(settings)
        if self.stopping is not None and self.stopping.why is not None:
            return self.stopping.why, self.stopping.memory
        if settings.max_run_seconds and row.started and time.time() - row.started > settings.max_run_seconds:
            return TIME_LIMIT.format(minutes=round(settings.max_run_seconds / 60)), False
        if self.vitals.memory > limit:
            return MEMORY_LIMIT.format(held=self.vitals.memory / 1e9, limit=limit / 1e9), True
        if self.vitals.silent > settings.max_silent_seconds:
            return HUNG.format(minutes=round(settings.max_silent_seconds / 60)), False
        return None

    def can_go_on_with_less(self, run: RunFolder, code: int | None) -> bool:
        """Whether memory was what ended the process, and a fresh one has less to hold: then its folder says so from now on.

        Args:
            code: the process's exit code, negative for a signal.
        """
        if self.stopping is None and (code == AGAIN or (code is None and run.state().get("again"))):
            return True  # it has said so itself
        if self.stopping is not None:
            memory = self.stopping.memory
        else:
            killed = code is not None and code == -getattr(signal, "SIGKILL", 9)
            memory = killed and self.memory_kills is not None and processes.memory_kills() > self.memory_kills
        return memory and halving.halve(run, run.state().get("stage", "")) is not None
