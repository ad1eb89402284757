"""What each part of a training is worth, changed one at a time: several tasks, several seeds.

    python -m tests.benchmarks.ablations OUT --task NAME TEACHER DATA [--task …] [--size half] [--epochs 3] [--seeds 0 1 2]
                                             [--limit 2000] [--only "no labels" …]

TEACHER is a text classifier's folder, or `demo`; DATA a folder with train.csv, test.csv and perhaps validation.csv, or `demo`.
The first line is what the defaults make of the size, each other one changes what it says. For each task: KL divergence from
the teacher on the validation rows (by this one chooses), accuracy on them and on the test rows, and the share of test rows on
which the student says what its teacher says; means over the seeds. The last line is what the first gained over its control, which
learns as long from the labels alone: points of each seed, with their 95 % interval. Finished runs in OUT are taken as they are.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from compressor.report import Report
from tests.benchmarks import runs

FIRST = "as it is"
WIDE: dict[str, dict[str, Any]] = {
    FIRST: {"control": True},
    "answers alone": {"objective": "logits"},
    "relations": {"objective": "relations"},
    "no labels": {"alpha": 0.0},
    "temperature 4": {"temperature": 4.0},
    "rate 1e-4": {"learning_rate": 1e-4},
    "rate 4e-4": {"learning_rate": 4e-4},
    "as many made-up texts": {"augment": 1.0},
    "as many made-up texts, as many steps": {"augment": 1.0, "epochs": 0.5},
    "three times as many made-up texts, as many steps": {"augment": 3.0, "epochs": 0.25},
    "twice as long": {"epochs": 2.0},
    "six times as long": {"epochs": 6.0},
}
"""Changes of `distill`; `epochs` is a multiple."""
NARROW: dict[str, dict[str, Any]] = {
    FIRST: {"control": True},
    "answers alone": {"objective": "logits"},
    "no labels": {"alpha": 0.0},
    "rate 5e-4": {"learning_rate": 5e-4},
    "rate 2e-3": {"learning_rate": 2e-3},
    "no made-up texts": {"augment": "none"},
    "three times as many made-up texts": {"augment": 3.0},
    "twice as long": {"epochs": 2.0},
    "six times as long": {"epochs": 6.0},
}
AS_WIDE = ("slim", "half", "third", "quarter")
"""Sizes that keep their teacher's width."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", nargs=3, action="append", required=True, metavar=("NAME", "TEACHER", "DATA"))
    parser.add_argument("--size", default="half")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int, help="of the training rows")
    parser.add_argument("--only", nargs="+", help="of the changes, by name")
    asked = parser.parse_args()
    changes = WIDE if asked.size in AS_WIDE else NARROW
    print(f"| {asked.size} | " + " | ".join(name for name, _, _ in asked.task) + " |")
    print("|---|" + "---|" * len(asked.task))
    for name, change in changes.items():
        if asked.only is None or name in asked.only:
            line(name, [cell(asked, task, name, change) for task in asked.task])
    if asked.only is None or FIRST in asked.only:
        line("worth of the teacher", [worth(asked, task) for task in asked.task])


def line(name: str, cells: list[str]) -> None:
    print("| " + " | ".join([name, *cells]) + " |", flush=True)


def cell(asked: argparse.Namespace, task: tuple[str, str, str], name: str, change: dict[str, Any]) -> str:
    """`KL divergence · validation · test · as the teacher`."""
    found = []
    for seed in asked.seeds:
        folder, report = one(asked, task, name, change, seed)
        student = report.variant("student")
        assert student.quality is not None
        found.append((runs.divergence(folder), best(folder), student.quality.value, student.agreement or 0.0))
    far, *shares = (statistics.mean(values) for values in zip(*found, strict=True))
    return " · ".join([f"{far:.3f}", *(f"{share * 100:.1f}" for share in shares)])


def worth(asked: argparse.Namespace, task: tuple[str, str, str]) -> str:
    """What the defaults gained over their control, seed by seed."""
    reports = [one(asked, task, FIRST, WIDE[FIRST], seed)[1] for seed in asked.seeds]
    return "; ".join(runs.worth(report) or "" for report in reports)


def one(
    asked: argparse.Namespace, task: tuple[str, str, str], name: str, change: dict[str, Any], seed: int
) -> tuple[Path, Report]:
    """A run's folder and its report."""
    title, teacher, data = task
    distill = {"augment": "none" if asked.size in AS_WIDE else 1.0} | change
    distill["epochs"] = asked.epochs * float(change.get("epochs", 1.0))
    recipe = runs.of(teacher, data) | {
        "student": {"size": asked.size},
        "distill": distill,
        "formats": [],
        "seed": seed,
    }
    recipe["data"] |= {"limit": asked.limit}
    folder = asked.out / f"{title}-{asked.size}-{name.replace(' ', '-')}-{seed}"
    return folder, runs.run(recipe, folder)


def best(folder: Path) -> float:
    """The student's quality on the validation rows, as the training told it: of the weights that were taken."""
    told = (json.loads(said) for said in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines())
    values = [e["metrics"]["taken"] for e in told if e.get("stage") == "distill" and "taken" in e.get("metrics", {})]
    return float(values[-1])


if __name__ == "__main__":
    main()
