"""A classifier that reads the first token alone needs its last layer for that token alone.

BERT, RoBERTa, DistilBERT and their like classify by the first token's last hidden state. The other tokens matter to it through
the last attention's keys and values only: its queries, and everything behind them, are wanted for one token. In a student
of three layers that is a quarter of the work, and no answer changes. It knows no architecture by name: it tries, and compares.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

KEYS_AND_VALUES = (("key", "value"), ("k_lin", "v_lin"), ("k_proj", "v_proj"))
"""What attention modules call the two layers that read every token."""
ATTENTION = "first_token"
"""The name of our attention function among transformers'."""
PLAIN = ("sdpa", "eager")
"""Implementations of attention that take a mask and tokens as they are."""

SAME = 2**-5
"""Of the largest logit: what kernels for one query and for many may differ by in bfloat16."""


@contextlib.contextmanager
def first_token_only(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> Iterator[bool]:
    """Within, `model` computes its last layer for the first token alone, where that leaves its logits as they are; yields
    whether it does. Hidden states of the last layer then have a length of one.

    Args:
        batch: the model's inputs, int64 [rows, length] on its device, to compare on; best of rows of several lengths.
    """
    with contextlib.ExitStack() as patches:
        found = _last_layer(model)
        plain = _logits(model, batch) if found is not None else None
        if found is None or plain is None or not _reads_the_first_alone(model, found[1], batch):
            yield False
            return
        patches.enter_context(_narrowed(*found))
        works = _same(plain, _logits(model, batch))
        if not works:
            patches.close()
        yield works


def _last_layer(model: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    """(attention module, layer around it) of the last of the model's stack of layers; None where it is of no known make."""
    layers = getattr(getattr(model, "config", None), "num_hidden_layers", None)
    for stack in model.modules():
        if not isinstance(stack, nn.ModuleList) or len(stack) != layers:
            continue
        for module in stack[-1].modules():
            if _keys_and_values(module) and getattr(_config(module), "_attn_implementation", None) in PLAIN:
                return module, stack[-1]
    return None


def _reads_the_first_alone(model: nn.Module, layer: nn.Module, batch: Mapping[str, torch.Tensor]) -> bool:
    """Whether the logits stay finite when the other tokens leave the last layer as NaN."""

    def poison(_: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        hidden = hidden.clone()
        hidden[:, 1:] = torch.nan
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = layer.register_forward_hook(poison)
    try:
        logits = _logits(model, batch)
    finally:
        handle.remove()
    return logits is not None and bool(logits.isfinite().all())


def _keys_and_values(attention: nn.Module) -> list[nn.Linear]:
    for names in KEYS_AND_VALUES:
        found = [getattr(attention, name, None) for name in names]
        if all(isinstance(module, nn.Linear) for module in found):
            return [module for module in found if isinstance(module, nn.Linear)]
    return []


def _config(module: nn.Module) -> Any:
    return getattr(module, "config", None)


@contextlib.contextmanager
def _narrowed(attention: nn.Module, layer: nn.Module) -> Iterator[None]:
    """The layer is called with its first token; keys and values read them all."""
    whole: list[torch.Tensor] = []

    def first(value: Any) -> Any:
        """The first token's row of a mask [rows, 1, queries, keys]."""
        mask = isinstance(value, torch.Tensor) and value.dim() == 4
        return value[:, :, :1] if mask else value

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        hidden = args[0]
        whole[:] = [hidden]
        rest = tuple(first(value) for value in args[1:])
        return (hidden[:, :1], *rest), {name: first(value) for name, value in kwargs.items()}

    def after(*_: Any) -> None:
        whole.clear()

    def all_tokens(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (whole[0],)

    config = _config(attention)
    own = copy.copy(config)
    own._attn_implementation = ATTENTION
    handles = [
        layer.register_forward_pre_hook(before, with_kwargs=True),
        layer.register_forward_hook(after, always_call=True),
    ]
    handles += [linear.register_forward_pre_hook(all_tokens) for linear in _keys_and_values(attention)]
    attention.config = own
    try:
        yield
    finally:
        attention.config = config
        for handle in handles:
            handle.remove()


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> Any:
    """Attention of one query [rows, heads, 1, width] over all tokens. The module shaped keys and values as if there were one
    token of length × heads heads, [rows, length · heads, 1, width]: they lie in memory as [rows, length, heads, width]."""
    rows, together, _, width = key.shape
    heads = _keys_and_values(module)[0].out_features // width
    key, value = (x.reshape(rows, together // heads, heads, width).transpose(1, 2) for x in (key, value))
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, _attend)


@torch.inference_mode()
def _logits(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
    """float32 logits without dropout; None where the model fails."""
    training = model.training
    model.eval()
    try:
        return torch.as_tensor(model(**batch).logits).float()
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):
        return None
    finally:
        model.train(training)


def _same(plain: torch.Tensor | None, narrow: torch.Tensor | None) -> bool:
    if plain is None or narrow is None or plain.shape != narrow.shape:
        return False
    return bool((plain - narrow).abs().max() <= SAME * plain.abs().max().clamp_min(2**-10))
