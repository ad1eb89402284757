"""Bounds on what a stranger's model may say of itself, checked before anything is built from it. The numbers lie far above what
real models have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor.errors import ModelError

JSON_BYTES = 16 * 1024**2
"""Of a config or another small file of a model: one with 20 000 named labels has two megabytes."""
VOCABULARY_BYTES = 128 * 1024**2
"""Of a tokenizer's file: the largest have some 40 megabytes."""
HEADER_BYTES = 25_000_000
"""Of a safetensors file's header; the Hub's client reads no longer one either."""
GRAPH_BYTES = 64 * 1024**2
"""Of an OpenVINO model's graph, which holds no weights: BERT's with 12 layers has less than a megabyte."""
MOST_MODELS = 12
"""Of one comparison: each is downloaded, loaded and measured."""
MOST_LABELS = 100_000
MOST_LAYERS = 10_000
MOST_POSITIONS = 20_000_000

_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length")


def check_config(raw: Mapping[str, Any]) -> None:
    """Numbers that become lists and tables as soon as a config is read, before any cap on parameters can be held against
    them.

    Raises:
        ModelError: one is out of all proportion.
    """
    for key, value in raw.items():
        if isinstance(value, Mapping) and key in ("id2label", "label2id"):
            _check(key, len(value), MOST_LABELS)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if key == "num_labels":
                _check(key, value, MOST_LABELS)
            elif "layer" in key and not key.endswith(("eps", "epsilon")):
                _check(key, value, MOST_LAYERS)
            elif key in _POSITIONS:
                _check(key, value, MOST_POSITIONS)


_KINDS: dict[str, tuple[type, str]] = {
    "model_type": (str, "a name"),
    "architectures": (list, "a list of names"),
    "id2label": (Mapping, "a map from numbers to names"),
    "num_labels": (int, "a whole number"),
    "problem_type": (str, "a name"),
    "quantization_config": (Mapping, "a map"),
}


def check_kinds(raw: Mapping[str, Any]) -> None:
    """The keys that are read here, and not by transformers alone, hold what such keys hold. None is as good as left out.

    Raises:
        ModelError: one does not.
    """
    for key, (kind, called) in _KINDS.items():
        value = raw.get(key)
        fits = value is None or (isinstance(value, kind) and not isinstance(value, bool))
        if fits and key == "architectures" and value is not None:
            fits = all(isinstance(name, str) for name in value)
        if fits and key == "id2label" and value is not None:
            fits = all(str(number).isdecimal() and len(str(number)) < 10 for number in value)
        if not fits:
            raise ModelError(f"The config of this model is damaged: {key} is not {called}. Pick another model.")


def check_bytes(path: Path, most: int) -> None:
    """Before a file of a model is read as a whole.

    Raises:
        ModelError: it is longer.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return  # whoever opens it says what is wrong
    if size > most:
        raise ModelError(
            f"{path.name} has {size / 1e6:,.0f} MB, and at most {most / 1e6:,.0f} MB are read of such a file. Pick another "
            "model."
        )


def _check(key: str, value: float, most: int) -> None:
    if not value <= most:
        raise ModelError(
            f"The config of this model says {key} = {value:,}, more than any model has ({most:,} are taken at most), so it "
            "is not loaded. Pick another model."
        )
