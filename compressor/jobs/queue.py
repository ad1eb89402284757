"""Whose turn it is: who was served longest ago comes first, and among one person's runs the first that was asked for. And when
a turn will come, by the estimates of what is before it. Pure functions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import median

from compressor.jobs.table import Row

LITTLE = 0.1
"""Share of its estimate that a run which has outlived it is thought to need still."""

USUAL = 20
"""Of the last finished jobs, so many say how long one usually takes."""
LATELY = 6 * 3600.0
"""Seconds after a job of theirs was started that somebody waits behind those who had none: nobody waits behind every newcomer
for what they had last week."""


def in_order(waiting: Sequence[Row], served: Mapping[str, float], now: float | None = None) -> list[Row]:
    """The waiting jobs as their turns come.

    Args:
        served: when each person's last job was started, in seconds since the epoch; what is no longer `LATELY` does not count.
    """
    now = time.time() if now is None else now
    last = {owner: at for owner, at in served.items() if now - at < LATELY}
    rest, order = sorted(waiting, key=lambda row: row.seq), []
    turn_at = max(last.values(), default=0.0)
    while rest:
        turn = min(rest, key=lambda row: (last.get(row.owner, 0.0), row.seq))
        rest.remove(turn)
        order.append(turn)
        turn_at += 1.0
        last[turn.owner] = turn_at
    return order


def waits(
    order: Sequence[Row], running: Sequence[Row], usual: Mapping[str, float | None], now: float | None = None
) -> dict[str, float]:
    """Seconds until each waiting job is expected to start, by its id; without those of which nothing can be said.

    Args:
        order: the waiting jobs, as their turns come.
        usual: by kind, what a job of which nothing is known is thought to take; None where there was none of it yet.
    """
    now = time.time() if now is None else now
    until: float | None = 0.0
    for row in running:
        needs = row.seconds or usual.get(row.kind)
        spent = now - (row.started or now)
        until = None if until is None or needs is None else until + max(needs - spent, LITTLE * needs)
    found: dict[str, float] = {}
    for row in order:
        if until is None:
            break
        found[row.id] = until
        needs = row.seconds or usual.get(row.kind)
        until = None if needs is None else until + needs
    return found


def usual(ended: Sequence[Row]) -> float | None:
    """What these finished jobs took, in the middle; None where there are none."""
    took = [row.finished - row.started for row in ended if row.finished and row.started]
    return median(took) if took else None
