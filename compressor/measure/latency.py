"""Times of one input, taken in rounds: each variant a few runs, then the next, and again. A machine that is busy for a
second then costs all of them a little, in place of one of them everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from compressor.errors import CompressorError, ModelError, OutOfMemoryError
from compressor.report import Latency

if TYPE_CHECKING:
    from compressor.measure.children import Child

ROUNDS = 6
LEAST, MOST = 5, 40
"""Runs of one variant in a round. Thirty in all are the least that a 95th percentile is worth anything from."""
TARGET, LIMIT = 2.0, 30.0
"""Seconds that one variant's runs should take in all, and that they may take."""


def rounds(
    children: Mapping[int, Child], beat: Callable[[float], None]
) -> tuple[dict[int, list[float]], dict[int, CompressorError]]:
    """(milliseconds of every timed run, why it failed) by variant; one that fails is left out, the others go on.

    Args:
        beat: told the share that is done, about once a second; may raise.
    """
    found: dict[int, list[float]] = {key: [] for key in children}
    failed: dict[int, CompressorError] = {}
    done = 0.0

    def run(key: int, count: int) -> list[float]:
        if key in failed:
            return []
        try:
            return list(children[key].ask(lambda *_: beat(done), do="time", count=count)["ms"])
        except (ModelError, OutOfMemoryError) as error:
            failed[key] = error
            return []

    keys = list(children)
    plan = {key: runs_each_round(sum(run(key, 1)) / 1000) for key in keys}
    for number in range(ROUNDS):
        for key in keys if number % 2 == 0 else keys[::-1]:  # what drifts, drifts for all alike
            found[key] += run(key, plan[key])
        done = (number + 1) / ROUNDS
        beat(done)
    return found, failed


def runs_each_round(seconds: float) -> int:
    """How many runs a round holds of a variant that takes so long for one."""
    wanted = min(MOST, max(LEAST, int(TARGET / ROUNDS / max(seconds, 1e-6))))
    return max(1, min(wanted, int(LIMIT / ROUNDS / max(seconds, 1e-6))))


def summary(ms: Sequence[float]) -> tuple[Latency, tuple[str, ...]]:
    """Median and 95th percentile, and a note where they rest on few runs."""
    import numpy as np

    p50, p95 = np.percentile(ms, [50, 95])
    few = len(ms) < ROUNDS * LEAST
    note = f"Its latency is from {len(ms)} runs only, because each takes long: take the 95th percentile as a hint."
    return Latency(p50=float(p50), p95=float(p95)), (note,) if few else ()
