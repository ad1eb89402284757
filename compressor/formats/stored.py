"""In which format a model folder is, by its config and the names of its files alone."""

from __future__ import annotations

from pathlib import Path

from compressor import models

ONNX, INT8 = "onnx/model.onnx", "onnx/model_quantized.onnx"
"""Where the Hub's tools and transformers.js look for them."""
OPENVINO, OPENVINO_WEIGHTS = "openvino/openvino_model.xml", "openvino/openvino_model.bin"
"""Where the Hub's tools look for them; optimum-intel is told `subfolder="openvino"`."""


def stored_format(folder: Path) -> str:
    """`float`, `8bit`, `4bit`, `onnx`, `onnx-int8` or `openvino-int8`; for models that other libraries quantized
    that library's name (`gptq`, `awq` …).

    Raises:
        ModelError: there is no readable config.
    """
    if not any(folder.glob("*.safetensors")):
        for name, file in (("onnx-int8", INT8), ("onnx", ONNX), ("openvino-int8", OPENVINO)):
            if (folder / file).is_file():
                return name
    quantization = models.read_config(folder).get("quantization_config")
    if not quantization:
        return "float"
    if quantization.get("load_in_4bit"):
        return "4bit"
    if quantization.get("load_in_8bit"):
        return "8bit"
    return str(quantization.get("quant_method") or "unknown")
