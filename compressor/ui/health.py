"""`/healthz`: whether the page is of any use, for a probe. Tells nobody's name, run, path or token.

200 `{"status": "ok", "version", "uptime_seconds", "queue": {"running", "waiting"}, "disk_free_bytes", "helper": bool}`, or
503 with `"status": "unavailable"` and the sentences in `"reasons"`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import compressor
from compressor.jobs import peek
from compressor.settings import Settings
from compressor.system import disk
from compressor.ui.services import Services

PATH = "/healthz"
SECONDS = 3.0
"""A disk that takes longer than this to answer is as good as none."""
FRESH = 1.0
"""Seconds for which an answer holds: anybody may ask, and asking writes to the disk."""

NO_WRITE = "The data folder cannot be written: {why}."
NO_TABLE = "The table of runs cannot be read: {why}."
SLOW = "The disk of the data folder does not answer."


def route(services: Services) -> Route:
    """The route, to stand before the page's own. Starlette answers HEAD wherever it answers GET."""
    health = Health(services)
    return Route(PATH, health.answer, methods=["GET"], name="healthz")


class Health:
    """Looks at most once a second, in threads of its own: those of the page may all be busy."""

    def __init__(self, services: Services):
        self.services = services
        self._begun, self._looked, self._found = time.monotonic(), float("-inf"), dict[str, Any]()
        self._looking = threading.Lock()
        self._threads: anyio.CapacityLimiter | None = None  # belongs to the server's event loop

    async def answer(self, request: Request) -> Response:
        """One probe's answer."""
        self._threads = self._threads or anyio.CapacityLimiter(4)
        try:
            look = anyio.to_thread.run_sync(self._look, abandon_on_cancel=True, limiter=self._threads)
            found = await asyncio.wait_for(look, SECONDS)
        except TimeoutError:
            found = {"reasons": [SLOW]}
        said = {
            "status": "unavailable" if found.get("reasons") else "ok",
            "version": compressor.__version__,
            "uptime_seconds": round(time.monotonic() - self._begun, 1),
            **found,
            "helper": self._helper(),
        }
        return JSONResponse(said, 503 if found.get("reasons") else 200, headers={"Cache-Control": "no-store"})

    def _look(self) -> dict[str, Any]:
        with self._looking:
            if time.monotonic() - self._looked > FRESH:
                before = self._found.get("reasons", [])
                self._found = look(self.services.settings, begun="store" in self.services.__dict__)
                self._looked = time.monotonic()
                for reason in self._found.get("reasons", []):
                    if reason not in before:  # a probe comes every few seconds: say it once
                        logging.getLogger("compressor.health").error("%s", reason)
            return self._found

    def _helper(self) -> bool:
        made = self.services.__dict__.get("helper")  # asking for it would start one
        return made is not None and made.pid is not None


def look(settings: Settings, *, begun: bool) -> dict[str, Any]:
    """`{"queue": {"running", "waiting"}, "disk_free_bytes", "reasons": […]}`; what cannot be told, and reasons where there
    are none, are left out.

    Args:
        begun: the page has opened the table, so that it has to be there.
    """
    found: dict[str, Any] = {}
    reasons = []
    try:
        counts = peek.counts(settings)
        if counts is None and begun:
            raise sqlite3.OperationalError("its file is gone")
        running, waiting = counts or (0, 0)
        found["queue"] = {"running": running, "waiting": waiting}
    except sqlite3.Error as error:
        reasons.append(NO_TABLE.format(why=error))
    if why := disk.cannot_write(settings.data_dir):
        reasons.append(NO_WRITE.format(why=why))
    try:
        found["disk_free_bytes"] = disk.room(settings.data_dir)[0]
    except OSError:
        reasons.append(SLOW)
    return found | ({"reasons": reasons} if reasons else {})
