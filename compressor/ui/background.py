"""Work of minutes that is no run (an upload to the Hub): a thread that goes on when the browser goes, and is looked at."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 100


@dataclass
class Work:
    """`said` is the last thing it reported; `result` or `error` stand once `done`."""

    owner: str
    about: frozenset[str] = frozenset()
    """What it makes: nothing else may make the same at the same time."""
    said: str = ""
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class Background:
    """The last so many pieces of work, by an id that cannot be guessed."""

    def __init__(self) -> None:
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, owner: str, action: Callable[[Callable[[str], None]], Any], about: Iterable[str] = ()) -> str:
        """Run `action(say)` in a thread of its own; its id."""
        work, key = Work(owner, frozenset(about)), secrets.token_hex(16)

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
            while len(self._works) > KEPT:  # those that are over go first, so that nobody loses sight of what goes on
                del self._works[next((k for k, w in self._works.items() if w.done), next(iter(self._works)))]
        threading.Thread(target=run, name="work", daemon=True).start()
        return key

    def get(self, key: str, owners: Sequence[str]) -> Work | None:
        """That work, for whoever is its owner."""
        work = self._works.get(key)
        return work if work is not None and work.owner in owners else None

    def going(self, owners: Sequence[str]) -> list[Work]:
        """The work of theirs that is not done yet."""
        with self._lock:
            return [work for work in self._works.values() if work.owner in owners and not work.done]
