"""What the teacher's layers say, taken down in its pass over the training rows: which kinds and layers of it a run's students
learn, and where it lies. See `training/hints.py`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from compressor import models
from compressor.recipe import Distill, Student, made_of, objective_of
from compressor.stages.context import Run
from compressor.stages.learners import learners

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedModel

    from compressor.stages.data import RunData
    from compressor.training.hints import Hints, Writer

FOLDER = "hints"
"""Within `work`; a folder for each kind."""


@contextlib.contextmanager
def taking_down(run: Run, data: RunData, rows: Dataset, teacher: PreTrainedModel) -> Iterator[list[Writer]]:
    """What takes down the teacher's hints during its pass over the training rows, one for each kind that a student of this run
    learns."""
    import numpy as np

    from compressor.training.hints import KINDS, Writer
    from compressor.training.teacher import gives_states

    config = teacher.config
    wanted = _wanted(run, config)
    if wanted and not gives_states(teacher, rows, data.pad_id):
        run.note(
            "", f"The layers of {config.model_type} models cannot be imitated, so the student learns its answers alone."
        )
        wanted = {}
    with contextlib.ExitStack() as open_ones:
        writers = []
        for name, (layers, made) in wanted.items():
            lengths, width = np.array(rows["length"][:]), int(config.hidden_size)
            lengths[data.learnt_rows(made) :] = 0  # no student that learns this kind reads them
            kind = KINDS[name]
            tokens = kind.room(lengths, len(layers), width)
            if tokens is None:
                run.note(
                    "",
                    "The data is too large to keep what the teacher's layers say, so the student learns its answers alone.",
                )
                continue
            (run.work / FOLDER).mkdir(parents=True, exist_ok=True)
            writer = Writer(run.work / FOLDER / name, kind, lengths, layers, tokens, width)
            writers.append(open_ones.enter_context(writer))
        yield writers


def hints_of(run: Run, lengths: np.ndarray, student: PretrainedConfig) -> Hints | None:
    """The teacher's hints for a student of this config in training rows of these lengths; None where there are none."""
    from compressor.training.hints import Hints, matched

    kind = _kind(run.recipe.student, run.recipe.distill)
    if kind is None or not (folder := run.answered / FOLDER / kind).is_dir():
        return None
    teacher = models.load_config(run.teacher)
    layers = matched(int(teacher.num_hidden_layers), int(student.num_hidden_layers))
    return Hints(folder, lengths).of(layers)


def _wanted(run: Run, config: PretrainedConfig) -> dict[str, tuple[list[int], float]]:
    """By kind: the teacher's layers that are taken down, and how many made-up texts are read, as a multiple of the rows; of all
    sizes where one is searched for."""
    from compressor.students.presets import plan
    from compressor.training.hints import matched

    distill = run.recipe.distill
    layers: dict[str, set[int]] = {}
    made: dict[str, float] = {}
    for one in learners(run, config):
        if distill is not None and (kind := _kind(one, distill)) is not None:
            depth = plan(config, one, run.task).layers
            layers.setdefault(kind, set()).update(matched(int(config.num_hidden_layers), depth))
            made[kind] = max(made.get(kind, 0.0), made_of(run.recipe.budget, one, distill))
    return {kind: (sorted(found), made[kind]) for kind, found in layers.items()}


def _kind(student: Student | None, distill: Distill | None) -> str | None:
    """What a student learns of the teacher's layers; None for nothing."""
    if student is None or distill is None:
        return None
    objective = objective_of(student, distill)
    return None if objective == "logits" else objective
