"""What lies on the disk of the Hub's downloads, and which of it can go: the least recently used first. Asks the Hub nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compressor.settings import Settings
from compressor.system import disk
from compressor.system.holding import held, take_away

OLD = ".old-"
"""Of folders on their way out, beside the others."""
BROKEN_OFF = 86_400
"""Seconds after which a transfer that broke off is not taken up again."""


@dataclass(frozen=True)
class Kept:
    """All that one owner has downloaded of one repo."""

    folder: Path
    bytes: int
    used: float
    """When it was asked for last; seconds since the epoch."""


def repo_folder(cache: Path, repo: str, kind: str) -> Path:
    """Where the Hub's client keeps a repo."""
    return cache / "--".join([f"{kind}s", *repo.split("/")])


def download_of(settings: Settings, folder: Path) -> Path | None:
    """The folder of the repo that a model's folder is part of; None where it is no download."""
    try:
        inside = folder.relative_to(settings.hub_dir)
    except ValueError:
        return None
    return settings.hub_dir / Path(*inside.parts[:2]) if len(inside.parts) > 2 else None


def mark_used(folder: Path) -> None:
    """The repo was asked for now."""
    with suppress(OSError):
        os.utime(folder)


def kept(settings: Settings) -> list[Kept]:
    """Every owner's downloads, the least recently used first."""
    found = []
    for folder in _repos(settings):
        with suppress(OSError):
            found.append(Kept(folder, disk.size(folder), folder.stat().st_mtime))
    return sorted(found, key=lambda one: one.used)


def make_room(settings: Settings, free: int = 0, spared: Collection[Path] = (), only_if_enough: bool = False) -> int:
    """Remove downloads until all of them keep within `settings.max_cache_bytes` and the disk has `free` bytes left. What
    somebody holds, and what is `spared`, stays. Answers with the bytes removed.

    Args:
        only_if_enough: leave all of them where even without them the disk would not have `free` bytes.
    """
    if not settings.hub_dir.is_dir():
        return 0
    cap = settings.max_cache_bytes
    if cap is None and disk.room(settings.hub_dir)[0] >= free:
        return 0
    downloads, removed = kept(settings), 0
    if only_if_enough:
        most = sum(one.bytes for one in downloads if one.folder not in spared and not held(settings, one.folder))
        free = free if disk.room(settings.hub_dir)[0] + most >= free else 0
    total = sum(one.bytes for one in downloads)
    for one in downloads:
        if (cap is None or total - removed <= cap) and disk.room(settings.hub_dir)[0] >= free:
            break
        if one.folder not in spared and _remove(settings, one.folder):
            removed += one.bytes
    return removed


def clear_leftovers(settings: Settings, now: float | None = None) -> int:
    """Remove what transfers that broke off, and removals that did, have left; how many pieces there were."""
    now, found = time.time() if now is None else now, 0
    for old in settings.hub_dir.glob(f"*/{OLD}*"):
        shutil.rmtree(old, ignore_errors=True)
        found += 1
    for folder in _repos(settings):
        for part in (folder / "blobs").glob("*.incomplete"):
            with suppress(OSError):
                if now - part.stat().st_mtime > BROKEN_OFF:  # one that goes on is written to all the time
                    part.unlink()
                    found += 1
    return found


def _repos(settings: Settings) -> Iterator[Path]:
    for kind in ("models", "datasets"):
        yield from settings.hub_dir.glob(f"*/{kind}--*")


def _remove(settings: Settings, folder: Path) -> bool:
    old = folder.with_name(f"{OLD}{secrets.token_hex(8)}")
    if not take_away(settings, folder, old):
        return False
    shutil.rmtree(old, ignore_errors=True)
    return True
