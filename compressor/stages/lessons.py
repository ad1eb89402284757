"""What a student is told: rows, the teacher's answers to them, and the same of the validation rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compressor.stages.context import Run
from compressor.stages.data import RunData, labelled
from compressor.stages.teacher import teacher_answers
from compressor.tasks.base import TrainableTask

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.training.numbers import Unit


@dataclass(frozen=True)
class Lessons:
    """Encoded rows, and the teacher's logits for them, float32 [rows, labels]; None where labels alone are learned."""

    rows: Dataset
    validation: Dataset
    teacher: np.ndarray | None
    validation_teacher: np.ndarray | None

    def unit(self, model: PreTrainedModel, *, has_head: bool) -> Unit:
        """The unit in which a student learns numbers: that of what it is told, labels or its teacher's answers. A head that was
        its teacher's says its numbers in it from then on; a new one begins there."""
        import numpy as np

        from compressor.training.numbers import Unit

        told = np.asarray(self.rows["labels"][:]) if "labels" in self.rows.column_names else self.teacher
        assert told is not None  # there is nothing to learn from else
        unit = Unit.of(told, model)
        if has_head:
            unit.put_on(model)
        return unit

    def said_in(self, unit: Unit) -> Lessons:
        """The same in that unit."""

        def moved(answers: np.ndarray | None) -> np.ndarray | None:
            return unit.taken_from(answers) if answers is not None else None

        return Lessons(
            unit.rows(self.rows), unit.rows(self.validation), moved(self.teacher), moved(self.validation_teacher)
        )


def lessons(
    run: Run,
    data: RunData,
    task: TrainableTask,
    tokenizer: PreTrainedTokenizerBase,
    own: int | None,
    learnt: int,
    alone: bool,
) -> Lessons:
    """Those of one student.

    Args:
        own: the longest row in the student's own tokens; None where it reads its teacher's.
        learnt: training rows that it learns from, of the first ones.
        alone: from the labels, as if there were no teacher.
    """
    rows = data.encoded("train", task, tokenizer, own, range(learnt))
    found = Lessons(rows, data.encoded("validation", task, tokenizer, own), None, None)
    if alone:
        return replace(found, rows=labelled(rows, task, len(data.labels)))
    teacher, validation_teacher = teacher_answers(run, data)
    return replace(
        found, teacher=teacher[:learnt] if teacher is not None else None, validation_teacher=validation_teacher
    )
