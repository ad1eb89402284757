"""Runs jobs on this machine, one at a time, each in a process of its own that outlives the page.

The page's timer and a thread of this object call `poll`; whoever comes first does the work. What a job's process is told
goes in over standard input; what it says comes out through its folder.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from compressor import logs
from compressor.backends.care import Care, Stopping
from compressor.backends.endings import LOCKED, WAITED, ending
from compressor.backends.vitals import Vitals
from compressor.errors import RunError
from compressor.events import read_events
from compressor.jobs import orders
from compressor.jobs.job import Job
from compressor.jobs.store import JobStore
from compressor.jobs.table import Row
from compressor.runfolder import ENDED, FAILED, INTERRUPTED, QUEUED, RUNNING
from compressor.settings import Settings
from compressor.system import processes
from compressor.system.processes import Process
from compressor.system.whole import remove, sweep

LINGER = 30.0
"""Seconds that a worker may take to go once its job is over."""

PATIENCE = 10.0
"""Seconds for which a page's process leaves it to another to say how a job ended that the other has started."""

STARTING = 10.0
"""Seconds between taking a job and noting its process, at most."""


class LocalBackend:
    """See the module.

    Args:
        module: what a job's process runs.
        grace: seconds between asking a process to end and ending it.
        every: seconds between two looks while there is something to look after.
        watch: start the thread; without it the caller polls.
    """

    name = "local"

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        *,
        module: str = "compressor.jobs.worker",
        grace: float = 3.0,
        every: float = 1.0,
        watch: bool = True,
    ):
        self.settings, self.store, self.module = settings, store, module
        self.grace, self.every = grace, every
        self._turn = threading.Lock()
        self._wake, self._closed = threading.Event(), False
        self._tokens: dict[str, str] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._cares: dict[str, Care] = {}
        self._seen_dead: dict[str, float] = {}
        self.poll()
        if watch:
            threading.Thread(target=self._watch, name="jobs", daemon=True).start()

    # ------------------------------------------------------------------ for the page

    def start(self, job: Job, token: str | None = None) -> None:
        """See `Backend.start`."""
        job = self.store.get(job.own().id, job.owner)
        if job.over:
            job = self.store.resume(job.id, job.owner)
        if token and (self.settings.hosted or token != self.settings.token):
            self._tokens[job.id] = token
        self.store.ready(job, token=job.id in self._tokens)
        self._wake.set()
        self.poll()

    def events(self, job: Job, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        """See `Backend.events`; `since` counts bytes."""
        return read_events(job.run.events_file, since)

    def fetch(self, job: Job, name: str) -> Path:
        """See `Backend.fetch`: it is there already."""
        path = (job.folder / name).resolve()
        if not path.is_relative_to(job.folder.resolve()) or not path.exists():
            raise RunError(f"This run has no {name}.")
        return path

    def cancel(self, job: Job) -> Job:
        """See `Backend.cancel`."""
        job = self.store.cancel(job.own().id, job.owner)
        self._wake.set()
        until = time.monotonic() + self.grace + 1.5
        while time.monotonic() < until:
            self.poll()
            row = self.store.row(job.id)
            if row is None or row.status in ENDED:
                break
            time.sleep(0.05)
        if self._turn.acquire(timeout=1.0):  # whoever settled it may not have told the log yet
            self._turn.release()
        return self.store.get(job.id, job.owner)

    @property
    def busy(self) -> bool:
        """Does a job run? Then whoever predicts beside it should use one thread."""
        return bool(self.store.rows(RUNNING))

    def close(self) -> None:
        """See `Backend.close`."""
        self._closed = True
        self._wake.set()

    # ------------------------------------------------------------------ looking after them

    def poll(self) -> None:
        """See `Backend.poll`."""
        if not self._turn.acquire(blocking=False):
            return  # another thread is at it
        try:
            for row in self.store.rows(RUNNING):
                try:
                    self._look_after(row)
                except Exception:  # no job may keep the others from being looked after
                    logging.getLogger("compressor.jobs").exception("looking after %s failed; it goes on", row.id)
            waiting = self.store.rows(QUEUED)
            self._forget({row.id for row in waiting})
            for row in waiting:
                if row.id not in self._tokens and row.token != 0 and not processes.alive(row.keeper):
                    self.store.settle(row, INTERRUPTED, WAITED)
            if claimed := self.store.claim(lambda r: r.token == 0 or r.id in self._tokens):
                self._launch(claimed)
        finally:
            self._turn.release()

    def _forget(self, waiting: set[str]) -> None:
        """Drop the tokens of jobs that no longer wait: they were cancelled or deleted before they began."""
        for id_ in [id_ for id_ in self._tokens if id_ not in waiting]:
            row = self.store.row(id_)
            if row is None or row.status in ENDED:
                self._tokens.pop(id_, None)

    def _watch(self) -> None:
        while not self._closed:
            try:
                self.poll()
                idle = not self.store.rows(RUNNING, QUEUED)
            except Exception:
                logging.getLogger("compressor.jobs").exception("looking after the jobs failed; it goes on")
                idle = False
            self._wake.wait(None if idle else self.every)
            self._wake.clear()

    def _launch(self, row: Row, token: str | None = None) -> None:
        run = self.store.run(row)
        token = token or self._tokens.pop(row.id, None) or (None if self.settings.hosted else self.settings.token)
        line = orders.write(self.settings, token=token, owner=row.owner, kind=row.kind)
        logs.begin(row.id, run.events_file)
        try:
            command = processes.python(self.module, str(run.path))
            child = processes.start_detached(command, folder=run.path, log=run.log_file, line=line)
        except OSError as error:
            self.store.settle(row, FAILED, f"The run's process could not be started ({error.strerror}).")
            return
        worker = processes.find(child.pid) or Process(child.pid, "")
        self._children[row.id] = child
        self._cares[row.id] = Care(self._vitals(row, worker), token, processes.memory_kills())
        self.store.launched(row.id, worker)
        logs.event("run-started", run=row.id, kind=row.kind, pid=child.pid)

    def _vitals(self, row: Row, worker: Process) -> Vitals:
        run = self.store.run(row)
        return Vitals(worker, (run.events_file, run.log_file))

    def _look_after(self, row: Row) -> None:
        run = self.store.run(row)
        logs.follow(row.id, run.events_file)
        self._forget_what_another_has_taken(row)
        child, worker = self._children.get(row.id), self._worker(row)
        lives = child.poll() is None if child else processes.alive(worker)
        if lives:
            self._seen_dead.pop(row.id, None)
        if not lives or worker is None:
            if child or not (self._being_started(row) or self._is_left_to_another(row)):
                self._settle(row, worker, child.returncode if child else None)
            return
        care = self._cares.get(row.id)
        if care is None:  # another page's process started it
            care = self._cares[row.id] = Care(self._vitals(row, worker))
        care.vitals.look()
        if row.cancel:
            self._stop(care, worker, None)
        elif why := care.unwell(row, self.settings):
            self._stop(care, worker, *why)
        elif run.state().get("status") in ENDED:
            care.lingering = care.lingering or time.monotonic()
            if time.monotonic() - care.lingering > LINGER:
                processes.kill(worker)

    def _forget_what_another_has_taken(self, row: Row) -> None:
        """Another page's process has started it anew since this one did: the end of that process is not the end of this one."""
        child = self._children.get(row.id)
        if child is not None and (row.keeper != processes.current() or row.pid not in (None, child.pid)):
            child.poll()
            del self._children[row.id]
            self._cares.pop(row.id, None)

    def _worker(self, row: Row) -> Process | None:
        """The job's process; where the page went down before it could note which, the process has said so itself."""
        if row.worker is not None:
            return row.worker
        if child := self._children.get(row.id):
            return processes.find(child.pid)
        return self.store.run(row).process()

    def _being_started(self, row: Row) -> bool:
        """Another page's process has just taken it and has not noted its process yet."""
        fresh = row.started is not None and time.time() - row.started < STARTING
        return row.pid is None and fresh and row.keeper != processes.current() and processes.alive(row.keeper)

    def _is_left_to_another(self, row: Row) -> bool:
        """Another page's process has started it, and is there to say how it ended: it has the exit code, and may start it again.
        What it does not say in PATIENCE seconds, this one does."""
        if row.cancel or row.keeper in (None, processes.current()) or not processes.alive(row.keeper):
            return False
        since = self._seen_dead.setdefault(row.id, time.monotonic())
        return time.monotonic() - since < PATIENCE

    def _stop(self, care: Care, worker: Process, why: str | None, memory: bool = False) -> None:
        """First a request, then, at a later look, the end. Looks come quickly meanwhile."""
        if care.stopping is None:
            family = processes.ask_to_stop(worker)
            care.stopping = Stopping(time.monotonic() + self.grace, family, why, memory)
        elif time.monotonic() > care.stopping.until:
            processes.kill(worker, care.stopping.family)

    def _settle(self, row: Row, worker: Process | None, code: int | None) -> None:
        run, care = self.store.run(row), self._cares.get(row.id)
        logs.follow(row.id, run.events_file)
        stopping = care.stopping if care else None
        if worker is not None:
            processes.kill(worker, stopping.family if stopping else ())  # what it left behind
        if code != LOCKED:
            sweep(run.path)
            if run.is_finished:
                remove(run.work)  # it was killed between its last word and the end of its tidying up
        if care is not None and not row.cancel and self._again_with_less(row, care, code):
            return
        status, error = ending(row, run, code, stopping.why if stopping else None)
        self.store.settle(row, status, error, folder=code != LOCKED)
        # Forgotten behind that: on a full disk it fails, and is done at a later look with all that is known.
        for known in (self._cares, self._children, self._seen_dead):
            known.pop(row.id, None)

    def _again_with_less(self, row: Row, care: Care, code: int | None) -> bool:
        """Start a job once more whose memory ran out, where it can do with a smaller batch; whether it could."""
        run = self.store.run(row)
        if run.is_finished or not care.can_go_on_with_less(run, code):
            return False
        run.write_state(status=QUEUED, error=None, pid=None, process=None, again=None)
        logs.event("run-retried", run=row.id, kind=row.kind)
        self._launch(row, care.token)
        return True
