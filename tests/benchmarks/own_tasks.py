"""A task of pairs, made from the demo's rows: are two messages about the same? For benchmarks that need more than one data set.

    python -m tests.benchmarks.own_tasks OUT [--rows 4000 500 1500]

Half of the pairs are of one label. Messages of the test pairs stand in no other split.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from compressor.settings import ASSETS


def pairs(rows: list[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str, str]]:
    """(text, text_pair, label) made from (text, label)."""
    random = np.random.default_rng(seed)
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    names = sorted(by_label)
    found = []
    for i in range(count):
        first = names[int(random.integers(len(names)))]
        others = [name for name in names if name != first]
        second = first if i % 2 else others[int(random.integers(len(others)))]
        texts = [by_label[name][int(random.integers(len(by_label[name])))] for name in (first, second)]
        found.append((*texts, "same" if i % 2 else "different"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, nargs=3, default=(4000, 500, 1500))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate(zip(("train", "validation", "test"), asked.rows, strict=True)):
        with (ASSETS / "demo" / f"{split}.csv").open(newline="", encoding="utf-8") as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        with (asked.out / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "text_pair", "label"])
            writer.writerows(pairs(rows, count, seed))


if __name__ == "__main__":
    main()
