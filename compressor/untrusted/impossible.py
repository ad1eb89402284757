"""Values of a model's config that cannot be: mended as if they were not there, so that nothing is computed with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPECIAL_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id",
                  "decoder_start_token_id")  # fmt: skip
MOST = 2**31
"""More than any vocabulary has; also what is infinite, or no number, is none of a token."""
LENGTHS = ("max_position_embeddings", "n_positions", "max_length", "model_max_length", "sliding_window", "num_labels")
"""Counts, of which there is at least one."""


def mended(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A config without special tokens beyond its vocabulary or below 0 (`pad_token_id: -1`, as some decoders have), and without
    counts below 1. What is left out has the model's own default, or none."""
    found = dict(raw)
    vocabulary = raw.get("vocab_size")
    for key in SPECIAL_TOKENS:
        if key in found:
            found |= _special(found.pop(key), key, vocabulary)
    for key in LENGTHS:
        if isinstance(value := found.get(key), int | float) and not isinstance(value, bool) and value < 1:
            del found[key]
    return found


def _special(value: Any, key: str, vocabulary: Any) -> dict[str, Any]:
    if isinstance(value, list):
        valid = [one for one in value if _is_token(one, vocabulary)]
        return {key: valid} if valid else {}
    return {key: value} if value is None or _is_token(value, vocabulary) else {}


def _is_token(value: Any, vocabulary: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST or value != int(value):
        return False
    return not (isinstance(vocabulary, int) and vocabulary > 0) or value < vocabulary
