"""Every request to the Hub goes through `patiently`: one policy for retries, and one place where failures become sentences.

The client's library retries some calls by itself (and obeys a `Retry-After` of an hour), and others not at all. While one of
our calls runs, its HTTP client raises at once what is worth another try, so that only the policy here counts.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import httpx2

from compressor.errors import CompressorError
from compressor.hub.sentences import About, Lost, Refused, broke_off, explained

T = TypeVar("T")

BUSY = (408, 429, 500, 502, 503, 504)
CONNECT_SECONDS, READ_SECONDS = 10.0, 120.0
"""The library sets no time limit: a server that accepts and then says nothing would hang a job for ever."""


@dataclass(frozen=True)
class Patience:
    """How long to go on asking. Seconds."""

    tries: int = 4
    first_wait: float = 0.5
    longest_wait: float = 8.0
    total: float = 30.0
    """All waits together; a `Retry-After` beyond it is not waited for, but told."""

    def wait(self, attempt: int, asked: float | None) -> float:
        """Before the next try: at least what the Hub asked for, else exponential, with jitter so that many do not come
        back at once."""
        if asked is not None:
            return asked + random.uniform(0, 0.1 * self.first_wait)  # noqa: S311
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311


BRIEF = Patience(tries=2, first_wait=0.3, total=3.0)
"""For what somebody is looking at while it loads: a search."""


_ours: ContextVar[bool] = ContextVar("_ours", default=False)


class _Client(httpx2.Client):
    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        ours = _ours.get()
        try:
            response = super().send(request, stream=stream, **options)
        except httpx2.TransportError as error:
            if ours and not (stream and request.method == "GET"):  # a download that broke is resumed by the library
                raise Lost(str(error) or type(error).__name__) from error
            raise
        if ours and response.status_code in BUSY:
            response.close()
            raise Refused(response.status_code, _asked(response))
        if ours and response.status_code == 409 and not stream and "in progress" in response.text:
            raise Refused(409, None)  # two repos at once: the library would ask again without end or pause
        return response


def _asked(response: httpx2.Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    from huggingface_hub.utils._http import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    return float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None


_installing = threading.Lock()


def install() -> None:
    """Give the library our HTTP client, once a process: a second time would close connections that are in use. For
    everybody else's calls it behaves as the library's own."""
    with _installing:
        _install()


@cache
def _install() -> None:
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import hf_request_event_hook

    def client() -> httpx2.Client:
        return _Client(
            event_hooks={"request": [hf_request_event_hook]},
            follow_redirects=True,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    set_client_factory(client)


def patiently(call: Callable[[], T], about: About, patience: Patience) -> T:
    """`call()`, again where it failed for a passing reason.

    Raises:
        HubError: it failed for good; which kind, and the sentence, come from `explained`.
    """
    install()
    waited = 0.0
    for attempt in range(1, patience.tries + 1):
        token = _ours.set(True)
        try:
            return call()
        except Exception as error:
            root = _root(error)
            wait = patience.wait(attempt, root.asked if isinstance(root, Refused) else None)
            if not _passing(root) or attempt == patience.tries or waited + wait > patience.total:
                known = explained(root, about)
                if known is None or known is error:
                    raise
                raise known from error
        finally:
            _ours.reset(token)
        time.sleep(wait)
        waited += wait
    raise AssertionError("unreachable")


def _root(error: Exception) -> Exception:
    """The library wraps what happened in threads, and behind its cache, into errors of other kinds."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (Refused, Lost, httpx2.HTTPError, ConnectionError, CompressorError)):
            return seen  # type: ignore[return-value]
        seen = seen.__cause__
    return error


def _passing(error: Exception) -> bool:
    return isinstance(error, (Refused, Lost, httpx2.TransportError)) or broke_off(error)
