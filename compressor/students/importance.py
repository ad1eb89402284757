"""How much each neuron, head and channel matters, from one pass over calibration rows.

The score of a channel is the size of what it passes on: the root mean square of its activation times the norm of the weights
that read it (activations from forward passes: Minitron, Muralidharan et al. 2024, arXiv 2407.14679; the product with the
weights: Wanda, Sun et al. 2023, arXiv 2306.11695). For feed-forward neurons and attention channels it is multiplied by what
leaving them out would do to the answers, to first order: activation times gradient, summed over a text's tokens (Molchanov et
al. 2017, arXiv 1611.06440). The gradient is of the logits with random signs, which needs no labels. The product picks better
than either alone (tests/benchmarks/README.md). A head's score is the norm over its channels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compressor.students.shapes import Shape, head_size, shape_of
from compressor.students.slicing import Parts, Selection

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

READ = ("hidden", "readout", "inner", "ffn")
BY_GRADIENT = ("inner", "ffn")
TOKENS = 2048
"""Of one backward pass."""


@dataclass
class _Seen:
    """What one linear layer read: its weights' norm by input channel, and the squares of its inputs added up."""

    axis: str
    layer: int | None
    norm: torch.Tensor
    squares: torch.Tensor | None = None
    rows: float = 0.0
    effect: torch.Tensor | None = None
    """Of leaving an input out, squared and summed over the rows."""

    def score(self) -> torch.Tensor:
        """float64 [inputs]."""
        active = self._active()
        if self.effect is None:
            return active
        effect = self.effect.sqrt()
        return active / active.mean().clamp_min(1e-30) * effect / effect.mean().clamp_min(1e-30)

    def _active(self) -> torch.Tensor:
        return self.norm if self.squares is None or not self.rows else self.norm * (self.squares / self.rows).sqrt()


@dataclass
class Scores:
    """Importance by axis, each float64; the lists have an entry for each of the teacher's layers."""

    hidden: torch.Tensor
    readout: torch.Tensor
    ffn: list[torch.Tensor]
    kv_heads: list[torch.Tensor]
    notes: list[str] = field(default_factory=list)


def score(
    teacher: PreTrainedModel, parts: Parts, kept: Sequence[int], calibration: Sequence[Mapping[str, Any]]
) -> Scores:
    """Importance of everything that can be cut.

    Args:
        teacher: in eval mode, on any device.
        kept: the layers that will stay: the residual stream is judged by what they read of it.
        calibration: batches of the teacher's inputs (int64 [batch, length] tensors); without any, weights alone judge.
    """
    import torch

    readers = _readers(teacher, parts)
    _run(teacher, readers, calibration)
    shape = shape_of(teacher.config)
    keep = set(kept)

    def total(axis: str, size: int) -> torch.Tensor:
        """Over all layers that read an axis, each layer's scores scaled to a mean of one so that none drowns the others."""
        result = torch.zeros(size, dtype=torch.float64)
        for seen in readers.values():
            if seen.axis == axis and (seen.layer is None or seen.layer in keep):
                own = seen.score()
                result += own / own.mean().clamp_min(1e-30)
        return result

    per_layer: dict[str, list[torch.Tensor]] = {"ffn": [], "inner": []}
    sizes = {"ffn": shape.intermediate, "inner": shape.heads * head_size(teacher.config)}
    for axis, found in per_layer.items():
        for layer in range(shape.layers):
            squares = [s.score() ** 2 for s in readers.values() if s.axis == axis and s.layer == layer]
            found.append(torch.stack(squares).sum(0) if squares else torch.ones(sizes[axis], dtype=torch.float64))
    heads = [s.view(shape.kv_heads, -1).sum(1) for s in per_layer["inner"]]
    if parts.tied_heads:
        together = torch.stack([heads[i] / heads[i].mean().clamp_min(1e-30) for i in kept]).sum(0)
        heads = [together] * shape.layers
    return Scores(total("hidden", shape.hidden), total("readout", shape.hidden), per_layer["ffn"], heads)


def _run(teacher: PreTrainedModel, readers: Mapping[str, _Seen], calibration: Sequence[Mapping[str, Any]]) -> None:
    """Let the readers see the calibration rows, and what their inputs do to the answers."""
    import torch

    random = torch.Generator().manual_seed(0)
    with torch.enable_grad(), _without_gradients(teacher), _watching(teacher, readers) as watch:
        for batch in _small(calibration):
            inputs = {k: v.to(teacher.device) for k, v in batch.items() if k != "labels"}
            watch.mask = inputs.get("attention_mask")
            watch.read.clear()
            logits = teacher(**inputs).logits
            # One answer a text: of every token of a text they would take the vocabulary's room.
            if logits.dim() == 2 and logits.requires_grad:
                signs = torch.randint(0, 2, logits.shape, generator=random).to(logits) * 2 - 1
                (logits * signs).sum().backward()
                watch.add_effects()


def _small(calibration: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The batches in parts of at most `TOKENS`: all that a part passes through is kept until its gradients are there."""
    for batch in calibration:
        rows, length = batch["input_ids"].shape[:2]
        step = max(1, TOKENS // max(1, length))
        for start in range(0, rows, step):
            yield {name: values[start : start + step] for name, values in batch.items()}


def select(scores: Scores, old: Shape, new: Shape, per_head: int, kept: Sequence[int]) -> Selection:
    """The most important entries of every axis, in their old order."""

    def best(score: torch.Tensor, count: int) -> torch.Tensor:
        return score.topk(count).indices.sort().values

    keep = set(kept)
    return Selection(
        hidden=best(scores.hidden, new.hidden),
        readout=best(scores.readout, new.hidden),
        ffn=[best(s, new.intermediate) if i in keep else None for i, s in enumerate(scores.ffn)],
        kv_heads=[best(s, new.kv_heads) if i in keep else None for i, s in enumerate(scores.kv_heads)],
        group=old.heads // old.kv_heads,
        head_size=per_head,
        intermediate=old.intermediate,
        total_kv_heads=old.kv_heads,
    )


def _readers(model: PreTrainedModel, parts: Parts) -> dict[str, _Seen]:
    """Every linear layer that reads an axis which can be cut, by module name."""
    import torch
    from transformers.pytorch_utils import Conv1D

    found = {}
    for name, module in model.named_modules():
        if not isinstance(module, (torch.nn.Linear, Conv1D)):
            continue
        pattern, layer = parts.place(f"{name}.weight")
        reads = 0 if isinstance(module, Conv1D) else 1
        axis = parts.labels.get(pattern, (None, None))[reads]
        if axis in READ:
            norm = module.weight.detach().to(torch.float64).norm(dim=1 - reads).cpu()
            found[name] = _Seen(axis, layer, norm)
    return found


@contextlib.contextmanager
def _without_gradients(model: PreTrainedModel) -> Iterator[None]:
    """Within, no parameter asks for a gradient: those of activations are all that is wanted."""
    before = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in before:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in before:
            parameter.requires_grad_(True)


@dataclass
class _Watch:
    """What the readers read in the current batch."""

    mask: torch.Tensor | None = None
    """int64 [batch, length]; padding does not count."""
    read: list[tuple[_Seen, torch.Tensor]] = field(default_factory=list)

    def masks(self, read: torch.Tensor) -> torch.Tensor | None:
        """The mask, where what was read has padding: [batch, length, inputs]."""
        padded = self.mask is not None and read.dim() == 3 and read.shape[:2] == self.mask.shape
        return self.mask if padded else None

    def add_effects(self) -> None:
        """Once the gradients are there."""
        for seen, read in self.read:
            if read.grad is None:
                continue
            first_order = read.detach().float() * read.grad.float()
            if (mask := self.masks(read)) is not None:
                first_order = first_order * mask.unsqueeze(-1)
            by_row = first_order.sum(1) if first_order.dim() == 3 else first_order
            added = (by_row.double() ** 2).sum(0).cpu()
            seen.effect = added if seen.effect is None else seen.effect + added
        self.read.clear()


@contextlib.contextmanager
def _watching(model: PreTrainedModel, readers: Mapping[str, _Seen]) -> Iterator[_Watch]:
    """Add up the squares of what the readers read, and keep what the gradient is wanted for."""
    import torch

    watch = _Watch()

    def hook(seen: _Seen, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        read = inputs[0]
        squares = read.detach().float() ** 2
        if (mask := watch.masks(read)) is not None:
            squares = squares[mask.bool()]
        squares = squares.reshape(-1, read.shape[-1])
        added = squares.sum(0, dtype=torch.float64).cpu()
        seen.squares = added if seen.squares is None else seen.squares + added
        seen.rows += squares.shape[0]
        if seen.axis not in BY_GRADIENT:
            return None
        if not read.requires_grad:  # no parameter asks for a gradient: it begins here
            read = read.detach().requires_grad_()
        read.retain_grad()
        watch.read.append((seen, read))
        return (read, *inputs[1:])

    handles = [
        model.get_submodule(name).register_forward_pre_hook(lambda _, inputs, seen=seen: hook(seen, inputs))
        for name, seen in readers.items()
    ]
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()
