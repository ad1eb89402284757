"""What a run was said to take, beside what it took: minutes and memory, on whatever this machine has.

    python -m tests.benchmarks.estimates OUT RECIPE.yaml [RECIPE.yaml ...]

Each recipe runs in a process of its own. The estimate is the page's, made in that process just before; seconds are from there
to the end of the run, the start of a process left out. Memory is what torch allocated on the graphics card where there is one, of
the process that trains; else the process's largest resident memory. What was found before is taken from OUT as it is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.speed import high_water


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.recipes[0], asked.out)
        return
    print("| recipe | device | seconds, said | took | memory, said | took |\n|---|---|---:|---:|---:|---:|")
    for recipe in asked.recipes:
        print(line(recipe.stem, one(recipe, asked.out / recipe.stem)), flush=True)


def one(recipe: Path, folder: Path) -> dict[str, Any]:
    """What `child` found."""
    kept = folder.with_name(f"{folder.name}.estimate.json")
    if not kept.is_file():
        command = [sys.executable, "-m", "tests.benchmarks.estimates", str(folder), str(recipe), "--child"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def child(path: Path, folder: Path) -> None:
    """Estimate and run; leaves `FOLDER.estimate.json`."""
    import os

    import torch

    from compressor import pipeline
    from compressor.hub import Hub
    from compressor.planning.checking import tokens
    from compressor.planning.estimating import estimate
    from compressor.recipe import Recipe
    from compressor.settings import Settings, prepare_environ

    prepare_environ()
    settings, recipe = Settings.from_environ(), Recipe.load(path)
    hub, raw = Hub(settings), recipe.model_dump(mode="json", exclude_unset=True)
    rows = {}
    if "data" in raw:
        found = tokens(recipe.teacher, raw["data"], settings=settings, hub=hub, new_head=recipe.teacher_head == "new")
        rows = {key: found[key] for key in ("rows", "tested", "longest")} | {"tokens": found["mean"]}
    said = estimate(raw, settings=settings, hub=hub, **rows)
    cuda = said["device"] == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    shutil.rmtree(folder, ignore_errors=True)  # one that was cut would go on, and take less
    began = time.monotonic()
    report = pipeline.run(recipe, folder, settings=settings, hub=hub)
    took = {"seconds": time.monotonic() - began, "host": 1e6 * high_water(os.getpid())}
    took["memory"] = float(torch.cuda.max_memory_allocated()) if cuda else took["host"]
    wanted = ("device", "seconds", "memory_bytes", "memory_total")
    result = {"said": {key: said[key] for key in wanted}, "took": took, "stages": report.seconds}
    folder.with_name(f"{folder.name}.estimate.json").write_text(json.dumps(result), encoding="utf-8")


def line(name: str, found: dict[str, Any]) -> str:
    said, took = found["said"], found["took"]
    cells = [
        name, said["device"], f"{said['seconds']:.0f}", f"{took['seconds']:.0f}", f"{said['memory_bytes'] / 1e9:.1f} GB",
        f"{took['memory'] / 1e9:.1f} GB",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
