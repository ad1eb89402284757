"""Kills a run at random moments and at every rename, and looks at what is left each time.

    python -m tests.benchmarks.kills [RANDOM] [--renames N] [--exported]     200 and all of them, unless said otherwise

The run makes a half student and its 8 bits; with `--exported` a student of thin layers, as ONNX, ONNX int8 and OpenVINO int8.

Each time: the state parses, every variant is whole or absent, the app starts and offers to go on, and the run goes on to the
very files that an uninterrupted one leaves, without doing a finished stage twice. Linux.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.events import read_events
from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.runfolder import ENDED, FINISHED, RunFolder
from compressor.settings import Settings
from compressor.system.processes import Process, find
from tests.benchmarks import zygote

OWNER = "local"
SAME = ("predictions.parquet", "flips.csv", "recipe.yaml", "teacher.json")
MAKE = "import sys; from pathlib import Path; from tests import tiny; f = Path(sys.argv[1]); tiny.bert(f / 'teacher'); " \
       "tiny.write_csv(f / 'rows.csv', 160)"  # fmt: skip


@dataclass(frozen=True)
class Left:
    """What a whole run leaves: the hash of every file of every variant, and of the tables; stages in order."""

    variants: dict[str, dict[str, str]]
    tables: dict[str, str]
    quality: list[float]


PLAIN: dict[str, Any] = {"student": {"size": "half"}, "formats": ["8bit"]}
EXPORTED: dict[str, Any] = {
    "student": {"size": "half", "low_rank": {"weights": 0.6}},
    "formats": ["onnx", "onnx-int8", "openvino-int8"],
}


class Bench:
    def __init__(self, home: Path, asked: dict[str, Any] = PLAIN):
        self.home = home
        command = [sys.executable, "-c", MAKE, str(home)]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
        self.recipe = Recipe.parse(
            {
                "teacher": str(home / "teacher"),
                "data": {"source": {"train": str(home / "rows.csv")}},
                "distill": {"epochs": 2, "learning_rate": 1e-3},
            }
            | asked
        )
        zygote.warm([home / "teacher"])

    def job(self) -> tuple[JobStore, Settings, RunFolder]:
        """A fresh data folder with one waiting job."""
        settings = Settings(data_dir=Path(tempfile.mkdtemp(prefix="kill-", dir=self.home)))
        store = JobStore(settings)
        job = store.create(OWNER, self.recipe)
        store.ready(job, token=False)
        return store, settings, job.run

    def start(
        self, store: JobStore, settings: Settings, run: RunFolder, before: Callable[[], None] = lambda: None
    ) -> int:
        """The job's process, claimed and noted as a backend does."""
        assert store.claim(lambda row: True) is not None
        pid = zygote.run_job(run.path, settings, OWNER, before)
        store.launched(run.path.name, find(pid) or Process(pid, ""))
        return pid

    def whole(self, count: Callable[[], None] = lambda: None) -> tuple[Left, float, Path]:
        store, settings, run = self.job()
        began = time.monotonic()
        code = zygote.wait(self.start(store, settings, run, count))
        took = time.monotonic() - began
        assert code == 0, run.log_tail()
        store.close()
        return left(run), took, settings.data_dir

    def attempt(self, expected: Left, before: Callable[[], None], after: float | None) -> str:
        """Kill one run and look; what was wrong, or in which stage it was killed."""
        store, settings, run = self.job()
        pid = self.start(store, settings, run, before)
        if after is not None:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        zygote.wait(pid)
        store.close()
        state = json.loads(run.state_file.read_text(encoding="utf-8"))
        killed_in = "behind its end" if run.is_finished else state.get("stage") or "before its first stage"
        done = list(state.get("finished_stages") or ())
        self._check_variants(run, expected)
        assert zygote.wait(zygote.fork(lambda: app(settings, run.path.name), settings.data_dir / "app.log")) == 0, (
            settings.data_dir / "app.log"
        ).read_text()
        store = JobStore(settings)
        if store.get(run.path.name, OWNER).status != FINISHED:
            store.ready(store.get(run.path.name, OWNER), token=False)
            _, offset = read_events(run.events_file)
            assert zygote.wait(self.start(store, settings, run)) == 0, run.log_tail()
            again = [e["stage"] for e in read_events(run.events_file, offset)[0] if e.get("event") == "stage-finished"]
            twice = set(done) & set(again) - {"measure"}
            assert not twice, f"{twice} were done twice"
        store.close()
        assert left(run) == expected, "the run went on to another result"
        rest = [p.name for p in run.path.rglob("*") if p.name.endswith((".part", ".old"))]
        assert not rest and not run.work.exists(), f"left behind: {rest or 'work'}"
        shutil.rmtree(settings.data_dir)
        zygote.reap()
        return killed_in

    @staticmethod
    def _check_variants(run: RunFolder, expected: Left) -> None:
        for folder in run.variants.iterdir() if run.variants.is_dir() else ():
            if not folder.name.startswith("."):
                assert hashes(folder) == expected.variants[folder.name], f"{folder.name} is not whole"
        if run.is_finished:
            run.report()


def app(settings: Settings, run_id: str) -> None:
    """The app starts on what is left: the run is there, can go on, and the page is served."""
    from compressor.backends import local
    from compressor.ui.page import build
    from compressor.ui.server import serve
    from compressor.ui.services import Services

    local.PATIENCE = 0.0  # who started it lives on here, and is no page that would say how it ended
    services = Services(settings)
    services.backend.close()
    job = services.store.get(run_id, OWNER)
    assert job.status in ENDED, job.status
    assert job.status == FINISHED or job.resumable
    with serve(build(services), replace(settings, server_port=0), services) as server:
        for path in ("", "healthz"):
            assert urllib.request.urlopen(server.url + path, timeout=20).status == 200
    if job.status != FINISHED:
        services.store.resume(run_id, OWNER)


def left(run: RunFolder) -> Left:
    report = run.report()
    return Left(
        {p.name: hashes(p) for p in sorted(run.variants.iterdir())},
        {name: _hash(run.path / name) for name in SAME},
        [v.quality.value for v in report.variants if v.quality],
    )


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): _hash(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_rename(number: int, late: bool, log: Path | None = None) -> Callable[[], None]:
    """Have the process die at its so-manieth rename, before or behind it; with `log`, only count them there."""

    def install() -> None:
        seen = 0

        def watched(real: Callable[..., Any]) -> Callable[..., Any]:
            def rename(*args: Any, **kwargs: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == number and not late:
                    os.kill(os.getpid(), signal.SIGKILL)
                done = real(*args, **kwargs)
                if log is not None:
                    log.write_text(str(seen))
                if seen == number and late:
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            return rename

        os.rename, os.replace = watched(os.rename), watched(os.replace)

    return install


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("random", type=int, nargs="?", default=200)
    parser.add_argument("--renames", type=int, default=None, help="at so many renames, spread evenly; all by default")
    parser.add_argument("--exported", action="store_true", help="a student of thin layers in the exported formats")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as home:
        bench = Bench(Path(home), EXPORTED if asked.exported else PLAIN)
        counted = Path(home) / "renames"
        expected, took, folder = bench.whole(at_rename(0, late=False, log=counted))
        renames = int(counted.read_text())
        shutil.rmtree(folder)
        print(f"an uninterrupted run: {took:.1f} s, {renames} renames", flush=True)
        chance = random.Random(asked.seed)
        step = max(1, renames // asked.renames) if asked.renames else 1
        plans: list[tuple[str, Callable[[], None], float | None]] = [
            (f"{where} rename {n}", at_rename(n, where == "behind"), None)
            for n in (range(1, renames + 1, step) if asked.renames != 0 else ())
            for where in ("before", "behind")
        ]
        plans += [("at random", lambda: None, chance.uniform(0, 1.05 * took)) for _ in range(asked.random)]
        chance.shuffle(plans)
        stages: dict[str, Counter[str]] = {"at random": Counter(), "at a rename": Counter()}
        failed = 0
        for number, (name, before, after) in enumerate(plans, 1):
            if number % 20 == 0:
                print(f"{number - failed} of the first {number} survived", flush=True)
            kind = "at random" if after is not None else "at a rename"
            try:
                stages[kind][bench.attempt(expected, before, after)] += 1
            except (AssertionError, TimeoutError, OSError, ValueError) as error:
                failed += 1
                print(f"LOST {name} ({after}): {str(error)[-2000:]}", flush=True)
        for kind, found in stages.items():
            print(
                f"{kind}: {sum(found.values())} survived",
                ", ".join(f"{k} {n}" for k, n in found.most_common()),
                flush=True,
            )
    print(f"{len(plans) - failed} of {len(plans)} survived")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
