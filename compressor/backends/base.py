"""What a place where jobs run has to offer. It assumes no shared disk: events and files are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from compressor.jobs.job import Job


class Backend(Protocol):
    """One place where jobs run."""

    name: str

    def start(self, job: Job, token: str | None = None) -> None:
        """Take a waiting job; it runs when its turn has come. One that stopped goes back into the queue first. The
        token is the person's; it is kept in memory until then.

        Raises:
            RunError: it is finished already, or not this person's to start, or the queue is full.
        """

    def events(self, job: Job, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The job's events from `since` on, and where to go on from."""

    def fetch(self, job: Job, name: str) -> Path:
        """A file or folder of the job on this machine's disk, by its name in the job's folder.

        Raises:
            RunError: the job has none of that name.
        """

    def cancel(self, job: Job) -> Job:
        """End a job within five seconds, whatever it is doing.

        Raises:
            RunError: it is not this person's to cancel.
        """

    def poll(self) -> None:
        """Look after the jobs: notice what ended, start what is next. Light; safe to call from many threads."""

    def close(self) -> None:
        """Stop looking after jobs. Those that run go on."""
