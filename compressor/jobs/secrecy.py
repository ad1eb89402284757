"""Keeps a token out of what a process writes, whoever prints it."""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO

HIDDEN = "hf_[hidden]"

_TOKEN = re.compile(r"hf_[A-Za-z0-9_.\-]{16,}")
"""What the Hub's tokens look like, those of its sign-in button (`hf_oauth_…`) too."""


def without(token: str | None, text: str) -> str:
    """The text without the token."""
    return text.replace(token, HIDDEN) if token else text


def scrubbed(text: str, token: str | None = None) -> str:
    """The text without that token and without anything that looks like one, for what is written by who knows no token."""
    return _TOKEN.sub(HIDDEN, without(token, text))


class _Guarded:
    """A text stream that never writes the token. A token cut in two by two writes is still found: writing goes by lines."""

    def __init__(self, stream: TextIO, token: str):
        self._stream, self._token, self._held = stream, token, ""

    def write(self, text: str) -> int:
        self._held += text
        whole, newline, self._held = self._held.rpartition("\n")
        if newline:
            self._stream.write(without(self._token, whole + newline))
        if len(self._held) > 65_536:
            self.flush()
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        # Only what cannot be the beginning of the token goes out: progress bars flush unfinished lines.
        keep = next((n for n in range(len(self._token) - 1, 0, -1) if self._held.endswith(self._token[:n])), 0)
        out, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        self._stream.write(without(self._token, out))
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_output(token: str | None) -> None:
    """From here on standard output and error of this process leave the token out."""
    if token:
        sys.stdout, sys.stderr = _Guarded(sys.stdout, token), _Guarded(sys.stderr, token)
