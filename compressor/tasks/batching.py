"""Tokenized rows → padded arrays. Padding is kept small by putting rows of like length together."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from compressor.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from torch import nn
    from transformers import PreTrainedTokenizerBase

INPUTS = ("input_ids", "token_type_ids")
STEP = 8
"""Tokens that batches of a training are rounded up to. oneDNN makes code for each shape of a matrix product, and keeps it: with
few lengths it is soon there, which is worth more than the padding costs (tests/benchmarks/README.md)."""
HELD = 5
"""Bytes of a token in the rows of a training: its number in 32 bits, its type in 8."""
ROWS = 32
"""Rows of a batch in a teacher's pass and in an evaluation: the usual ones of a step, for the same reason."""

READ_AT_THE_END = ("xlnet",)
"""Models that answer from the last place of a row, whatever stands there."""


def check_padding(config: Mapping[str, Any]) -> None:
    """Before a model is used on rows that are padded on the right.

    Raises:
        ModelError: it would read the padding.
    """
    if config.get("model_type") in READ_AT_THE_END:
        raise ModelError(
            f"Models of type {config['model_type']} answer from the last place of a row, which padding takes when texts of "
            "several lengths are read together, so that their numbers would be wrong here. Pick another model."
        )


def pad(
    rows: Mapping[str, Sequence[Any]], pad_id: int, multiple: int = 1, most: int | None = None
) -> dict[str, np.ndarray]:
    """Lists of token ids → int64 [batch, longest] with `attention_mask`, padded on the right.

    Args:
        rows: columns of one batch, at least `input_ids`.
        pad_id: the tokenizer's padding token.
        multiple: round the length up to a multiple of this.
        most: but not beyond this; None knows no such bound. What a model takes need not be a multiple of anything.
    """
    import numpy as np

    lengths = [len(ids) for ids in rows["input_ids"]]
    longest = max(lengths)
    width = -(-longest // multiple) * multiple
    if most is not None:
        width = max(longest, min(width, most))
    batch = {"attention_mask": np.zeros((len(lengths), width), np.int64)}
    for name in INPUTS:
        if name in rows:
            batch[name] = np.full((len(lengths), width), pad_id if name == "input_ids" else 0, np.int64)
    for i, length in enumerate(lengths):
        batch["attention_mask"][i, :length] = 1
        for name in INPUTS:
            if name in rows:
                batch[name][i, :length] = rows[name][i]
    return batch


def start(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that stands for a text without any: the one that texts start with, or end with."""
    named = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, 0)
    return int(next(token for token in named if token is not None))


def takes(model: nn.Module) -> frozenset[str]:
    """Names of the inputs that a model's forward takes: a DistilBERT's are without `token_type_ids`."""
    return frozenset(inspect.signature(model.forward).parameters)


def batches(
    encoded: Dataset, pad_id: int, batch_size: int, multiple: int = 1
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Padded batches, longest rows first (so that running out of memory shows at once): (row indices, batch) each. Lengths are
    multiples of `multiple`, but for that of the longest row."""
    import numpy as np

    lengths = np.asarray(encoded["length"], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    most = int(lengths.max(initial=0))
    columns = [c for c in INPUTS if c in encoded.column_names]
    plain = encoded.select_columns(columns)
    for start in range(0, len(order), batch_size):
        index = order[start : start + batch_size]
        yield index, pad(plain[index.tolist()], pad_id, multiple, most)
