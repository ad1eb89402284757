"""What a sentence of the engine calls by its name in a recipe, by its name on this page: who sits before it knows no other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from compressor.ui.words import t

if TYPE_CHECKING:
    from compressor.jobs.job import Job

BOXES = {
    "data.columns": "data.fix_columns",
    "data.labels": "data.map_label",
    "data.label_kind": "data.label_kind",
    "data.no_label": "data.no_label",
    "data.limit": "advanced.limit",
    "data.max_length": "advanced.max_length",
    "data.subset": "data.subset",
    "distill.alpha": "advanced.alpha",
    "distill.batch_size": "advanced.batch_size",
    "distill.control": "advanced.control",
    "distill.epochs": "advanced.epochs",
    "student.low_rank": "advanced.thin",
    "student.model": "advanced.student_model",
    "student.vocabulary": "options.words",
    "teacher_head: new": "data.new_head",
}
_NAMED = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, sorted(BOXES, key=len, reverse=True))) + r")(?!\w|\.\w)")


def told(sentence: str) -> str:
    """The sentence, and behind it which boxes those are that it names."""
    names = list(dict.fromkeys(_NAMED.findall(sentence)))
    if not names:
        return sentence
    boxes = ", ".join(t("on_page.box", name=name, box=t(BOXES[name])) for name in names)
    return f"{sentence} {t('on_page.said', boxes=boxes)}"


def why(job: Job) -> str | None:
    """What ended a job, if anything did. A comparison has none of the boxes of a run."""
    return told(job.error) if job.error and job.kind == "run" else job.error


def all_told(sentences: Iterable[str]) -> list[str]:
    """`told` of each."""
    return [told(sentence) for sentence in sentences]
