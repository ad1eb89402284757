"""What all exported formats have in common: inputs to trace a model with, silence meanwhile, telling a wreck."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TEXTS = ["One text.", "Another text, which is longer than the first, so that shapes are seen to differ."]
"""What a model is traced with."""
OTHER_TEXTS = ([TEXTS[1]], [*TEXTS, " ".join(TEXTS)])
"""Batches and lengths that it was not traced with: what is written must take any."""


def inputs_of(live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> dict[str, torch.Tensor]:
    """The texts as the model takes them: int64 [texts, longest] each, at most 64 tokens."""
    takes = inspect.signature(live.forward).parameters
    limit = min(int(getattr(live.config, "max_position_embeddings", None) or 512) - 4, 64)
    encoded = dict(tokenizer(texts, padding=True, truncation=True, max_length=max(8, limit), return_tensors="pt"))
    return {name: tensor for name, tensor in encoded.items() if name in takes}


def check_no_wreck(before: torch.Tensor, after: torch.Tensor, name: str) -> None:
    """Hold the logits of a model in 8 bits against those that it had in floats: float32 [rows, labels] each. What 8 bits cost
    is measured on real rows; on a few made-up ones only a wreck can be told.

    Raises:
        ModelError: it answers the opposite.
    """
    import torch

    if before.numel() > 2 and float(torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]) < 0:
        raise ModelError(f"{name} was written, but in 8 bits this model answers the opposite of what it did.")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Exporters speak to programmers, on standard output and by warnings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch", "onnxscript", "onnx_ir", "nncf", "")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), models.quiet():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
