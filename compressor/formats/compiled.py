"""What the runners of compiled classifiers have in common, whatever runtime is under them. Knows nothing of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import psutil

from compressor.errors import ModelError
from compressor.measure.hardware import cores

if TYPE_CHECKING:
    from compressor.formats.base import Batch


class CompiledRunner(ABC):
    """See `formats.base.Runner`. A runtime's own sets `_compiled`, `_takes` and `parameters`, and runs it.

    Args:
        dtype: what most of its weights are stored as.
        threads: that it computes with; None: a thread a core that this process may use, as torch has it.
    """

    kind: ClassVar[str]
    """As a sentence begins with it: `An ONNX variant`."""
    device = "cpu"
    notes: tuple[str, ...] = ()
    parameters: int
    _compiled: Any
    _takes: list[str]

    def __init__(self, dtype: str, threads: int | None = None):
        self.threads = threads or min(psutil.cpu_count(logical=False) or cores(), cores())
        self.dtype = dtype

    @abstractmethod
    def _logits(self, inputs: dict[str, np.ndarray]) -> Any:
        """[batch, labels], valid until the next call."""

    def predict(self, batch: Batch) -> np.ndarray:
        """Logits: float32 [batch, labels]."""
        if self._compiled is None:
            raise RuntimeError("this runner is closed")
        return np.array(
            self._logits({name: np.ascontiguousarray(batch[name]) for name in self._takes}), dtype=np.float32
        )

    def score(self, batch: Batch) -> np.ndarray:
        """Raises: ModelError: always, so far."""
        raise ModelError(f"{self.kind} classifies texts; it neither scores nor continues them.")

    def generate(self, input_ids: np.ndarray, new_tokens: int) -> np.ndarray:
        """Raises: ModelError: always, so far."""
        raise ModelError(f"{self.kind} classifies texts; it neither scores nor continues them.")

    def close(self) -> None:
        """Let go of the memory."""
        self._compiled = None
