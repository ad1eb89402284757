"""Makes the student: a plain model of the teacher's architecture, with layers copied and widths sliced from the teacher."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import CannotCutError
from compressor.students.anatomy import examine
from compressor.students.importance import score, select
from compressor.students.shapes import STILL, Shape, evenly_spaced, head_size, shape_of, student_config
from compressor.students.slicing import cut

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from compressor.tasks.base import Task


def build_student(
    teacher: PreTrainedModel, shape: Shape, task: Task, calibration: Sequence[Mapping[str, Any]] = ()
) -> PreTrainedModel:
    """A student of this shape, float32, on the CPU, in eval mode.

    Args:
        teacher: in eval mode, of any float type, on any device.
        shape: from `plan`.
        calibration: batches of the teacher's inputs (int64 [batch, length] tensors) that show which neurons matter. Only
            read where the width is cut; without any, the weights alone decide.

    Raises:
        CannotCutError: the architecture cannot be cut in this way.
    """
    old = shape_of(teacher.config)
    if shape == old:
        return _whole(teacher, task)
    anatomy = examine(teacher.config, task)
    kept = evenly_spaced(old.layers, shape.layers)
    selection = None
    if shape.narrower_than(old):
        if anatomy.no_width is not None:
            raise CannotCutError(anatomy.no_width)
        scores = score(teacher, anatomy.parts, kept, calibration)
        selection = select(scores, old, shape, head_size(teacher.config), kept)
    student = models.build(student_config(teacher.config, shape), task, "cpu")
    state = cut(teacher.state_dict(), anatomy.parts, kept, selection)
    own = {name: tuple(tensor.shape) for name, tensor in student.state_dict().items()}
    if own != {name: tuple(tensor.shape) for name, tensor in state.items()}:
        differs = sorted(own.keys() ^ state.keys()) or [n for n in own if own[n] != tuple(state[n].shape)]
        raise CannotCutError(
            f"This {teacher.config.model_type} model cannot be cut to {shape.layers} layers of {shape.hidden}, because "
            f"{differs[0]} would no longer fit. Choose another size. {STILL}"
        )
    student.load_state_dict(state)
    return _finished(teacher, student)


def _whole(teacher: PreTrainedModel, task: Task) -> PreTrainedModel:
    """The teacher once more, also where it cannot be cut."""
    student = models.build(copy.deepcopy(teacher.config), task, "cpu")
    student.load_state_dict(teacher.state_dict())
    return _finished(teacher, student)


def _finished(teacher: PreTrainedModel, student: PreTrainedModel) -> PreTrainedModel:
    student.train(False)
    object.__setattr__(student, "_copied_tables", _tables(teacher, student))
    return student


def copied(student: PreTrainedModel) -> set[str]:
    """Names of the student's embedding tables (tokens, positions …) that are the teacher's, entry by entry. They make up half
    of a small model and have nothing to learn from a teacher with the same ones, so that training may freeze them. Empty
    where the width was cut, and for a model that `build_student` did not make.
    """
    return set(getattr(student, "_copied_tables", ()))


def _tables(teacher: PreTrainedModel, student: PreTrainedModel) -> frozenset[str]:
    import torch

    try:
        width = int(student.get_input_embeddings().weight.shape[1])  # type: ignore[index]
    except NotImplementedError:  # CANINE hashes characters into several tables
        return frozenset()
    if teacher.config.hidden_size != student.config.hidden_size:
        return frozenset()
    names = {
        f"{name}.weight"
        for name, module in student.named_modules()
        if isinstance(module, torch.nn.Embedding) and module.weight.shape[1] == width
    }
    return frozenset(n for n, _ in student.named_parameters() if n in names)
