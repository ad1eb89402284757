"""How far a process grew at its highest. The kernel's own high-water mark where it can be reset (Linux), else the lasting one."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """`growth`: bytes that the process held at most while the body ran, over what it held before."""

    growth = 0

    def __enter__(self) -> Peak:
        self._can_reset = _reset()
        self._before = _held()[0 if self._can_reset else 1]
        return self

    def __exit__(self, *_: object) -> None:
        self.growth = max(0, _held()[1] - self._before)


def _reset() -> bool:
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return True


def _held() -> tuple[int, int]:
    """(now, at the highest) in bytes."""
    try:
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) * 1024, int(lines["VmHWM"].split()[0]) * 1024
    except OSError:
        return _highest(), _highest()


def _highest() -> int:
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
