"""Work of minutes that is no run (an upload to the Hub): a thread that goes on when the browser goes, and is looked at."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEPT = 100


@dataclass
class Work:
    """`said` is the last thing it reported; `result` or `error` stand once `done`."""

    owner: str
    said: str = ""
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class Background:
    """The last so many pieces of work, by an id that cannot be guessed."""

    def __init__(self) -> None:
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, owner: str, action: Callable[[Callable[[str], None]], Any]) -> str:
        """Run `action(say)` in a thread of its own; its id."""
        work, key = Work(owner), secrets.token_hex(16)

        def say(sentence: str) -> None:
            work.said = sentence

        def run() -> None:
            try:
                work.result = action(say)
            except BaseException as error:
                work.error = error
            finally:
                work.done = True

        with self._lock:
            self._works[key] = work
            while len(self._works) > KEPT:
                self._works.popitem(last=False)
        threading.Thread(target=run, name="work", daemon=True).start()
        return key

    def get(self, key: str, owner: str) -> Work | None:
        """That work, for its owner."""
        work = self._works.get(key)
        return work if work is not None and work.owner == owner else None
