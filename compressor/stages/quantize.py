"""One stage a format: the student (or the teacher, where there is none) in fewer bits."""

from __future__ import annotations

from typing import Any

from compressor import models
from compressor.errors import ModelError
from compressor.formats import get
from compressor.stages.context import Run
from compressor.stages.data import RunData, calibration, token_limit


def variant_name(base: str, fmt: str) -> str:
    return f"{base}-{fmt}"


def make_format(run: Run, fmt: str, data: RunData | None) -> bool:
    """Write `variants/<base>-<format>`, calibrated on rows of the training split where there is one: the test split is what it
    is measured on. Where this model or machine cannot take the format, the run goes on without it and
    the report says why. Returns whether it was made."""
    format_ = get(fmt)
    name = variant_name(run.base, fmt)
    run.progress(fmt, 0, 1)
    reason = format_.unavailable(run.device)
    if reason is None:
        try:
            run.note(name, *format_.make(run.folder_of(run.base), run.variant(name), run.task, _rows(run, data)))
        except ModelError as error:
            reason = str(error)
    if reason is not None:
        run.note("", f"{format_.title} was left out: {reason}")
    run.progress(fmt, 1, 1)
    return reason is None


def _rows(run: Run, data: RunData | None) -> list[dict[str, Any]]:
    """What formats calibrate themselves by, in the tokens of the model that they are made from."""
    if data is None or not data.has("train"):
        return []
    own = run.recipe.student is not None and run.recipe.student.model is not None
    tokenizer = models.load_tokenizer(run.folder_of(run.base))
    limit = token_limit(models.load_config(run.folder_of(run.base)), tokenizer)
    length = min(data.max_length or limit, limit) if own else None
    return calibration(data.encoded("train", run.task, tokenizer, length), int(tokenizer.pad_token_id or 0))
