"""Rank against accuracy and latency, before and after distilling back.

    python -m tests.benchmarks.low_rank TEACHER DATA OUT [--weights 0.8 0.6 0.4 0.25] [--epochs 2] [--limit N]

TEACHER is a folder with a text classifier, DATA one with train.csv, validation.csv and test.csv. For each share of the large
layers' weights the teacher's own shape is made thin, once as it is (`distill: null`) and once distilled back, and exported
to ONNX in 32 bits and in int8. Accuracy is on the test rows; milliseconds are of one text of 32 and of 128 tokens, all versions
in turns at the end. Finished runs in OUT are taken as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import runs
from tests.benchmarks.runtimes import LENGTHS, turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.8, 0.6, 0.4, 0.25])
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--limit", type=int, default=None, help="rows to learn from; all by default")
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    formats = ["onnx", "onnx-int8"]
    common = runs.of(asked.teacher, asked.data) | {"formats": formats}
    common["data"]["limit"] = asked.limit
    whole = runs.rows(common | {"student": None}, asked.out / "whole")
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {"whole": {"after": whole}}
    for share in asked.weights:
        student = {"low_rank": {"weights": share}}
        rows[f"{share:.0%}"] = {
            "before": runs.rows(common | {"student": student, "distill": None}, asked.out / f"cut-{share}"),
            "after": runs.rows(
                common | {"student": student, "distill": {"epochs": asked.epochs}}, asked.out / f"back-{share}"
            ),
        }
    versions = {
        f"{name} {row['format']}": (row["format"], row["folder"])
        for name, reports in rows.items()
        for row in reports["after"]
        if row["format"] in formats
    }
    took = turns(versions, asked.rounds, 2)
    print(
        "| weights left | format | bytes | accuracy before | after | "
        + " | ".join(f"ms at {n}" for n in LENGTHS)
        + " |"
    )
    print("|---|---|---:|---:|---:|" + "---:|" * len(LENGTHS))
    for name, reports in rows.items():
        for row in reports["after"]:
            if row["format"] not in formats:
                continue
            before = [v for v in reports.get("before", []) if v["format"] == row["format"]]
            earlier = f"{before[0]['quality']['value']:.3f}" if before else ""
            ms = [f"{np.median(took[name + ' ' + row['format'], n]):.2f}" for n in LENGTHS]
            cells = [f"{row['bytes'] / 1e6:.1f} MB", earlier, f"{row['quality']['value']:.3f}", *ms]
            print(f"| {name} | {row['format']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
