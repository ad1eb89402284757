"""Makes the table of jobs agree with their folders, which are what counts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from compressor.errors import RunError
from compressor.jobs.job import FAR, ID, read_card
from compressor.jobs.table import Table
from compressor.runfolder import ENDED, FINISHED, INTERRUPTED, QUEUED, RUNNING, RunFolder
from compressor.untrusted.plain import storable

NEW, OLD = ".new-", ".old-"
"""Folders on their way in and out."""


def reconcile(table: Table, folder: Path) -> None:
    """Jobs that the table lacks are added, those without a folder go, and what was on its way in or out is swept up."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in folder.iterdir():
        if one.name.startswith(OLD) or (one.name.startswith(NEW) and _age(one) > 3600):
            shutil.rmtree(one, ignore_errors=True)
        elif ID.fullmatch(one.name):
            with suppress(RunError):
                found[one.name] = read_card(one)
    with table.change():
        known = {row.id for row in table.rows()}
        for id_ in known:
            if not (folder / id_).is_dir():
                table.delete(id_)
        for card in sorted((c for i, c in found.items() if i not in known), key=lambda c: float(c["created"])):
            table.insert(**_from_folder(card, RunFolder(folder / card["id"])))


def _from_folder(card: Mapping[str, Any], run: RunFolder) -> dict[str, Any]:
    state = run.state()
    status = FINISHED if run.is_finished else state.get("status")
    status = status if status in (*ENDED, QUEUED, RUNNING) else INTERRUPTED
    token = card.get("token")
    # Whatever a damaged state says, the table takes it: one folder must not keep the app from starting.
    times = {key: moment if _is_time(moment := state.get(key)) else None for key in ("started", "updated")}
    words = {key: storable(said) if isinstance(said := state.get(key), str) else None for key in ("error", "process")}
    pid = state.get("pid")
    return {
        **{k: card[k] for k in ("id", "owner", "kind", "title", "created", "share_key")},
        "status": status,
        "started": times["started"],
        "finished": times["updated"] if status in ENDED else None,
        "error": words["error"] if status != FINISHED else None,
        "token": None if token is None else int(bool(token)),
        "pid": pid if status == RUNNING and type(pid) is int and 0 < pid < 2**31 else None,
        "mark": words["process"] if status == RUNNING else None,
    }


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < FAR


def _age(folder: Path) -> float:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime
    return 0.0
