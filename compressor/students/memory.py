"""How much memory a training will need, before it starts: an estimate, to refuse runs that cannot fit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from compressor import models
from compressor.arithmetic import WRITTEN_OUT
from compressor.students.anatomy import examine
from compressor.students.presets import task_of
from compressor.students.shapes import Shape, shape_of, student_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from compressor.students.slicing import Parts
    from compressor.tasks.base import Task

PROCESS = 600_000_000
"""Bytes that a worker has with torch, transformers and datasets imported and a small data set open."""
KEPT = 3
"""How many times a linear layer's output is kept for the backward pass, in some form: itself, what an activation or a norm
makes of it, and the sum with the residual stream."""


def training_memory(
    config: PretrainedConfig,
    shape: Shape,
    batch_size: int,
    length: int,
    task: Task | None = None,
    *,
    device: str = "cpu",
) -> int:
    """Bytes at the peak of training a student of this shape, the process itself included on the CPU.

    Counted are the student's weights in float32, gradients and Adam's two moments for what is trained (copied embeddings are
    frozen), activations in float32, and the teacher's weights in bfloat16. Measured against real trainings of MiniLM (batch
    32, 64 to 256 tokens) it is up to a fifth too high; bfloat16 autocast takes a fifth less still.

    Args:
        config: the teacher's.
        shape: the student's; the teacher's own shape is the fine-tuning of the teacher itself.
        batch_size: of one forward pass, not of an optimizer step that accumulates several.
        length: tokens of the longest text in a batch.
        device: `cpu` or `cuda`.

    Raises:
        ModelError: no model can be built from the config.
    """
    task = task or task_of(config)
    old = shape_of(config)
    student = models.build(student_config(config, shape), task)
    parameters = sum(p.numel() for p in student.parameters())
    trained = parameters
    teacher = 0
    if shape != old:
        teacher = 2 * sum(p.numel() for p in models.build(config, task).parameters())
        if not shape.narrower_than(old):
            with contextlib.suppress(NotImplementedError):  # CANINE has no one table of tokens
                trained -= sum(p.numel() for p in student.get_input_embeddings().parameters())
    activations = _activations(student, shape, examine(config, task).parts, batch_size, length, device)
    process = PROCESS if device == "cpu" else 0
    return int(process + teacher + 4 * parameters + 12 * trained + activations)


def _activations(
    student: PreTrainedModel, shape: Shape, parts: Parts, batch_size: int, length: int, device: str
) -> int:
    import torch
    from transformers.pytorch_utils import Conv1D

    outputs = 6 * shape.hidden  # embeddings: their sum, norm, dropout
    for name, module in student.named_modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)) and parts.place(name)[1] is not None:
            outputs += KEPT * int(module.weight.shape[1 if isinstance(module, Conv1D) else 0])
    tokens = batch_size * length
    # Written out, attention keeps a number for each pair of tokens: scores and probabilities. With dropout on its weights, torch
    # on a CPU always writes it out, and keeps a mask besides.
    dropout = max(
        float(getattr(student.config, name, 0.0) or 0.0)
        for name in ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
    )
    each = 0 if device != "cpu" else 12 if dropout > 0 else 8 if length <= WRITTEN_OUT else 0
    return int(tokens * (4 * outputs + each * shape.layers * shape.heads * length))
