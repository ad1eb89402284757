"""What runs that wait or go on are made from: other runs' models, and downloads. Nothing of it may be swept up. Read from the
runs' folders alone, so that any process can ask."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from compressor.errors import RunError
from compressor.jobs.job import ID, read_card
from compressor.runfolder import ENDED, RunFolder
from compressor.settings import Settings


def runs(settings: Settings) -> set[str]:
    """The ids of runs whose models are named."""
    inside, found = settings.jobs_dir.resolve(), set()
    for text in _texts(settings):
        with suppress(ValueError, OSError, IndexError):
            found.add(Path(text).resolve().relative_to(inside).parts[0])
    return found


def downloads(settings: Settings) -> set[Path]:
    """The folders of repos that are named, every owner's."""
    from compressor.hub import kept
    from compressor.hub.values import is_id

    names = {text for text in _texts(settings) if is_id(text)}
    caches = list(settings.hub_dir.iterdir()) if settings.hub_dir.is_dir() else []
    return {kept.repo_folder(cache, name, kind) for cache in caches for name in names for kind in ("model", "dataset")}


def _texts(settings: Settings) -> list[str]:
    """Every text in what is asked, and in what was noted of teachers."""
    found: list[str] = []

    def gather(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                gather(one)

    for folder in settings.jobs_dir.iterdir() if settings.jobs_dir.is_dir() else ():
        if ID.fullmatch(folder.name) and RunFolder(folder).state().get("status") not in ENDED:
            with suppress(RunError):
                gather(read_card(folder)["asked"])
            with suppress(OSError, ValueError):
                gather(json.loads((folder / "teacher.json").read_text(encoding="utf-8")))
    return found
