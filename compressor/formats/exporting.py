"""What all exported formats have in common: what is refused, inputs to trace a model with, silence meanwhile, and holding what
was written against the model."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.base import missing
from compressor.formats.stored import stored_format
from compressor.tasks.base import Task
from compressor.tasks.batching import takes

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Format, Runner

TEXTS = ["One text.", "Another text, which is longer than the first, so that shapes are seen to differ."]
"""What a model is traced with."""
LONG = 256
"""Tokens of a text that is longer than those it is traced with."""
TELLING = 0.05
"""How far apart a model's logits for made-up texts have to lie to say anything: their spread, as a share of the largest that is
over 1, or of 1. An untrained model's are all nearly 0."""


def inputs_of(
    live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str], most: int = 64
) -> dict[str, torch.Tensor]:
    """The texts as the model takes them: int64 [texts, longest] each, at most `most` tokens."""
    limit = max(8, min(positions(live) - 4, most))
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
    return taken(live, encoded)


def other_inputs(live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Iterator[dict[str, torch.Tensor]]:
    """Batches and lengths that the model was not traced with: what is written must take any."""
    yield inputs_of(live, tokenizer, [TEXTS[1]])
    yield inputs_of(live, tokenizer, [*TEXTS, " ".join(TEXTS)])
    yield inputs_of(live, tokenizer, [TEXTS[0], " ".join(TEXTS * 64)], LONG)


def positions(live: PreTrainedModel) -> int:
    """The longest input that its config speaks of; 512 where it speaks of none."""
    return int(getattr(live.config, "max_position_embeddings", None) or 512)


def taken(live: PreTrainedModel, batch: Mapping[str, torch.Tensor | np.ndarray]) -> dict[str, torch.Tensor]:
    """What of a batch goes into the model's forward, as tensors."""
    import torch

    wanted = takes(live)
    return {name: torch.as_tensor(values) for name, values in batch.items() if name in wanted}


def refuse(fmt: Format, source: Path, task: Task, *packages: str) -> None:
    """Raises: ModelError: what keeps any exported format from being made of what lies in `source`."""
    if (reason := missing(fmt.title, *packages)) is not None:
        raise ModelError(reason)
    if fmt.tasks is not None and task.name not in fmt.tasks:
        raise ModelError(f"{fmt.title} is made of text classification models only, so far.")
    if (found := stored_format(source)) != "float":
        raise ModelError(f"{source.name} is stored as {found}; {fmt.title} is made from a model in 16 or 32 bits.")


def hold_against(
    live: PreTrainedModel,
    runner: Runner,
    batches: Iterable[Mapping[str, torch.Tensor]],
    name: str,
    compare: Callable[[torch.Tensor, torch.Tensor, str], None],
) -> None:
    """Ask the model in torch and what was written of it the same, batch by batch; the runner is closed behind it.

    Raises:
        ModelError: what was written gives no answer, or `compare` finds another one than it may.
    """
    import torch

    try:
        for inputs in batches:
            with torch.inference_mode():
                before = live(**inputs).logits.float()
            after = torch.from_numpy(_answer(runner, {k: v.numpy() for k, v in inputs.items()}, name))
            if before.shape != after.shape or not bool(torch.isfinite(after).all()):
                raise ModelError(f"{name} was written, but answers with something that is no answer.")
            compare(before, after, name)
    finally:
        runner.close()


def _answer(runner: Runner, inputs: dict[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return runner.predict(inputs)
    except (ModelError, MemoryError, OSError):
        raise
    except Exception as error:  # each library has its own
        raise ModelError(
            f"{name} was written, but cannot be run on texts of any length ({first_line(error)}). Choose 8bit or 4bit."
        ) from error


def check_no_wreck(before: torch.Tensor, after: torch.Tensor, name: str) -> None:
    """Hold the logits of a model in 8 bits against those that it had in floats: float32 [rows, labels] each. What 8 bits cost
    is measured on real rows; on a few made-up ones only a wreck can be told.

    Raises:
        ModelError: it answers the opposite.
    """
    import torch

    if before.numel() <= 2 or float(before.std()) < TELLING * max(1.0, float(before.abs().max())):
        return  # nearly the same for all texts and labels: what 8 bits round off alone may turn their order round
    if float(torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]) < 0:
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
