"""What a run will take: minutes, disk, download, memory. Estimates, from the config's arithmetic and a short measurement of
this machine; whoever shows them says so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from compressor import models
from compressor.arithmetic import has_fast_bf16
from compressor.errors import CannotCutError, CompressorError
from compressor.planning.hinted import hints_in_training, hints_on_disk
from compressor.planning.inspecting import inspect, task_of
from compressor.recipe import AUTO, Files, Recipe, Student, made_of, teacher_epochs
from compressor.settings import Settings
from compressor.system import disk
from compressor.teachers import local_folder

if TYPE_CHECKING:
    from compressor.hub import Hub

# Seconds that do not depend on the size of anything much: starting a process and importing torch in it, saving, checking.
START, PER_VARIANT = 8.0, 6.0
EFFICIENCY = 0.5
"""Share of a plain matrix product's speed that a whole training step reaches."""
DOWNLOAD_SPEED = 12e6
"""Bytes per second."""
SEARCHED = 3
"""A search trains about as much as so many students of half the teacher's size do."""
TEXT_BYTES = 4
"""Of a token, in files of texts."""
DATA_BYTES = 20
"""Of a token, in what a run writes of the rows that it has read: texts, tokens, answers."""
COPIES = 3
"""Of a file of texts: what a run writes of it at the most, its rows as they were read and encoded."""
PROCESS = 1_000_000_000
"""Bytes of the processes that quantize and measure, beside the models."""

_speeds: dict[str, float] = {}


def estimate(
    recipe: Mapping[str, Any],
    *,
    settings: Settings,
    hub: Hub,
    rows: int = 0,
    tokens: float = 64,
    vocabulary: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Predict a run.

    Args:
        recipe: as asked, plain data.
        rows: of training, as far as they are known.
        tokens: mean length of a row.
        vocabulary: what `checking.vocabulary_of` counted.

    Returns:
        `{"seconds", "download_bytes", "disk_bytes", "disk_free", "memory_bytes", "memory_total", "device", "fits",
        "problem" (the sentence where it does not fit, else None), "would_fit" (names of sizes),
        "memory_by_size" (bytes to make each size), "words" (see `_Work.words`; None where nothing was counted)}`.

    Raises:
        RecipeError, ModelError, HubError: the recipe or its teacher is not usable.
    """
    from compressor.measure.hardware import default_device

    device = default_device()
    work, download = _looked_at(Recipe.parse(dict(recipe)), settings, hub, rows, tokens, device)
    needed, total = work.memory(), _memory_total(device)
    free = disk.room(settings.data_dir)[0]
    by_size = work.memory_by_size()
    problem = _problem(needed, total, by_size) or _no_room(work.disk() + download, free)
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
        "would_fit": [size for size, bytes_ in by_size.items() if bytes_ <= total] if problem else [],
        "memory_by_size": by_size,
        "words": work.words(vocabulary) if vocabulary and work.trains else None,
    }


def disk_needed(recipe: Recipe, *, settings: Settings, hub: Hub) -> tuple[int, int]:
    """Bytes that a run will write into its folder at its fullest, and bytes that it will download. Zeros where that cannot
    be told, because something is wrong that the run itself will say."""
    try:
        size = _file_size(recipe)
        work, download = _looked_at(recipe, settings, hub, size // (64 * TEXT_BYTES), 64, "cpu")
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


def _looked_at(asked: Recipe, settings: Settings, hub: Hub, rows: int, tokens: float, device: str) -> tuple[_Work, int]:
    """The arithmetic of a run, and the bytes that it has to download."""
    local = local_folder(asked.teacher, settings)
    card = inspect(asked.teacher, settings=settings, hub=hub)
    raw = models.read_config(local or hub.fetch_config(asked.teacher))
    task, _ = task_of(raw)
    full = asked.resolved(task.name, task.default_student, task.default_formats)
    seen = min(rows, full.data.limit or rows) if full.data else 0
    download = 0 if local or hub.is_cached(asked.teacher) else int(card["bytes"])
    return _Work(full, card, raw, rows=seen, tokens=tokens, device=device), download


class _Work:
    """The arithmetic of one run: multiplications (as GFLOP), bytes."""

    def __init__(
        self, recipe: Recipe, card: Mapping[str, Any], raw: dict[str, Any], *, rows: int, tokens: float, device: str
    ):
        self.recipe, self.card, self.rows, self.tokens, self.device = recipe, card, rows, tokens, device
        self.config, (self.task, _) = models.config_from(raw), task_of(raw)
        sizes = {row["size"]: row for row in card["sizes"]}
        student = recipe.student
        self.trains = student is not None
        size = "half" if student is not None and student.size == AUTO else student.size if student else None
        self.row: Mapping[str, Any] = sizes.get(size or "", card)
        if student is not None and student.cut is not None:
            self.row = self._cut_row(student)

    def _cut_row(self, student: Student) -> dict[str, Any]:
        from compressor.students.presets import plan
        from compressor.students.sizes import shape_row

        row = shape_row(self.config, plan(self.config, student, self.task), self.task)
        return {"parameters": row.parameters, "layers": row.layers, "hidden": row.hidden, "bytes": row.bytes}

    def _dense(self, row: Mapping[str, Any]) -> float:
        """Parameters that every token is multiplied with: all but the embeddings, from the 8-bit size's arithmetic."""
        sizes = _by_format(row)
        return max(1.0, float(sizes["float"] - sizes["8bit"]))  # each quantized weight goes from 2 bytes to 1

    def seconds(self, speed: float) -> float:
        """`speed` in FLOP per second of a matrix product."""
        teacher, student = self._dense(self.card), self._dense(self.row)
        seen = self.rows * self.tokens
        flops = 0.0
        if self.recipe.teacher_head == "new":
            flops += 6 * teacher * seen * teacher_epochs(self.recipe.distill)
        if self.trains and self.recipe.distill is not None:
            trainings = SEARCHED if self.recipe.target is not None else 2 if self.recipe.distill.control else 1
            asked = learned = seen * (1 + self.recipe.made)
            if self.recipe.target is not None:
                # The narrow sizes alone learn from many made-up texts, and take little time.
                learned = seen * (1 + made_of(self.recipe.budget, Student(size="half"), self.recipe.distill))
            flops += 2 * teacher * asked + 6 * student * learned * self.recipe.distill.epochs * trainings
        variants = (1 + int(self.trains) + len(self.recipe.formats)) * (2 if self.recipe.target is not None else 1)
        tested = max(200.0, 0.15 * self.rows) * self.tokens
        flops += 2 * tested * (teacher + student * (variants - 1))
        return START + PER_VARIANT * variants + flops / (speed * EFFICIENCY)

    def memory(self, student: Student | None = None) -> int:
        """Peak bytes: of the training that needs most, where there is any, else of quantizing.

        Args:
            student: in place of the recipe's own.
        """
        from compressor.students.memory import training_memory
        from compressor.students.presets import plan
        from compressor.students.shapes import shape_of

        # The model in 32 bits while it is read, a quantized copy of it, and the libraries.
        quantizing = PROCESS + 6 * int(self.card["parameters"])
        student = student or self.recipe.student
        shapes = []
        if student is not None and student.size == AUTO:
            shapes.append(shape_of(self.config))  # no student is larger
        elif student is not None and student.model is None:
            shapes.append(plan(self.config, student, self.task))
        if self.recipe.teacher_head == "new" or (student is not None and student.model is not None):
            with suppress(CannotCutError):  # what cannot be cut can still learn, or teach another model
                shapes.append(shape_of(self.config))
        batch = self.recipe.distill.batch_size if self.recipe.distill else 32
        longest = min(int(2 * self.tokens) + 8, int(getattr(self.config, "max_position_embeddings", 512) or 512))
        needs = [
            training_memory(self.config, s, batch, longest, self.task, device=self.device)
            + hints_in_training(student, self.recipe.distill, s, batch, longest)
            for s in shapes
        ]
        learning = self.trains or self.recipe.teacher_head == "new"
        if learning and not shapes:
            needs.append(
                PROCESS + 20 * int(self.card["parameters"])
            )  # weights, gradients, two moments; a rest for all else
        return max([quantizing, *needs])

    def memory_by_size(self) -> dict[str, int]:
        """`memory` of every preset that this teacher can be cut to."""
        return {row["size"]: self.memory(Student(size=row["size"])) for row in self.card["sizes"]}

    def words(self, vocabulary: Mapping[str, int]) -> dict[str, float]:
        """What leaving out the words that the data never needs saves: `{"known", "needed", "saved_bytes", "share"}`; bytes of the
        student as it is stored, in 16 bits, and what share of it they are."""
        width = getattr(self.config, "embedding_size", None) or self.row.get("hidden") or self.config.hidden_size
        saved = 2 * int(width) * (vocabulary["known"] - vocabulary["needed"])
        return {**vocabulary, "saved_bytes": saved, "share": saved / _by_format(self.row)["float"]}

    def disk(self, data: int | None = None) -> int:
        """Bytes of the run's folder at its fullest: variants, checkpoints (weights and two moments), rows.

        Args:
            data: bytes of the rows, where the file tells them better than the number of rows and tokens.
        """
        parameters = int(self.row["parameters"])
        made = [parameters]
        if self.recipe.target is not None:  # a search keeps every size that it has trained in full until its end
            made += [int(row["parameters"]) for row in self.card["sizes"]]
        variants = sum(2 * each * (1 + len(self.recipe.formats)) for each in made)
        trained = int(self.card["parameters"]) if self.recipe.teacher_head == "new" else 0
        layers = int(self.row.get("layers") or 1)
        hints = hints_on_disk(self.recipe, self.config, layers, rows=self.rows, tokens=self.tokens)
        checkpoints = 2 * 12 * max(trained, parameters if self.trains else 0)
        data = int(self.rows * self.tokens * DATA_BYTES) if data is None else data
        return variants + checkpoints + 14 * trained + data + hints


def _by_format(row: Mapping[str, Any]) -> Mapping[str, int]:
    """Bytes by format of a row of the table of sizes, or of the card, whose own `bytes` are the teacher's as it is stored."""
    found: Mapping[str, int] = row["bytes"] if isinstance(row["bytes"], Mapping) else row["formats"]
    return found


def _problem(memory: int, total: int, by_size: Mapping[str, int]) -> str | None:
    if memory <= total:
        return None
    fitting = [size for size, bytes_ in by_size.items() if bytes_ <= total]
    way = f"These sizes would: {', '.join(fitting)}." if fitting else "Choose a smaller teacher."
    return (
        f"This run needs about {memory / 1e9:.1f} GB of memory, and this machine has {total / 1e9:.1f} GB, so it would not "
        f"finish. {way}"
    )


def _no_room(disk: int, free: int) -> str | None:
    if disk <= free:
        return None
    return (
        f"This run needs about {disk / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free. Delete old runs, or free some "
        "space."
    )


def _memory_total(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    return int(psutil.virtual_memory().total * 0.9)


def _speed(device: str) -> float:
    """FLOP per second of a matrix product of the kind that training makes, measured once for a fifth of a second."""
    if device in _speeds:
        return _speeds[device]
    import torch

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
