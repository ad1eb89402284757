"""The queue and the owners in one SQLite file. It knows no folder's contents; what it says can be rebuilt from them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from compressor.errors import DiskFullError, RunError
from compressor.failures import DISK
from compressor.system.processes import Process

VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of the queue
    id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, share_key TEXT NOT NULL,
    created REAL NOT NULL, status TEXT NOT NULL, started REAL, finished REAL, error TEXT,
    token INTEGER,              -- does it wait with a token that only its keeper holds? NULL: not handed in yet
    keeper_pid INTEGER, keeper_mark TEXT,   -- the page's process that took it
    pid INTEGER, mark TEXT,     -- the worker's process
    cancel INTEGER NOT NULL DEFAULT 0,
    seconds REAL                -- how long it is expected to take
);
CREATE TABLE IF NOT EXISTS served (owner TEXT PRIMARY KEY, at REAL NOT NULL);  -- when a person's last job was started
CREATE INDEX IF NOT EXISTS by_owner ON jobs (owner, created);
CREATE INDEX IF NOT EXISTS by_status ON jobs (status, seq);
"""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    seq: int
    id: str
    owner: str
    kind: str
    title: str
    share_key: str
    created: float
    status: str
    started: float | None
    finished: float | None
    error: str | None
    token: int | None
    keeper_pid: int | None
    keeper_mark: str | None
    pid: int | None
    mark: str | None
    cancel: int
    seconds: float | None

    @property
    def worker(self) -> Process | None:
        return Process(self.pid, self.mark or "") if self.pid else None

    @property
    def keeper(self) -> Process | None:
        return Process(self.keeper_pid, self.keeper_mark or "") if self.keeper_pid else None


COLUMNS = frozenset(f.name for f in fields(Row))


class Table:
    """Short transactions over one connection, shared by the page's threads; other processes wait their turn (WAL).

    A file that is no database, or one of another version, is put aside as `jobs.sqlite.broken` and begun anew.
    """

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
        except sqlite3.OperationalError:
            raise  # locked or unreadable: not a reason to begin anew
        except sqlite3.DatabaseError:
            self._put_aside()
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            (version,), (health,) = (
                db.execute("PRAGMA user_version").fetchone(),
                db.execute("PRAGMA quick_check").fetchone(),
            )
            if version not in (0, VERSION) or health != "ok":
                raise sqlite3.DatabaseError(f"version {version}, {health}")
            db.executescript(SCHEMA + f"PRAGMA user_version={VERSION};")
            self._path.chmod(0o600)
        except BaseException:
            db.close()
            raise
        return db

    def _put_aside(self) -> None:
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(self._path.name + ".broken"))

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of the body's changes or, if it raises, none.

        Raises:
            DiskFullError, RunError: the file cannot be written.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._roll_back()
                if "full" in str(error):
                    raise DiskFullError(DISK) from error
                raise RunError("The list of runs is busy or cannot be written. Try again in a moment.") from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")

    def rows(self, where: str = "", *values: Any) -> list[Row]:
        """Rows in the order of the queue; `where` is SQL of our own."""
        with self._lock:
            query = f"SELECT * FROM jobs {where and 'WHERE ' + where} ORDER BY seq"  # noqa: S608
            found = self._db.execute(query, values).fetchall()
        return [Row(**dict(row)) for row in found]

    def row(self, id_: str) -> Row | None:
        found = self.rows("id = ?", id_)
        return found[0] if found else None

    def insert(self, **values: Any) -> None:
        assert values.keys() <= COLUMNS
        marks = ", ".join("?" for _ in values)
        with self._lock:
            self._db.execute(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608

    def update(self, id_: str, **values: Any) -> None:
        assert values.keys() <= COLUMNS
        sets = ", ".join(f"{k} = ?" for k in values)
        with self._lock:
            self._db.execute(f"UPDATE jobs SET {sets} WHERE id = ?", (*values.values(), id_))  # noqa: S608

    def to_the_end(self, id_: str) -> None:
        """The last place of the queue."""
        with self._lock:
            self._db.execute("UPDATE jobs SET seq = (SELECT MAX(seq) + 1 FROM jobs) WHERE id = ?", (id_,))

    def serve(self, owner: str, forget: float) -> None:
        """Note that one of this person's jobs is started now, and forget of whom that is so many seconds ago."""
        now = time.time()
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO served VALUES (?, ?)", (owner, now))
            self._db.execute("DELETE FROM served WHERE at < ?", (now - forget,))

    def served(self) -> dict[str, float]:
        """When each person's last job was started, seconds since the epoch."""
        with self._lock:
            return dict(self._db.execute("SELECT owner, at FROM served").fetchall())

    def delete(self, id_: str) -> None:
        with self._lock:
            self._db.execute("DELETE FROM jobs WHERE id = ?", (id_,))

    def close(self) -> None:
        with self._lock:
            self._db.close()
