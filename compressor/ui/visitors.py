"""Who a visitor is. Where strangers share the server: the account that a token belongs to, as the Hub says, and the secret key
of the browser. What the session's cookie says of a name is never believed: outside a Space anybody can sign such a cookie.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from compressor.errors import AccessDeniedError, RunError, TooOftenError
from compressor.settings import Settings
from compressor.ui.limits import Limits
from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.hub import Account

log = logging.getLogger("compressor.ui")
LOCAL = "local"
KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
"""A browser's key: 128 bits at the least."""
LONGEST_TOKEN = 4096
"""Characters: those of an OAuth sign-in are long."""
FRESH = 300.0
"""Seconds for which a token's account is taken as known."""
STALE = 8 * 3600.0
"""Seconds for which it may still be used while the Hub does not answer."""
FAILED = 15.0
"""Seconds until a Hub that did not answer is asked again about a token."""
REFUSED = 60.0
"""Seconds for which a token that the Hub refused is not asked about again."""
PATIENCE = 6.0
"""Seconds that a request waits for the Hub to say whose token it is."""
KEPT = 5000

BROWSER = "browser:"
"""What the owners begin with that are a browser's key."""


@dataclass(frozen=True)
class Visitor:
    """Whose request this is. `token` is this request's own and is kept nowhere."""

    owners: tuple[str, ...] = (LOCAL,)
    """Whose runs this person may see and change; what is new belongs to the first."""
    token: str | None = None
    address: str = ""
    """Where the request comes from; only for limits."""

    @property
    def owner(self) -> str:
        """Whom something new belongs to.

        Raises:
            RunError: it would be nobody's: the page has given this browser no key yet.
        """
        if not self.owners:
            raise RunError(t("who.nobody"))
        return self.owners[0]

    @property
    def anonymous(self) -> bool:
        """Whether this person's new things belong to a browser's key alone, of which everybody may have many."""
        return self.owner.startswith(BROWSER)

    def __repr__(self) -> str:
        return f"Visitor({len(self.owners)} owners)"


def browser_owner(key: object) -> str | None:
    """The owner that a browser's key stands for; None where it is no key."""
    return f"{BROWSER}{key}" if isinstance(key, str) and KEY.fullmatch(key) else None


@dataclass
class _Known:
    """What the Hub said of a token: the account, or None where it refused it. `seconds`: for how long that holds."""

    name: str | None
    when: float
    seconds: float


class People:
    """Whose a token is, asked of the Hub now and then and kept in memory under a hash of the token.

    Args:
        ask: token → account, as the Hub says.
        limits: unknown tokens of one address are not all asked about.
    """

    def __init__(
        self,
        ask: Callable[[str], Account | None],
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ):
        self._ask, self._limits, self._clock, self._patience = ask, limits, clock, patience
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, Future[None]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="whoami")

    def name(self, token: str, address: str = "") -> str | None:
        """The account's name; None where there is none, or it cannot be told. Never waits long."""
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                if self._clock() - found.when < found.seconds:
                    return found.name
        # Where the answer comes later, or is not asked for, what was known counts meanwhile.
        with suppress(NotYet, TooOftenError):
            waiting = self._start(key, token, address, known=found is not None)
            waiting.result(self._patience)
        with self._lock:
            found = self._known.get(key)
            return found.name if found is not None and self._clock() - found.when < STALE else None

    def _start(self, key: str, token: str, address: str, known: bool) -> Future[None]:
        """One question about a token at a time, however many requests come with it."""
        with self._lock:
            if (asking := self._asking.get(key)) is not None:
                return asking
        if not known:
            self._limits.take("sign_in", (), address)
        with self._lock:
            if key not in self._asking:
                self._asking[key] = self._pool.submit(self._find_out, key, token)
            return self._asking[key]

    def _find_out(self, key: str, token: str) -> None:
        known: _Known | None = None
        try:
            account = self._ask(token)
            known = _Known(account.name if account is not None else None, self._clock(), FRESH)
        except AccessDeniedError:
            known = _Known(None, self._clock(), REFUSED)
        except Exception as error:  # nobody may wait for ever, whatever it is
            log.warning("The Hub does not say whose token this is (%s).", type(error).__name__)
        with self._lock:
            now, old = self._clock(), self._known.get(key)
            if known is None and old is not None and old.name is not None and now - old.when < STALE:
                known = _Known(old.name, old.when, now - old.when + FAILED)
            self._known[key] = known or _Known(None, now, FAILED)
            self._asking.pop(key, None)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)


@lru_cache(maxsize=16)
def people(settings: Settings) -> People:
    """The one that answers for these settings."""

    def ask(token: str) -> Account | None:
        from compressor.hub import Hub, Patience

        return Hub(settings, token, "whoami", Patience(tries=2, first_wait=0.3, total=3.0)).account()

    return People(ask, Limits(settings))
