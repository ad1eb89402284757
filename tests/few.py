"""A few rows of the demo's data: what a test of whole runs needs of it, without the minute that all of it takes to measure."""

from __future__ import annotations

from pathlib import Path

from compressor.settings import ASSETS


def few_rows(folder: Path, train: int = 120, validation: int = 60, test: int = 60) -> dict[str, str]:
    """A recipe's `data.source`: the first rows of each split, as files in `folder`."""
    source = {}
    for name, count in (("train", train), ("validation", validation), ("test", test)):
        lines = (ASSETS / "demo" / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{name}.csv").write_text("".join(lines[: count + 1]), encoding="utf-8")
        source[name] = str(folder / f"{name}.csv")
    return source
