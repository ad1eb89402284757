"""How the page's handlers meet the outside: whose request it is, errors as sentences, and events that do not wait in line."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import gradio as gr
from gradio.context import LocalContext

from compressor.failures import as_ours
from compressor.settings import Settings
from compressor.ui import on_page
from compressor.ui.limits import client_address
from compressor.ui.text import esc
from compressor.ui.visitors import LOCAL, LONGEST_TOKEN, Visitor, browser_owner, people
from compressor.ui.words import t

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger("compressor.ui")

LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""For events that only read a little: they never stand in the queue."""
ASKS: dict[str, Any] = {"concurrency_limit": 16, "show_progress": "hidden", "api_visibility": "private"}
"""For events that ask the Hub or the helper: side by side, each with a line of its own."""
LAST: dict[str, Any] = {"trigger_mode": "always_last"}
"""For what a person types or chooses: what came while an answer was under way is asked behind it. By itself gradio drops it."""


def visitor(settings: Settings, browser: Any, token: Any) -> Visitor:
    """Whose request this is. On one's own machine everybody is its owner. Elsewhere it is the account that the token
    belongs to, and whoever has this browser's key: what was started before signing in stays in sight."""
    own = (_signed_in() if settings.oauth else None) or _given(token)
    if not settings.hosted:
        return Visitor((LOCAL,), own)
    address = _address(settings)
    name = people(settings).name(own, address) if own else None
    owners = (f"account:{name}" if name else None, browser_owner(browser))
    return Visitor(tuple(owner for owner in owners if owner), own, address)


def _given(token: Any) -> str | None:
    """The token of the page's box."""
    found = token.strip() if isinstance(token, str) else ""
    return found if 0 < len(found) <= LONGEST_TOKEN else None


def _asked() -> Any:
    """The HTTP request that is being answered; None in tests that call handlers by themselves."""
    request = LocalContext.request.get(None)
    return getattr(request, "request", None) or request


def _signed_in() -> str | None:
    """The token of whoever signed in with the Hub's button, from the session of the request that is being answered. A
    parameter `gr.OAuthToken` would do the same, for each of the page's handlers by itself."""
    raw = _asked()
    scope = getattr(raw, "scope", None)
    session = scope.get("session") if isinstance(scope, dict) else getattr(raw, "session", None)
    info = (session or {}).get("oauth_info") or {}
    if (info.get("expires_at") or float("inf")) < time.time() or _foreign(getattr(raw, "headers", {})):
        return None
    return _given(info.get("access_token"))


def _foreign(headers: Mapping[str, str]) -> bool:
    """Whether another site's page sends this request. The session's cookie comes along all the same (it has to work in a
    Space's frame), and gradio lets any site read the answer: to such a request nobody is signed in."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")  # an old browser
    hosts = {headers.get("host"), headers.get("x-forwarded-host")}
    return bool(origin) and urlsplit(str(origin)).netloc not in hosts


def _address(settings: Settings) -> str:
    raw = _asked()
    peer = getattr(getattr(raw, "client", None), "host", None) or ""
    return client_address(str(peer), getattr(raw, "headers", {}).get("x-forwarded-for", ""), settings.behind_proxy)


def sentence(error: BaseException) -> str:
    """What the person is told. A bug of ours is a general sentence, and its trace goes to the server's log."""
    ours = as_ours(error)
    if ours is not None:
        return on_page.told(str(ours))
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
