"""Any models side by side, without a run: Hub ids, folders, variants of runs; on the person's rows where there are any."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import formats, models, tasks
from compressor.data.cells import normalised
from compressor.errors import DataError, ModelError, RecipeError
from compressor.events import Progress, silent
from compressor.formats.stored import stored_format
from compressor.measure import Measured, Request, measure
from compressor.measure.hardware import default_device, hardware, versions
from compressor.recipe import DATA_SUFFIXES, Data, Files
from compressor.report import Report, Variant
from compressor.results.label_order import label_order
from compressor.results.tables import FIXED, Row, variants_of, write_tables
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.system.lease import turn
from compressor.system.whole import PART, sweep, write_text
from compressor.untrusted.caps import MOST_MODELS

if TYPE_CHECKING:
    from datasets import Dataset

    from compressor.hub import Hub, LocalModel
    from compressor.tasks.base import Task


CANNOT_SAY = (
    "A comparison cannot be told which part, column or label is meant: give it a file with the columns `text` and `label`, whose "
    "labels are called as the first model calls them."
)
WORK = ".work."
"""Of the folder with encoded rows, which goes when they are measured."""


@dataclass(frozen=True)
class _Model:
    name: str
    reference: str
    source: LocalModel
    task: Task
    labels: list[str]
    order: list[int]
    """`order[i]` is this model's index of the first model's label i."""


def compare(
    references: Sequence[str],
    data: Data | None,
    out: Path,
    *,
    settings: Settings,
    hub: Hub,
    progress: Progress = silent,
) -> Report:
    """Measure models side by side; the first is what the others are held against. Leaves `report.json` and the tables
    in `out`.

    Raises:
        RecipeError: fewer than two models, or too many.
        ModelError: they are not of one task, or do not share their labels.
        DataError, HubError: see `data.prepare` and `hub`.
        RunError: `out` holds a run, or other files.
    """
    if len(references) < 2:
        raise RecipeError("A comparison needs two models or more.")
    if len(references) > MOST_MODELS:
        raise RecipeError(
            f"{len(references)} models are too many for one comparison: at most {MOST_MODELS} fit side by side. Leave some out."
        )
    started = time.perf_counter()
    folder = RunFolder(out)
    with folder.lock():
        folder.check_ours(comparison=True)
        sweep(folder.path)
        found = _resolve(references, settings, hub, progress)
        rows, notes = _rows(data, found[0], settings, hub, progress)
        with tempfile.TemporaryDirectory(prefix=WORK, suffix=PART, dir=folder.path) as work:
            encoded = [_encode(model, rows, data, Path(work) / model.name) for model in found]
            requests = [
                Request(name=m.name, folder=m.source.folder, format=stored_format(m.source.folder), rows=rows_of)
                for m, rows_of in zip(found, encoded, strict=True)
            ]
            with turn(settings, device := default_device(), "measure", progress):
                measured = measure(requests, found[0].task, rows=None, device=device, progress=progress)
            measured = _aligned(found, measured, rows)
            variants, said = _variants(found, encoded, measured)
        if rows is not None:
            write_tables(folder.path, found[0].task, found[0].labels, rows, measured)
        seconds = {"measure": round(time.perf_counter() - started, 2)}
        report = Report(
            task=found[0].task.name, teacher=references[0], seconds=seconds, hardware=hardware(), versions=versions(),
            variants=variants, notes=(*said, *notes),
        )  # fmt: skip
        write_text(folder.report_file, report.to_json())
    return report


def _variants(
    found: Sequence[_Model], encoded: Sequence[Path | None], measured: Sequence[Measured]
) -> tuple[tuple[Variant, ...], list[str]]:
    """The report's rows, and what is to be said of how far they can be held against each other."""
    apart = _other_tokens(found, encoded)
    variants = variants_of([_row(m, one) for m, one in zip(found, measured, strict=True)])
    alone = {"retained": None, "difference": None}
    return (
        tuple(v.model_copy(update=alone) if v.name in apart else v for v in variants),
        [*_guessed(found), *apart.values()],
    )


def _row(model: _Model, measured: Measured) -> Row:
    fmt = stored_format(model.source.folder)
    reference = model.source.id or str(model.source.folder)
    return Row(
        measured=measured,
        base=None,
        format=fmt,
        path=str(model.source.folder),
        revision=model.source.sha,
        load=formats.get(fmt).snippet(reference, model.task),
    )


def _resolve(references: Sequence[str], settings: Settings, hub: Hub, progress: Progress) -> list[_Model]:
    from compressor.teachers import resolve

    found: list[_Model] = []
    for i, reference in enumerate(references):
        progress("download", i, len(references))
        source = resolve(reference, settings=settings, hub=hub, progress=progress)
        config = models.read_config(source.folder)
        task = tasks.for_config(config)
        labels = task.label_names(config)
        if found and task.key != found[0].task.key:
            raise ModelError(
                f"{reference} is a model for {task.title.lower()} ({task.kind}), {references[0]} for "
                f"{found[0].task.title.lower()} ({found[0].task.kind}): they cannot be held against each other."
            )
        order = _order(labels, found[0].labels, reference, references[0]) if found else list(range(len(labels)))
        found.append(
            _Model(_name(reference, source.folder, [m.name for m in found]), reference, source, task, labels, order)
        )
    return found


def _name(reference: str, folder: Path, taken: Sequence[str]) -> str:
    last = re.split(r"[/\\]", reference.rstrip("/\\"))[-1] or folder.name
    name = re.sub(r"[^\w.-]+", "-", last).strip(".-") or "model"  # it names a folder and a column
    number, unique = 2, name
    while unique in taken or unique in FIXED:
        unique, number = f"{name}-{number}", number + 1
    return unique


def _order(labels: list[str], first: list[str], reference: str, first_reference: str) -> list[int]:
    """For each label of the first model the index of the same label in this one: by name; by position where one has only numbers
    for names."""
    if len(labels) != len(first):
        raise ModelError(
            f"{reference} has {len(labels)} labels ({', '.join(labels[:6])}), {first_reference} has {len(first)} "
            f"({', '.join(first[:6])}): they cannot be held against each other."
        )
    if (order := label_order(labels, first)) is not None:
        return order
    raise ModelError(
        f"{reference} names its labels {', '.join(labels[:6])}, {first_reference} {', '.join(first[:6])}: "
        "they cannot be matched by name, so a comparison would mean nothing."
    )


def _guessed(found: Sequence[_Model]) -> list[str]:
    """A sentence for each model whose labels were matched by their place."""
    first = found[0]
    return [
        f"{model.name} and {first.name} name their labels differently, one of them by numbers; they were matched in their order: "
        + ", ".join(f"{ours} is {theirs}" for ours, theirs in list(zip(model.labels, first.labels, strict=True))[:6])
        + ". If that is wrong, so is the comparison."
        for model in found[1:]
        if {normalised(name) for name in model.labels} != {normalised(name) for name in first.labels}
    ]


def _other_tokens(found: Sequence[_Model], encoded: Sequence[Path | None]) -> dict[str, str]:
    """{a model: a sentence} for those that read running text in other tokens than the first: a perplexity is one a token, so
    theirs cannot be held against its own."""
    from datasets import load_from_disk

    if not found[0].task.running_text or None in encoded:
        return {}
    first, *others = (load_from_disk(str(folder))["input_ids"][:] for folder in encoded)
    return {
        model.name: f"{model.name} cuts the text into other tokens than {found[0].name}. A perplexity is one a token, so theirs "
        "cannot be held against each other."
        for model, ids in zip(found[1:], others, strict=True)
        if ids != first
    }


def _rows(
    data: Data | None, first: _Model, settings: Settings, hub: Hub, progress: Progress
) -> tuple[Dataset | None, list[str]]:
    from compressor.data.prepare import prepare

    if data is None:
        return None, []
    try:
        prepared = prepare(data, first.task, hub, first.labels, first.task.kind, settings, 0, progress)
    except DataError as error:
        recipes_alone = any("`data." in said for said in error.problems)
        raise DataError([*error.problems, *([CANNOT_SAY] if recipes_alone else [])]) from None
    rows = prepared.test if prepared.test is not None else prepared.train
    if rows is None or not len(rows):
        raise DataError("The data has no rows to compare on.")
    return rows, list(prepared.notes)


def _encode(model: _Model, rows: Dataset | None, data: Data | None, folder: Path) -> Path | None:
    """The rows in this model's tokens and in its order of labels."""
    from compressor.stages.lengths import token_limit

    if rows is None:
        return None
    tokenizer = models.load_tokenizer(model.source.folder)
    limit = token_limit(models.load_config(model.source.folder), tokenizer)
    asked = data.max_length if data else None
    if model.order != sorted(model.order) and "label" in rows.column_names:
        rows = rows.map(lambda row: {"label": _reordered(row["label"], model.order)})
    length = min(asked or (model.task.window if model.task.running_text else limit), limit)
    model.task.encode(tokenizer, rows, length).save_to_disk(str(folder))
    return folder


def _reordered(label: Any, order: list[int]) -> Any:
    if isinstance(label, list):
        moved = [0.0] * len(label)
        for i, value in enumerate(label):
            moved[order[i]] = value
        return moved
    return order[label] if isinstance(label, int) else label


def _aligned(found: Sequence[_Model], measured: Sequence[Measured], rows: Dataset | None) -> list[Measured]:
    """Outputs in the first model's order of labels, and what is found by holding them against its own: the agreement, and the
    difference, which `measure` took from outputs and labels in each model's own order."""
    truth = rows.rename_column("label", "labels") if rows is not None and "label" in rows.column_names else None
    aligned: list[Measured] = []
    for model, one in zip(found, measured, strict=True):
        outputs = one.outputs[:, model.order] if one.outputs is not None and model.order else one.outputs
        agreement, difference = None, one.difference
        if aligned and truth is not None and outputs is not None and aligned[0].outputs is not None:
            difference = model.task.difference(outputs, aligned[0].outputs, truth)
        if aligned and outputs is not None and aligned[0].outputs is not None:
            ours, theirs = model.task.decisions(outputs), model.task.decisions(aligned[0].outputs)
            if ours is not None and theirs is not None:
                agreement = float(np.mean(ours == theirs))
        elif not aligned and outputs is not None and model.task.decisions(outputs) is not None:
            agreement = 1.0
        aligned.append(replace(one, outputs=outputs, agreement=agreement, difference=difference))
    return aligned


def data_of(reference: str | None, settings: Settings) -> Data | None:
    """What `--data` names: a file, a data set on the Hub, or the demo."""
    if reference is None:
        return None
    if reference.lower().endswith(DATA_SUFFIXES):
        return Data(source=Files(test=str(Path(reference).expanduser().resolve())))
    return Data(source=reference)
