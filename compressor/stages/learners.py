"""Which students may learn in a run: one, or every size that a search may try; and what is made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import CannotCutError
from compressor.recipe import AUTO, Student, made_of
from compressor.stages.context import Run

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def learners(run: Run, config: PretrainedConfig) -> list[Student]:
    """Those of this run; `config` is the teacher's."""
    from compressor.students.sizes import size_table

    student = run.recipe.student
    if student is None or student.size != AUTO:
        return [student] if student is not None else []
    try:
        return [student.model_copy(update={"size": row.size}) for row in size_table(config, run.task)]
    except CannotCutError:  # then the search has the teacher itself alone
        return []


def made_for(run: Run) -> float:
    """Texts that are made from the training rows for the teacher to label, as a multiple of them: the most that any student of
    this run wants, and none where no student there can be wants any."""
    recipe = run.recipe
    if recipe.distill is None or not recipe.made:
        return 0.0
    found = learners(run, models.load_config(run.source.folder))
    return max((made_of(recipe.budget, one, recipe.distill) for one in found), default=0.0)
