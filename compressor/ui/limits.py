"""How much one person may ask for in a while: a bucket of tokens for each owner and, since anonymous keys cost nothing, a
larger one for each address. Knows nothing of gradio.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from compressor.errors import TooOftenError
from compressor.settings import Settings
from compressor.ui.words import t

NEIGHBOURS = 5
"""So many times one person's share is open to one address: schools and offices have one for everybody."""
KEPT = 20_000
"""Buckets in memory; the least recently used go first (a full bucket and a forgotten one are the same)."""
SIGN_INS_PER_MINUTE = 12
"""Unknown tokens of one person; an address has `NEIGHBOURS` times as many."""


class Limits:
    """Counts what people ask for. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic, kept: int = KEPT):
        self._clock, self._kept, self._lock = clock, kept, Lock()
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()  # (left, when)
        self._rates: dict[str, tuple[float, float]] = {  # (so many, in so many seconds)
            "search": (settings.searches_per_minute, 60),
            "look": (settings.looks_per_minute, 60),
            "check": (settings.checks_per_minute, 60),
            "predict": (settings.predictions_per_minute, 60),
            "start": (settings.starts_per_hour, 3600),
            "publish": (settings.publishes_per_hour, 3600),
            "download": (settings.downloads_per_hour, 3600),
            "sign_in": (SIGN_INS_PER_MINUTE if settings.hosted else 0, 60),
        }

    def take(self, kind: str, owners: Sequence[str], address: str) -> None:
        """Count one. All of a person's owners count together, so that signing in and out gives no second share.

        Raises:
            TooOftenError: it is too much for now. Nothing was counted.
        """
        most, seconds = self._rates[kind]
        if not most:
            return
        wanted = [((kind, owner), most) for owner in owners]
        if address:
            wanted.append(((kind, f"from {neighbourhood(address)}"), most * NEIGHBOURS))
        with self._lock:
            now = self._clock()
            levels = [(key, full, self._level(key, full, seconds, now)) for key, full in wanted]
            waits = [(1 - left) * seconds / full for _, full, left in levels if left < 1]
            if waits:
                raise TooOftenError(t(f"limit.{kind}", time=_spoken(max(waits))))
            for key, _, left in levels:
                self._buckets[key] = (left - 1, now)
                self._buckets.move_to_end(key)
            while len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)

    def _level(self, key: tuple[str, str], full: float, seconds: float, now: float) -> float:
        left, when = self._buckets.get(key, (full, now))
        return min(full, left + (now - when) * full / seconds)

    def __len__(self) -> int:
        return len(self._buckets)


def neighbourhood(address: str) -> str:
    """An address as it is counted: of IPv6 the network, since one house has 2**64 addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if found.version == 6:
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


def client_address(peer: str, forwarded: str, behind_proxy: bool) -> str:
    """Where a request comes from.

    A proxy appends to `X-Forwarded-For` whom it saw, so the last entry is the one that the visitor could not write. The
    platform's own inner hops append private addresses after it: the last public one counts, or, where none is public (a
    company's own network), the last.

    Args:
        peer: the other end of the connection.
        forwarded: the `X-Forwarded-For` header, believed only behind a proxy.
    """
    if not behind_proxy:
        return peer
    entries = [_without_port(part.strip()) for part in forwarded.split(",")[-20:] if part.strip()]
    return next((one for one in reversed(entries) if _public(one)), entries[-1] if entries else peer)[:64]


def _without_port(entry: str) -> str:
    """Some proxies write `1.2.3.4:5678` and `[::1]:5678`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _spoken(seconds: float) -> str:
    whole = max(2, math.ceil(seconds))
    return t("limit.seconds", n=whole) if whole < 120 else t("limit.minutes", n=math.ceil(whole / 60))
