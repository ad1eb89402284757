"""How much memory a model takes: the growth of this process's peak over what it held before the model was there."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import psutil


class PeakMemory:
    """Made before the model is loaded; `peak` then says by how many bytes this process has grown at most since.

    On CUDA it is the device's memory that torch has allocated; elsewhere the resident memory of the process (on Linux its
    high-water mark, which is reset first). Where a platform cannot reset its mark and has been above it before, the growth
    that is left counts: too little rather than another model's memory.
    """

    def __init__(self, device: str):
        self.device = device.partition(":")[0]
        gc.collect()
        if self.device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()
            self.before = int(torch.cuda.memory_allocated())
            return
        _reset_mark()
        self.before, self.mark = _resident(), _mark()

    def peak(self) -> int:
        """Bytes."""
        if self.device == "cuda":
            import torch

            return int(torch.cuda.max_memory_allocated()) - self.before
        mark = _mark()
        highest = mark if mark > self.mark else _resident()
        return max(0, highest - self.before)


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def _mark() -> int:
    """The most resident memory that this process ever had (or had since the last reset), in bytes."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):
        return int(info.peak_wset)
    if sys.platform == "win32":
        return int(info.rss)
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(highest if sys.platform == "darwin" else highest * 1024)


def _reset_mark() -> None:
    if sys.platform != "linux":
        return
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return  # some containers forbid it: `peak` copes
