"""Whose runs there are, and which comes next. A job is a folder under `settings.jobs_dir`; owners and the queue are in
one SQLite file beside it, rebuilt from the folders where it is lost. Starts nothing: that is a backend's business.

Whoever asks for a job names its owner; to anybody else there is no such run.
"""

from __future__ import annotations

import hmac
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from compressor import logs
from compressor.data.sources import is_file
from compressor.errors import RecipeError, RunError
from compressor.jobs import job as jobs
from compressor.jobs import quota
from compressor.jobs.files import NO_FILES, NO_FOLDERS, keep_files, paths_of
from compressor.jobs.job import Comparison, Job
from compressor.jobs.rebuild import NEW, OLD
from compressor.jobs.table import Row
from compressor.jobs.turns import Turns
from compressor.recipe import Recipe
from compressor.runfolder import CANCELLED, ENDED, FINISHED, QUEUED, RUNNING, RunFolder
from compressor.system import processes
from compressor.system.holding import take_away
from compressor.teachers import looks_local


class JobStore(Turns):
    """Safe to use from several threads."""

    # ------------------------------------------------------------------ for people

    def create(
        self,
        owner: str,
        asked: Recipe | Comparison,
        kind: str = "run",
        title: str = "",
        models: Sequence[str] = (),
        sees: Sequence[str] = (),
    ) -> Job:
        """A new job at the end of the queue; it starts once it is handed to a backend. Uploaded files move in with it.

        Args:
            models: with the kind `compare`, and a recipe that says only what the data are: the models to compare.
            sees: further owners whose runs this person may name.

        Raises:
            RunError: the queue is full, or this owner has enough runs waiting.
            RecipeError: it names files of the server, and this server is open to strangers.
        """
        if models:
            asked = Comparison(models=tuple(models), data=asked.data)
        if self.settings.hosted:
            self._refuse_foreign((owner, *sees), asked)
        quota.check_room(self.settings, self._held(owner, *sees))
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
                quota.check_number(self.settings, self._held(owner, *sees))
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
        logs.event("run-created", run=id_, owner=owner, kind=card["kind"])
        return self.get(id_, owner)

    def _refuse_foreign(self, owners: Sequence[str], asked: Recipe | Comparison) -> None:
        """On a server of many people, a path may lead into the owner's own runs and nowhere else; of files also to what was
        uploaded just now.

        Raises:
            RunError: it leads into somebody else's run.
            RecipeError: it leads elsewhere on the server.
        """
        named = list(asked.models) if isinstance(asked, Comparison) else [asked.teacher]
        if isinstance(asked, Recipe) and asked.student is not None and asked.student.model is not None:
            named.append(asked.student.model)
        for reference in named:
            if looks_local(reference):
                self._refuse_path(owners, Path(reference).resolve(), NO_FOLDERS)
        if asked.data is not None:
            if isinstance(asked.data.source, str) and is_file(asked.data.source):
                raise RecipeError(NO_FILES)
            for file in paths_of(asked.data).values():
                if not Path(file).resolve().is_relative_to(self.settings.uploads_dir.resolve()):
                    self._refuse_path(owners, Path(file).resolve(), NO_FILES)

    def _held(self, *owners: str) -> Sequence[quota.Held]:
        return [quota.Held.of(job) for owner in dict.fromkeys(owners) for job in self.list(owner)]

    def _refuse_path(self, owners: Sequence[str], path: Path, why: str) -> None:
        if not path.is_relative_to(self.folder.resolve()):
            raise RecipeError(why)
        row = self._table.row((*path.relative_to(self.folder.resolve()).parts, "")[0])
        if row is None or row.owner not in owners:
            raise RunError(jobs.NOT_FOUND)

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
                logs.event("run-cancelled", run=id_, kind=row.kind, status=CANCELLED)
            elif row.status == RUNNING:
                self._table.update(id_, cancel=1)
                logs.event("run-cancel-asked", run=id_, kind=row.kind)
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
            self.run(row).write_state(status=QUEUED, error=None, pid=None, process=None, again=None)
        logs.event("run-queued-again", run=id_, kind=row.kind, status=row.status)
        return self.get(id_, owner)

    def rerun(self, id_: str, owner: str, to: str | None = None, sees: Sequence[str] = ()) -> Job:
        """A new job that asks for the same; `to` is whose it becomes, where that is somebody else with the same person
        behind, who `sees` those owners' runs."""
        old = self._job(self._own(id_, owner))
        return self.create(to or owner, jobs.parse(old.asked()), old.kind, old.title, sees=sees)

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
        logs.event("run-deleted", run=id_, kind=row.kind, status=row.status)

    def expire(self, row: Row) -> bool:
        """Delete a run that is over, unless it was started again since, or somebody reads it at this moment."""
        folder, old = self.folder / row.id, self.folder / f"{OLD}{row.id}"
        with self._table.change():
            now = self._table.row(row.id)
            if now is None or now.status not in ENDED or now.finished != row.finished:
                return False
            if folder.exists() and not take_away(self.settings, folder, old):
                return False
            self._table.delete(row.id)
        shutil.rmtree(old, ignore_errors=True)
        logs.event("run-expired", run=row.id, kind=row.kind, status=row.status)
        return True

    # ------------------------------------------------------------------ inside

    def _own(self, id_: str, owner: str) -> Row:
        self.get(id_, owner)
        row = self._table.row(id_)
        if row is None:
            raise RunError(jobs.NOT_FOUND)
        return row

    def _job(self, row: Row, view: bool = False) -> Job:
        state = self.run(row).state() if row.status == RUNNING else {}
        # What the worker wrote last is newer than the table until the backend looks after it. Of another end than success it is
        # the backend that says: where memory ran out, it starts the job once more.
        said = state if state.get("status") == FINISHED and row.pid == state.get("pid") else {}
        place, wait = self.turn(row)
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
            place=place,
            wait=wait,
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
