"""What a run says while it runs: stages, steps and metrics. Writers append; readers tail. Knows nothing of processes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from compressor.untrusted.plain import read_json


class Progress(Protocol):
    """Where a stage reports to. `total` is 0 where it is not known."""

    def __call__(self, stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        """One step. May raise RunCancelledError, so that every stage can be stopped where it reports.

        Metrics in use: `loss`, `quality` (validation), `teacher_quality`, `rate` (examples per second), `epoch`,
        `memory` (bytes), `eta` (seconds), `message` (a sentence).
        """


def silent(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
    """A Progress that says nothing."""


class EventLog:
    """Appends to a run's `events.jsonl`: one JSON object a line, with `time` in seconds since the epoch."""

    def __init__(self, path: Path, echo: Callable[[Mapping[str, Any]], None] | None = None):
        self.path, self.echo = path, echo
        self._start = "\n" if _cut_off(path) else ""

    @property
    def begun(self) -> bool:
        """Whether anything stands in it, be it of an earlier process."""
        return self.path.is_file() and self.path.stat().st_size > 0

    def write(self, **event: Any) -> None:
        event = {"time": round(time.time(), 3), **event}
        with self.path.open(
            "a", encoding="utf-8"
        ) as file:  # one write, one line: a reader never sees half of one as JSON
            file.write(self._start + json.dumps(event, ensure_ascii=False) + "\n")
        self._start = ""
        if self.echo:
            self.echo(event)


def _cut_off(path: Path) -> bool:
    """Whether the last line was cut by a crash: what comes next must not be written behind it."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"
    except OSError:  # it is not there, or empty
        return False


def read_events(path: Path, since: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events from byte `since` on, and where to go on from. A line half written is left for next time."""
    try:
        with path.open("rb") as file:
            file.seek(since)
            data = file.read()
    except FileNotFoundError:
        return [], since
    whole, _, _ = data.rpartition(b"\n")
    if not whole:
        return [], since
    events = []
    for line in whole.split(b"\n"):
        try:
            event = read_json(line)
        except ValueError:
            continue  # a line cut by a crash: the next one starts afresh
        if isinstance(event, dict):
            events.append(event)
    return events, since + len(whole) + 1
