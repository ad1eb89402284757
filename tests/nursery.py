"""One process that measuring ones are forked from, for all tests of a session: it imports torch, which takes five seconds, and
each run would start one of its own. What is measured is measured as ever, in fresh processes, for less long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compressor.errors import CompressorError
from compressor.measure import children, latency

SECONDS = 0.2
"""That the runs of one variant take in all: tests ask whether they were timed, not how well."""


class Shared:
    """Nurseries by the module that they run, none of which ends with the run that it was made for."""

    def __init__(self, errors: Path):
        self._errors, self._made = errors, dict[str, Any]()
        self._make = children._Nursery

    def begin(self, errors: Path, preload: dict[str, Any]) -> Any:
        """In place of a nursery's constructor: one that is there already, which has imported what this run needs too."""
        known = self._made.get(children.MODULE)
        if known is not None:
            try:
                known._ask(**preload)
            except CompressorError:  # it was killed
                known = None
        if known is None:
            known = self._make(self._errors, preload)
            known.stop, known.end = known.end, lambda: None
            self._made[children.MODULE] = known
        return known

    def close(self) -> None:
        for one in self._made.values():
            one.stop()


@pytest.fixture(scope="session")
def shared_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    shared = Shared(tmp_path_factory.mktemp("nursery") / "errors")
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def measured_soon(shared_nursery: Shared) -> Iterator[None]:
    """Runs of this module's tests, and of the fixtures that they share, measure in a fraction of the time."""
    with _patched(shared_nursery):
        yield


@contextmanager
def _patched(shared: Shared) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_Nursery", shared.begin)
        patch.setattr(latency, "TARGET", SECONDS)
        yield
