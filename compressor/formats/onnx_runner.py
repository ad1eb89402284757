"""A loaded ONNX file as a runner: arrays in, arrays out. Knows nothing of torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import psutil

from compressor.errors import ModelError
from compressor.failures import first_line

if TYPE_CHECKING:
    from compressor.formats.base import Batch

ONLY = "An ONNX variant classifies texts; it neither scores nor continues them."


class OnnxRunner:
    """See `formats.base.Runner`.

    Args:
        path: the ONNX file, whole in one piece.
        dtype: what most of its weights are stored as.
        threads: that it computes with; None: a thread a core.

    Raises:
        ModelError: ONNX Runtime cannot load it.
    """

    def __init__(self, path: Path, dtype: str, threads: int | None = None):
        options = onnxruntime.SessionOptions()
        self.threads = threads or psutil.cpu_count(logical=False) or 1
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"{path.name} cannot be loaded by ONNX Runtime ({first_line(error)}).") from error
        self._takes = [given.name for given in self._session.get_inputs()]
        self.device, self.dtype = "cpu", dtype
        self.parameters = int(self._session.get_modelmeta().custom_metadata_map.get("parameters", 0))

    def predict(self, batch: Batch) -> np.ndarray:
        """Logits: float32 [batch, labels]."""
        if self._session is None:
            raise RuntimeError("this runner is closed")
        inputs = {name: np.ascontiguousarray(batch[name]) for name in self._takes}
        return np.asarray(self._session.run(["logits"], inputs)[0], dtype=np.float32)

    def score(self, batch: Batch) -> np.ndarray:
        """Raises: ModelError: always, so far."""
        raise ModelError(ONLY)

    def generate(self, input_ids: np.ndarray, new_tokens: int) -> np.ndarray:
        """Raises: ModelError: always, so far."""
        raise ModelError(ONLY)

    def close(self) -> None:
        """Let go of the memory."""
        self._session = None
