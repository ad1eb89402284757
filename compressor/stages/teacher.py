"""Stages `fine-tune` (a teacher without a head for these labels learns them first) and `teacher-logits` (what it says
about every row, once)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compressor import models, saving
from compressor.arithmetic import has_fast_bf16
from compressor.errors import DataError, ModelError
from compressor.recipe import Distill
from compressor.stages.context import TEACHER, Run
from compressor.stages.data import RunData, labelled
from compressor.stages.hints import taking_down
from compressor.system.whole import fresh
from compressor.tasks.base import Task, TrainableTask
from compressor.tasks.batching import ROWS

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from compressor.training.trainer import Options

ANSWERS = "teacher-logits.npz"
"""The file of the teacher's logits, within `work`."""


def trainable(task: Task) -> TrainableTask:
    """The task, where students can be trained for it.

    Raises:
        ModelError: this version only quantizes models of this task.
    """
    if not isinstance(task, TrainableTask):
        raise ModelError(
            f"Compressor cannot train a student for {task.title.lower()} yet; it can quantize the model: set `student: null`."
        )
    return task


def fine_tune(run: Run, data: RunData) -> None:
    """Give the teacher a head for the data's labels and train it on them; leaves `variants/teacher`.

    Raises:
        ModelError: the model cannot take such a head.
        DataError: the data has no labels to learn from.
    """
    task = trainable(run.task)
    if data.kind == "none":
        raise DataError(
            "The teacher is to learn a new head, but the data has no labels. Name the column that holds them."
        )
    model = run.in_parts("fine-tune", TEACHER, lambda parts: _fine_tuned(run, data, task, parts))
    saving.save_float(model, models.load_tokenizer(run.source.folder), run.variant(TEACHER), task)


def _fine_tuned(run: Run, data: RunData, task: TrainableTask, parts: int) -> PreTrainedModel:
    import numpy as np
    import torch

    from compressor.training.numbers import Unit
    from compressor.training.trainer import train

    config = models.load_config(run.source.folder)
    task.new_head(config, data.labels, data.kind)
    tokenizer = models.load_tokenizer(run.source.folder)
    config.pad_token_id = tokenizer.pad_token_id if config.pad_token_id is None else config.pad_token_id
    torch.manual_seed(run.recipe.seed)
    model = models.load_model(run.source.folder, task, dtype=torch.float32, config=config, new_head=True)
    rows = labelled(data.split("train"), task, len(data.labels))
    unit = Unit.of(np.asarray(rows["labels"][:]), model) if data.kind == "regression" else None
    asked = run.recipe.distill or Distill()
    options = replace(
        options_of(run, asked, parts),
        epochs=run.recipe.teacher_epochs,
        learning_rate=run.recipe.teacher_rate,
        alpha=1.0,
    )
    train(
        model,
        task,
        unit.rows(rows) if unit is not None else rows,
        data.split("validation"),  # judged by ranks, where labels are numbers: the same in any unit
        pad_id=data.pad_id,
        options=options,
        folder=run.work / "fine-tune",
        stage="fine-tune",
        progress=run.progress,
    )
    if unit is not None:
        unit.given_to(model)
    return model


def options_of(run: Run, asked: Distill, parts: int) -> Options:
    """How to train as the recipe asks, a step in so many parts."""
    from compressor.training.trainer import Options

    return Options(
        epochs=asked.epochs,
        learning_rate=asked.learning_rate,
        batch_size=asked.batch_size,
        alpha=asked.alpha,
        temperature=asked.temperature,
        seed=run.recipe.seed,
        device=run.device,
        accumulate=parts,
    )


def needs_teacher(run: Run, data: RunData) -> bool:
    """Whether anything is learned from the teacher's answers: not where labels have the whole weight and every row has one."""
    return run.recipe.learns and (run.recipe.asks_teacher or data.kind == "none")


def ask_teacher(run: Run, data: RunData) -> None:
    """The teacher's logits for the training and validation rows; leaves `work/teacher-logits.npz`, and `work/hints` where
    students learn those too."""
    import numpy as np

    train, validation = run.in_parts("teacher-logits", TEACHER, lambda parts: _asked(run, data, ROWS // parts))
    if (value := trainable(run.task).value(validation, data.split("validation"))) is not None:
        run.progress("teacher-logits", len(train), len(train), teacher_quality=value)
    with fresh(run.work / ANSWERS) as part, part.open("wb") as file:
        np.savez(file, train=train, validation=validation)


def _asked(run: Run, data: RunData, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """(training, validation) logits: float32 [rows, labels] each, `batch` rows at a time."""
    import torch

    from compressor.training.teacher import teacher_logits

    task = trainable(run.task)
    dtype = torch.bfloat16 if has_fast_bf16(run.device) else torch.float32
    model = models.load_model(run.teacher, task, dtype=dtype, device=run.device, strict=False)
    if dtype is not torch.float32 and not saving.stands_16_bits(model, task):
        del model  # not both at once
        run.let_go()
        model = models.load_model(run.teacher, task, dtype=torch.float32, device=run.device, strict=False)
    task.load_for(model)
    rows = data.split("train")
    with taking_down(run, data, rows, model) as hints:
        train = teacher_logits(model, rows, data.pad_id, batch_size=batch, hints=hints, progress=run.progress)
    return train, teacher_logits(model, data.split("validation"), data.pad_id, batch_size=batch)


def teacher_answers(run: Run, data: RunData) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(training, validation) logits that `ask_teacher` left: float32 [rows, labels] each; None where it was not asked."""
    return stored_answers(run) if needs_teacher(run, data) else (None, None)


def stored_answers(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(training, validation) logits that `ask_teacher` left: float32 [rows, labels] each."""
    import numpy as np

    with np.load(run.answered / ANSWERS) as stored:
        return stored["train"], stored["validation"]
