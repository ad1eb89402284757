"""The losses against their plain forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from compressor import tasks
from compressor.training.objective import Objective

torch.manual_seed(0)
STUDENT, TEACHER = torch.randn(5, 3), torch.randn(5, 3)
LABELS = torch.tensor([0, 2, 1, 1, 0])


def plain_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> float:
    """Mean over rows of Σ p·log(p/q), times T²; written out."""
    total = 0.0
    for s, t in zip(student.double().numpy(), teacher.double().numpy(), strict=True):
        p = np.exp(t / temperature) / np.exp(t / temperature).sum()
        q = np.exp(s / temperature) / np.exp(s / temperature).sum()
        total += float((p * np.log(p / q)).sum())
    return total / len(student) * temperature**2


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_soft_loss_is_kl_times_temperature_squared(temperature):
    task = tasks.get("text-classification/single")
    assert task.soft_loss(STUDENT, TEACHER, temperature).item() == pytest.approx(
        plain_kl(STUDENT, TEACHER, temperature), rel=1e-5
    )


def test_gradient_keeps_its_size_at_high_temperature():
    task = tasks.get("text-classification")
    sizes = []
    for temperature in (4.0, 32.0):
        student = STUDENT.clone().requires_grad_()
        task.soft_loss(student, TEACHER, temperature).backward()
        sizes.append(student.grad.norm().item())
    # Both are near the limit (s - t - means) / labels; without the square the second would be 64 times smaller.
    assert sizes[1] == pytest.approx(sizes[0], rel=0.5)


def test_soft_loss_of_several_labels_is_kl_of_each_labels_yes_and_no():
    task = tasks.get("text-classification/multi")
    p, q = torch.sigmoid(TEACHER.double() / 2), torch.sigmoid(STUDENT.double() / 2)
    expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean().item() * 4
    assert task.soft_loss(STUDENT, TEACHER, 2.0).item() == pytest.approx(expected, rel=1e-5)


def test_alpha_weighs_the_labels_and_the_rest_goes_to_the_teacher():
    task = tasks.get("text-classification")
    signals = {"labels": LABELS, "teacher": TEACHER}
    hard = task.hard_loss(STUDENT, LABELS).item()
    soft = task.soft_loss(STUDENT, TEACHER, 2.0).item()
    assert hard != pytest.approx(soft, rel=0.05)
    assert Objective(task, 1.0, 2.0)(STUDENT, signals).item() == pytest.approx(hard)
    assert Objective(task, 0.0, 2.0)(STUDENT, signals).item() == pytest.approx(soft)
    assert Objective(task, 0.2, 2.0)(STUDENT, signals).item() == pytest.approx(0.2 * hard + 0.8 * soft)


def test_without_labels_or_without_a_teacher_the_other_takes_the_whole_weight():
    task = tasks.get("text-classification")
    objective = Objective(task, 0.3, 2.0)
    assert objective(STUDENT, {"teacher": TEACHER}).item() == pytest.approx(
        task.soft_loss(STUDENT, TEACHER, 2.0).item()
    )
    assert objective(STUDENT, {"labels": LABELS}).item() == pytest.approx(task.hard_loss(STUDENT, LABELS).item())
    with pytest.raises(ValueError, match="neither"):
        objective(STUDENT, {})


def test_hard_loss_leaves_rows_without_a_label_out():
    task = tasks.get("text-classification")
    some = LABELS.clone()
    some[2:] = -100
    assert task.hard_loss(STUDENT, some).item() == pytest.approx(task.hard_loss(STUDENT[:2], LABELS[:2]).item())
    assert task.hard_loss(STUDENT, torch.full_like(LABELS, -100)).item() == 0.0


def test_regression_losses_are_squared_errors():
    task = tasks.get("text-classification/regression")
    out, truth = torch.tensor([[1.0], [2.0]]), torch.tensor([2.0, 4.0])
    assert task.hard_loss(out, truth).item() == pytest.approx(2.5)
    assert task.soft_loss(out, truth.unsqueeze(1), 2.0).item() == pytest.approx(2.5)


def test_rows_without_a_label_do_not_count_in_the_other_kinds_either():
    nothing = float("nan")
    regression = tasks.get("text-classification/regression")
    assert regression.hard_loss(torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, nothing])).item() == pytest.approx(4.0)
    multi = tasks.get("text-classification/multi")
    truth = torch.tensor([[1.0, 0.0], multi.no_label(2)])
    out = torch.randn(2, 2, requires_grad=True)
    loss = multi.hard_loss(out, truth)
    assert loss.item() == pytest.approx(multi.hard_loss(out[:1], truth[:1]).item())
    loss.backward()
    assert not out.grad.isnan().any()
    assert out.grad[1].abs().sum() == 0
