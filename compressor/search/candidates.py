"""What a search may choose from: every size that this teacher can be cut to, and the teacher itself in fewer bits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compressor.errors import CannotCutError
from compressor.recipe import Target
from compressor.search.rungs import Candidate
from compressor.students.sizes import size_table, teacher_row

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from compressor.tasks.base import Task

TEACHER = "teacher"


def candidates(config: PretrainedConfig, task: Task, formats: Sequence[str], vocabulary: int | None) -> list[Candidate]:
    """All of them, with the bytes that each format is predicted to take.

    Args:
        config: the teacher's.
        formats: beside `float`; those that this machine can make.
        vocabulary: tokens that students know; None: all of the teacher's.
    """
    if vocabulary is not None:
        config = copy.deepcopy(config)
        config.vocab_size = vocabulary
        if isinstance(pad := getattr(config, "pad_token_id", None), int):
            config.pad_token_id = min(pad, vocabulary - 1)  # any row of the table: all weigh the same
    try:
        rows = size_table(config, task)
    except CannotCutError:
        rows = []
    found = [Candidate(row.size, {n: row.bytes[n] for n in ("float", *formats)}, row.speedup) for row in rows]
    whole = teacher_row(config, task).bytes
    # With all its words and in floats it is the teacher itself, and no smaller.
    smaller = [*formats] if vocabulary is None else ["float", *formats]
    if smaller:
        found.append(Candidate(TEACHER, {name: whole[name] for name in smaller}))
    return found


def within(found: Sequence[Candidate], target: Target) -> list[Candidate]:
    """Those of which some format may be small enough, the smallest first; where none is, the smallest of all."""
    fit = [c for c in found if c.formats_within(target)] or sorted(found, key=lambda c: c.least)[:1]
    return sorted(fit, key=lambda c: c.least)
