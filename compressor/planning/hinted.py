"""What the teacher's layers say takes, on the disk and in memory, where a run's student learns it. See `training/hints.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.recipe import AUTO, Distill, Recipe, Student, made_of, objective_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from compressor.students.shapes import Shape

PER_NUMBER = 10
"""Bytes of each number while a student learns it: as it is stored, in 32 bits, the gap to it."""


def hints_on_disk(recipe: Recipe, config: PretrainedConfig, layers: int, *, rows: float, tokens: float) -> int:
    """Bytes that are kept until the student has learned it: 16 bits a number, of as many layers as it has; where a size is
    searched for, of all of the teacher's, for wide and for narrow ones.

    Args:
        config: the teacher's.
        layers: the student's.
        rows: of training, made-up texts left out; `tokens` is their mean length.
    """
    from compressor.training.hints import MOST_BYTES

    student, distill = recipe.student, recipe.distill
    if student is None or distill is None:
        return 0
    students = [student]
    if student.size == AUTO:
        students = [student.model_copy(update={"size": size}) for size in ("half", "small")]
        layers = int(config.num_hidden_layers)
    total = 0
    for one in students:
        if (kind := objective_of(one, distill)) != "logits":
            numbers = rows * (1 + made_of(recipe.budget, one, distill)) * tokens * layers
            total += min(MOST_BYTES, int(2 * numbers * (config.hidden_size if kind == "hidden" else tokens)))
    return total


def hints_in_training(student: Student | None, distill: Distill | None, shape: Shape, batch: int, length: int) -> int:
    """Bytes of one batch's hints, and of what is kept to follow them, at the peak of training a student of this shape."""
    from compressor.training.hints import KINDS

    if student is None or distill is None or (kind := objective_of(student, distill)) == "logits":
        return 0
    tokens = min(length, KINDS[kind].tokens[0])
    numbers = shape.hidden if kind == "hidden" else tokens
    if student.size == AUTO:  # of either kind
        numbers = max(shape.hidden, tokens)
    return PER_NUMBER * batch * tokens * numbers * shape.layers
