"""A recipe, run by the command line in a process of its own, and its report. What benchmarks of several runs have in common."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from compressor.report import Report


def of(teacher: str, data: str | Path) -> dict[str, Any]:
    """The part of a recipe that names teacher and data: a folder each, that of data with train.csv, test.csv and perhaps
    validation.csv; or `demo`."""
    source: Any = "demo"
    if str(data) != "demo":
        files = {name: Path(data).resolve() / f"{name}.csv" for name in ("train", "validation", "test")}
        source = {name: str(path) for name, path in files.items() if path.is_file()}
    return {
        "teacher": teacher if teacher == "demo" else str(Path(teacher).resolve()),
        "data": {"source": source},
    }


def run(recipe: Mapping[str, Any], folder: Path, changes: Sequence[str] = ()) -> Report:
    """The report of a recipe, run into this folder with these `--set`; a finished one is taken as it is."""
    if not (folder / "report.json").is_file():
        subprocess.run(
            command(recipe, folder, changes), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    return Report.load(folder)


def worth(report: Report) -> str | None:
    """What a student gained over its control, in points with the 95 % interval; None where there was no control."""
    if report.control is None:
        return None
    value, low, high = (100 * x for x in (report.control.difference.value, *report.control.difference.ci95))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def divergence(folder: Path) -> float:
    """Mean KL divergence, in nats, of a run's student from its teacher on the validation rows. One chooses by it: it says more
    than the share of some hundred rows that are right. Of students with their teacher's tokens."""
    import torch
    from torch.nn.functional import kl_div

    from compressor import models, tasks
    from compressor.data.prepare import prepare
    from compressor.hub import Hub
    from compressor.recipe import Recipe
    from compressor.settings import Settings
    from compressor.stages.data import in_tokens_of
    from compressor.stages.teacher import trainable
    from compressor.training.teacher import teacher_logits

    recipe, report, settings = Recipe.load(folder / "recipe.yaml"), Report.load(folder), Settings.from_environ()
    variants = (report.teacher_variant, report.variant("student"))
    places = [folder / variant.path for variant in variants]  # of an absolute path, that path
    config = models.read_config(places[0])
    task = trainable(tasks.for_config(config))
    assert recipe.data is not None
    split = prepare(
        recipe.data, task, Hub(settings), task.label_names(config), task.kind, settings, recipe.seed
    ).validation
    with models.quiet():
        rows, pad_id = in_tokens_of(places[0], task, split, recipe.data.max_length)
        found = [teacher_logits(models.load_model(place, task, dtype=torch.float32), rows, pad_id) for place in places]
    theirs, ours = (torch.from_numpy(logits).log_softmax(-1) for logits in found)
    return float(kl_div(ours, theirs, log_target=True, reduction="batchmean"))


def command(recipe: Mapping[str, Any], folder: Path, changes: Sequence[str] = ()) -> list[str]:
    """The command that runs a recipe, which is written beside the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.yaml")
    path.write_text(yaml.safe_dump(dict(recipe)), encoding="utf-8")
    settings = [part for change in changes for part in ("--set", change)]
    return [sys.executable, "-m", "compressor", "run", str(path), "--out", str(folder), *settings]


def rows(recipe: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The report's variants as plain data; `folder` of each is where it lies."""
    run(recipe, folder)
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["variants"]
    return [row | {"folder": str(folder / row["path"])} for row in found]  # of an absolute path, that path
