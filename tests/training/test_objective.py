"""What a student minimises, of rows with and without labels."""

from __future__ import annotations

import pytest
import torch

from compressor import tasks
from compressor.training.objective import Objective


@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_raw_texts_teach_where_labels_have_the_whole_weight(kind):
    task = tasks.get(f"text-classification/{kind}")
    labels = {
        "single": torch.tensor([1, -100]),
        "multi": torch.tensor([[1.0, 0.0], [float("nan")] * 2]),
        "regression": torch.tensor([0.5, float("nan")]),
    }[kind]
    width = 1 if kind == "regression" else 2
    logits = torch.zeros(2, width, requires_grad=True)
    teacher = torch.tensor([[3.0, -3.0]] * 2)[:, :width]
    Objective(task, 1.0, 2.0)(logits, {"labels": labels, "teacher": teacher}).backward()
    assert logits.grad[1].abs().min() > 0.05
    labelled = torch.zeros(1, width, requires_grad=True)
    Objective(task, 1.0, 2.0)(labelled, {"labels": labels[:1], "teacher": teacher[:1]}).backward()
    alone = torch.zeros(1, width, requires_grad=True)
    task.hard_loss(alone, labels[:1]).backward()
    assert torch.equal(labelled.grad, alone.grad), "a row with a label learns from it alone"
