"""How far a download is: what the client's library takes for a progress bar, told on as bytes over all files."""

from __future__ import annotations

import time
from typing import Any

from compressor.events import Progress


class Meter:
    """Bytes over all files of a download, told at most a few times a second."""

    def __init__(self, progress: Progress, total: int):
        self.progress, self.total = progress, total
        self.settled = self.current = 0
        self._told = 0.0

    def add(self, count: float) -> None:
        self.current += int(count)
        if time.monotonic() - self._told > 0.25:
            self._tell()

    def rewind(self) -> None:
        """A file begins, or begins again."""
        self.current = 0

    def settle(self, count: int) -> None:
        self.settled, self.current = self.settled + count, 0
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self.progress("download", min(self.settled + self.current, self.total), self.total)


class Bar:
    """What the library takes for a progress bar."""

    count: Meter

    def __init__(self, *_: Any, total: float | None = None, initial: float = 0, **__: Any):
        self.total, self.n = total, initial

    def update(self, count: float | None = 1) -> None:
        self.n += count or 0
        self.count.add(count or 0)

    def update_transfer(self, count: float | None = 1) -> None:
        """Bytes on the wire, which the library counts beside those on disk: not shown."""

    def set_postfix_str(self, *_: Any, **__: Any) -> None: ...

    def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None: ...

    def refresh(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
