"""Many people on one server while a run trains: how long light requests take, and what becomes of fifty starts at once.

    python -m tests.benchmarks.load [--people 100] [--seconds 60] [--starts 50]

The real app, as strangers would share it, on a loopback address; the people are threads of this process, on the same cores.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.browser.conftest import serve
from tests.browser.raw import Raw

DEMO = {"teacher": "demo", "data-source": "demo", "student-size": "half", "token": ""}
LIMITS = {"COMPRESSOR_HOSTED": "1", "COMPRESSOR_MIN_FREE_PERCENT": "none", "COMPRESSOR_BEHIND_PROXY": "1"}
"""Behind a proxy every person has an address of their own."""


class Times:
    """Seconds of each request, and what went wrong."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self._lock = threading.Lock()

    def take(self, what: str, action: Callable[[], Any]) -> str:
        began = time.perf_counter()
        try:
            answer = str(action())
        except (httpx.HTTPError, ValueError) as error:
            answer = f'"error": {error!r}'
        spent = time.perf_counter() - began
        with self._lock:
            self.seconds.append(spent)
            if '"error":' in answer and '"error":null' not in answer.replace(" ", ""):
                self.wrong.append(f"{what}: {answer[:300]}")
        return answer

    def told(self) -> str:
        ordered = sorted(self.seconds)
        ms = [1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99)]
        return (
            f"{len(ordered)} requests, {len(self.wrong)} errors; p50 {ms[0]:.0f} ms, p95 {ms[1]:.0f} ms, p99 {ms[2]:.0f} ms, "
            f"slowest {1000 * ordered[-1]:.0f} ms"
        )


def person(url: str, number: int, config: dict[str, Any] | None = None) -> Raw:
    """Somebody with a browser of their own."""
    raw = Raw(
        url, key=secrets.token_urlsafe(24), headers={"x-forwarded-for": f"198.51.{number // 250}.{number % 250 + 1}"}
    )
    if config is not None:
        raw.__dict__["config"] = config  # a browser has it in its page
    return raw


def look_around(one: Raw, times: Times, chance: random.Random) -> None:
    """One light thing that a person on the page causes."""
    what = chance.choice(["open", "tick", "tick", "tick", "refresh", "refresh_2", "page", "style"])
    if what == "page":
        times.take(what, lambda: one.http.get("/").raise_for_status().status_code)
    elif what == "style":
        times.take(what, lambda: one.http.get("/theme.css").raise_for_status().status_code)
    else:
        times.take(what, lambda: one.call(one.named(what), {}))


def browse(people: list[Raw], seconds: float, pause: tuple[float, float]) -> Times:
    """Everybody looks around for so long, with pauses."""
    times, until = Times(), time.monotonic() + seconds

    def live(one: Raw, seed: int) -> None:
        chance = random.Random(seed)
        time.sleep(chance.uniform(0, pause[1]))
        while time.monotonic() < until:
            look_around(one, times, chance)
            time.sleep(chance.uniform(*pause))

    threads = [threading.Thread(target=live, args=(one, i)) for i, one in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def start(one: Raw, **more: Any) -> str:
    one.call(one.named("choose"), DEMO)  # the sizes of this teacher are choices from then on
    return one.call(one.named("start"), DEMO | more)


def trains(one: Raw, run_id: str, seconds: float = 120) -> None:
    """Wait until the run is training."""
    until = time.monotonic() + seconds
    while "distill" not in (said := one.call(one.named("show"), {"run-id": run_id})) or "stage-now" not in said:
        if time.monotonic() > until:
            sys.exit(f"the run did not begin to train: {said[:500]}")
        time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--starts", type=int, default=50)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True) as folder,
        serve(Path(folder) / "data", **LIMITS) as app,
    ):
        owner = person(app.url, 0)
        config = owner.config
        time.sleep(20)  # the helper starts by itself, once the page is served
        answer = start(owner, budget="thorough", **{"advanced-epochs": 200})
        if not (found := re.search(r"[0-9a-f]{32}", answer.partition('"data"')[2])):
            sys.exit(f"the run was not started: {answer}")
        run_id = found[0]
        trains(owner, run_id)
        alone = browse([person(app.url, 1, config)], asked.seconds, (0.1, 0.3))
        print(f"one person beside a training: {alone.told()}", flush=True)
        crowd = browse([person(app.url, i + 2, config) for i in range(asked.people)], asked.seconds, (1.0, 3.0))
        print(f"{asked.people} people beside a training: {crowd.told()}", flush=True)
        crowding = [person(app.url, 1000 + i, config) for i in range(asked.starts)]
        times, said = Times(), [""] * asked.starts

        def hurry(i: int) -> None:
            said[i] = times.take("start", lambda: start(crowding[i]))

        threads = [threading.Thread(target=hurry, args=(i,)) for i in range(asked.starts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        queued = sum('"success":true' in one.replace(" ", "") for one in said)
        told = sum("waiting already, as many as fit" in one for one in said)
        print(f"{asked.starts} starts at once: {queued} queued, {told} told why not; median {median(times.seconds):.1f} s, "
              f"slowest {max(times.seconds):.1f} s", flush=True)  # fmt: skip
        owner.call(owner.named("cancel"), {"run-id": run_id})
        lost = asked.starts - queued - told
        for wrong in [*alone.wrong, *crowd.wrong][:10]:
            print(wrong)
    p95 = sorted(crowd.seconds)[int(0.95 * len(crowd.seconds))]
    sys.exit(1 if alone.wrong or crowd.wrong or lost or p95 > 1 else 0)


if __name__ == "__main__":
    main()
