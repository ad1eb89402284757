"""What backends ask of the list of jobs: which comes next, and what became of one. `JobStore` is made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from compressor import logs
from compressor.jobs import job as jobs
from compressor.jobs import queue
from compressor.jobs.job import Job
from compressor.jobs.rebuild import reconcile
from compressor.jobs.table import Row, Table
from compressor.runfolder import FINISHED, QUEUED, RUNNING, RunFolder
from compressor.settings import Settings
from compressor.system import processes
from compressor.system.processes import Process

LAST = "id IN (SELECT id FROM jobs WHERE status = ? AND kind = ? ORDER BY seq DESC LIMIT ?)"


class Turns:
    """Safe to use from several threads. A job is a folder under `settings.jobs_dir` and a line of the table."""

    def __init__(self, settings: Settings):
        self.settings, self.folder = settings, settings.jobs_dir
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._table = Table(settings.data_dir / "jobs.sqlite")
        reconcile(self._table, self.folder)

    def close(self) -> None:
        """Let go of the database."""
        self._table.close()

    def run(self, row: Row) -> RunFolder:
        """The folder of a row."""
        return RunFolder(self.folder / row.id)

    def row(self, id_: str) -> Row | None:
        """The table's line, whoever's it is."""
        return self._table.row(id_)

    def rows(self, *statuses: str) -> Sequence[Row]:
        """The lines of these statuses, in the order in which they were asked for."""
        return self._table.rows(f"status IN ({', '.join('?' for _ in statuses)})", *statuses)

    def waiting(self) -> list[Row]:
        """The waiting jobs, as their turns come."""
        return queue.in_order(self.rows(QUEUED), self._table.served())

    def turn(self, row: Row) -> tuple[int | None, float | None]:
        """(place in the queue, 1 is next; seconds until it is expected to start); None where there is none, or none can be
        told."""
        if row.status != QUEUED:
            return None, None
        order = self.waiting()
        running = self.rows(RUNNING)
        kinds = {one.kind for one in (*order, *running)}
        usual = {kind: queue.usual(self._table.rows(LAST, FINISHED, kind, queue.USUAL)) for kind in kinds}
        place = next((i for i, one in enumerate(order, 1) if one.id == row.id), None)
        return place, queue.waits(order, running, usual).get(row.id)

    def expect(self, id_: str, seconds: float) -> None:
        """Note how long a job is expected to take."""
        with self._table.change():
            self._table.update(id_, seconds=seconds)

    def ready(self, job: Job, *, token: bool) -> None:
        """The job may start from now on. `token`: it waits with a token, which only this process holds."""
        folder = self.folder / job.id
        jobs.write_card(folder, jobs.read_card(folder) | {"token": token})
        with self._table.change():
            self._table.update(job.id, token=int(token))
        logs.event("run-queued", run=job.id, kind=job.kind)

    def claim(self, may_start: Callable[[Row], bool]) -> Row | None:
        """Make the first waiting job that may start a running one, where no other runs; the caller starts it, and keeps it."""
        me = processes.current()
        with self._table.change():
            if self.rows(RUNNING):
                return None
            row = next((r for r in self.waiting() if r.token is not None and may_start(r)), None)
            if row is not None:
                self._table.update(row.id, status=RUNNING, started=time.time(), pid=None, mark=None,
                                   keeper_pid=me.pid, keeper_mark=me.mark)  # fmt: skip
                self._table.serve(row.owner, forget=queue.LATELY)
        return row

    def launched(self, id_: str, worker: Process) -> None:
        """Remember which process runs the job, and that this one has started it."""
        me = processes.current()
        with self._table.change():
            self._table.update(id_, pid=worker.pid, mark=worker.mark, keeper_pid=me.pid, keeper_mark=me.mark)

    def settle(self, row: Row, status: str, error: str | None = None, *, folder: bool = True) -> None:
        """The job is over, as its folder says too; `folder=False` where that belongs to another process."""
        run = self.run(row)
        state = run.state()
        if folder and run.path.is_dir() and (state.get("status"), state.get("error")) != (status, error):
            with suppress(OSError):  # the disk is full: the table has it, and the folder is set right at the next start
                run.write_state(status=status, error=error)
        with self._table.change():
            self._table.update(row.id, status=status, error=error, finished=time.time(), pid=None, mark=None, cancel=0)
        logs.ended(row.id, status, error, kind=row.kind, since=row.started)
