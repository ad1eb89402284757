"""In which format a model folder is, by its config alone."""

from __future__ import annotations

from pathlib import Path

from compressor import models


def stored_format(folder: Path) -> str:
    """`float`, `8bit` or `4bit`; for models quantized by other libraries that library's name (`gptq`, `awq` …).

    Raises:
        ModelError: there is no readable config.
    """
    quantization = models.read_config(folder).get("quantization_config")
    if not quantization:
        return "float"
    if quantization.get("load_in_4bit"):
        return "4bit"
    if quantization.get("load_in_8bit"):
        return "8bit"
    return str(quantization.get("quant_method") or "unknown")
