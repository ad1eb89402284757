"""A student that reads other tokens than its teacher (another model, or fewer words): how many of them, and rows in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.stages.context import Run, read_json
from compressor.stages.data import RunData
from compressor.stages.lengths import SAMPLE, some_of, token_limit, usual_length
from compressor.system.whole import write_json

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

CUT = 0.02
"""Share of the rows from which on it is told that a student cannot read them whole."""


def own_length(run: Run, data: RunData, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens kept of each row of a student that reads other ones than its teacher: what the recipe says or, so that its rows are
    as whole as its teacher's, what leaves 99 % of them whole in its own. Found once a run."""
    import numpy as np

    limit = token_limit(config, tokenizer)
    asked = run.recipe.data.max_length if run.recipe.data is not None else None
    file = run.work / "own-length.json"
    if (known := read_json(file)) is None or known["asked"] != asked:
        rows = data.rows("train" if data.has("train") else "test")
        with models.quiet():
            encoded = run.task.encode(tokenizer, rows.select(some_of(len(rows), SAMPLE)), None)
        lengths = np.asarray(encoded["length"][:])
        kept = min(asked or usual_length(lengths), limit)
        known = {"asked": asked, "tokens": kept, "cut": float((lengths > kept).mean())}
        write_json(file, known)
    if known["cut"] > CUT and known["tokens"] < (asked or limit + 1):
        run.note(
            "",
            f"{known['cut']:.0%} of the rows are longer than the {known['tokens']} tokens that the student can read, "
            "and were cut there for it.",
        )
    return int(known["tokens"])


def in_own_tokens(run: Run, data: RunData, folder: Path, rows: Dataset) -> tuple[Dataset, int]:
    """(rows in the tokens of the student in `folder`, or of a version of it; its padding token)."""
    tokenizer = models.load_tokenizer(folder)
    length = own_length(run, data, models.load_config(folder), tokenizer)
    return run.task.encode(tokenizer, rows, length), int(tokenizer.pad_token_id or 0)
