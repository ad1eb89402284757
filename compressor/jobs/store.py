"""Whose runs there are, and which comes next. A job is a folder under `settings.jobs_dir`; owners and the queue are in
one SQLite file beside it, rebuilt from the folders where it is lost. Starts nothing: that is a backend's business.

Whoever asks for a job names its owner; to anybody else there is no such run.
"""

from __future__ import annotations

import hmac
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from compressor import processes
from compressor.errors import RecipeError, RunError
from compressor.jobs import job as jobs
from compressor.jobs.files import keep_files
from compressor.jobs.job import Comparison, Job
from compressor.jobs.rebuild import NEW, OLD, reconcile
from compressor.jobs.table import Row, Table
from compressor.processes import Process
from compressor.recipe import Recipe
from compressor.runfolder import CANCELLED, ENDED, FINISHED, QUEUED, RUNNING, RunFolder
from compressor.settings import Settings
from compressor.teachers import looks_local


class JobStore:
    """Safe to use from several threads."""

    def __init__(self, settings: Settings):
        self.settings, self.folder = settings, settings.jobs_dir
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._table = Table(settings.data_dir / "jobs.sqlite")
        reconcile(self._table, self.folder)

    def close(self) -> None:
        """Let go of the database."""
        self._table.close()

    # ------------------------------------------------------------------ for people

    def create(
        self,
        owner: str,
        asked: Recipe | Comparison,
        kind: str = "run",
        title: str = "",
        models: Sequence[str] = (),
    ) -> Job:
        """A new job at the end of the queue; it starts once it is handed to a backend. Uploaded files move in with it.

        Args:
            models: with the kind `compare`, and a recipe that says only what the data are: the models to compare.

        Raises:
            RunError: the queue is full, or this owner has enough runs waiting.
            RecipeError: it names files of the server, and this server is open to strangers.
        """
        if models:
            asked = Comparison(models=tuple(models), data=asked.data)
        if self.settings.hosted:
            self._refuse_foreign(owner, asked)
        id_, me, now = secrets.token_hex(16), processes.current(), round(time.time(), 3)
        new, folder = self.folder / f"{NEW}{id_}", self.folder / id_
        card = _card(id_, owner, kind, title, asked) | {"created": now}
        try:
            new.mkdir(mode=0o700)
            kept = keep_files(asked, new / "data", folder / "data", self.settings)
            jobs.write_card(new, card | {"asked": jobs.plain(kept)})
            RunFolder(new).write_state(status=QUEUED)
            with self._table.change():
                self._refuse_when_full(owner)
                self._table.insert(
                    **{k: card[k] for k in ("id", "owner", "kind", "title", "created", "share_key")},
                    status=QUEUED,
                    keeper_pid=me.pid,
                    keeper_mark=me.mark,
                )
                new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        return self.get(id_, owner)

    def _refuse_foreign(self, owner: str, asked: Recipe | Comparison) -> None:
        """On a server of many people, a path may lead into the owner's own runs and nowhere else.

        Raises:
            RunError: it leads into somebody else's run.
            RecipeError: it leads elsewhere on the server.
        """
        named = list(asked.models) if isinstance(asked, Comparison) else [asked.teacher]
        if isinstance(asked, Recipe) and asked.student is not None and asked.student.model is not None:
            named.append(asked.student.model)
        for reference in named:
            if not looks_local(reference):
                continue
            path = Path(reference).resolve()
            if not path.is_relative_to(self.folder.resolve()):
                raise RecipeError(
                    "Folders of the server are not open to visitors. Give a model's id on the Hub instead."
                )
            self.get((*path.relative_to(self.folder.resolve()).parts, "")[0], owner)

    def get(self, id_: str, owner: str | None = None, share_key: str | None = None) -> Job:
        """The job, for its owner; with its share key for anybody, to look at.

        Raises:
            RunError: there is none, or none for this person: the two look the same.
        """
        row = self._table.row(id_) if isinstance(id_, str) and jobs.ID.fullmatch(id_) else None
        if row is not None:
            if owner and hmac.compare_digest(row.owner.encode(), owner.encode()):
                return self._job(row)
            if share_key and hmac.compare_digest(row.share_key.encode(), share_key.encode()):
                return self._job(row, view=True)
        raise RunError(jobs.NOT_FOUND)

    def list(self, owner: str) -> list[Job]:
        """An owner's jobs, the newest first."""
        return [self._job(row) for row in reversed(self._table.rows("owner = ?", owner))] if owner else []

    def share_key(self, id_: str, owner: str) -> str:
        """The secret of the link that shows this run to others, read-only."""
        return self._own(id_, owner).share_key

    def cancel(self, id_: str, owner: str) -> Job:
        """A waiting job is over at once; a running one is marked for its backend to stop. One that is over stays as it
        is."""
        with self._table.change():
            row = self._own(id_, owner)
            if row.status == QUEUED:
                self._table.update(id_, status=CANCELLED, finished=time.time(), error=None, cancel=0)
                self.run(row).write_state(status=CANCELLED, error=None)
            elif row.status == RUNNING:
                self._table.update(id_, cancel=1)
        return self.get(id_, owner)

    def resume(self, id_: str, owner: str) -> Job:
        """Back into the queue, to go on in the same folder; a backend has to be given it again.

        Raises:
            RunError: it is finished, waits or runs; or the queue is full.
        """
        me = processes.current()
        with self._table.change():
            row = self._own(id_, owner)
            if row.status not in ENDED or row.status == FINISHED:
                raise RunError(f"This run is {row.status}: there is nothing to resume.")
            self._refuse_when_full(owner)
            self._table.to_the_end(id_)
            self._table.update(id_, status=QUEUED, started=None, finished=None, error=None, cancel=0, token=None,
                               pid=None, mark=None, keeper_pid=me.pid, keeper_mark=me.mark)  # fmt: skip
            self.run(row).write_state(status=QUEUED, error=None, pid=None, process=None)
        return self.get(id_, owner)

    def rerun(self, id_: str, owner: str) -> Job:
        """A new job that asks for the same."""
        old = self._job(self._own(id_, owner))
        return self.create(owner, jobs.parse(old.asked()), old.kind, old.title)

    def delete(self, id_: str, owner: str) -> None:
        """Take a job off the list and its folder off the disk.

        Raises:
            RunError: it runs.
        """
        with self._table.change():
            row = self._own(id_, owner)
            if row.status == RUNNING:
                raise RunError("This run is still going. Cancel it before you delete it.")
            self._table.delete(id_)
            with suppress(FileNotFoundError):
                (self.folder / id_).rename(self.folder / f"{OLD}{id_}")
        shutil.rmtree(self.folder / f"{OLD}{id_}", ignore_errors=True)

    # ------------------------------------------------------------------ for backends

    def run(self, row: Row) -> RunFolder:
        """The folder of a row."""
        return RunFolder(self.folder / row.id)

    def row(self, id_: str) -> Row | None:
        """The table's line, whoever's it is."""
        return self._table.row(id_)

    def rows(self, *statuses: str) -> Sequence[Row]:
        """The lines in the order of the queue."""
        return self._table.rows(f"status IN ({', '.join('?' for _ in statuses)})", *statuses)

    def ready(self, job: Job, *, token: bool) -> None:
        """The job may start from now on. `token`: it waits with a token, which only this process holds."""
        folder = self.folder / job.id
        jobs.write_card(folder, jobs.read_card(folder) | {"token": token})
        with self._table.change():
            self._table.update(job.id, token=int(token))

    def claim(self, may_start: Callable[[Row], bool]) -> Row | None:
        """Make the first waiting job that may start a running one, where no other runs; the caller starts it."""
        with self._table.change():
            if self.rows(RUNNING):
                return None
            row = next((r for r in self.rows(QUEUED) if r.token is not None and may_start(r)), None)
            if row is not None:
                self._table.update(row.id, status=RUNNING, started=time.time(), pid=None, mark=None)
        return row

    def launched(self, id_: str, worker: Process) -> None:
        """Remember which process runs the job."""
        with self._table.change():
            self._table.update(id_, pid=worker.pid, mark=worker.mark)

    def settle(self, row: Row, status: str, error: str | None = None, *, folder: bool = True) -> None:
        """The job is over, as its folder says too; `folder=False` where that belongs to another process."""
        run = self.run(row)
        state = run.state()
        if folder and run.path.is_dir() and (state.get("status"), state.get("error")) != (status, error):
            run.write_state(status=status, error=error)
        with self._table.change():
            self._table.update(row.id, status=status, error=error, finished=time.time(), pid=None, mark=None, cancel=0)

    # ------------------------------------------------------------------ inside

    def _own(self, id_: str, owner: str) -> Row:
        self.get(id_, owner)
        row = self._table.row(id_)
        if row is None:
            raise RunError(jobs.NOT_FOUND)
        return row

    def _job(self, row: Row, view: bool = False) -> Job:
        state = self.run(row).state() if row.status == RUNNING else {}
        # What the worker wrote last is newer than the table until the backend looks after it.
        said = state if state.get("status") in ENDED and row.pid == state.get("pid") else {}
        return Job(
            id=row.id,
            owner=row.owner,
            kind=row.kind,
            title=row.title,
            folder=self.folder / row.id,
            status=said.get("status", row.status),
            created=row.created,
            started=row.started,
            finished=said.get("updated", row.finished),
            error=said.get("error", row.error),
            place=row.place,
            stage=str(state.get("stage") or ""),
            view=view,
        )

    def _refuse_when_full(self, owner: str) -> None:
        waiting = self.rows(QUEUED)
        if len(waiting) >= self.settings.max_queue:
            raise RunError(f"{len(waiting)} runs are waiting already, as many as fit. Try again when some are done.")
        own = sum(row.owner == owner for row in waiting)
        if own >= self.settings.max_waiting_each:
            what = "a run" if own == 1 else f"{own} runs"
            raise RunError(
                f"You have {what} waiting already. Wait until it starts, or cancel it, before you add another."
            )


def _card(id_: str, owner: str, kind: str, title: str, asked: Recipe | Comparison) -> dict[str, Any]:
    """What `job.json` says of a new job, besides what is asked."""
    return {
        "schema": 1,
        "id": id_,
        "owner": owner,
        "kind": "compare" if isinstance(asked, Comparison) and kind == "run" else kind,
        "title": title or _title(asked),
        "share_key": secrets.token_hex(16),
        "token": None,
    }


def _title(asked: Recipe | Comparison) -> str:
    if isinstance(asked, Comparison):
        return " · ".join(model.rstrip("/").split("/")[-1] for model in asked.models)
    return asked.teacher.rstrip("/").split("/")[-1]
