"""What a student minimises. Composed from signals (labels, the teacher's logits), so that others can join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from compressor.tasks.base import TrainableTask
from compressor.tasks.losses import known, unlabelled
from compressor.training.hints import Kind


@dataclass(frozen=True)
class Objective:
    """alpha · hard loss on the labels + (1 - alpha) · soft loss against the teacher (Hinton et al. 2015, arXiv:1503.02531), and
    the loss of hints where a batch has the teacher's.

    Where a batch has no labels, or no teacher, the other takes the whole weight. Where the labels have all of it (alpha 1), rows
    that only the teacher labels learn from it: they were added for nothing else.
    """

    task: TrainableTask
    alpha: float
    temperature: float
    hints: Kind | None = None

    def __call__(
        self, logits: torch.Tensor, signals: Mapping[str, torch.Tensor], states: Sequence[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Student logits [batch, labels] and signals (`labels` [batch, …], `teacher` [batch, labels], `hints` with the
        student's hidden `states`; of a part of a step `labelled`, see `labelled_shares`) → a scalar loss."""
        loss = self._of_logits(logits, signals)
        if self.hints is not None and states is not None:
            loss = loss + self.hints.loss(states, signals["hints"])
        return loss

    def _of_logits(self, logits: torch.Tensor, signals: Mapping[str, torch.Tensor]) -> torch.Tensor:
        labels, teacher, labelled = signals.get("labels"), signals.get("teacher"), signals.get("labelled", 1.0)
        if teacher is None:
            if labels is None:
                raise ValueError("a batch has neither labels nor the teacher's logits")
            return self.task.hard_loss(logits, labels) * labelled
        soft = self.task.soft_loss(logits, teacher, self.temperature)
        if labels is None:
            return soft
        loss = self.alpha * self.task.hard_loss(logits, labels) * labelled + (1 - self.alpha) * soft
        if self.alpha == 1 and bool((raw := unlabelled(labels)).any()):
            loss = loss + raw.float().mean() * self.task.soft_loss(logits[raw], teacher[raw], self.temperature)
        return loss


def labelled_shares(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """What the hard loss of each part of a step has to be multiplied by, so that the mean over the parts is the step's own: a
    part's loss is the mean over its rows that have labels, of which another part may have more. float [parts].

    Args:
        parts: labels [batch, …] each.
    """
    counts = torch.stack([known(labels).sum() for labels in parts]).float()
    return counts * len(parts) / counts.sum().clamp(min=1)
