"""A version of a run that can run in a browser by itself: which one, which files that takes, and what a browser has to know so
that it answers as the version does here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor import models, tasks
from compressor.errors import ModelError
from compressor.formats.stored import INT8
from compressor.report import Report, Variant

FORMAT = "onnx-int8"
TOKENIZER = "tokenizer.json"
FILES = ("config.json", TOKENIZER, "tokenizer_config.json", INT8)
"""Of a version's folder: what a browser loads, and nothing else."""


def candidate(report: Report) -> Variant | None:
    """The version to run in a browser: the first in 8-bit ONNX; None where the run has none."""
    return next((v for v in report.variants if v.format == FORMAT), None)


def files(folder: Path) -> dict[str, Path]:
    """`{name as the browser asks for it: file}`.

    Raises:
        ModelError: one is missing.
    """
    found = {name: folder / name for name in FILES}
    for name, path in found.items():
        if path.is_symlink() or not path.is_file():
            what = "A browser cannot read its tokenizer" if name == TOKENIZER else f"Its file {name} is not there"
            raise ModelError(f"{what}, so this version only runs on the server.")
    return found


def facts(folder: str, variant: str) -> dict[str, Any]:
    """`{"labels", "kind", "limit", "side"}`: the labels in the order of the logits, the task's flavour, and how long an input may
    be in tokens and where it is cut, exactly as predicting does it here.

    Raises:
        RunError, ModelError: the folder holds no finished run, or the version cannot be read.
    """
    from compressor.results.predicting import tokenizer_of

    report = Report.load(Path(folder))
    place = Path(folder) / report.variant(variant).path
    config = models.read_config(place)
    task = tasks.for_config(config, report.task)
    tokenizer = tokenizer_of(place, config)
    return {
        "labels": task.label_names(config),
        "kind": task.kind,
        "limit": tokenizer.model_max_length,
        "side": tokenizer.truncation_side,
    }
