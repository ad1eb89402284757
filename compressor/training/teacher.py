"""The teacher's pass over the training rows, once: E epochs then cost T + E·S instead of E·(T + S)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedModel

from compressor.arithmetic import has_fast_bf16
from compressor.events import Progress, silent
from compressor.tasks.batching import ROWS, STEP, batches
from compressor.training.first_token import first_token_only
from compressor.training.hints import Writer
from compressor.training.rows import model_inputs, unwanted_inputs


@torch.inference_mode()
def teacher_logits(
    model: PreTrainedModel,
    encoded: Dataset,
    pad_id: int,
    *,
    batch_size: int = ROWS,
    hints: Sequence[Writer] = (),
    progress: Progress = silent,
) -> np.ndarray:
    """Logits of every row, in row order: float32 [rows, labels]. Length-sorted; of a model in bfloat16 in that type.

    Args:
        hints: each takes down its kind of them in the same pass.
    """
    model.eval()
    drop = unwanted_inputs(model)

    def inputs(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
        batch = {k: torch.from_numpy(v).to(model.device) for k, v in arrays.items() if k not in drop}
        return model_inputs(batch)

    found: np.ndarray | None = None
    done, started = 0, time.perf_counter()
    more = {"output_hidden_states": True} if hints else {}
    whole = contextlib.nullcontext() if more else first_token_only(model, inputs(_example(encoded, pad_id)))
    with whole:
        for index, arrays in batches(encoded, pad_id, batch_size, STEP):
            with autocast(model.device.type) if model.dtype == torch.bfloat16 else contextlib.nullcontext():
                outputs = model(**inputs(arrays), **more)
            logits = outputs.logits.float().cpu().numpy()
            for writer in hints:
                writer.write(index, outputs.hidden_states)
            if found is None:
                found = np.zeros((len(encoded), logits.shape[1]), np.float32)
            found[index] = logits
            done += len(index)
            progress("teacher-logits", done, len(encoded), rate=done / (time.perf_counter() - started))
    return found if found is not None else np.zeros((0, model.config.num_labels), np.float32)


@torch.inference_mode()
def gives_states(model: PreTrainedModel, encoded: Dataset, pad_id: int) -> bool:
    """Whether each layer leaves one state of the model's width for every token, as hints are made of. CANINE's do not: some of
    its layers read the text shortened."""
    drop, example = unwanted_inputs(model), _example(encoded, pad_id)
    batch = {k: torch.from_numpy(v).to(model.device) for k, v in example.items() if k not in drop}
    if not batch:
        return False
    states = model(**model_inputs(batch), output_hidden_states=True).hidden_states
    config = model.config
    shape = (*batch["input_ids"].shape, getattr(config, "hidden_size", None))
    layers = getattr(config, "num_hidden_layers", None)
    return states is not None and len(states) - 1 == layers and all(tuple(s.shape) == shape for s in states[1:])


def _example(encoded: Dataset, pad_id: int, rows: int = 8) -> dict[str, np.ndarray]:
    """A padded batch of the first rows; empty where there are none."""
    return next((arrays for _, arrays in batches(encoded.select(range(min(rows, len(encoded)))), pad_id, rows)), {})


@contextlib.contextmanager
def autocast(device: str) -> Iterator[None]:
    """bfloat16 matrix products where they are fast, float32 elsewhere."""
    if has_fast_bf16(device):
        with torch.autocast(device, dtype=torch.bfloat16):
            yield
    else:
        yield
