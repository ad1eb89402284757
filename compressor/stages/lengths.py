"""How long rows are in a model's tokens, how long they may be, and which rows stand for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import DataError
from compressor.recipe import Recipe
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from compressor.data.prepare import Prepared

COUNT_FROM_PADDING = (
    "camembert", "data2vec-text", "ibert", "lilt", "longformer", "luke", "markuplm", "mpnet", "roberta", "roberta-prelayernorm",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip
"""Models that count positions from the padding token's number on, so that those up to it are never used."""
SAMPLE = 20_000
"""Rows whose lengths are looked at."""


def some_of(rows: int, most: int) -> list[int]:
    """At most so many of the rows, always the same ones, drawn at random and in their order: files are often sorted by class or
    joined of others, so that their first rows stand for nothing."""
    import numpy as np

    if rows <= most:
        return list(range(rows))
    return sorted(np.random.default_rng(0).choice(rows, most, replace=False).tolist())


def token_limit(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest input, in tokens, that model and tokenizer both take; 512 where neither says."""
    limits = [int(tokenizer.model_max_length)] if 0 < tokenizer.model_max_length < 10**6 else []
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        padding = config.pad_token_id if isinstance(config.pad_token_id, int) else 1
        limits.append(positions - (padding + 1 if config.model_type in COUNT_FROM_PADDING else 0))
    return min(limits, default=512)


def choose_length(
    recipe: Recipe, task: Task, prepared: Prepared, tokenizer: PreTrainedTokenizerBase, longest: int
) -> tuple[int | None, float]:
    """(tokens kept of each row, share of rows that this cuts). By default what leaves 99 % of the rows whole."""

    if task.running_text:
        asked = recipe.data.max_length if recipe.data else None
        return min(asked or task.window, longest), 0.0
    lengths = row_lengths(task, prepared, tokenizer)
    asked = recipe.data.max_length if recipe.data else None
    if asked is None:
        asked = usual_length(lengths)
    kept = min(asked, longest)
    return kept, float((lengths > kept).mean())


def usual_length(lengths: Any) -> int:
    """Tokens that leave 99 % of the rows whole, in steps of 8: int [rows] → the default of `data.max_length`."""
    import numpy as np

    return max(16, -(-int(np.percentile(lengths, 99)) // 8) * 8)


def row_lengths(task: Task, prepared: Prepared, tokenizer: PreTrainedTokenizerBase) -> Any:
    """Tokens of each row (of the training split, or of the test split), uncut: int [rows]."""
    import numpy as np

    split = prepared.train if prepared.train is not None and len(prepared.train) else prepared.test
    if split is None:
        raise DataError("The data has no rows at all.")
    split = split.select(some_of(len(split), SAMPLE))
    with models.quiet():
        encoded = task.encode(tokenizer, split, None)
    return np.asarray(encoded["length"][:])
