"""How the forward pass is computed in training: what is faster, and what is left out."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from compressor.arithmetic import WRITTEN_OUT


def kernels(device: str, length: int) -> contextlib.AbstractContextManager[Any]:
    """For a training's forward pass on texts of so many tokens. On a CPU torch's fused attention goes backward in bfloat16 at
    half the speed of attention written out (MiniLM, 32 rows of 24 tokens: 62 against 30 ms for the whole backward pass)."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" and length <= WRITTEN_OUT else contextlib.nullcontext()


@contextlib.contextmanager
def freezing(model: nn.Module, names: Collection[str]) -> Iterator[None]:
    """Within, these parameters keep their values, without gradients; all others learn. Behind it every one may."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in names)
    try:
        yield
    finally:
        for parameter in model.parameters():
            parameter.requires_grad_(True)


@contextlib.contextmanager
def dropping(model: nn.Module, share: float | None) -> Iterator[None]:
    """Within, the model's dropout layers leave out this share; None changes nothing. The config is left alone."""
    before: list[tuple[Any, str, float]] = []
    for module in model.modules() if share is not None else ():
        for name in ("p",) if isinstance(module, nn.Dropout) else ("attention_dropout",):
            if isinstance(rate := getattr(module, name, None), float):
                before.append((module, name, rate))
                setattr(module, name, share)
    try:
        yield
    finally:
        for module, name, rate in before:
            setattr(module, name, rate)
