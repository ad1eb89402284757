"""Small files of data for the tests, and the shortest way to run them through."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compressor.data.prepare import Prepared, prepare
from compressor.data.table import Caps
from compressor.recipe import Data, Files
from compressor.settings import Settings
from compressor.tasks.text_classification import TextClassification
from compressor.tasks.text_generation import TextGeneration

CAPS = Caps(bytes=10**9, cell=100_000)
SETTINGS = Settings(data_dir=Path("unused"))
TASK = TextClassification("single")
RUNNING = TextGeneration()
NAMES = ["NEGATIVE", "POSITIVE"]


def write_csv(
    path: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] | None = ("text", "label"), **how: Any
) -> Path:
    """`how`: delimiter, encoding."""
    with path.open("w", encoding=how.pop("encoding", "utf-8"), newline="") as file:
        writer = csv.writer(file, **how)
        if header:
            writer.writerow(header)
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def sentences(count: int, labels: Sequence[Any] = ("negative", "positive"), start: int = 0) -> list[list[Any]]:
    """Different rows, their labels in turn."""
    return [[f"Sentence {i} says something of its own.", labels[i % len(labels)]] for i in range(start, start + count)]


def run(
    train: Path | None = None,
    validation: Path | None = None,
    test: Path | None = None,
    *,
    names: Sequence[str] | None = NAMES,
    kind: str | None = "single",
    task: Any = TASK,
    settings: Settings = SETTINGS,
    seed: int = 0,
    learns: bool = False,
    **spec: Any,
) -> Prepared:
    given = {"train": train, "validation": validation, "test": test}
    source = Files(**{split: str(path) for split, path in given.items() if path})
    return prepare(Data(source=source, **spec), task, None, names, kind, settings, seed, learns=learns)
