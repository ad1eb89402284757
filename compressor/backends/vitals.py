"""Whether a job's process is well: how much memory it and its family hold, and whether anything still happens in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from compressor.system import processes
from compressor.system.processes import Process

EVERY = 2.0
"""Seconds between two looks."""
IDLE = 0.02
"""Share of one core below which a process counts as waiting for something."""
SLACK = 2 * 1024**3
"""Bytes that a process may reserve beyond what it may hold: stacks, and pools that are never filled."""


@dataclass
class _Sign:
    """The last time that anything happened."""

    at: float
    said: int
    spent: float


class Vitals:
    """Of one process.

    Args:
        voices: files that grow while it works: its events, its log.
    """

    def __init__(self, worker: Process, voices: tuple[Path, ...]):
        self.worker, self.voices = worker, voices
        self.memory = 0
        self._looked = 0.0
        self._sign = _Sign(time.monotonic(), self._said(), 0.0)

    def look(self) -> None:
        """Take its pulse, if the last time is a while ago."""
        now = time.monotonic()
        if now - self._looked < EVERY:
            return
        self.memory, spent = processes.vitals(self.worker)
        said, last = self._said(), self._sign
        busy = spent - last.spent > IDLE * (now - last.at)
        # Compared with the last sign of life: a process that computes for an hour without a word is alive.
        if said != last.said or busy:
            self._sign = _Sign(now, said, spent)
        self._looked = now

    @property
    def silent(self) -> float:
        """Seconds since it last said or computed anything."""
        return max(0.0, self._looked - self._sign.at)

    def _said(self) -> int:
        return sum(path.stat().st_size for path in self.voices if path.exists())
