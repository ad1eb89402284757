"""Takes a model's weights apart along its axes: which index of which tensor is the same thing in every tensor.

Every dimension of every tensor carries a label (found by `probing.py`); a `Selection` says which entries of each axis
stay, and `cut` applies it to all tensors alike. It knows nothing of why these entries and not others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Axis = Literal["hidden", "readout", "inner", "kv", "qkv", "ffn", "ffn2", "heads", "kv_heads"]
"""hidden: the residual stream. readout: what the classification head makes of it. inner: the query heads' channels, side by
side. kv: the key-value heads' channels. qkv: query, key and value in one tensor. ffn: feed-forward neurons; ffn2: twice of
them (gate and up in one tensor). heads, kv_heads: one entry a head. A dimension that the width does not touch has None."""
Labels = Mapping[str, tuple[Axis | None, ...]]
"""Tensor name, its layer's number written as `*` → the axis of each dimension."""


@dataclass(frozen=True)
class Parts:
    """Where an architecture keeps what."""

    stacks: tuple[str, ...]
    """Module lists with one entry a layer (`bert.encoder.layer`)."""
    labels: Labels
    by_head: bool = False
    """A fused query-key-value tensor goes head by head (q0 k0 v0 q1 …), not all queries first."""
    tied_heads: bool = False
    """A tensor outside the layers has an entry a head, so all layers have to keep the same heads."""
    free_heads: bool = False
    """The config has a head size of its own: heads and hidden size can be cut apart from one another."""

    def place(self, name: str) -> tuple[str, int | None]:
        """A tensor's or module's name → (the name with `*` for its layer's number, that number or None)."""
        for stack in self.stacks:
            if found := re.match(rf"{re.escape(stack)}\.(\d+)(\.|$)", name):
                return f"{stack}.*{found[2]}{name[found.end() :]}", int(found[1])
        return name, None


@dataclass(frozen=True)
class Selection:
    """What stays of each axis: int64 indices. `heads` counts query heads, `kv_heads` key-value heads; the lists have one
    entry for each of the teacher's layers (None for a layer that goes)."""

    hidden: torch.Tensor
    readout: torch.Tensor
    ffn: Sequence[torch.Tensor | None]
    kv_heads: Sequence[torch.Tensor | None]
    group: int
    """Query heads to each key-value head; they go together."""
    head_size: int
    intermediate: int
    """The teacher's; where its second half begins in a fused gate-and-up tensor."""
    total_kv_heads: int
    """The teacher's."""

    def indices(self, axis: Axis, layer: int | None, by_head: bool) -> torch.Tensor:
        """The entries to keep of a dimension with this label."""
        import torch

        if axis == "hidden":
            return self.hidden
        if axis == "readout":
            return self.readout
        if axis in ("ffn", "ffn2"):
            neurons = self._of(self.ffn, layer)
            return neurons if axis == "ffn" else torch.cat([neurons, neurons + self.intermediate])
        kv = self._of(self.kv_heads, layer)
        query = _spread(kv, self.group)
        if axis in ("heads", "kv_heads"):
            return query if axis == "heads" else kv
        if axis in ("inner", "kv"):
            return _spread(query if axis == "inner" else kv, self.head_size)
        if by_head:
            return _spread(query, 3 * self.head_size)
        keys = _spread(kv, self.head_size)
        first = self.total_kv_heads * self.group * self.head_size
        second = first + self.total_kv_heads * self.head_size
        return torch.cat([_spread(query, self.head_size), keys + first, keys + second])

    @staticmethod
    def _of(per_layer: Sequence[torch.Tensor | None], layer: int | None) -> torch.Tensor:
        chosen = next((x for x in per_layer if x is not None), None) if layer is None else per_layer[layer]
        if chosen is None:
            raise LookupError(f"layer {layer} is not among those that stay")
        return chosen


def cut(
    state: Mapping[str, torch.Tensor], parts: Parts, kept: Sequence[int], selection: Selection | None
) -> dict[str, torch.Tensor]:
    """The student's tensors by the student's names, float32, on the CPU.

    Args:
        state: the teacher's tensors.
        kept: the teacher's layers that stay, in order.
        selection: None leaves the width as it is.
    """
    import torch

    place = {old: new for new, old in enumerate(kept)}
    result = {}
    for name, tensor in state.items():
        pattern, layer = parts.place(name)
        if layer is not None and layer not in place:
            continue
        value = tensor.detach().to(device="cpu", dtype=torch.float32 if tensor.is_floating_point() else None)
        if selection is not None:
            for dimension, axis in enumerate(parts.labels.get(pattern, ())):
                if axis is not None:
                    value = value.index_select(dimension, selection.indices(axis, layer, parts.by_head))
        target = name if layer is None else pattern.replace(".*", f".{place[layer]}", 1)
        result[target] = value.clone()
    return result


def _spread(blocks: torch.Tensor, size: int) -> torch.Tensor:
    """Indices of blocks → indices of their entries, `size` to a block: [n] → [n · size]."""
    import torch

    return (blocks[:, None] * size + torch.arange(size)).flatten()
