"""Checks before a run: how long the rows are, and whether the teacher understands the data's labels as they were mapped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compressor import formats, models
from compressor.errors import CannotCutError, DataError
from compressor.events import silent
from compressor.planning.inspecting import task_of
from compressor.recipe import Data
from compressor.settings import Settings
from compressor.stages.lengths import some_of, token_limit, usual_length

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from compressor.data.prepare import Prepared
    from compressor.hub import Hub
    from compressor.tasks.base import Task

ROWS = 96
"""Rows that the teacher is asked about: enough to tell 60 % from chance, few enough to take seconds."""
LONG_ROWS = 2000
COUNTED_ROWS = 1000
"""Rows whose tokens are counted at a time."""
COUNTED_SECONDS = 4.0
"""After so long no more of them are: somebody waits for the page."""


def tokens(
    reference: str, data: Mapping[str, Any], *, settings: Settings, hub: Hub, new_head: bool = False
) -> dict[str, Any]:
    """How long the data's rows are for this model's tokenizer: `{"max_length" (the default), "cut_share" (of the rows, at
    that length or at the data's own max_length), "median", "longest", "rows" (of training), "mean", "tested" (tokens of all
    test rows), "vocabulary" (see `vocabulary_of`)}`; lengths in tokens.

    Raises:
        DataError, HubError, ModelError: the data or the tokenizer cannot be read.
    """
    import numpy as np

    folder = _tokenizer_folder(reference, settings, hub)
    raw = models.read_config(folder)
    task, head = task_of(raw)
    spec = Data.model_validate(dict(data))
    prepared = _prepared(spec, task, raw, settings, hub, new_head or head == "new")
    rows, total = _largest(prepared)
    tokenizer = models.load_tokenizer(folder)
    lengths = _lengths(task, tokenizer, rows)
    limit = token_limit(models.config_from(raw), tokenizer)
    default = min(usual_length(lengths), limit)
    kept = min(spec.max_length or default, limit)
    return {
        "max_length": kept,
        "cut_share": 0.0 if task.running_text else float((lengths > kept).mean()),
        "median": int(np.median(lengths)),
        "mean": float(np.minimum(lengths, kept).mean()),
        "longest": int(lengths.max()),
        "rows": total,
        "tested": _tested(task, tokenizer, prepared.test, kept),
        "vocabulary": vocabulary_of(prepared, task, tokenizer) if task.trainable else None,
    }


def _lengths(task: Task, tokenizer: PreTrainedTokenizerBase, rows: Dataset) -> np.ndarray:
    """Of some rows, or of the windows that their text makes."""
    import numpy as np

    encoded = task.encode(tokenizer, rows.select(some_of(len(rows), LONG_ROWS)), None)
    return np.asarray(encoded["length"][:])


def _tested(task: Task, tokenizer: PreTrainedTokenizerBase, test: Dataset | None, most: int) -> int:
    """Tokens of all test rows, from some of them."""
    import numpy as np

    if test is None or not len(test):
        return 0
    lengths = _lengths(task, tokenizer, test)
    seen = lengths if task.running_text else np.minimum(lengths, most)
    return int(seen.sum() * len(test) / min(LONG_ROWS, len(test)))


def vocabulary_of(prepared: Prepared, task: Task, tokenizer: PreTrainedTokenizerBase) -> dict[str, int] | None:
    """`{"known" (tokens of the tokenizer), "needed" (of them, by the rows that were counted), "uncounted" (rows)}`; None for
    tokenizers that cannot be trimmed."""
    from compressor.students import vocabulary

    splits = [split for split in (prepared.train, prepared.validation, prepared.test, prepared.unlabelled) if split]
    parts = [
        split.select(range(start, min(start + COUNTED_ROWS, len(split))))
        for split in splits
        for start in range(0, len(split), COUNTED_ROWS)
    ]
    found, began, left = Counter[int](), time.perf_counter(), sum(map(len, splits))
    with models.quiet():
        for part in parts:
            found += vocabulary.count(task.encode(tokenizer, part, None))
            left -= len(part)
            if time.perf_counter() - began > COUNTED_SECONDS:
                break
    try:
        kept = vocabulary.kept_by(tokenizer, found)
    except CannotCutError:
        return None
    return {"known": len(tokenizer), "needed": len(kept), "uncounted": left}


def label_check(
    reference: str, data: Mapping[str, Any], *, settings: Settings, hub: Hub, threads: int | None = None
) -> dict[str, Any]:
    """The teacher's own accuracy on some labelled rows, under the label map that the run would use.

    Returns `{"checked": rows, "accuracy", "chance", "warning": sentence or None, "seconds"}`; `accuracy` is None where
    the rows have no single label each to compare with.

    Raises:
        DataError, HubError, ModelError: the data or the teacher cannot be read.
    """
    import numpy as np

    from compressor.tasks.guessing import no_better
    from compressor.teachers import resolve

    started = time.perf_counter()
    source = resolve(reference, settings=settings, hub=hub)
    raw = models.read_config(source.folder)
    task, head = task_of(raw)
    nothing = {"checked": 0, "accuracy": None, "chance": None, "warning": None, "seconds": 0.0}
    if head == "new" or not task.trainable or task.kind != "single":
        return nothing
    rows, _ = _largest(_prepared(Data.model_validate(dict(data)), task, raw, settings, hub, new_head=False))
    if "label" not in rows.column_names:
        return nothing
    rows = rows.shuffle(seed=0).select(range(min(ROWS, len(rows))))
    tokenizer = models.load_tokenizer(source.folder)
    limit = min(128, token_limit(models.config_from(raw), tokenizer))
    runner = formats.get("float").load(source.folder, task, "cpu", threads)
    try:
        outputs = task.outputs(
            runner, task.encode(tokenizer, rows, limit), int(tokenizer.pad_token_id or 0), progress=silent
        )
    finally:
        runner.close()
    labels = np.asarray(rows["label"][:])
    predicted = outputs.argmax(1)
    accuracy = float((predicted == labels).mean())
    chance = float(np.bincount(labels).max() / len(labels))
    warning = no_better(predicted, labels)
    seconds = round(time.perf_counter() - started, 2)
    return {"checked": len(labels), "accuracy": accuracy, "chance": chance, "warning": warning, "seconds": seconds}


def _tokenizer_folder(reference: str, settings: Settings, hub: Hub) -> Path:
    from compressor.teachers import local_folder

    return local_folder(reference, settings) or hub.fetch_config(reference)


def _prepared(spec: Data, task: Task, raw: Mapping[str, Any], settings: Settings, hub: Hub, new_head: bool) -> Prepared:
    """The data as a run would read them."""
    from compressor.data.prepare import prepare

    labels = None if new_head else task.label_names(raw)
    return prepare(spec, task, hub, labels, None if new_head else task.kind, settings, 0, silent)


def _largest(prepared: Prepared) -> tuple[Dataset, int]:
    """Rows of the largest split there is (training, else test), and how many there are."""
    rows = prepared.train if prepared.train is not None and len(prepared.train) else prepared.test
    if rows is None:
        raise DataError("The data has no rows at all.")
    return rows, len(rows)
