"""Regression: a head moves by a little in a step, so that labels like prices or years would be out of a new one's reach, and a
loss in their own unit would drown all others. It learns them in units of their spread, and is given their unit behind that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Unit:
    """number = middle + spread · what the head learns."""

    middle: float
    spread: float

    @classmethod
    def of(cls, numbers: np.ndarray, model: PreTrainedModel) -> Unit:
        """The mean and the standard deviation of the numbers to learn, of any shape, those that are none left out; for a model
        whose head cannot add anything, 0 and the root of their mean square; 0 and 1 where it has no such head."""
        known = numbers[np.isfinite(numbers)].astype(np.float64)
        head = last_layer(model)
        if head is None or not known.size:
            return cls(0.0, 1.0)
        middle = float(known.mean()) if head.bias is not None else 0.0
        spread = float(np.sqrt(np.square(known - middle).mean()))
        return cls(middle, spread or 1.0)

    def taken_from(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers in this unit, in the type that they have."""
        return ((numbers - self.middle) / self.spread).astype(numbers.dtype)

    def rows(self, rows: Dataset) -> Dataset:
        """The rows with their labels, if they have any, in this unit."""
        if "labels" not in rows.column_names:
            return rows
        labels = self.taken_from(np.asarray(rows["labels"][:], dtype=np.float64).reshape(-1))
        feature = rows.features["labels"]
        moved = rows.rename_column("labels", "theirs").add_column("labels", labels.tolist())
        return moved.remove_columns("theirs").cast_column("labels", feature)

    def put_on(self, model: PreTrainedModel) -> None:
        """Let a head that says numbers in their own unit say them in this one."""
        _rescale(model, 1 / self.spread, -self.middle / self.spread)

    def given_to(self, model: PreTrainedModel) -> None:
        """Let a head that learned numbers in this unit say them in their own."""
        _rescale(model, self.spread, self.middle)


def _rescale(model: PreTrainedModel, factor: float, more: float) -> None:
    if (layer := last_layer(model)) is None:
        return
    with torch.no_grad():
        layer.weight.mul_(factor)
        if layer.bias is not None:
            layer.bias.mul_(factor).add_(more)


def last_layer(model: PreTrainedModel) -> torch.nn.Linear | None:
    """The linear layer that gives a regression's one number; None where there is none."""
    found = (m for m in reversed(list(model.modules())) if isinstance(m, torch.nn.Linear) and m.out_features == 1)
    return next(found, None)
