"""The arithmetic of a run before it: multiplications, bytes, and what a model's config tells of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import CannotCutError, CompressorError
from compressor.measure.measuring import EACH, LOADED
from compressor.planning.hinted import hints_in_training, hints_on_disk
from compressor.planning.inspecting import inspect, task_of
from compressor.recipe import AUTO, Recipe, Student, made_of
from compressor.settings import Settings
from compressor.tasks.batching import HELD
from compressor.teachers import local_folder

if TYPE_CHECKING:
    from compressor.hub import Hub

# Seconds that do not depend on the size of anything much: starting processes and importing torch in them, saving, checking. On a
# graphics card each process gets it ready for itself (83 seconds of a run on an H200, of which training was 14).
START, PER_VARIANT = {"cpu": 8.0, "cuda": 25.0}, 6.0
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
SLOWER_ON_CPU = {"8bit": 3.0, "4bit": 5.0}
"""What bitsandbytes takes there of the time of the model as it is: a language model of 40 million parameters on an AMD EPYC
without AVX512 read 4.5 windows of 128 tokens a second, 1.6 in 8 bits and 0.9 in 4."""
READING = {"cpu": 10e9 / 4, "cuda": 400e9 / 2}
"""Weights that are read in a second: in 32 bits, on a GPU in 16."""
PER_WORD = {"cpu": 0.004, "cuda": 0.03}
"""Seconds that a word of an answer takes besides, in however small a model."""
PROCESS = 1_000_000_000
"""Bytes of the processes that quantize and measure, beside the models."""
STEP, STEP_PER_LAYER = {"cpu": 0.0, "cuda": 0.01}, {"cpu": 0.0, "cuda": 0.004}
"""Seconds that a step of training takes at the least, and more for each layer: so long a graphics card is told what to do. On an
H200 a step of three layers of MiniLM took 21 milliseconds, one of twelve of a Llama 50, where its arithmetic would take 12."""


@dataclass(frozen=True)
class Rows:
    """What is known of the data: rows of training, their mean length, tokens of all test rows and of the longest row."""

    count: int
    tokens: float
    tested: float | None = None
    longest: int | None = None


@dataclass(frozen=True)
class Model:
    """A model, as its config tells it."""

    card: Mapping[str, Any]
    raw: dict[str, Any]
    download: int

    @classmethod
    def of(cls, reference: str, settings: Settings, hub: Hub) -> Model:
        local = local_folder(reference, settings)
        card = inspect(reference, settings=settings, hub=hub)
        download = 0 if local or hub.is_cached(reference) else int(card["bytes"])
        return cls(card, models.read_config(local or hub.fetch_config(reference)), download)


def look_at(asked: Recipe, settings: Settings, hub: Hub, rows: Rows, device: str) -> tuple[Work, int]:
    """The arithmetic of a run, and the bytes that it has to download."""
    teacher = Model.of(asked.teacher, settings, hub)
    task, _ = task_of(teacher.raw)
    full = asked.resolved(task.name, task.default_student, task.default_formats)
    seen = min(rows.count, full.data.limit or rows.count) if full.data else 0
    own = None
    if full.student is not None and full.student.model is not None:
        with suppress(CompressorError):  # the run itself will say what is wrong with it
            own = Model.of(full.student.model, settings, hub)
    work = Work(full, teacher, own, rows=replace(rows, count=seen), device=device)
    return work, teacher.download + (own.download if own else 0)


class Work:
    """The arithmetic of one run: multiplications (as GFLOP), bytes.

    Args:
        own: what the student begins as, where that is a model of its own.
    """

    def __init__(self, recipe: Recipe, teacher: Model, own: Model | None, *, rows: Rows, device: str):
        self.recipe, self.card, self.device = recipe, teacher.card, device
        self.rows, self.tokens, self.data = rows.count, rows.tokens, rows
        self.config, (self.task, _) = models.config_from(teacher.raw), task_of(teacher.raw)
        self.own = models.config_from(own.raw) if own is not None else None
        sizes = {row["size"]: row for row in self.card["sizes"]}
        student = recipe.student
        self.kind = "cpu" if device == "cpu" else "cuda"
        self.batch = recipe.distill.batch_size if recipe.distill is not None else 32
        self.trains = student is not None
        size = "half" if student is not None and student.size == AUTO else student.size if student else None
        self.row: Mapping[str, Any] = own.card if own is not None else sizes.get(size or "", self.card)
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
        head = 0.0
        if self.task.running_text:  # a language model's head gives a number to each of its words, and stays as it is
            head = float(row["hidden"]) * self.config.vocab_size
        return max(1.0, float(sizes["float"] - sizes["8bit"]) + head)  # each quantized weight goes from 2 bytes to 1

    def seconds(self, speed: float) -> float:
        """`speed` in FLOP per second of a matrix product."""
        teacher, student = self._dense(self.card), self._dense(self.row)
        seen = self.rows * self.tokens
        flops = learning = 0.0
        if self.recipe.teacher_head == "new":
            learning += self._training(self.card, seen, self.recipe.teacher_epochs, speed)
        if self.trains and self.recipe.distill is not None:
            trainings = SEARCHED if self.recipe.target is not None else 2 if self.recipe.distill.control else 1
            asked = learned = seen * (1 + self.recipe.made)
            if self.recipe.target is not None:
                # The narrow sizes alone learn from many made-up texts, and take little time.
                learned = seen * (1 + made_of(self.recipe.budget, Student(size="half"), self.recipe.distill))
            flops += 2 * teacher * asked
            learning += trainings * self._training(self.row, learned, self.recipe.distill.epochs, speed)
        searched = 2 if self.recipe.target is not None else 1
        variants = (1 + int(self.trains) + len(self.recipe.formats)) * searched
        tested = self.data.tested
        if tested is None:
            tested = max(200.0, 0.15 * self.rows) * self.tokens if self.recipe.data is not None else 0.0
        costs = [self._cost(fmt) for fmt in self.recipe.formats]
        flops += 2 * tested * (teacher + student * (searched * (int(self.trains) + sum(costs)) + searched - 1))
        whatever = START[self.kind] + PER_VARIANT * variants
        return whatever + learning + _took(flops, speed) + self._answers(costs, speed)

    def _training(self, row: Mapping[str, Any], seen: float, epochs: float, speed: float) -> float:
        """Seconds of so many passes over so many tokens: what the arithmetic takes or, where that is more, what telling a
        graphics card of each step does."""
        steps = seen / max(1.0, self.tokens) / self.batch * epochs
        told = STEP[self.kind] + STEP_PER_LAYER[self.kind] * int(row.get("layers") or 1)
        return max(_took(6 * self._dense(row) * seen * epochs, speed), steps * told)

    def _cost(self, fmt: str) -> float:
        return SLOWER_ON_CPU.get(fmt, 1.0) if self.device == "cpu" else 1.0

    def _answers(self, costs: Sequence[float], speed: float) -> float:
        """Seconds that a language model's answers are timed for: each word of them reads all weights once."""
        from compressor.measure import latency
        from compressor.tasks.text_generation import ANSWER, LONG, NEW_TOKENS, PROMPT

        if not self.task.running_text:
            return 0.0
        total, dense, kind = 0.0, self._dense(self.card), self.kind
        for cost in (1.0, *costs):
            word = cost * max(dense / READING[kind], _took(2 * dense, speed)) + PER_WORD[kind]
            read = cost * _took(2 * dense * PROMPT, speed)
            one = read + ANSWER * word
            whole = read + NEW_TOKENS * word
            total += whole * (2 if whole < LONG else 1) + one * (1 + latency.ROUNDS * latency.runs_each_round(one))
        return total

    def memory(self, student: Student | None = None) -> int:
        """Peak bytes of the device: of the training that needs most, where there is any, else of quantizing; on a graphics card,
        where nothing is quantized (see `quantizing`), else of the teacher when it is measured.

        Args:
            student: in place of the recipe's own.
        """
        from compressor.students.memory import training_memory
        from compressor.students.presets import plan
        from compressor.students.shapes import shape_of

        held = self.quantizing() if self.device == "cpu" else EACH + int(LOADED * int(self.card["bytes"]))
        student = student or self.recipe.student
        shapes, other = [], student is not None and student.model is not None
        if student is not None and student.size == AUTO:
            shapes.append((self.config, shape_of(self.config), 0))  # no student is larger
        elif student is not None and not other:
            shapes.append((self.config, plan(self.config, student, self.task), 0))
        with suppress(CannotCutError):  # what cannot be cut can still learn, or teach another model
            if self.recipe.teacher_head == "new" or (other and self.own is None):
                shapes.append((self.config, shape_of(self.config), 0))
            if other and self.own is not None:
                shapes.append((self.own, shape_of(self.own), 2 * int(self.card["parameters"])))
        longest = self.data.longest or int(2 * self.tokens) + 8
        longest = min(longest, int(getattr(self.config, "max_position_embeddings", 512) or 512))
        kept = int(HELD * self.rows * self.tokens * (1 + self.recipe.made)) if self.device == "cpu" else 0
        needs = [
            training_memory(config, shape, self.batch, longest, self.task, device=self.device)
            + hints_in_training(student, self.recipe.distill, shape, self.batch, longest)
            + beside
            + kept
            for config, shape, beside in shapes
        ]
        learning = self.trains or self.recipe.teacher_head == "new"
        if learning and not shapes:
            needs.append(
                PROCESS + 20 * int(self.card["parameters"])
            )  # weights, gradients, two moments; a rest for all else
        return max([held, *needs])

    def quantizing(self) -> int:
        """Peak bytes of the machine's own memory while a model is quantized, which is done there on every device: the model in 32
        bits while it is read, a quantized copy of it, and the libraries."""
        return PROCESS + 6 * max(int(self.card["parameters"]), int(self.row["parameters"]))

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


def _took(flops: float, speed: float) -> float:
    """Seconds of so many multiplications."""
    return flops / (speed * EFFICIENCY)


def _by_format(row: Mapping[str, Any]) -> Mapping[str, int]:
    """Bytes by format of a row of the table of sizes, or of the card, whose own `bytes` are the teacher's as it is stored."""
    found: Mapping[str, int] = row["bytes"] if isinstance(row["bytes"], Mapping) else row["formats"]
    return found
