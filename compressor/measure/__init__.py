"""What a model costs and what it is worth: quality, agreement, latency, throughput, memory, bytes. Imports no torch."""

from __future__ import annotations

from compressor.measure.measuring import measure
from compressor.measure.stored import bytes_on_disk, stored_parameters
from compressor.measure.values import Measured, Request

__all__ = ["Measured", "Request", "bytes_on_disk", "measure", "stored_parameters"]
