"""What is to be measured, and what was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.report import Difference, Latency, MeasuredOn, Quality

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Request:
    """One variant to measure."""

    name: str
    folder: Path
    format: str = "float"
    rows: Path | None = None
    """Its own encoded test rows, where models with different tokenizers are compared; else those that `measure` is given."""
    disturbed: Path | None = None
    """Encoded test rows that were disturbed, to be run as well."""
    timed: bool = True
    """Whether its latency is of interest."""


@dataclass(frozen=True)
class Measured:
    """Everything of a `report.Variant` that is measured. What could not be measured is None, and a note says why."""

    name: str
    dtype: str
    bytes: int
    """Weights on disk."""
    parameters: int
    runtime: str = "torch"
    quality: Quality | None = None
    metrics: tuple[Quality, ...] = ()
    """The other metrics, `quality` not among them."""
    difference: Difference | None = None
    """Its quality less that of the first one."""
    agreement: float | None = None
    """Share of the rows on which it decides as the first one does."""
    latency_ms: Latency | None = None
    throughput: float | None = None
    peak_memory_bytes: int | None = None
    measured_on: MeasuredOn | None = None
    outputs: np.ndarray | None = None
    """What the task's metrics need from each row: float32 [rows, …]."""
    disturbed: np.ndarray | None = None
    """Likewise, for the disturbed rows."""
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """See `Variant.device`."""
        return self.measured_on.kind if self.measured_on else ""
