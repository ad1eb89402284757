"""What a variant is made from: the plain float model, or a student of thin layers, which only formats that hold a graph take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def float_model(folder: Path, task: Task) -> PreTrainedModel:
    """The model in `folder`: float32, on the CPU, in eval mode.

    Raises:
        ModelError: it does not load.
    """
    import torch

    if (folder / models.THIN).is_file():
        from compressor.students.low_rank import load

        return load(folder, task)
    return models.load_model(folder, task, dtype=torch.float32, strict=False)
