"""The made-up rows that latency is measured on, and throughput where there is no data: one text, cut to one length."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from datasets import Dataset

TEXT = (
    "The morning train was late again, so we walked along the river and talked about the film that everybody had seen "
    "but nobody could explain: a quiet story of two people, a house by the sea, and one long winter. "
)
LENGTH = 128
"""Tokens, where no rows say how long an input is."""


def usual_length(rows: Dataset, task: Task) -> int:
    """The median length of encoded rows, rounded up to a multiple of 8; LENGTH where the rows are windows of one text."""
    import numpy as np

    if task.running_text or not len(rows):
        return LENGTH
    return max(8, -(-int(np.median(np.asarray(rows["length"][:]))) // 8) * 8)


def probe_rows(folder: Path, task: Task, length: int, rows: int = 1) -> tuple[Dataset, int, int]:
    """(encoded rows of one length, that length, the padding token): `length` tokens, or as many as the model takes.

    Raises:
        ModelError: the folder has no tokenizer.
    """
    from datasets import Dataset, disable_progress_bars

    from compressor.stages.lengths import token_limit

    disable_progress_bars()
    tokenizer = models.load_tokenizer(folder)
    length = min(length, token_limit(models.load_config(folder), tokenizer))
    text = TEXT * (1 + length // 8)  # a tokenizer makes at least one token of eight words
    columns = {role.name: [text] for role in task.roles if role.required}
    encoded = task.encode(tokenizer, Dataset.from_dict(columns), length).select([0])
    repeated = encoded.select([0] * rows)
    return repeated, int(encoded[0]["length"]), int(tokenizer.pad_token_id or 0)
