"""One thing that the doctor looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, NOTE, PROBLEM = "ok", "note", "problem"


@dataclass(frozen=True)
class Finding:
    """What was found, for a person, and the figures behind it."""

    part: str
    """What was looked at: `versions`, `memory` …"""
    status: str
    """`ok`; `note`: worth knowing, nothing is broken; `problem`: something that Compressor needs does not work."""
    says: str
    advice: str = ""
    """What to do about it."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """`{"part", "status", "says", "advice"}` and the figures."""
        return {"part": self.part, "status": self.status, "says": self.says, "advice": self.advice, **self.facts}


def gigabytes(size: float) -> str:
    """Bytes as gigabytes (10⁹), for people."""
    return f"{size / 1e9:.1f} GB"
