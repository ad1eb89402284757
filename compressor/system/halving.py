"""Half the batch where memory ran out: what a stage is to compute at a time, remembered in the run's folder.

The rows of one step stay the same, and are computed in more parts, one after the other; so the student learns the same. It is
asked by the stage itself, where the library said that memory ran out, and by a backend, where the system killed the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from compressor.errors import AgainError, OutOfMemoryError
from compressor.events import EventLog
from compressor.failures import as_ours
from compressor.recipe import Distill
from compressor.runfolder import RunFolder
from compressor.system import processes
from compressor.tasks.batching import ROWS

T = TypeVar("T")

SEARCH = "search"
"""The stage that trains students in trials: all of them in as many parts as the one that needed most."""
RETRIED = "Memory ran out, so it goes on with {rows} rows at a time in place of {before}. The student learns the same."
AGAIN = (
    "Memory ran out. Start the run again: it goes on from where it was, with half as many rows at a time. The student learns the "
    "same."
)
HALVED = "Memory ran out with {before} rows at a time, so {rows} were computed at a time; a step of training stayed as it was."
NO_SMALLER = (
    "Memory ran out even with one row at a time. Use shorter texts (data.max_length), a smaller teacher or student, or a "
    "machine with more memory; closing other programs helps too."
)


def batch_of(folder: RunFolder, stage: str) -> int | None:
    """Rows of one step of a stage that works in batches; None for every other stage."""
    if stage == "teacher-logits":
        return ROWS
    if stage not in ("fine-tune", "distill", "control", SEARCH):
        return None
    recipe = folder.recipe_or_none()
    return ((recipe.distill if recipe is not None else None) or Distill()).batch_size


def parts_of(folder: RunFolder, stage: str) -> int:
    """In how many parts a step of that stage is to be computed: 1 until memory ran out."""
    found = (folder.state().get("parts") or {}).get(stage, 1)
    return found if isinstance(found, int) and found > 0 else 1


def halve(folder: RunFolder, stage: str) -> str | None:
    """Have the stage compute half as many rows at a time from now on; the sentence that says so, also in the run's events.
    None where nothing is left to halve. For whoever owns the folder."""
    batch, parts = batch_of(folder, stage), parts_of(folder, stage)
    more = next((n for n in range(2 * parts, batch + 1) if batch % n == 0), None) if batch else None
    if more is None or batch is None:
        return None
    reason = RETRIED.format(rows=batch // more, before=batch // parts)
    folder.write_state(parts={**(folder.state().get("parts") or {}), stage: more})
    EventLog(folder.events_file).write(event="retried", stage=stage, reason=reason)
    return reason


def said(folder: RunFolder, stage: str) -> str | None:
    """What the report says of a stage that was done in parts."""
    batch, parts = batch_of(folder, stage), parts_of(folder, stage)
    return HALVED.format(before=batch, rows=batch // parts) if batch and parts > 1 else None


def patiently(
    folder: RunFolder, stage: str, work: Callable[[int], T], note: Callable[[str], None], *, here: bool = True
) -> T:
    """`work(parts)`, again with more parts where memory ran out in it.

    Args:
        note: told each time why it begins again.
        here: begin again in this process. A GPU's memory is free again at once; the host's is not, since the C library keeps
            its pieces, so that a fresh process has to go on.

    Raises:
        AgainError: memory ran out, and a fresh process will go on with more parts.
        OutOfMemoryError: with one row at a time too.
    """
    while True:
        try:
            return work(parts_of(folder, stage))
        except Exception as error:
            if not isinstance(as_ours(error), OutOfMemoryError):
                raise
            reason = halve(folder, stage)
            if reason is None:
                raise OutOfMemoryError(NO_SMALLER) from error
            note(reason)
            if not here:
                raise AgainError(AGAIN) from error
        processes.give_back_memory()  # behind the handler: as long as the error lives, its frames hold the memory
