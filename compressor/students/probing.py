"""Finds out, for any architecture, which dimension of which tensor belongs to which axis, and proves it.

Two tiny models of the architecture that differ in every size show by their shapes which dimensions follow what. Where
heads share out the hidden size (BERT), the shapes of the attention's own channels and of the residual stream coincide:
there, the names of the query, key and value layers tell, and the order in which modules run. The proof: permuting each
axis at random, in all tensors that have it, must leave the logits as they were. A wrong label changes them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.students.shapes import Shape, evenly_spaced, shape_of, with_shape
from compressor.students.slicing import Axis, Parts, Selection, cut

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    from compressor.tasks.base import Task

HEAD = 8
"""Width of a head in the tiny models."""
VOCABULARY = 67
READS = re.compile(
    r"^(q|k|v|query|key|value|qkv|wqkv|wq|wk|wv|c_attn|in_proj|query_key_value|(pos_)?(q|k|v|query|key|value|qkv)"
    r"_(proj|lin|layer|bias|global|norm|layernorm)|pos_proj|pos_q_proj|(query|key|value)_global)$",
    re.IGNORECASE,
)
"""Modules (or bare parameters of an attention module) whose output is the heads' channels."""


class NotUnderstoodError(Exception):
    """The labels could not be found or did not stand the proof; the message ends a sentence that begins with "because"."""


@dataclass(frozen=True)
class _Tiny:
    """A tiny model of the architecture: its config, and the sizes that its dimensions can have."""

    config: PretrainedConfig
    shape: Shape

    def sizes(self) -> list[tuple[Axis, int]]:
        s = self.shape
        inner, kv = s.heads * HEAD, s.kv_heads * HEAD
        return [
            ("hidden", s.hidden), ("inner", inner), ("kv", kv), ("qkv", inner + 2 * kv), ("ffn", s.intermediate),
            ("ffn2", 2 * s.intermediate), ("heads", s.heads), ("kv_heads", s.kv_heads),
        ]  # fmt: skip


def probe(config: PretrainedConfig, task: Task, stacks: tuple[str, ...]) -> Parts:
    """Label the tensors of this architecture.

    Raises:
        NotUnderstoodError: it could not be done for all of them.
    """
    import torch

    with (
        torch.random.fork_rng(devices=[]),
        torch.no_grad(),
        models.quiet(),
    ):  # building draws from the caller's random state
        try:
            parts, tiny = _label(config, task, stacks)
            for by_head in (False, True):
                if _proven(tiny, task, replace(parts, by_head=by_head)):
                    return replace(parts, by_head=by_head)
        except NotUnderstoodError:
            raise
        except Exception as error:
            raise NotUnderstoodError("a small model of this architecture cannot be built and run") from error
    raise NotUnderstoodError("its layers do not keep apart what has to be cut together")


def _label(config: PretrainedConfig, task: Task, stacks: tuple[str, ...]) -> tuple[Parts, _Tiny]:
    free = _has_free_heads(config, task)
    small, large = _tiny(config, 4, free), _tiny(config, 6, free)
    parts = Parts(stacks, {}, free_heads=free)
    model = models.build(small.config, task, "cpu").train(False)
    other = models.build(large.config, task)
    grown = {name: tuple(p.shape) for name, p in other.named_parameters(remove_duplicate=False)}
    outputs = {} if free else _attention_outputs(model, parts)
    readout = _readout_modules(model, parts)
    labels: dict[str, tuple[Axis | None, ...]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        pattern, _ = parts.place(name)
        axes: list[Axis | None] = []
        module = pattern.rpartition(".")[0]
        for dimension, pair in enumerate(zip(parameter.shape, grown[name], strict=True)):
            axis = _axis(pair, small, large, pattern)
            if axis == "hidden":
                outward = dimension == _out_dimension(model, name)
                if READS.match(module.rpartition(".")[2]) or READS.match(pattern.rpartition(".")[2]):
                    axis = axis if free or not outward else "inner"
                elif module in outputs and not outward:
                    axis = "inner"
                elif module in readout:
                    axis = "readout" if outward or readout[module] == "both" else axis
            axes.append(axis)
        labels[pattern] = tuple(axes)
    outside = any("heads" in axes or "kv_heads" in axes for pattern, axes in labels.items() if ".*" not in pattern)
    return replace(parts, labels=labels, tied_heads=outside), small


def _axis(pair: tuple[int, int], small: _Tiny, large: _Tiny, name: str) -> Axis | None:
    """The axis of a dimension that is pair[0] long in the small model and pair[1] long in the large one."""
    if pair[0] == pair[1]:
        return None
    for (axis, a), (_, b) in zip(small.sizes(), large.sizes(), strict=True):
        if (a, b) == pair:
            return axis
    raise NotUnderstoodError(f"the tensor {name} follows the width in a way that Compressor does not know")


def _has_free_heads(config: PretrainedConfig, task: Task) -> bool:
    """Whether the query layer's width follows a head size of the config's own instead of the hidden size."""
    try:
        tiny = _tiny(config, 4, True)
        model = models.build(tiny.config, task)
    except Exception:  # a config without a place for it says so in its own way
        return False
    inner = tiny.shape.heads * HEAD
    sizes = {inner, inner + 2 * tiny.shape.kv_heads * HEAD}
    found = [m for name, m in model.named_modules() if READS.match(name.rpartition(".")[2]) and hasattr(m, "weight")]
    return bool(found) and any(d in sizes for d in found[0].weight.shape)


def _tiny(config: PretrainedConfig, heads: int, free: bool) -> _Tiny:
    """A config of the same architecture with few, narrow layers and few tokens. `heads` sets all sizes."""
    old = shape_of(config)
    kv = heads if old.kv_heads == old.heads else 1 if old.kv_heads == 1 else heads // 2
    hidden = heads * (HEAD + 2 if free else HEAD)
    shape = Shape(min(old.layers, 3), hidden, 12 * heads - heads % 4, heads, kv)
    config = copy.deepcopy(config)
    if free or getattr(config, "head_dim", None):
        config.head_dim = HEAD
    new = with_shape(config, shape, evenly_spaced(old.layers, shape.layers), HEAD)
    for name, value in list(vars(new).items()):
        if name.endswith("_token_id") and isinstance(value, int):
            setattr(new, name, 0 if name == "pad_token_id" else 1)
    new.pad_token_id = 0
    new.vocab_size = VOCABULARY
    return _Tiny(new, shape_of(new))


def _out_dimension(model: PreTrainedModel, parameter: str) -> int:
    """Which dimension of this parameter is its module's output: 0, but 1 in GPT-2's transposed layers and in embeddings."""
    import torch
    from transformers.pytorch_utils import Conv1D

    module = model.get_submodule(parameter.rpartition(".")[0])
    return 1 if isinstance(module, (Conv1D, torch.nn.Embedding)) and parameter.endswith("weight") else 0


def _order(model: PreTrainedModel) -> list[str]:
    """Names of the modules with parameters of their own, in the order in which a forward first reaches them."""
    seen: dict[str, None] = {}
    handles = [
        module.register_forward_pre_hook(lambda *_, name=name: seen.setdefault(name))
        for name, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    try:
        model(**_inputs())
    finally:
        for handle in handles:
            handle.remove()
    return list(seen)


def _attention_outputs(model: PreTrainedModel, parts: Parts) -> set[str]:
    """The attention's output layers: the first linear layer to run after a layer's queries, keys and values."""
    found: set[str] = set()
    after: dict[int | None, bool] = {}
    for name in _order(model):
        pattern, layer = parts.place(name)
        if layer is None:
            continue
        if READS.match(name.rpartition(".")[2]):
            after[layer] = True
        elif after.get(layer) and _is_linear(model, name):
            found.add(pattern)
            after[layer] = False
    return found


def _readout_modules(model: PreTrainedModel, parts: Parts) -> dict[str, str]:
    """The modules that run after the last layer and its norm: from the first linear layer on ("out": only its output),
    what they hold is no longer the residual stream ("both")."""
    order = _order(model)
    last = max((i for i, name in enumerate(order) if parts.place(name)[1] is not None), default=len(order))
    found: dict[str, str] = {}
    for name in order[last + 1 :]:
        if found or _is_linear(model, name):
            found[name] = "both" if found else "out"
    return found


def _is_linear(model: PreTrainedModel, name: str) -> bool:
    import torch
    from transformers.pytorch_utils import Conv1D

    return isinstance(model.get_submodule(name), (torch.nn.Linear, Conv1D))


def _inputs() -> dict[str, torch.Tensor]:
    import torch

    ids = torch.randint(2, VOCABULARY, (1, 24), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _proven(tiny: _Tiny, task: Task, parts: Parts) -> bool:
    """Whether the logits of a tiny model stay as they are when every axis is shuffled by its labels."""
    import torch

    draw = torch.Generator().manual_seed(1)
    model, shuffled = (models.build(tiny.config, task, "cpu").train(False) for _ in range(2))
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=draw)
        # Large enough for every tensor to matter to the logits, attention included.
        p.copy_(noise * 1.5 / p.shape[-1] ** 0.5 if p.dim() > 1 else noise * 0.3 + (not name.endswith("bias")))
    state = {k: v.clone() for k, v in model.state_dict().items()}
    selection = _shuffle(tiny.shape, parts, draw)
    shuffled.load_state_dict(cut(state, parts, range(tiny.shape.layers), selection))
    before, after = model(**_inputs()).logits, shuffled(**_inputs()).logits
    return bool(torch.allclose(before, after, rtol=1e-3, atol=1e-3 * float(before.abs().max())))


def _shuffle(shape: Shape, parts: Parts, draw: Any) -> Selection:
    import torch

    def permutations(size: int, tied: bool = False) -> Sequence[torch.Tensor]:
        drawn = [torch.randperm(size, generator=draw) for _ in range(shape.layers)]
        return [drawn[0]] * shape.layers if tied else drawn

    return Selection(
        hidden=torch.randperm(shape.hidden, generator=draw),
        readout=torch.randperm(shape.hidden, generator=draw),
        ffn=permutations(shape.intermediate),
        kv_heads=permutations(shape.kv_heads, parts.tied_heads),
        group=shape.heads // shape.kv_heads,
        head_size=HEAD,
        intermediate=shape.intermediate,
        total_kv_heads=shape.kv_heads,
    )
