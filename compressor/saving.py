"""Save a variant as a plain model folder, whole or not at all, and check that it comes back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import ModelError
from compressor.system.whole import fresh

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.tasks.base import Task

WHOLE = ("deberta",)
"""Models whose code mixes numbers of 32 bits into those of 16, and fails by it."""
FAR = 16
"""Times that a regression's mean may be as large as its spread, in 16 bits: a bfloat16 is off by up to a 256th of itself, so that
years would come in steps of eight."""
LETTERS = 128
"""Characters that a model knows which has no table of tokens: those of ASCII."""


@contextmanager
def variant(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Iterator[Path]:
    """Write a plain model folder (safetensors, config, tokenizer), whole or not at all. The body is given it under another
    name, to check what it holds; when the body ends without an error, it stands at `folder`."""
    from compressor.students.low_rank import ThinLinear

    if any(isinstance(module, ThinLinear) for module in model.modules()):
        raise ModelError(f"{folder.name} {models.NO_PLAIN_MODEL}.")
    with fresh(folder) as part:
        part.mkdir()
        with models.quiet():
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
        yield part


def stands_16_bits(model: PreTrainedModel, task: Task) -> bool:
    """Whether a model can run in bfloat16 without its answers coming apart. How far a head reaches is the size of its weights; a
    regression's bias is about its mean."""
    from compressor.training.numbers import last_layer

    if model.config.model_type in WHOLE:
        return False
    head = last_layer(model) if task.kind == "regression" else None
    if head is None or head.bias is None:
        return True
    return float(head.bias.detach().abs().max()) <= FAR * float(head.weight.detach().float().norm())


def save_float(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, task: Task) -> None:
    """Save a float model in bfloat16, or in float32 where it does not stand that, and check it: cast in memory, run, save,
    reload, run the same batch, compare.

    Raises:
        ModelError: the reloaded model does not give exactly what the live one gave.
    """
    import copy

    import torch

    dtype = torch.bfloat16 if stands_16_bits(model, task) else torch.float32
    cast = copy.deepcopy(model).to(device="cpu").eval()
    for tensor in cast.state_dict(keep_vars=True).values():
        # Only what is saved: tables that a model computes for itself (of rotary positions) come back in float32.
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    cast.config.dtype = dtype
    before = probe(cast)
    with variant(cast, tokenizer, folder) as part:
        saved = models.load_model(part, task)
        wrong = [n for n, t in cast.state_dict().items() if not torch.equal(t, saved.state_dict()[n])]
        if wrong:
            raise ModelError(f"{folder.name} was saved, but came back different (in {', '.join(wrong[:3])}).")
        check_same(before, probe(saved), folder.name)


def check_same(before: torch.Tensor, after: torch.Tensor, name: str) -> None:
    """Hold a reloaded model's logits against the live one's, float32 of one shape.

    Equal weights may differ by one rounding of bfloat16 in the logits: kernels depend on where tensors lie in memory.

    Raises:
        ModelError: they differ by more.
    """
    import torch

    if not torch.allclose(before, after, rtol=2**-7, atol=2**-7):
        worst = float((before - after).abs().max())
        raise ModelError(f"{name} was saved, but came back different (by up to {worst:.2g} in its logits).")


def probe(model: PreTrainedModel) -> torch.Tensor:
    """Logits on fixed made-up tokens, to compare two copies of a model: float32 [rows, …], on the CPU."""
    import torch

    ids = made_up(model).to(model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    found: torch.Tensor = logits.float().cpu()
    return found


def made_up(model: PreTrainedModel, rows: int = 4, length: int = 24) -> torch.Tensor:
    """Tokens that the model knows, drawn by chance but always the same: int64 [rows, length]. Each row ends as texts do."""
    import torch

    vocabulary = _vocabulary(model)
    ids = torch.randint(0, vocabulary, (rows, length), generator=torch.Generator().manual_seed(0))
    end = getattr(model.config, "eos_token_id", None)
    if isinstance(end, int) and 0 <= end < vocabulary:  # BART and T5 answer where a text ends, once in each
        ids[ids == end] = 0 if end else 1
        ids[:, -1] = end
    return ids


def _vocabulary(model: PreTrainedModel) -> int:
    """How many tokens a model knows at the least."""
    try:
        return int(model.get_input_embeddings().weight.shape[0])
    except (NotImplementedError, AttributeError):  # CANINE reads characters, and hashes them into several tables
        return LETTERS
