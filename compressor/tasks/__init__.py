"""The registry of tasks: one file a task, one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.errors import ModelError
from compressor.tasks.base import Metric, Prediction, Role, Task, TrainableTask
from compressor.tasks.text_classification import TextClassification
from compressor.tasks.text_generation import TextGeneration

TASKS: dict[str, type[Task]] = {task.name: task for task in (TextClassification, TextGeneration)}

__all__ = [
    "TASKS",
    "Metric",
    "Prediction",
    "Role",
    "Task",
    "TextClassification",
    "TextGeneration",
    "TrainableTask",
    "for_config",
    "get",
]


def get(key: str) -> Task:
    """The task of that name, or of that `Task.key` (`text-classification/multi`).

    Raises:
        ModelError: no task of this version has that name.
    """
    name, _, kind = key.partition("/")
    if name not in TASKS:
        raise ModelError(
            f"Compressor has no task {name!r} yet. It knows: {', '.join(TASKS)}. Pick a model of one of these tasks."
        )
    return TASKS[name](kind) if kind else TASKS[name]()  # type: ignore[call-arg]  # a task without flavours takes none


def for_config(config: Mapping[str, Any], wanted: str | None = None) -> Task:
    """The task that a model's `config.json` is made for; `wanted` (a recipe's `task`) decides where it fits several
    (a plain encoder that is to get a head).

    Raises:
        ModelError: it is a model of another kind.
    """
    architecture = (config.get("architectures") or [""])[0] or ""
    if wanted is not None:
        return get(wanted).bound(config)
    for cls in TASKS.values():
        task = cls()
        if task.accepts(architecture):
            return task.bound(config)
    shown = architecture or config.get("model_type") or "of an unknown kind"
    raise ModelError(
        f"This model is {shown}, which none of Compressor's tasks can use as it is ({', '.join(TASKS)}). "
        "Pick a model of one of these tasks; a plain encoder can be given a new head and fine-tuned "
        "(task: text-classification, teacher_head: new)."
    )
