"""The parts of the engine that the page works with. Each is made when it is first needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from compressor.errors import CompressorError
from compressor.settings import Settings
from compressor.ui.limits import Limits
from compressor.ui.once import once
from compressor.ui.served import Served
from compressor.ui.visitors import Visitor

if TYPE_CHECKING:
    from compressor.backends.local import LocalBackend
    from compressor.hub import Hub
    from compressor.jobs.helper import Helper
    from compressor.jobs.store import JobStore


class Engine(Served):
    def __init__(self, settings: Settings):
        super().__init__(settings)
        self.limits = Limits(settings)
        self.fetching = False
        """What browsers need to run models is being downloaded."""

    @once
    def store(self) -> JobStore:
        from compressor.jobs.store import JobStore

        return JobStore(self.settings)

    @once
    def backend(self) -> LocalBackend:
        from compressor.backends.local import LocalBackend

        return LocalBackend(self.settings, self.store)

    @once
    def helper(self) -> Helper:
        from compressor.jobs.helper import Helper

        return Helper(self._reading)

    @once
    def _reading(self) -> Settings:
        """The settings for looks at data: of files only what was uploaded, where strangers share the server. That a visitor
        names his own uploads is gradio's to check: each lies under a name that only its content tells."""
        return replace(self.settings, readable=(str(self.served), str(self.settings.uploads_dir)))

    def warm(self, after: float = 3.0) -> None:
        """Start what takes seconds, in the background, once the page is served: `after` seconds later, so that the first
        visitor is not made to wait for it."""

        from compressor.jobs import sweep

        def start() -> None:
            # Each by itself, the sweep first: on a full disk it is what makes room for the others.
            quietly(lambda: sweep.start(self.store))
            if self.settings.hosted:  # on one's own machine other programs made with gradio may use the same folder
                # What a page that was killed has left of uploads: gradio knows only of its own.
                quietly(lambda: sweep.abandoned(self.served, time.time()))
            quietly(self._look_after_runs)
            quietly(lambda: self.helper.request("warm", 120))
            quietly(self._fetch_for_browsers)

        timer = threading.Timer(after, start)
        timer.daemon = True
        timer.start()

    def _look_after_runs(self) -> None:
        self.backend.poll()

    def _fetch_for_browsers(self) -> None:
        """What lets a visitor's browser run a model, where it is not here yet."""
        from compressor import browser

        self.fetching = True
        try:
            browser.install(self.settings)
        finally:
            self.fetching = False

    def close(self) -> None:
        """Let the helper go; runs go on by themselves."""
        self.take_all_back()
        if "helper" in self.__dict__:
            self.helper.close()

    def hub(self, visitor: Visitor) -> Hub:
        from compressor.hub import Hub

        return Hub(self.settings, visitor.token, visitor.owner)

    def count(self, kind: str, visitor: Visitor) -> None:
        """Count one of that kind, before any work is done on it.

        Raises:
            TooOftenError: it is too much for now.
        """
        self.limits.take(kind, visitor.owners, visitor.address)


def quietly(action: Callable[[], object]) -> None:
    """Do what nobody waits for: what goes wrong is said in the log alone."""
    import logging

    try:
        action()
    except CompressorError as error:
        logging.getLogger("compressor.ui").warning("%s", error)
    except Exception:
        logging.getLogger("compressor.ui").exception("something in the background failed")
