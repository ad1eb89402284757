"""Numbers and strangers' text as people read them. Everything that goes into HTML passes through `esc`."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Sequence
from typing import Any

from compressor.ui.words import t

DASH = "–"


def esc(value: Any) -> str:
    """Any value as text that is safe inside HTML, in attributes too."""
    return html.escape("" if value is None else str(value), quote=True)


def size(value: float | None) -> str:
    """Bytes in decimal units: `81 MB`, `1.9 GB`."""
    if value is None:
        return DASH
    number = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(number) < 999.5:
            return f"{_short(number)} {unit}" if unit != "bytes" else f"{number:.0f} {unit}"
        number /= 1000
    return f"{_short(number)} TB"


def count(value: float | None) -> str:
    """A number of things: `4.3 M`, `67 M`, `1,230`."""
    if value is None:
        return DASH
    number = float(value)
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    for unit in ("k", "M", "B"):
        number /= 1000
        if abs(number) < 999.5:
            return f"{_short(number)} {unit}"
    return f"{_short(number / 1000)} T"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage: 0.982 is `98.2 %`."""
    return DASH if share is None else f"{share * 100:.{digits}f} %"


def times(ratio: float | None) -> str:
    """`3.1×`."""
    return DASH if ratio is None else f"{ratio:.1f}×" if ratio < 10 else f"{ratio:.0f}×"


def milliseconds(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def duration(seconds: float | None) -> str:
    """`40 s`, `6 min`, `2 h 5 min`: rounded as one would say it."""
    if seconds is None:
        return DASH
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def ago(then: float | None, now: float | None = None) -> str:
    """How long ago a moment (seconds since the epoch) was: `3 min ago`."""
    if then is None:
        return ""
    passed = max((time.time() if now is None else now) - then, 0)
    if passed < 45:
        return "just now"
    if passed < 86_400 * 2:
        return f"{duration(passed)} ago"
    return day(then)


def day(when: float) -> str:
    """The date of a time in seconds since the epoch."""
    return time.strftime("%-d %B %Y" if time.strftime("%-d") != "%-d" else "%d %B %Y", time.localtime(when))


def clip(value: Any, length: int = 160) -> str:
    """One line of at most `length` characters, not escaped yet."""
    line = " ".join(str("" if value is None else value).replace("\0", " ").split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def listed(parts: Sequence[str], how: str = "list.and") -> str:
    """`a`, `a and b`, `a, b and c`; with `list.or` in place of `and`. Empty for nothing."""
    return "".join(parts) if len(parts) < 2 else t(how, first=", ".join(parts[:-1]), last=parts[-1])


def paragraphs(sentences: Iterable[str], kind: str = "note") -> str:
    """Sentences as a block of the page. `kind`: note, good, warning, problem."""
    lines = [line for sentence in sentences for line in str(sentence).splitlines() if line.strip()]
    if not lines:
        return ""
    role = "alert" if kind == "problem" else "status"
    body = "".join(f"<p>{esc(line)}</p>" for line in lines)
    return f'<div class="say say-{esc(kind)}" role="{role}">{body}</div>'


def _short(number: float) -> str:
    return f"{number:.1f}" if abs(number) < 9.95 else f"{number:.0f}"
