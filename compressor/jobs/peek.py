"""A look at the table of jobs from outside: through a connection of its own that only reads, repairs nothing and waits for
nobody long. For whoever asks how the app is doing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from compressor.runfolder import QUEUED, RUNNING
from compressor.settings import Settings
from compressor.system.disk import is_there
from compressor.system.processes import Process

PATIENCE = 1.0
"""Seconds to wait for a writer."""


def counts(settings: Settings) -> tuple[int, int] | None:
    """How many jobs (run, wait); None where there has never been a job.

    Raises:
        sqlite3.Error: the table cannot be read.
    """
    found = _ask(settings, "SELECT status, COUNT(*) FROM jobs WHERE status IN (?, ?) GROUP BY status", RUNNING, QUEUED)
    if found is None:
        return None
    by_status = dict(found)
    return by_status.get(RUNNING, 0), by_status.get(QUEUED, 0)


def running(settings: Settings) -> list[tuple[str, Process | None]]:
    """(id, process) of the jobs that are marked as running; None where no process was noted yet.

    Raises:
        sqlite3.Error: the table cannot be read.
    """
    found = _ask(settings, "SELECT id, pid, mark FROM jobs WHERE status = ? ORDER BY seq", RUNNING)
    return [(id_, Process(pid, mark or "") if pid else None) for id_, pid, mark in found or ()]


def _ask(settings: Settings, query: str, *values: str) -> Sequence[Any] | None:
    path = settings.data_dir / "jobs.sqlite"
    if not is_there(path):
        return None
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as db:
        return db.execute(query, values).fetchall()
