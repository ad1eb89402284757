"""One stage a format: the student (or the teacher, where there is none) in fewer bits."""

from __future__ import annotations

from compressor.errors import ModelError
from compressor.formats import get
from compressor.stages.context import Run


def variant_name(base: str, fmt: str) -> str:
    return f"{base}-{fmt}"


def make_format(run: Run, fmt: str) -> bool:
    """Write `variants/<base>-<format>`. Where this model or machine cannot take the format, the run goes on without it and
    the report says why. Returns whether it was made."""
    format_ = get(fmt)
    name = variant_name(run.base, fmt)
    run.progress(fmt, 0, 1)
    reason = format_.unavailable(run.device)
    if reason is None:
        try:
            run.note(name, *format_.make(run.folder_of(run.base), run.variant(name), run.task))
        except ModelError as error:
            reason = str(error)
    if reason is not None:
        run.note("", f"{format_.title} was left out: {reason}")
    run.progress(fmt, 1, 1)
    return reason is None
