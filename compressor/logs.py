"""The app's own log: one JSON object a line in `<data_dir>/log/app.jsonl`, and what is worth a look on stderr too.

`event("run-started", run=id, …)` says what happened to a run; each line carries the run's id. A person is never named: an
owner becomes a short hash, salted with a key of this machine's. Anything that looks like a token is taken out of every line.

    {"time": "2026-01-31T12:00:00.123Z", "level": "info", "event": "run-finished", "run": "5f…", "kind": "run", "seconds": 81.2}

Without `set_up` (the command line, Python) events go nowhere. What a run itself prints stays in that run's folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from compressor.events import read_events
from compressor.jobs.secrecy import scrubbed
from compressor.settings import Settings
from compressor.system.whole import fresh

MAX_BYTES, KEPT = 10_000_000, 4
"""A file's size at most, and how many older ones are kept beside it."""

KEY = 32
"""Characters of `log.key`."""
LINE, WHEN = "%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"

_logger = logging.getLogger("compressor.runs")
_logger.addHandler(logging.NullHandler())  # events of a process that keeps no log are not printed either
_mine: list[logging.Handler] = []
_read: dict[str, int] = {}
"""How far the events of the runs that go on have been followed, in bytes."""
_before = 0.0
"""When the process before this one wrote its last line, in seconds since the epoch."""
_lock = threading.Lock()


def set_up(settings: Settings, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
    """From here on this process keeps the app's log. A folder that cannot be written leaves stderr alone; it never raises."""
    global _before  # noqa: PLW0603
    tear_down()
    human = logging.StreamHandler(sys.stderr)
    human.setLevel(logging.WARNING)
    human.setFormatter(_Human(settings.token))
    _mine.append(human)
    path, why = log_file(settings), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _before = path.stat().st_mtime if path.exists() else 0.0
        lines = _Rotating(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8")
        lines.setFormatter(_Lines(settings.token, _salt(settings)))
        _mine.append(lines)
    except OSError as error:
        why = error.strerror
    for handler in _mine:
        logging.getLogger().addHandler(handler)
    logging.getLogger("compressor").setLevel(logging.INFO)
    if why is not None:
        logging.getLogger(__name__).warning("There is no log: its folder cannot be written (%s).", why)


def tear_down() -> None:
    """Keep no log any more."""
    for handler in _mine:
        logging.getLogger().removeHandler(handler)
        handler.close()
    _mine.clear()
    _read.clear()


def log_file(settings: Settings) -> Path:
    """The newest file of the log; older ones end in `.1`, `.2` …"""
    return settings.data_dir / "log" / "app.jsonl"


def event(
    name: str, *, run: str | None = None, owner: str | None = None, level: int = logging.INFO, **fields: Any
) -> None:
    """Write down what happened. Never raises.

    Args:
        run: the job's id.
        owner: whose run it is; only a hash of it is written.
        level: warnings and worse are also said on stderr.
        fields: JSON data (`kind`, `stage`, `seconds`, `status`, `error` …); None is left out.
    """
    said = {k: v for k, v in fields.items() if v is not None}
    _logger.log(level, name, extra={"event": name, "run": run, "owner": owner, "fields": said})


def ended(run: str, status: str, error: str | None, *, kind: str, since: float | None) -> None:
    """A run is over; one that did not end as its owner wanted is a warning.

    Args:
        since: when it was started, in seconds since the epoch.
    """
    _read.pop(run, None)
    level = logging.WARNING if status in ("failed", "interrupted") else logging.INFO
    seconds = round(time.time() - since, 1) if since else None
    event(f"run-{status}", run=run, level=level, kind=kind, status=status, seconds=seconds, error=error)


def begin(run: str, events_file: Path) -> None:
    """A run (re)starts: `follow` tells what it says from now on, not what an earlier try has said."""
    with _lock:
        _read[run] = events_file.stat().st_size if events_file.exists() else 0


def follow(run: str, events_file: Path) -> None:
    """Tell on what a run has said of itself since the last look: stages that finished, tries that began anew. Cheap: only
    what is new is read. Of a run that went on while the app was down, what happened meanwhile is told. Never raises."""
    if not _mine:
        return
    with _lock:
        known = run in _read
        try:
            found, _read[run] = read_events(events_file, _read.get(run, 0))
        except OSError:
            return
    for one in found:
        name = one.get("event")
        if not isinstance(name, str) or name == "finished":
            continue  # the last one is said by `ended`
        if known or (isinstance(at := one.get("time"), int | float) and at > _before):
            event(f"run-{name}", run=run, **{k: v for k, v in one.items() if k not in _TAKEN})


_TAKEN = frozenset({"event", "name", "time", "run", "owner", "level", "metrics"})


def person(owner: str, salt: bytes) -> str:
    """Short, the same for the same owner on the same machine, and of no use to anybody who has no key."""
    return hmac.new(salt, owner.encode(), hashlib.sha256).hexdigest()[:10]


def in_worker() -> None:
    """A run's own log: whatever is said through Python's logging or warnings says also when, and how bad it is."""
    logging.setLoggerClass(_Plain)
    logging.basicConfig(level=logging.WARNING)
    plain = logging.Formatter(LINE, WHEN)
    plain.converter = time.gmtime
    for handler in logging.getLogger().handlers:
        handler.setFormatter(plain)
    logging.captureWarnings(True)


# ---------------------------------------------------------------------- how it is written


def _salt(settings: Settings) -> bytes:
    """This machine's key, made once. Not in the log's folder, so that whoever is handed the log has no key to it."""
    path = settings.data_dir / "log.key"
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) >= KEY:
        return found
    # None, or one that was never written to its end. The name appears with all of it, whoever else makes one at this moment.
    with fresh(path) as part:
        part.touch(mode=0o600)
        part.write_text(secrets.token_hex(KEY // 2), encoding="ascii")
    return path.read_bytes()


class _Plain(logging.Logger):
    """Libraries (transformers, torch, huggingface_hub) bring handlers of their own, in forms of their own. Here they have none:
    all goes to the root's."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802
        return

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, True if name == "propagate" else value)


class _Rotating(RotatingFileHandler):
    """Readable by its owner only, and silent where the disk is full: a log must not add to the trouble."""

    def _open(self) -> IO[Any]:  # type: ignore[override]
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        return


class _Lines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, token: str | None, salt: bytes):
        super().__init__()
        self._token, self._salt = token, salt

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower()}
        line |= (
            self._of_a_run(record)
            if hasattr(record, "event")
            else {"logger": record.name, "message": record.getMessage()}
        )
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
            line["trace"] = self.formatException(record.exc_info)
        return scrubbed(json.dumps(line, ensure_ascii=False, default=str), self._token)

    def _of_a_run(self, record: logging.LogRecord) -> Mapping[str, Any]:
        said: dict[str, Any] = {"event": record.__dict__["event"]}
        if run := record.__dict__["run"]:
            said["run"] = run
        if owner := record.__dict__["owner"]:
            said["person"] = person(owner, self._salt)
        said.update(record.__dict__["fields"])
        return said


class _Human(logging.Formatter):
    """For whoever watches the terminal."""

    def __init__(self, token: str | None):
        super().__init__(LINE, WHEN)
        self.converter, self._token = time.gmtime, token

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if hasattr(record, "event"):
            said = record.__dict__["fields"]
            text += f" {(record.__dict__['run'] or '')[:8]}" + (f": {said['error']}" if said.get("error") else "")
        return scrubbed(text, self._token)
