"""A loaded ONNX file as a runner: arrays in, arrays out. Knows nothing of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime

from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.compiled import CompiledRunner


class OnnxRunner(CompiledRunner):
    """See `CompiledRunner`.

    Args:
        path: the ONNX file, whole in one piece.

    Raises:
        ModelError: ONNX Runtime cannot load it.
    """

    kind: ClassVar[str] = "An ONNX variant"

    def __init__(self, path: Path, dtype: str, threads: int | None = None):
        super().__init__(dtype, threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        try:
            self._compiled = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"{path.name} cannot be loaded by ONNX Runtime ({first_line(error)}).") from error
        self._takes = [given.name for given in self._compiled.get_inputs()]
        self.parameters = int(self._compiled.get_modelmeta().custom_metadata_map.get("parameters", 0))

    def _logits(self, inputs: dict[str, np.ndarray]) -> Any:
        return self._compiled.run(["logits"], inputs)[0]
