"""What each student would weigh and gain, from the teacher's config alone: built on `meta`, nothing downloaded or allocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import CannotCutError, ModelError
from compressor.recipe import SIZES, Student
from compressor.students.presets import plan
from compressor.students.shapes import Shape, head_size, shape_of, student_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from compressor.tasks.base import Task

LENGTH = 128
"""Tokens of a text for which the speed-up is estimated."""
FIXED, PER_LAYER, PER_CHANNEL = 1e7, 2e6, 350.0
"""What is not a matrix product, in multiplications that take as long: for a text, for a layer, and for a channel of the residual
stream, a token and a layer. Fitted to ten BERT shapes on one CPU core (64 to 768 wide); within a tenth of what was measured."""
MOST_LAYERS = 2000
"""A config that promises more is not a model that this program was made for, and would take minutes to look at."""

__all__ = ["SizeRow", "plan", "shape_row", "size_table", "student_config", "teacher_row"]


@dataclass(frozen=True)
class SizeRow:
    """One line of the table of sizes."""

    size: str
    """A preset's name, `teacher`, or `cut`."""
    layers: int
    hidden: int
    intermediate: int
    parameters: int
    """Exact; a tensor used twice counts once."""
    bytes: dict[str, int]
    """Of the weights, by format (`float`, `8bit`, `4bit`); predicted."""
    speedup: float
    """Estimate: the time of the teacher over this one's, for one text of `LENGTH` tokens in the same format."""


def size_table(config: PretrainedConfig, task: Task) -> list[SizeRow]:
    """One row for each preset that can be made; those that would come out as another one does are left out.

    Raises:
        CannotCutError: none can be made; the sentence says why.
        ModelError: no model can be built from the config.
    """
    work = teacher_work(config, task)
    rows, seen, why = [], {shape_of(config)}, None
    for size in SIZES:
        try:
            shape = plan(config, Student.model_validate({"size": size}), task)
        except CannotCutError as error:
            why = why or error
            continue
        if shape not in seen:
            seen.add(shape)
            rows.append(_row(size, student_config(config, shape), task, work))
    if not rows:
        raise why or CannotCutError("This model is too small to be cut. It can still be quantized.")
    return rows


def shape_row(config: PretrainedConfig, shape: Shape, task: Task) -> SizeRow:
    """The row of a student of one's own numbers; `config` is the teacher's."""
    return _row("cut", student_config(config, shape), task, teacher_work(config, task))


def teacher_row(config: PretrainedConfig, task: Task) -> SizeRow:
    """The model as it is, cuttable or not.

    Raises:
        ModelError: no model can be built from the config.
    """
    return _row("teacher", config, task, None)


def teacher_work(config: PretrainedConfig, task: Task) -> float:
    """The unmodified model's work for a text of `LENGTH` tokens, in multiplications, to compare students with."""
    return _work(_build(config, task), config, task)


def _build(config: PretrainedConfig, task: Task) -> PreTrainedModel:
    layers = getattr(config, "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > MOST_LAYERS:
        raise ModelError(f"This model's config says that it has {layers} layers. Compressor takes up to {MOST_LAYERS}.")
    return models.build(config, task)


def _row(size: str, config: PretrainedConfig, task: Task, work: float | None) -> SizeRow:
    model = _build(config, task)
    own = _work(model, config, task)
    return SizeRow(
        size=size,
        layers=_number(config, "num_hidden_layers"),
        hidden=_number(config, "hidden_size"),
        intermediate=_intermediate(config),
        parameters=sum(p.numel() for p in model.parameters()),
        bytes=_bytes(model, task),
        speedup=round((work or own) / own, 2),
    )


def _bytes(model: PreTrainedModel, task: Task) -> dict[str, int]:
    """Predicted bytes of the weights by format: what a format quantizes are linear layers of a shape that it takes, outside
    the heads."""
    import torch
    from transformers.pytorch_utils import Conv1D

    from compressor import formats

    everything = sum(p.numel() for p in model.parameters())
    outputs = _output_layer(model)
    linear = {
        name: module.weight.numel()
        for name, module in model.named_modules()
        if (type(module) is torch.nn.Linear or isinstance(module, Conv1D))
        and module is not outputs
        and name.partition(".")[0] not in task.heads
    }
    result = {}
    for name, form in formats.FORMATS.items():
        unfit = form.unfit(model) if hasattr(form, "unfit") else []
        fit = sum(linear.values()) - sum(linear.get(layer, 0) for layer in unfit)
        result[name] = form.bytes(fit, everything - fit)
    return result


def _work(model: PreTrainedModel, config: PretrainedConfig, task: Task) -> float:
    """Estimated time for a text of `LENGTH` tokens, in multiplications: every linear layer once per token (a pooler and a
    classification head once per text), attention's two products over all pairs of tokens, and a fitted allowance for
    everything else.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    work, outputs = FIXED, _output_layer(model)
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, Conv1D)):
            # A causal model's head runs at every token; those of the other tasks once per text.
            head = name.partition(".")[0] in task.heads and module is not outputs
            work += module.weight.numel() * (1 if head or "pooler" in name else LENGTH)
    layers, heads = _number(config, "num_hidden_layers"), _number(config, "num_attention_heads")
    inner = heads * head_size(config) if heads else 0
    return work + layers * (
        2.0 * LENGTH * LENGTH * inner + PER_LAYER + PER_CHANNEL * LENGTH * _number(config, "hidden_size")
    )


def _output_layer(model: Any) -> Any:
    """A language model's projection to the vocabulary; None for the other tasks' models."""
    return model.get_output_embeddings()


def _number(config: Any, name: str) -> int:
    value = getattr(config, name, 0)
    return value if isinstance(value, int) else 0


def _intermediate(config: PretrainedConfig) -> int:
    try:
        return shape_of(config).intermediate
    except CannotCutError:
        return _number(config, "intermediate_size")
