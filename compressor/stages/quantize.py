"""One stage a format: the student (or the teacher, where there is none) in fewer bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.errors import ModelError, OutOfMemoryError
from compressor.failures import as_ours
from compressor.formats import get
from compressor.stages.context import Run
from compressor.stages.data import CALIBRATION_ROWS, RunData, batches_of
from compressor.stages.own_tokens import in_own_tokens
from compressor.system import processes

if TYPE_CHECKING:
    from compressor.formats.base import Rows


def variant_name(base: str, fmt: str) -> str:
    return f"{base}-{fmt}"


def make_format(run: Run, fmt: str, data: RunData | None = None) -> bool:
    """Write `variants/<base>-<format>`. Where this model or machine cannot take the format, the run goes on without it and
    the report says why. Returns whether it was made.

    Raises:
        ModelError: the student cannot be kept in any other way, and no format of it could be made.
    """
    format_ = get(fmt)
    name = variant_name(run.base, fmt)
    run.progress(fmt, 0, 1)
    reason = format_.unavailable(run.device)
    if reason is None:
        try:
            rows = calibration(run, data)
            run.note(name, *format_.make(run.folder_of(run.base), run.variant(name), run.task, rows))
        except Exception as error:
            if not isinstance(ours := as_ours(error), ModelError | OutOfMemoryError):
                raise
            reason = str(ours)
        if reason is not None:
            processes.give_back_memory()  # behind the handler, as in halving.patiently
    if reason is not None and run.thin and fmt == run.recipe.formats[-1] and not _made(run):
        raise ModelError(
            f"{format_.title} could not be made, and the student of thin layers has no other format: {reason}"
        )
    if reason is not None:
        run.note("", f"{format_.title} was left out: {reason}")
    run.progress(fmt, 1, 1)
    return reason is None


def _made(run: Run) -> bool:
    """Whether any of the formats was."""
    return any(run.variant(variant_name(run.base, fmt)).is_dir() for fmt in run.recipe.formats)


def calibration(run: Run, data: RunData | None) -> Rows:
    """Training rows that the recipe's seed picks, in the tokens of the model that the formats are made from. The test rows
    are never among them: what is measured on them has not seen them. [] where there are no rows for training."""
    import numpy as np

    if data is None or not data.has("train") or run.task.running_text:
        return []
    own = run.recipe.own_tokens
    rows = data.rows("train") if own else data.split("train")
    chosen = np.random.default_rng(run.recipe.seed).permutation(data.own_rows)[:CALIBRATION_ROWS]
    rows, pad_id = rows.select(sorted(chosen.tolist())), data.pad_id
    if own:
        rows, pad_id = in_own_tokens(run, data, run.folder_of(run.base), rows)
    return batches_of(rows, pad_id)
