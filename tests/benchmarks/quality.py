"""How good students become, and what learning from the teacher is worth: several seeds of each size, each beside its control.

    python -m tests.benchmarks.quality TEACHER DATA OUT [--sizes half mini] [--seeds 0 1 2] [--budget thorough]
                                       [--format onnx-int8] [--set distill.augment=none ...]

TEACHER is a text classifier's folder, or `demo`; DATA a folder with train.csv, test.csv and perhaps validation.csv, or `demo`.
For each size: KL divergence from the teacher on the validation rows, accuracy on the test rows, what is kept, bytes as a share of
the teacher's in 32 bits, the control's accuracy, the difference to it with its 95 % interval for each seed, and seconds to the
end of the student's training, the control left out. Finished runs in OUT are taken as they are.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from compressor.report import Report, Variant
from tests.benchmarks import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["half", "mini"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget", default="thorough")
    parser.add_argument("--format", default="onnx-int8")
    parser.add_argument("--no-control", action="store_true")
    parser.add_argument("--set", nargs="+", default=[], dest="changes")
    asked = parser.parse_args()
    print(
        f"| size | KL | accuracy | kept | {asked.format} | bytes | control | worth, points (95 %) by seed | seconds |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|---:|")
    for size in asked.sizes:
        reports = [one(asked, size, seed) for seed in asked.seeds]
        far = statistics.mean(runs.divergence(asked.out / f"{size}-{seed}") for seed in asked.seeds)
        print(line(size, far, reports), flush=True)


def one(asked: argparse.Namespace, size: str, seed: int) -> Report:
    """The report of one run."""
    recipe = runs.of(asked.teacher, asked.data) | {
        "student": {"size": size}, "budget": asked.budget, "formats": [asked.format],
        "distill": {"control": not asked.no_control}, "seed": seed,
    }  # fmt: skip
    return runs.run(recipe, asked.out / f"{size}-{seed}", asked.changes)


def line(size: str, far: float, reports: list[Report]) -> str:
    teacher = reports[0].teacher_variant
    students = [report.variant("student") for report in reports]
    made = [report.variants[-1] for report in reports]
    whole = 4 * teacher.parameters
    controls = [report.control for report in reports if report.control is not None]
    worth = "; ".join(filter(None, map(runs.worth, reports)))
    seconds = [
        sum(s for stage, s in r.seconds.items() if stage in ("data", "teacher-logits", "distill")) for r in reports
    ]
    cells = [
        size, f"{far:.3f}", _each(students), f"{_mean([v.retained for v in students]):.1%}", _each(made),
        f"{made[0].bytes / whole:.3f}×", f"{_mean([c.quality.value for c in controls]):.4f}" if controls else "",
        worth, f"{statistics.mean(seconds):.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _each(variants: list[Variant]) -> str:
    values = [v.quality.value for v in variants if v.quality is not None]
    return f"{statistics.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"


def _mean(values: list[Any]) -> float:
    return statistics.mean(value for value in values if value is not None)


if __name__ == "__main__":
    main()
