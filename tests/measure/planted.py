"""A measuring process that knows one format more: runners that do what a file `plan.json` in their folder says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from compressor.formats import FORMATS
from compressor.formats.base import Format
from compressor.measure import child, work


class Clock:
    """What the measuring reads in place of the machine's clock: it goes on by what a runner costs and by nothing else, so that
    what was planted has to be what is measured, on a machine however busy."""

    def __init__(self):
        self.seconds = 0.0

    def perf_counter(self):
        return self.seconds


CLOCK = work.time = Clock()


class PlantedRunner:
    device, dtype, threads, parameters = "cpu", "planted", 1, 7

    def __init__(self, plan):
        self.plan, self.calls = plan, 0
        self.notes = tuple(plan.get("notes", ()))
        self.device = plan.get("says", self.device)
        self.held = np.ones(plan.get("hold", 0), np.uint8)  # ones: memory that is touched

    def predict(self, batch):
        """Says 1 where the row has an even number of tokens; `wrong` makes it lie about every n-th length."""
        plan, rows = self.plan, len(batch["input_ids"])
        if "log" in plan:
            with Path(plan["log"]).open("a") as file:
                file.write(plan["name"])
        slow = plan.get("first", 0) if self.calls < plan.get("slow_calls", 1) else 0
        self.calls += 1
        cost = plan.get("cost", 0 if "cost_a_row" in plan else 0.001)  # nothing takes no time at all
        CLOCK.seconds += slow or cost + rows * plan.get("cost_a_row", 0)
        time.sleep(plan.get("sleep", 0))
        if "kill" in plan and rows >= plan.get("kill_at_rows", 1):
            os.kill(os.getpid(), plan["kill"])
        lengths = batch["attention_mask"].sum(1)
        if lengths.max() >= plan.get("kill_at_tokens", 1000):
            os.kill(os.getpid(), signal.SIGKILL)
        said = (lengths % 2 == 0) ^ ((lengths % plan["wrong"] == 0) if "wrong" in plan else False)
        logits = np.stack([~said, said], 1).astype(np.float32)
        return logits * np.nan if plan.get("nan") else logits

    def score(self, batch):
        raise AssertionError("not asked of this task")

    def generate(self, input_ids, new_tokens):
        raise AssertionError("not asked of this task")

    def close(self):
        self.held = None


class Planted(Format):
    name: ClassVar[str] = "planted"
    title: ClassVar[str] = "Planted"

    def unavailable(self, device):
        return None

    def make(self, source, out, task, rows=()):
        return []

    def load(self, folder, task, device="cpu", threads=None):
        plan = json.loads((folder / "plan.json").read_text())
        if plan.get("raise"):
            raise MemoryError
        return PlantedRunner(plan)

    def bytes(self, linear, rest):
        return linear + rest

    def snippet(self, reference, task):
        return ""


FORMATS["planted"] = Planted()

if __name__ == "__main__":
    child.main(sys.argv[1:])
