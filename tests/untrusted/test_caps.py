"""Configs and headers of strangers: keys of the wrong kind, and numbers that are none."""

from __future__ import annotations

import json
import struct

import pytest

from compressor import models
from compressor.errors import ModelError
from compressor.measure.stored import stored_dtype, stored_parameters, tensors
from compressor.planning.inspecting import inspect

GOOD = {"model_type": "bert", "architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b"}}
LONG = ["digits", "deep", "not text"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architectures", "BertModel"), ("architectures", [1]), ("architectures", {"a": 1}), ("id2label", ["a"]),
        ("id2label", {"one": "a"}), ("id2label", {"-1": "a"}), ("id2label", {"9" * 5000: "a"}), ("num_labels", "2"),
        ("num_labels", 2.0), ("num_labels", True), ("problem_type", ["regression"]), ("quantization_config", [1]),
        ("model_type", 3),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_key_of_the_wrong_kind_is_a_sentence(key, value):
    with pytest.raises(ModelError, match=f"damaged: {key} is not"):
        models.clean_config(GOOD | {key: value})


def test_what_is_left_out_may_be_null():
    assert (
        models.clean_config(GOOD | {"architectures": None, "num_labels": None, "id2label": None})["num_labels"] is None
    )


@pytest.mark.parametrize(
    "text", ['{"model_type": "bert", "x": 9' + "9" * 5000 + "}", '{"model_type": "bert", "x": ' + '{"a":' * 300 + "1" + "}" * 301,
             '{"model_type": "bert", "id2label": {"0": "\\ud800"}}'], ids=LONG,
)  # fmt: skip
def test_a_config_that_cannot_be_held_is_a_sentence(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        models.read_config(tmp_path)


def test_a_config_without_a_type_is_a_sentence():
    with pytest.raises(ModelError, match="None"):
        models.config_from(models.clean_config({"architectures": ["BertModel"]}))


def stored(header: object, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text


ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 7, stored(ENTRY, 2**63), stored({"a": ENTRY}, 2**64 - 1), stored([1]), stored(b"[" * 9000), stored({"a": 1}),
        stored({"a": {"dtype": "F32"}}), stored({"a": ENTRY | {"shape": "abc"}}), stored({"a": ENTRY | {"shape": [2, "x"]}}),
        stored({"a": ENTRY | {"shape": [10**9, "x"]}}), stored({"a": ENTRY | {"shape": [-1]}}),
        stored({"a": ENTRY | {"shape": [2**63]}}), stored({"a": ENTRY | {"shape": [1.5]}}), stored({"a": ENTRY | {"shape": 7}}),
        stored(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b"]}}"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_header_that_is_none_counts_as_nothing(tmp_path, settings, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    (tmp_path / "config.json").write_text(json.dumps(GOOD), encoding="utf-8")
    assert tensors(tmp_path / "model.safetensors") is None
    assert stored_parameters(tmp_path) == 0
    assert stored_dtype(tmp_path) == "unknown"
    with pytest.raises(ModelError, match="not a valid safetensors file"):
        inspect(str(tmp_path), settings=settings, hub=None)


def test_a_header_that_is_one_is_counted(tmp_path):
    header = {"__metadata__": {"format": "pt"}, "a": ENTRY, "b": ENTRY | {"dtype": "F16", "shape": []}}
    (tmp_path / "model.safetensors").write_bytes(stored(header))
    assert tensors(tmp_path / "model.safetensors") == {"a": ("F32", 6), "b": ("F16", 1)}
