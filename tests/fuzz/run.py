"""Ten thousand inputs to all parsers and validators: `python -m tests.fuzz.run [N] [--seed S] [--only NAME]`.

Each target runs in a process of its own, so that a crash or a hang of a library's parser is a line of the table too. Prints
the table; ends with 1 and the smallest input found for each target that raised anything but an error of the project's own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

HANG = 900
"""Seconds for all inputs of one target."""
STUCK = 60
"""Seconds of the processor's time for one input, after which it is broken off."""
MEMORY = 8 * 2**30
"""Bytes of addresses that the process of a target may have."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only", default="", help="targets whose name holds this")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        return _child(asked.child, asked.inputs, asked.seed)
    import tests.conftest  # noqa: F401  (no network, no login: as in the tests)
    from tests.fuzz.targets import TARGETS

    chosen = [one for name, one in TARGETS.items() if asked.only in name]
    total = sum(one.share for one in chosen)
    print(
        f"seed {asked.seed}\n{'target':26}{'inputs':>8}{'refused':>9}{'taken':>8}{'seconds':>9}{'slowest s':>11}{'peak MB':>9}"
    )
    rows = [_row(one.name, max(1, round(asked.inputs * one.share / total)), asked.seed) for one in chosen]
    sums = [sum(row[key] for row in rows) for key in ("inputs", "refused", "taken", "seconds")]
    print(f"{'all':26}{sums[0]:8,}{sums[1]:9,}{sums[2]:8,}{sums[3]:9.0f}")
    found = [row for row in rows if row.get("finding")]
    for row in found:
        print(f"\n== {row['name']}\n{row['finding']}")
    return 1 if found else 0


def _row(name: str, count: int, seed: int) -> dict[str, Any]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        last = Path(folder) / "last"
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "tests.fuzz.run",
            str(count),
            "--seed",
            str(seed),
            "--child",
            name,
        ]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=HANG,
                env={**os.environ, "FUZZ_LAST": str(last)},
                check=False,
            )
            out, error, code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            out, error, code = "", f"did not end within {HANG} s", -1
        row = {"name": name, "inputs": 0, "refused": 0, "taken": 0, "slowest": 0.0, "peak": 0.0}
        try:
            row |= json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            shown = last.read_text(errors="replace")[:2000] if last.exists() else "?"
            row["finding"] = f"the process ended with {code}: {error[-2000:]}\nits last input: {shown}"
    row["seconds"] = time.monotonic() - started
    print(
        f"{name:26}{row['inputs']:8,}{row['refused']:9,}{row['taken']:8,}{row['seconds']:9.1f}{row['slowest']:11.2f}"
        f"{row['peak']:9.0f}{'   <- finding' if row.get('finding') else ''}",
        flush=True,
    )
    return row


def _bound() -> None:
    """Where the system can: an input that hangs or eats all memory ends as an exception, with its place."""
    try:
        import resource
        import signal
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def hung(*_: object) -> None:
        raise TimeoutError(f"one input took more than {STUCK} s")

    signal.signal(signal.SIGPROF, hung)


def _alarm(seconds: int) -> None:
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _shown(value: Any) -> str:
    try:
        return repr(value)[:700]
    except ValueError:  # a number of more digits than Python writes
        return "an input with a number of more than 4,300 digits"


def _child(name: str, count: int, seed: int) -> int:
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import seed as seeded

    import tests.conftest  # noqa: F401
    from tests.fuzz.targets import TARGETS, attempt, clean

    one = TARGETS[name]
    last = Path(os.environ["FUZZ_LAST"])
    row: dict[str, Any] = {"inputs": 0, "refused": 0, "taken": 0, "slowest": 0.0, "peak": 0.0}

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    @given(one.inputs)
    def throw(value: Any) -> None:
        last.write_text(_shown(value), encoding="utf-8", errors="replace")
        row["inputs"] += 1
        _alarm(STUCK)
        outcome = attempt(one, value)
        row["taken" if outcome.taken else "refused"] += 1
        row["slowest"] = max(row["slowest"], outcome.seconds)
        row["peak"] = max(row["peak"], outcome.growth / 2**20)

    _bound()
    try:
        throw()
    except Exception as error:
        kind = "".join(traceback.format_exception(error)[-12:])
        row["finding"] = f"{kind[-1500:]}\nsmallest input: {last.read_text(encoding='utf-8')}"
    _alarm(0)
    clean()
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
