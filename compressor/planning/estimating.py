"""What a run will take: minutes, disk, download, memory. Estimates, from the config's arithmetic and a short measurement of
this machine; whoever shows them says so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.arithmetic import has_fast_bf16
from compressor.errors import CompressorError
from compressor.planning.reckoning import COPIES, DOWNLOAD_SPEED, TEXT_BYTES, Rows, look_at
from compressor.recipe import Files, Recipe
from compressor.settings import Settings
from compressor.system import disk
from compressor.system.lease import taken

if TYPE_CHECKING:
    from compressor.hub import Hub

_speeds: dict[str, float] = {}
CARD = 30e12
"""FLOP per second of a graphics card that cannot be asked now: a modest one's."""


def estimate(
    recipe: Mapping[str, Any],
    *,
    settings: Settings,
    hub: Hub,
    rows: int = 0,
    tokens: float = 64,
    tested: float | None = None,
    longest: int | None = None,
    vocabulary: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Predict a run.

    Args:
        recipe: as asked, plain data.
        rows: of training, as far as they are known.
        tokens: mean length of a row.
        tested, longest: tokens of all test rows, and of the longest row as it is cut, as far as they are known.
        vocabulary: what `checking.vocabulary_of` counted.

    Returns:
        `{"seconds", "download_bytes", "disk_bytes", "disk_free", "memory_bytes", "memory_total", "device", "fits",
        "problem" (the sentence where it does not fit, else None), "would_fit" (names of sizes),
        "memory_by_size" (bytes to make each size), "words" (see `Work.words`; None where nothing was counted)}`.

    Raises:
        RecipeError, ModelError, HubError: the recipe or its teacher is not usable.
    """
    from compressor.measure.hardware import default_device, memory_limit

    device = default_device()
    work, download = look_at(Recipe.parse(dict(recipe)), settings, hub, Rows(rows, tokens, tested, longest), device)
    needed, total = work.memory(), _memory_total(settings, device)
    written, free = work.disk() + download, disk.room(settings.data_dir)[0]
    by_size = work.memory_by_size()
    problem = _problem(needed, total, by_size, device)
    fitting = [size for size, bytes_ in by_size.items() if bytes_ <= total] if problem else []
    if device != "cpu" and work.recipe.formats:  # which has its own memory
        problem = problem or _problem(work.quantizing(), memory_limit(settings), {})
    problem = problem or _no_room(written, free)
    return {
        "seconds": work.seconds(_speed(settings, device)) + download / DOWNLOAD_SPEED,
        "download_bytes": download,
        "disk_bytes": written,
        "disk_free": free,
        "memory_bytes": needed,
        "memory_total": total,
        "device": device,
        "fits": problem is None,
        "problem": problem,
        "would_fit": fitting,
        "memory_by_size": by_size,
        "words": work.words(vocabulary) if vocabulary and work.trains else None,
    }


def disk_needed(recipe: Recipe, *, settings: Settings, hub: Hub) -> tuple[int, int]:
    """Bytes that a run will write into its folder at its fullest, and bytes that it will download. Zeros where that cannot
    be told, because something is wrong that the run itself will say."""
    try:
        size = _file_size(recipe)
        work, download = look_at(recipe, settings, hub, Rows(size // (64 * TEXT_BYTES), 64), "cpu")
    except CompressorError:
        return 0, 0
    return work.disk(COPIES * size), download


def _file_size(recipe: Recipe) -> int:
    """Bytes of the file of training rows; 0 where it is not one of this disk."""
    source = recipe.data.source if recipe.data is not None else None
    if not isinstance(source, Files) or not source.train:
        return 0
    try:
        return Path(source.train).stat().st_size
    except OSError:
        return 0  # the run itself says so


def _problem(memory: int, total: int, by_size: Mapping[str, int], device: str = "cpu") -> str | None:
    if memory <= total:
        return None
    fitting = [size for size, bytes_ in by_size.items() if bytes_ <= total]
    way = f"These sizes would: {', '.join(fitting)}." if fitting else "Choose a smaller teacher."
    need, have = f"{memory / 1e9:.1f} GB", f"{total / 1e9:.1f} GB"
    if device == "cpu":
        return f"This run needs about {need} of memory, and a run may hold {have} here, so it would not finish. {way}"
    return f"This run needs about {need} of the graphics card's memory, which has {have}, so it would not finish. {way}"


def _no_room(disk: int, free: int) -> str | None:
    if disk <= free:
        return None
    return (
        f"This run needs about {disk / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free. Delete old runs, or free some "
        "space."
    )


def _memory_total(settings: Settings, device: str) -> int:
    from compressor.measure.hardware import memory_limit

    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    return memory_limit(settings)


def _speed(settings: Settings, device: str) -> float:
    """FLOP per second of a matrix product of the kind that training makes, measured for a fifth of a second and remembered."""
    if device in _speeds:
        return _speeds[device]
    import torch

    if device == "cuda" and taken(settings, device):
        return CARD  # it may be full, and its run is timed to the millisecond
    dtype = torch.bfloat16 if has_fast_bf16(device) else torch.float16 if device == "cuda" else torch.float32
    a = torch.randn(1024, 384, device=device, dtype=dtype)
    b = torch.randn(384, 1536, device=device, dtype=dtype)
    a @ b
    done, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < 0.2:
        product = a @ b
        done += 1
    if device == "cuda":
        torch.cuda.synchronize()
        spent = time.perf_counter() - started
    del product
    found = 2 * 1024 * 384 * 1536 * done / spent
    if not taken(settings, device):  # beside a run it is a share of the machine, and the next run has all of it
        _speeds[device] = found
    return found
