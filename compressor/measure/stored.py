"""What lies in a model's folder, read from the headers of its safetensors files: no weights are loaded, no torch needed."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from compressor.hub.layout import INDEX, weight_files
from compressor.untrusted import caps
from compressor.untrusted.plain import read_json

NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I8": "int8", "U8": "nf4"}
"""Types that weights are stored in; all others hold positions and the like."""
MOST_NUMBERS = 2**48
"""Along one axis of a tensor."""
SCALES = (".absmax", ".nested_absmax", ".quant_map", ".nested_quant_map", ".SCB", ".weight_format")
"""What bitsandbytes stores beside a quantized weight."""


def bytes_on_disk(folder: Path) -> int:
    """Bytes of the weights: the safetensors, ONNX or OpenVINO files alone."""
    for found in (weights(folder), folder.glob("onnx/*.onnx"), folder.glob("openvino/openvino_model.*")):
        if sizes := [path.stat().st_size for path in found]:
            return sum(sizes)
    return 0


def weights(folder: Path) -> list[Path]:
    """The safetensors files that transformers loads: others may lie beside them, with the same weights in another type."""
    there = {path.name: path for path in sorted(folder.glob("*.safetensors"))}
    index = [INDEX] if (folder / INDEX).is_file() else []
    return [there[name] for name in weight_files([*there, *index]) if name in there] or list(there.values())


def stored_parameters(folder: Path) -> int:
    """How many numbers the stored model has; of two packed into a byte both count. A file that is no safetensors file
    counts as nothing."""
    return sum(numbers for _, numbers in _weights(folder))


def stored_dtype(folder: Path) -> str:
    """What its quantized layers are stored as, or the type that most of its numbers have; `unknown` where nothing is
    readable."""
    found: Counter[str] = Counter()
    for dtype, numbers in _weights(folder):
        found[dtype] += numbers
    quantized = [dtype for dtype in ("nf4", "int8") if dtype in found]
    return quantized[0] if quantized else max(found, key=lambda dtype: found[dtype], default="unknown")


def tensors(path: Path) -> dict[str, tuple[str, int]] | None:
    """Name → (stored type, count of numbers) of what a safetensors file holds; None where its header is not one."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if size > caps.HEADER_BYTES:
                return None
            header = read_json(file.read(size))
        return {name: _tensor(entry) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None


def _tensor(entry: Any) -> tuple[str, int]:
    shape = entry["shape"]
    if not all(type(size) is int and 0 <= size < MOST_NUMBERS for size in shape) or len(shape) > 16:
        raise ValueError
    return str(entry["dtype"]), prod(shape)


def _weights(folder: Path) -> Iterator[tuple[str, int]]:
    """(dtype, count of numbers) of every weight."""
    for path in weights(folder):
        for name, (stored, numbers) in (tensors(path) or {}).items():
            if name.endswith(SCALES) or ".quant_state." in name or stored not in NAMES:
                continue
            dtype = NAMES[stored]
            yield dtype, numbers * (2 if dtype == "nf4" else 1)
