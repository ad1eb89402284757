"""What a classifier minimises: against labels, and against its teacher. Knows no model and no data.

`kind` is `single` (one label of several), `multi` (several at once), `regression` (one number) or `score` (one number between
0 and 1, of which the model gives the logit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def hard(kind: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over [batch] int labels, binary cross-entropy over [batch, labels], or the mean squared error over
    [batch] floats; the mean over the rows that have a label."""
    import torch
    import torch.nn.functional as F

    if kind == "single":
        total = F.cross_entropy(logits.float(), labels, ignore_index=-100, reduction="sum")
        return total / known(labels).sum().clamp(min=1)  # a plain mean is NaN for a batch without labels
    wide = labels.float().reshape(len(labels), -1)
    told = known(wide)
    truth = torch.where(told, wide, 0.0)
    if kind in ("multi", "score"):
        each = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    else:
        each = F.mse_loss(logits.float(), truth, reduction="none")
    return (each * told).sum() / told.sum().clamp(min=1)


def known(labels: torch.Tensor) -> torch.Tensor:
    """Which labels there are, of any kind: [batch, …] → bool [batch, …]."""
    return ~labels.isnan() if labels.is_floating_point() else labels != -100


def unlabelled(labels: torch.Tensor) -> torch.Tensor:
    """Which rows have no label, of any kind: [batch, …] → bool [batch]."""
    return ~known(labels).reshape(len(labels), -1).any(1)


def soft(kind: str, logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL(teacher ‖ student) at temperature T, times T² (Hinton, Vinyals and Dean 2015, arXiv:1503.02531); for several labels the
    same of each label's own yes/no; for one number the squared error. [batch, labels] both."""
    import torch
    import torch.nn.functional as F

    student, target = logits.float(), teacher.float()
    if kind == "regression":
        return F.mse_loss(student, target)
    if kind in ("multi", "score"):
        # Two-way distributions (no, yes) per label: the same loss on log-sigmoids.
        student, target = (torch.stack((-x, x), -1).flatten(0, 1) / 2 for x in (student, target))
    loss = F.kl_div(
        F.log_softmax(student / temperature, -1),
        F.log_softmax(target / temperature, -1),
        log_target=True,
        reduction="batchmean",
    )
    return loss * temperature**2
