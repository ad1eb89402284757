"""The shape of a model: how many layers, how wide. Reads it from any config, and writes it into a copy of one.

It knows nothing of weights, and nothing of which shapes are sensible: see `sizes.py` for that. Imports without torch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compressor.errors import CannotCutError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Where configs keep the width of the feed-forward part, and the number of key-value heads.
INTERMEDIATE = ("intermediate_size", "ffn_dim", "hidden_dim", "n_inner", "d_inner", "ffn_hidden_size", "ffn_size")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
# Sizes that have to stay equal to the hidden size where the teacher has them equal. A config may name none of them.
FOLLOW_HIDDEN = ("embedding_size", "pooler_hidden_size", "word_embed_proj_dim", "input_embedding_size", "n_embd_proj")
STILL = "It can still be quantized: choose no student, only formats."


@dataclass(frozen=True)
class Shape:
    """What makes one model of an architecture larger or smaller than another; counts, not bytes."""

    layers: int
    hidden: int
    """Width of the residual stream."""
    intermediate: int
    """Neurons of each feed-forward part."""
    heads: int
    """Attention (query) heads of each layer."""
    kv_heads: int
    """Key-value heads of each layer; equal to `heads` where every query head has its own."""

    def narrower_than(self, other: Shape) -> bool:
        """Whether anything but the depth differs."""
        return (self.hidden, self.intermediate, self.heads, self.kv_heads) != (
            other.hidden, other.intermediate, other.heads, other.kv_heads,
        )  # fmt: skip


def shape_of(config: PretrainedConfig) -> Shape:
    """The shape that a config describes.

    Raises:
        CannotCutError: it is not one stack of transformer layers.
    """
    kind = getattr(config, "model_type", "unknown")
    if getattr(config, "is_encoder_decoder", False):
        raise CannotCutError(
            f"This {kind} model has an encoder and a decoder, and Compressor can only cut models with one stack of "
            f"layers. {STILL}"
        )
    found = {name: _first(config, (name,)) for name in ("num_hidden_layers", "hidden_size", "num_attention_heads")}
    lacking = [name for name, value in found.items() if value is None]
    if lacking or getattr(config, "is_heterogeneous", False):
        why = f"its config has no single {lacking[0]}" if lacking else "its layers differ in shape from one another"
        raise CannotCutError(f"This {kind} model cannot be cut, because {why}. {STILL}")
    layers, hidden, heads = (value or 0 for value in found.values())
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=_first(config, INTERMEDIATE) or 4 * hidden,
        heads=heads,
        kv_heads=_first(config, KV_HEADS) or heads,
    )


def head_size(config: PretrainedConfig) -> int:
    """Width of one attention head."""
    own = getattr(config, "head_dim", None)
    return own if isinstance(own, int) and own > 0 else int(config.hidden_size) // int(config.num_attention_heads)


def has_own_intermediate(config: PretrainedConfig) -> bool:
    """Whether the config names the feed-forward width at all; where it does not, it is four times the hidden size."""
    return any(hasattr(config, name) for name in INTERMEDIATE)


def evenly_spaced(layers: int, keep: int) -> tuple[int, ...]:
    """Which of `layers` layers stay when `keep` of them do: first and last, and the rest at even distances (6 → 3: 0, 2,
    5), as DistilBERT was initialised (Sanh et al. 2019, arXiv 1910.01108). One layer alone is the first.
    """
    if keep <= 1:
        return (0,)
    return tuple(round(i * (layers - 1) / (keep - 1)) for i in range(keep))


def student_config(config: PretrainedConfig, shape: Shape) -> PretrainedConfig:
    """A copy of the teacher's config with another shape; lists with an entry per layer follow the layers that stay."""
    old = shape_of(config)
    return with_shape(config, shape, evenly_spaced(old.layers, shape.layers))


def with_shape(
    config: PretrainedConfig, shape: Shape, kept: Sequence[int], per_head: int | None = None
) -> PretrainedConfig:
    """`student_config` for a choice of layers: `kept` are the teacher's layers that stay, in order. `per_head` is the
    width of a head, the teacher's unless given."""
    old, new = shape_of(config), copy.deepcopy(config)
    _cut_lists(new, old.layers, kept)
    new.num_hidden_layers = len(kept)
    if not shape.narrower_than(old):
        return new
    per_head = per_head or head_size(config)
    for name in FOLLOW_HIDDEN:
        if getattr(config, name, None) == old.hidden:
            setattr(new, name, shape.hidden)
    for names, value, before in (
        (INTERMEDIATE, shape.intermediate, old.intermediate),
        (KV_HEADS, shape.kv_heads, old.kv_heads),
    ):
        own = next((n for n in names if hasattr(config, n)), None)
        if own and (value != before or getattr(config, own) is not None):
            setattr(new, own, value)
    new.hidden_size, new.num_attention_heads = shape.hidden, shape.heads
    # Where heads no longer share out the hidden size evenly, only an explicit head size says how wide they are.
    if getattr(config, "head_dim", None) or shape.hidden != shape.heads * per_head:
        new.head_dim = per_head
    return new


def _cut_lists(config: PretrainedConfig, layers: int, kept: Sequence[int]) -> None:
    """`layer_types` and its like: one entry a layer. `mlp_only_layers` and its like: numbers of layers."""
    place = {old: new for new, old in enumerate(kept)}
    for name, value in list(vars(config).items()):
        per_layer = any(word in name for word in ("layer", "block", "window"))
        if not isinstance(value, (list, tuple)) or not value or not per_layer:
            continue
        cut: list[Any] | None = None
        if len(value) == layers:
            cut = [value[i] for i in kept]
        elif all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v < layers for v in value):
            cut = [place[v] for v in value if v in place]
        if cut is not None:
            setattr(config, name, type(value)(cut))


def _first(config: PretrainedConfig, names: Sequence[str]) -> int | None:
    for name in names:
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None
