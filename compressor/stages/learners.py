"""Which students may learn in a run: one, or every size that a search may try; and what is made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import CannotCutError, ModelError
from compressor.formats import get
from compressor.formats.stored import stored_format
from compressor.recipe import AUTO, Student, made_of
from compressor.stages.context import Run
from compressor.tasks.batching import check_padding

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


def check_student(run: Run) -> None:
    """What can be known of a student before the teacher has learned or answered anything.

    Raises:
        CannotCutError, RecipeError, ModelError, HubError: it cannot be made, or could not leave the run.
    """
    from compressor.students.presets import plan
    from compressor.teachers import resolve

    student = run.recipe.student
    if student is None or not run.task.trainable:
        return
    if student.model is not None:
        local = resolve(student.model, settings=run.settings, hub=run.hub, progress=run.progress)
        check_padding(models.read_config(local.folder))
        if (found := stored_format(local.folder)) != "float":
            raise ModelError(
                f"{student.model} is quantized already ({found}), and cannot learn. Pick the model that it was made from."
            )
    elif student.size != AUTO:
        plan(models.load_config(run.source.folder), student, run.task)
    if student.low_rank is not None:
        reasons = [get(name).unavailable(run.device) for name in run.recipe.formats]
        if all(reasons):
            raise ModelError(
                f"None of the formats that a student of thin layers can have is possible here: {reasons[0]}"
            )


def made_for(run: Run) -> float:
    """Texts that are made from the training rows for the teacher to label, as a multiple of them: the most that any student of
    this run wants, and none where no student there can be wants any."""
    recipe = run.recipe
    if recipe.distill is None or not recipe.made:
        return 0.0
    found = learners(run, models.load_config(run.source.folder))
    return max((made_of(recipe.budget, one, recipe.distill) for one in found), default=0.0)
