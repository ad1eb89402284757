"""How often Python looks for garbage that holds itself."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Objects made since the last look at the newest; such looks before one at those that survived one; such before one at all."""


def collect_rarely() -> None:
    """For a process of ours, at its start. The libraries make a million objects that stay: with Python's own numbers a sixth of
    the seconds that importing them takes goes into looking at these. What needs memory back at once asks for it."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
