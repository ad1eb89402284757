"""How the page's handlers meet the outside: whose request it is, errors as sentences, and events that do not wait in line."""

from __future__ import annotations

import functools
import logging
import re
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.context import LocalContext

from compressor.failures import as_ours
from compressor.settings import Settings
from compressor.ui.services import LOCAL, Visitor
from compressor.ui.text import esc
from compressor.ui.words import t

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger("compressor.ui")

LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""For events that only read a little: they never stand in the queue."""
ASKS: dict[str, Any] = {"concurrency_limit": 16, "show_progress": "hidden", "api_visibility": "private"}
"""For events that ask the Hub or the helper: side by side, each with a line of its own."""

_KEY = re.compile(r"[A-Za-z0-9_-]{20,64}")


def visitor(settings: Settings, browser: Any, token: Any) -> Visitor:
    """Whose request this is. On one's own machine everybody is its owner; elsewhere the browser's secret key says who."""
    own = (_signed_in() if settings.oauth else None) or (str(token).strip() if token else None)
    if not settings.hosted:
        return Visitor(LOCAL, own)
    key = str(browser or "")
    return Visitor(key if _KEY.fullmatch(key) else "nobody", own)


def _signed_in() -> str | None:
    """The token of whoever signed in with the Hub's button, from the session of the request that is being answered. A
    parameter `gr.OAuthToken` would do the same, for each of the page's handlers by itself."""
    request = LocalContext.request.get(None)
    raw = getattr(request, "request", None) or request
    scope = getattr(raw, "scope", None)
    session = scope.get("session") if isinstance(scope, dict) else getattr(raw, "session", None)
    info = (session or {}).get("oauth_info") or {}
    if (info.get("expires_at") or float("inf")) < time.time():
        return None
    found = info.get("access_token")
    return str(found) if found else None


def sentence(error: BaseException) -> str:
    """What the person is told. A bug of ours is a general sentence, and its trace goes to the server's log."""
    ours = as_ours(error)
    if ours is not None:
        return str(ours)
    log.error("A handler of the page failed.", exc_info=error)
    return t("error.general")


def guarded(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose errors reach the person as a sentence in a toast, never as a trace or as nothing."""

    @functools.wraps(handler)
    def guard(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(esc(sentence(error)), title="", duration=15, print_exception=False) from None

    return guard
