"""Before anything is learned: do the numbers of the data stand for the teacher's labels in its own order?"""

from __future__ import annotations

import json

from compressor import formats, models
from compressor.errors import DataError
from compressor.events import silent
from compressor.stages.context import Run
from compressor.stages.data import RunData
from compressor.stages.lengths import some_of
from compressor.tasks.guessing import better_order, no_better

ROWS = 96
"""Rows that the teacher is asked about: enough to tell a wrong order from a weak teacher, few enough to take seconds."""


def check_order(run: Run, data: RunData) -> None:
    """Hold numbers that were matched to the names of the teacher's labels by their place against what the teacher says.

    Raises:
        DataError: in another order the teacher is much better, and in this one no better than guessing.
    """
    import numpy as np

    if not data.by_place or data.kind != "single" or run.recipe.teacher_head == "new":
        return
    rows = data.split("train" if data.has("train") else "test")
    rows = rows.select(some_of(len(rows), ROWS))
    tokenizer = models.load_tokenizer(run.source.folder)
    runner = formats.get("float").load(run.source.folder, run.task, "cpu", None)
    try:
        outputs = run.task.outputs(runner, rows, int(tokenizer.pad_token_id or 0), progress=silent)
    finally:
        runner.close()
    labels = np.asarray(rows["labels"])
    known = labels >= 0
    predicted, labels = outputs.argmax(1)[known], labels[known]
    if not len(labels) or no_better(predicted, labels) is None:
        return
    names, of = data.labels, {theirs: mine for mine, theirs in data.by_place}
    found = better_order(predicted, labels, len(names))
    if found is None:
        return
    order, accuracy = found
    asked = {of[name]: names[order[i]] for i, name in enumerate(names) if name in of}
    matched = ", ".join(f"{mine} is {theirs!r}" for mine, theirs in data.by_place)
    raise DataError(
        f"The labels of the data are numbers, and by their place ({matched}) the teacher is right on "
        f"{float((predicted == labels).mean()):.0%} of {len(labels)} rows; in another order it is right on {accuracy:.0%}. Say "
        f"which is which: `data.labels: {json.dumps(asked, ensure_ascii=False)}` is that order."
    )
