"""What a run will take: minutes, disk, download, memory. Estimates, from the config's arithmetic and a short measurement of
this machine; whoever shows them says so."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psutil

from compressor import models
from compressor.inspecting import inspect, task_of
from compressor.recipe import Recipe
from compressor.settings import Settings
from compressor.teachers import local_folder

if TYPE_CHECKING:
    from compressor.hub import Hub

# Seconds that do not depend on the size of anything much: starting a process and importing torch in it, saving, checking.
START, PER_VARIANT = 8.0, 6.0
EFFICIENCY = 0.5
"""Share of a plain matrix product's speed that a whole training step reaches."""
DOWNLOAD_SPEED = 12e6
"""Bytes per second."""

_speeds: dict[str, float] = {}


def estimate(
    recipe: Mapping[str, Any], *, settings: Settings, hub: Hub, rows: int = 0, tokens: float = 64
) -> dict[str, Any]:
    """Predict a run.

    Args:
        recipe: as asked, plain data.
        rows: of training, as far as they are known.
        tokens: mean length of a row.

    Returns:
        `{"seconds", "download_bytes", "disk_bytes", "disk_free", "memory_bytes", "memory_total", "device", "fits",
        "problem" (the sentence where it does not fit, else None), "would_fit" (names of sizes), "memory_by_size" (bytes to make each size)}`.

    Raises:
        RecipeError, ModelError, HubError: the recipe or its teacher is not usable.
    """
    from compressor.measure.hardware import default_device

    asked = Recipe.parse(dict(recipe))
    local = local_folder(asked.teacher, settings)
    card = inspect(asked.teacher, settings=settings, hub=hub)
    raw = models.read_config(local or hub.fetch_config(asked.teacher))
    task, _ = task_of(raw)
    full = asked.resolved(task.name, task.default_student, task.default_formats)
    device = default_device()
    work = _Work(full, card, raw, min(rows, full.data.limit or rows) if full.data else 0, tokens)
    needed, total = work.memory(), _memory_total(device)
    download = 0 if local or hub.is_cached(asked.teacher) else int(card["bytes"])
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    problem = _problem(work, needed, total, work.disk() + download, free)
    return {
        "seconds": work.seconds(_speed(device)) + download / DOWNLOAD_SPEED,
        "download_bytes": download,
        "disk_bytes": work.disk() + download,
        "disk_free": free,
        "memory_bytes": needed,
        "memory_total": total,
        "device": device,
        "fits": problem is None,
        "problem": problem,
        "would_fit": [row["size"] for row in card["sizes"] if work.memory(row) <= total] if problem else [],
        "memory_by_size": {row["size"]: work.memory(row) for row in card["sizes"]},
    }


class _Work:
    """The arithmetic of one run: multiplications (as GFLOP), bytes."""

    def __init__(self, recipe: Recipe, card: Mapping[str, Any], raw: dict[str, Any], rows: int, tokens: float):
        self.recipe, self.card, self.raw, self.rows, self.tokens = recipe, card, raw, rows, tokens
        sizes = {row["size"]: row for row in card["sizes"]}
        student = recipe.student
        self.trains = student is not None
        self.row: Mapping[str, Any] = sizes.get((student.size if student else None) or "", card)
        if student is not None and student.cut is not None:
            self.row = _cut_row(raw, recipe)

    def _dense(self, row: Mapping[str, Any]) -> float:
        """Parameters that every token is multiplied with: all but the embeddings, from the 8-bit size's arithmetic."""
        sizes = row.get("bytes") if isinstance(row.get("bytes"), Mapping) else row["formats"]
        assert sizes is not None
        return max(1.0, float(sizes["float"] - sizes["8bit"]))  # each quantized weight goes from 2 bytes to 1

    def seconds(self, speed: float) -> float:
        """`speed` in FLOP per second of a matrix product."""
        teacher, student = self._dense(self.card), self._dense(self.row)
        seen = self.rows * self.tokens
        flops = 0.0
        if self.recipe.teacher_head == "new":
            flops += 6 * teacher * seen * max(4.0, self.recipe.distill.epochs if self.recipe.distill else 0)
        if self.trains and self.recipe.distill is not None:
            flops += 2 * teacher * seen + 6 * student * seen * self.recipe.distill.epochs
        variants = 1 + int(self.trains) + len(self.recipe.formats)
        tested = max(200.0, 0.15 * self.rows) * self.tokens
        flops += 2 * tested * (teacher + student * (variants - 1))
        return START + PER_VARIANT * variants + flops / (speed * EFFICIENCY)

    def memory(self, row: Mapping[str, Any] | None = None) -> int:
        """Peak bytes: of training where there is any, else of quantizing."""
        row = row or self.row
        weights = 4 * int(self.card["parameters"])
        if not self.trains and self.recipe.teacher_head == "keep":
            return weights + 10**9
        trained = int(self.card["parameters"] if self.recipe.teacher_head == "new" else row["parameters"])
        batch = self.recipe.distill.batch_size if self.recipe.distill else 32
        layers, hidden = int(row.get("layers") or 12), int(row.get("hidden") or 768)
        # About 34 numbers of hidden size a token and layer are kept for the way back (Korthikanti et al. 2022), in
        # two bytes, and attention's weights are not kept (they are computed again).
        activations = 34 * 2 * batch * int(self.tokens * 2) * hidden * layers
        return weights + 16 * trained + activations + 10**9

    def disk(self) -> int:
        """Bytes of the run's folder at its fullest: variants, checkpoints (weights and two moments), rows."""
        parameters = int(self.row["parameters"])
        variants = sum((2 * parameters) for _ in range(1 + len(self.recipe.formats)))
        trained = int(self.card["parameters"]) if self.recipe.teacher_head == "new" else 0
        checkpoints = 2 * 12 * max(trained, parameters if self.trains else 0)
        return variants + checkpoints + 14 * trained + int(self.rows * self.tokens * 20)


def _cut_row(raw: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    from compressor.students.presets import plan
    from compressor.students.sizes import shape_row

    assert recipe.student is not None
    config, (task, _) = models.config_from(raw), task_of(raw)
    row = shape_row(config, plan(config, recipe.student, task), task)
    return {"parameters": row.parameters, "layers": row.layers, "hidden": row.hidden, "bytes": row.bytes}


def _problem(work: _Work, memory: int, total: int, disk: int, free: int) -> str | None:
    if memory > total:
        fitting = [row["size"] for row in work.card["sizes"] if work.memory(row) <= total]
        way = f"These sizes would: {', '.join(fitting)}." if fitting else "Choose a smaller teacher."
        return (
            f"This run needs about {memory / 1e9:.1f} GB of memory, and this machine has {total / 1e9:.1f} GB, so it would "
            f"not finish. {way}"
        )
    if disk > free:
        return (
            f"This run needs about {disk / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free. Delete old runs, or free "
            "some space."
        )
    return None


def _memory_total(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    return int(psutil.virtual_memory().total * 0.9)


def _existing(path: Any) -> Any:
    while not path.exists():
        path = path.parent
    return path


def _speed(device: str) -> float:
    """FLOP per second of a matrix product of the kind that training makes, measured once for a fifth of a second."""
    if device in _speeds:
        return _speeds[device]
    import torch

    from compressor.training.teacher import has_fast_bf16

    dtype = torch.bfloat16 if has_fast_bf16(device) else torch.float32
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
    _speeds[device] = 2 * 1024 * 384 * 1536 * done / spent
    return _speeds[device]
