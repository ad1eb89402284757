"""How long it takes to find a student for a target, and what is found.

    python -m tests.benchmarks.auto TEACHER DATA OUT [--megabytes 20] [--kept 0.96] [--formats 8bit 4bit onnx-int8]

TEACHER is a text classifier's folder, or `demo`; DATA a folder with train.csv, test.csv and perhaps validation.csv, or `demo`.
Prints what was tried, in order, what was found, and the seconds of the whole run, start of the process included.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from compressor.results.searched import searched
from tests.benchmarks import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=float)
    parser.add_argument("--kept", type=float)
    parser.add_argument("--speedup", type=float)
    parser.add_argument("--formats", nargs="+", default=["8bit", "4bit", "onnx-int8"])
    parser.add_argument("--budget", default="balanced")
    asked = parser.parse_args()
    target = {"max_megabytes": asked.megabytes, "min_retained": asked.kept, "min_speedup": asked.speedup}
    recipe = runs.of(asked.teacher, asked.data) | {
        "formats": asked.formats, "budget": asked.budget,
        "target": {name: value for name, value in target.items() if value is not None},
    }  # fmt: skip
    began = time.perf_counter()
    report = runs.run(recipe, asked.out / "run")
    seconds = time.perf_counter() - began
    assert report.search is not None
    print("| size | format | MB | kept on validation | epochs | met |")
    print("|---|---|---:|---:|---:|---|")
    for p in report.search.points:
        print(
            f"| {p.size} | {p.format} | {p.bytes / 1e6:.1f} | {p.retained:.1%} | {p.epochs:.2g} | {_said(p.whole, p.met)} |"
        )
    last = report.variants[-1]
    kept = f"{last.retained:.1%}" if last.retained is not None else "-"
    print(f"\n{searched(report)}\nOn the test rows it keeps {kept}. {seconds:.0f} seconds.")


def _said(whole: bool, met: bool) -> str:
    return ("yes" if met else "no") if whole else "tried"


if __name__ == "__main__":
    main()
