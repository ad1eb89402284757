"""What of an architecture can be cut: its depth, its width, or neither, and the sentence that says why not."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import CannotCutError
from compressor.students.probing import NotUnderstoodError, probe
from compressor.students.shapes import STILL, evenly_spaced, shape_of, with_shape
from compressor.students.slicing import Parts

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from compressor.tasks.base import Task


@dataclass(frozen=True)
class Anatomy:
    """One architecture, taken apart."""

    parts: Parts
    no_width: str | None
    """The sentence that says why the width cannot be cut; None where it can."""


_known: OrderedDict[str, Anatomy] = OrderedDict()


def examine(config: PretrainedConfig, task: Task) -> Anatomy:
    """Take an architecture apart, from its config alone; cached, because it takes some tenths of a second.

    Raises:
        CannotCutError: not even layers can be left out.
        ModelError: no model can be built from the config.
    """
    key = json.dumps([task.auto_class, type(config).__name__, config.to_dict()], sort_keys=True, default=str)
    if key not in _known:
        _known[key] = _examine(config, task)
        while len(_known) > 32:
            _known.popitem(last=False)
    return _known[key]


def _examine(config: PretrainedConfig, task: Task) -> Anatomy:
    shape_of(config)
    model = models.build(config, task)
    stacks = _stacks(model, config)
    _check_depth(model, config, task, Parts(stacks, {}))
    try:
        parts = probe(config, task, stacks)
        for name, tensor in model.named_parameters():
            if len(parts.labels.get(parts.place(name)[0], ())) != tensor.dim():
                raise NotUnderstoodError(f"its layers are of several kinds (one alone has {name})")
    except NotUnderstoodError as error:
        why = f"The width of this {config.model_type} model cannot be cut, because {error}; its depth can."
        return Anatomy(Parts(stacks, {}), why)
    return Anatomy(parts, None)


def _stacks(model: PreTrainedModel, config: PretrainedConfig) -> tuple[str, ...]:
    """The outermost module lists with one entry a layer."""
    import torch

    layers = int(config.num_hidden_layers)
    found: list[str] = []
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.ModuleList) or len(module) != layers:
            continue
        if next(module.parameters(), None) is not None and not any(name.startswith(f"{outer}.") for outer in found):
            found.append(name)
    if not found:
        raise CannotCutError(
            f"This {config.model_type} model cannot be cut, because it does not keep its {layers} layers as separate "
            f"ones (some architectures, like ALBERT, run one layer several times). {STILL}"
        )
    return tuple(found)


def _survives(config: PretrainedConfig) -> bool:
    """Whether a config comes back from its file as it was: some derive a list per layer from numbers of their own."""
    try:
        return bool(type(config).from_dict(config.to_dict()).to_dict() == config.to_dict())
    except Exception:  # the config's own checks
        return False


def _check_depth(model: PreTrainedModel, config: PretrainedConfig, task: Task, parts: Parts) -> None:
    """Compare, by names and shapes, a model with fewer layers with what would be copied into it."""
    shape = shape_of(config)
    if shape.layers == 1:
        return
    kept = evenly_spaced(shape.layers, (shape.layers + 1) // 2)
    place = {old: new for new, old in enumerate(kept)}
    copied = {}
    for name, tensor in model.state_dict().items():
        pattern, layer = parts.place(name)
        if layer is None or layer in place:
            copied[name if layer is None else pattern.replace(".*", f".{place[layer]}", 1)] = tensor.shape
    less = with_shape(config, shape, kept)
    smaller = models.build(less, task).state_dict()
    if {name: tensor.shape for name, tensor in smaller.items()} != copied or not _survives(less):
        raise CannotCutError(
            f"This {config.model_type} model cannot be cut, because its layers depend on where they stand in the stack. "
            f"{STILL}"
        )
