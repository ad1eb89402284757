"""A loaded transformers model as a runner: arrays in, arrays out. Knows nothing of how it was made smaller."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from compressor.arithmetic import dtype_of
from compressor.models import quiet
from compressor.tasks.batching import takes

if TYPE_CHECKING:
    from compressor.formats.base import Batch

CHUNK_BYTES = 64 * 1024**2
"""Float32 logits that `score` holds at once: a row of 512 tokens with a vocabulary of 150,000 would take 300 MB."""


def use_threads(threads: int | None) -> None:
    """How many threads torch computes with in this process; None leaves it to torch."""
    if threads is not None:
        torch.set_num_threads(threads)


class TorchRunner:
    """See `formats.base.Runner`.

    Args:
        model: a transformers model in eval mode, on its device.
        dtype: what most of its weights are stored as, where that is not the model's own dtype.
        notes: on how it runs here.
    """

    def __init__(self, model: Any, dtype: str | None = None, notes: tuple[str, ...] = ()):
        self._model: Any = model
        self._takes = takes(model)
        self.device = str(model.device.type)
        self.dtype = dtype or dtype_of(model)
        self.threads = torch.get_num_threads()
        self.parameters = count_parameters(model)
        self.notes = notes

    @property
    def model(self) -> Any:
        if self._model is None:
            raise RuntimeError("this runner is closed")
        return self._model

    def _tensors(self, batch: Batch) -> dict[str, torch.Tensor]:
        device = self.model.device
        return {k: torch.from_numpy(np.ascontiguousarray(v)).to(device) for k, v in batch.items() if k in self._takes}

    @torch.inference_mode()
    def predict(self, batch: Batch) -> np.ndarray:
        """Logits: float32 [batch, labels]."""
        logits = self.model(**self._tensors(batch)).logits
        return np.asarray(logits.float().cpu().numpy())  # numpy has no bfloat16

    @torch.inference_mode()
    def score(self, batch: Batch) -> np.ndarray:
        """Negative log-likelihood (nats) of every next token: float32 [batch, length - 1]; 0 where masked."""
        inputs = self._tensors(batch)
        following = inputs["input_ids"][:, 1:]
        nats = torch.zeros(following.shape, dtype=torch.float32, device=following.device)
        for start, logits in self._logits(inputs):
            here = slice(start, start + logits.shape[1])
            wide = logits.float()
            said = wide.gather(-1, following[:, here].unsqueeze(-1)).squeeze(-1)
            nats[:, here] = torch.logsumexp(wide, -1) - said
        if (mask := batch.get("attention_mask")) is not None:
            nats *= torch.from_numpy(np.ascontiguousarray(mask[:, 1:])).to(nats.device)
        return np.asarray(nats.cpu().numpy())

    def _logits(self, inputs: dict[str, torch.Tensor]) -> Iterator[tuple[int, torch.Tensor]]:
        """(first position, logits [batch, positions, vocabulary]) of all positions but the last, a chunk at a time.

        The transformer runs once; only the head is asked chunk by chunk, through the model's own forward, so that
        whatever it does to its logits (scaling, soft caps) is done.
        """
        rows, length = inputs["input_ids"].shape
        base = self.model.base_model
        vocabulary = int(self.model.get_output_embeddings().weight.shape[0])
        step = max(1, CHUNK_BYTES // (4 * rows * vocabulary))
        extra = {"use_cache": False} if "use_cache" in self._takes else {}
        if step >= length - 1 or "logits_to_keep" not in self._takes or base is self.model:
            logits = self.model(**inputs, **extra).logits[:, :-1]
            for start in range(0, length - 1, step):
                yield start, logits[:, start : start + step]
            return
        with _once(base):
            for start in range(0, length - 1, step):
                keep = torch.arange(start, min(start + step, length - 1), device=inputs["input_ids"].device)
                yield start, self.model(**inputs, **extra, logits_to_keep=keep).logits

    @torch.inference_mode()
    def generate(self, input_ids: np.ndarray, new_tokens: int) -> np.ndarray:
        """Greedy continuation: input_ids int64 [1, length] → int64 [1, at most new_tokens], the new tokens only. Where the
        model has fewer positions than that takes, the oldest tokens of the prompt go."""
        from transformers import GenerationConfig

        settings: Any = GenerationConfig
        positions = int(getattr(self.model.config, "max_position_embeddings", None) or 10**9)
        new_tokens = min(new_tokens, max(1, positions // 2))
        prompt = torch.from_numpy(np.ascontiguousarray(input_ids[:, -(positions - new_tokens) :])).to(self.model.device)
        own = self.model.generation_config
        end = own.eos_token_id if own is not None else None
        first_end = end[0] if isinstance(end, list) else end
        padding = own.pad_token_id if own is not None and own.pad_token_id is not None else first_end
        config = settings(
            max_new_tokens=new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=end,
            pad_token_id=padding,
        )
        with quiet():
            whole = self.model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=config)
        return np.asarray(whole[:, prompt.shape[1] :].cpu().numpy())

    def close(self) -> None:
        """Let go of the memory, the device's too."""
        self._model = None
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()


def count_parameters(model: torch.nn.Module) -> int:
    """How many numbers the model has. Layers in 4 bits pack two into a byte: their unpacked shape counts."""
    total = 0
    for parameter in model.parameters():
        state: Any = getattr(parameter, "quant_state", None)
        total += prod(state.shape) if state is not None else parameter.numel()
    return total


@contextmanager
def _once(module: torch.nn.Module) -> Iterator[None]:
    """Within it the module computes at its first call only, and answers all later ones with the same."""
    before = module.__dict__.get("forward")  # loaders may have put one of their own here
    real = module.forward
    answers: list[Any] = []

    def forward(*args: Any, **kwargs: Any) -> Any:
        if not answers:
            answers.append(real(*args, **kwargs))
        return answers[0]

    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before
