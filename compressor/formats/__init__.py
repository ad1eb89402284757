"""The registry of formats: one file a format, one line here. Imports neither torch nor bitsandbytes."""

from __future__ import annotations

from compressor.errors import ModelError
from compressor.formats.base import Batch, Format, Runner, Where
from compressor.formats.bitsandbytes import EightBit, FourBit
from compressor.formats.float_ import Float
from compressor.formats.onnx_ import Onnx, OnnxInt8
from compressor.formats.openvino_ import OpenVinoInt8

FORMATS: dict[str, Format] = {
    fmt.name: fmt for fmt in (Float(), EightBit(), FourBit(), Onnx(), OnnxInt8(), OpenVinoInt8())
}

__all__ = ["FORMATS", "Batch", "Format", "Runner", "Where", "get"]


def get(name: str) -> Format:
    """The format of that name.

    Raises:
        ModelError: this version has none of that name.
    """
    if name not in FORMATS:
        raise ModelError(f"Compressor has no format {name!r}. It knows: {', '.join(FORMATS)}.")
    return FORMATS[name]
