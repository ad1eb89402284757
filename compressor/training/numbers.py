"""Regression: a new head begins at 0 and moves by a little in a step, so that labels like prices or years would be out of its
reach. It learns them in units of their spread, and is given their own unit behind that."""

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
    """label = middle + spread · what the head learns."""

    middle: float
    spread: float

    @classmethod
    def of(cls, rows: Dataset, model: PreTrainedModel) -> Unit:
        """The mean and the standard deviation of the rows' labels; of a model whose head cannot add anything, 0 and the root of
        their mean square."""
        labels = np.asarray(rows["labels"][:], dtype=np.float64).reshape(-1)
        middle = float(labels.mean()) if last_layer(model).bias is not None else 0.0
        spread = float(np.sqrt(np.square(labels - middle).mean()))
        return cls(middle, spread or 1.0)

    def taken_from(self, rows: Dataset) -> Dataset:
        """The rows with their labels in this unit."""
        labels = (np.asarray(rows["labels"][:], dtype=np.float64).reshape(-1) - self.middle) / self.spread
        feature = rows.features["labels"]
        moved = rows.rename_column("labels", "theirs").add_column("labels", labels.tolist())
        return moved.remove_columns("theirs").cast_column("labels", feature)

    def given_to(self, model: PreTrainedModel) -> None:
        """Let a head that learned labels in this unit say them in their own."""
        layer = last_layer(model)
        with torch.no_grad():
            layer.weight.mul_(self.spread)
            if layer.bias is not None:
                layer.bias.mul_(self.spread).add_(self.middle)


def last_layer(model: PreTrainedModel) -> torch.nn.Linear:
    """The linear layer that gives a regression's one number.

    Raises:
        StopIteration: there is none.
    """
    found = (m for m in reversed(list(model.modules())) if isinstance(m, torch.nn.Linear) and m.out_features == 1)
    return next(found)
