"""Make a model's activations easy to quantize, without changing its answers.

Where activations are quantized with one scale a tensor, a few channels that run ten times as high as the others take the
resolution from all. SmoothQuant (Xiao et al., 2022, arXiv:2211.10438) divides each input channel of a linear layer by a factor
and multiplies the layer's weights by it. How much of the difficulty is moved into the weights is searched for each layer, by the
error that quantization would leave in its output (as AWQ does, Lin et al., 2023, arXiv:2306.00978). Knows torch, no runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from compressor.formats.exporting import positions, taken

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Rows

ROWS, BATCH, LENGTH = 256, 32, 64
"""So many rows are looked at, so many at a time, of at most so many tokens: the order of the channels settles well before."""
TOKENS = 768
"""Over which the error of a layer's output is taken."""
GAIN = 0.3
"""A layer is left as it is where less than this share of its error would go."""
ALPHAS, BETAS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.0, 0.2, 0.4)
"""Powers of the activations' and of the weights' largest values, in a channel's factor: a^alpha / w^beta."""


class Smoothed(nn.Module):
    """A linear layer whose input channels are divided by a factor that its weights were multiplied by."""

    def __init__(self, linear: nn.Linear, inverse: torch.Tensor):
        super().__init__()
        self.linear = linear
        self.inverse = nn.Parameter(inverse, requires_grad=False)

    @property
    def weight(self) -> torch.Tensor:
        """T5 asks its layers for the type of theirs."""
        return self.linear.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[…, features in] → […, features out]."""
        out: torch.Tensor = self.linear(x * self.inverse)
        return out


@dataclass
class _Seen:
    """What the layers that read one tensor saw of it."""

    tokens: list[torch.Tensor] = field(default_factory=list)
    """float32 [kept tokens, features] a batch."""
    ranges: list[torch.Tensor] = field(default_factory=list)
    """Smallest and largest value of each channel that shares a scale with each kept token: in the row alone, and in the padded
    batch. float32 [kept tokens, 2 (alone, batch), 2 (low, high), features] a batch."""


def smooth(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows = ()) -> int:
    """Smooth a float32 model in place; it computes what it did, up to rounding.

    Args:
        rows: padded batches of what it will be asked (`input_ids`, `attention_mask` …: int64 [rows, length]); without any,
            random tokens of its vocabulary stand in, which find the same layers and most of the same channels.

    Returns:
        How many linear layers were changed.
    """
    batches = list(_mixed(rows, tokenizer) if len(rows) else _random(model, tokenizer))
    changed = 0
    modules = dict(model.named_modules())
    for names, seen in _watch(model, batches).items():
        layers = [modules[name] for name in names]
        factor = _best([layer for layer in layers if isinstance(layer, nn.Linear)], seen)
        if factor is None:
            continue
        for name, layer in zip(names, layers, strict=True):
            assert isinstance(layer, nn.Linear)
            layer.weight.data.mul_(factor)
            model.set_submodule(name, Smoothed(layer, 1 / factor))
        changed += len(layers)
    return changed


# ---------------------------------------------------------------------------- what is looked at


def _mixed(rows: Rows, tokenizer: PreTrainedTokenizerBase) -> Iterator[dict[str, torch.Tensor]]:
    """Rows of all lengths together in each batch, so that padding is seen as well as texts alone."""
    plain = [
        {
            name: _beginning(torch.from_numpy(values[i][batch["attention_mask"][i] == 1]))
            for name, values in batch.items()
        }
        for batch in rows
        for i in range(len(batch["attention_mask"]))
    ]
    step = max(1, len(plain) // ROWS)
    plain = plain[::step][:ROWS]
    count = -(-len(plain) // BATCH)
    for start in range(count):
        some = plain[start::count]
        yield {
            name: nn.utils.rnn.pad_sequence(
                [row[name] for row in some],
                batch_first=True,
                padding_value=int(tokenizer.pad_token_id or 0) if name == "input_ids" else 0,
            )
            for name in some[0]
        }


def _beginning(row: torch.Tensor) -> torch.Tensor:
    """At most LENGTH tokens of a row, its last one among them: some models look for a text's end, and fail without one."""
    return row if len(row) <= LENGTH else torch.cat([row[: LENGTH - 1], row[-1:]])


def _random(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Iterator[dict[str, torch.Tensor]]:
    """Sentences of random words of its vocabulary, framed as the tokenizer does."""
    chance = torch.Generator().manual_seed(0)
    special = set(tokenizer.all_special_ids)
    most = min(len(tokenizer), int(model.config.get_text_config().vocab_size))
    ordinary = torch.tensor([i for i in range(most) if i not in special] or [0])
    limit = min(32, positions(model) - 4)
    texts = []
    for _ in range(ROWS):
        length = int(torch.randint(2, max(3, limit - 2), (1,), generator=chance))
        texts.append(tokenizer.decode(ordinary[torch.randint(0, len(ordinary), (length,), generator=chance)]))
    for start in range(0, ROWS, BATCH):
        given = tokenizer(
            texts[start : start + BATCH], padding=True, truncation=True, max_length=max(8, limit), return_tensors="pt"
        )
        yield taken(model, given)


def _watch(model: PreTrainedModel, batches: Sequence[Mapping[str, torch.Tensor]]) -> dict[tuple[str, ...], _Seen]:
    """{names of the linear layers that read the same tensor: what they saw}. A layer that reads other company's tensors
    elsewhere (shared between depths) is left out."""
    found: dict[tuple[str, ...], _Seen] = {}
    read: dict[int, tuple[torch.Tensor, list[str]]] = {}

    def hook(name: str) -> object:
        def note(_: nn.Module, given: tuple[torch.Tensor, ...], __: object) -> None:
            read.setdefault(id(given[0]), (given[0], []))[1].append(name)

        return note

    handles = [
        module.register_forward_hook(hook(name))  # type: ignore[arg-type]
        for name, module in model.named_modules()
        if type(module) is nn.Linear
    ]
    try:
        share = max(1, TOKENS // max(1, len(batches)))
        for batch in batches:
            read.clear()
            with torch.inference_mode():
                model(**batch)
            for x, names in read.values():
                mask = batch["attention_mask"].bool()
                if x.dim() == 2 and len(x) == len(mask):  # one token of each row: a pooler, a head
                    x, mask = x[:, None], torch.ones(len(x), 1, dtype=torch.bool)  # noqa: PLW2901
                if x.dim() == 3 and x.shape[:2] == mask.shape:
                    _note(found.setdefault(tuple(names), _Seen()), x, mask, share)
    finally:
        read.clear()
        for handle in handles:
            handle.remove()
    company: dict[str, set[tuple[str, ...]]] = {}
    for together in found:
        for name in together:
            company.setdefault(name, set()).add(together)
    return {together: seen for together, seen in found.items() if all(len(company[name]) == 1 for name in together)}


def _note(seen: _Seen, x: torch.Tensor, mask: torch.Tensor, share: int) -> None:
    hidden = ~mask[..., None]
    alone = torch.stack([x.masked_fill(hidden, torch.inf).amin(1), x.masked_fill(hidden, -torch.inf).amax(1)], 1)
    batch = torch.stack([x.amin((0, 1)), x.amax((0, 1))])
    where = mask.nonzero()
    where = where[torch.linspace(0, len(where) - 1, min(share, len(where))).long()]
    seen.tokens.append(x[where[:, 0], where[:, 1]].clone())
    own = alone[where[:, 0]]
    seen.ranges.append(torch.stack([own, batch.expand_as(own)], 1))


# ---------------------------------------------------------------------------- the search


def _best(layers: Sequence[nn.Linear], seen: _Seen) -> torch.Tensor | None:
    """The factor of each input channel, float32 [features in]; None where none is worth it."""
    x, ranges = torch.cat(seen.tokens), torch.cat(seen.ranges)
    weight = torch.cat([layer.weight.detach() for layer in layers])
    high = ranges.abs().amax((0, 1, 2)).clamp(min=1e-5)
    heavy = weight.abs().amax(0).clamp(min=1e-5)
    exact = x @ weight.T

    def error(alpha: float, beta: float) -> tuple[float, torch.Tensor]:
        factor = high**alpha / heavy**beta if alpha else torch.ones_like(high)
        factor = factor / factor.log().mean().exp()
        rounded = _rounded_weight(weight * factor).T
        left = [((_rounded(x / factor, ranges[:, i] / factor) @ rounded - exact) ** 2).mean() for i in (0, 1)]
        return float(left[0] + left[1]), factor

    plain, _ = error(0.0, 0.0)
    middle = BETAS[1]
    alpha = min(ALPHAS, key=lambda a: error(a, middle)[0])
    if not alpha:
        return None
    found, factor = min((error(alpha, beta) for beta in BETAS), key=lambda pair: pair[0])
    return factor if found < (1 - GAIN) * plain else None


def _rounded(x: torch.Tensor, ranges: torch.Tensor) -> torch.Tensor:
    """[tokens, features], each token in 256 steps between the lowest and the highest value beside it ([tokens, 2, features])."""
    low = ranges[:, 0].amin(1, keepdim=True).clamp(max=0)
    high = ranges[:, 1].amax(1, keepdim=True).clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-12)
    zero = (-low / step).round()
    return ((x / step + zero).round().clamp(0, 255) - zero) * step


def _rounded_weight(weight: torch.Tensor) -> torch.Tensor:
    """[out, in], a scale an output channel, 8 bits."""
    step = weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
    return (weight / step).round().clamp(-127, 127) * step
