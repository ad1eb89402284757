"""What lies in a model's folder, read from the headers of its safetensors files: no weights are loaded, no torch needed."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I8": "int8", "U8": "nf4"}
"""Types that weights are stored in; all others hold positions and the like."""
SCALES = (".absmax", ".nested_absmax", ".quant_map", ".nested_quant_map", ".SCB", ".weight_format")
"""What bitsandbytes stores beside a quantized weight."""


def bytes_on_disk(folder: Path) -> int:
    """Bytes of the weights: the safetensors files alone."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


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


def _weights(folder: Path) -> Iterator[tuple[str, int]]:
    """(dtype, count of numbers) of every weight."""
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in _header(path).items():
            if (
                name == "__metadata__"
                or name.endswith(SCALES)
                or ".quant_state." in name
                or tensor["dtype"] not in NAMES
            ):
                continue
            dtype = NAMES[tensor["dtype"]]
            yield dtype, prod(tensor["shape"]) * (2 if dtype == "nf4" else 1)


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(size, 100_000_000)))
    except (OSError, ValueError, struct.error):
        return {}
    return header if isinstance(header, dict) else {}
