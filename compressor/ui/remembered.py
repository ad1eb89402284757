"""The last so many answers, each for so long: what is asked again and again while a form is filled in."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last so many values, each for so many seconds."""

    def __init__(self, most: int, seconds: float):
        self.most, self.seconds = most, seconds
        self.lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of that key, made now where it is missing or old. An error is not remembered."""
        with self.lock:
            found = self._kept.get(key)
            if found is not None and time.monotonic() - found[0] < self.seconds:
                self._kept.move_to_end(key)
                return found[1]
        value = make()
        with self.lock:
            self._kept[key] = (time.monotonic(), value)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return value
