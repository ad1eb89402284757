"""How attention is computed in a training, dropout that it sets for itself, and how often it evaluates."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from compressor.arithmetic import WRITTEN_OUT
from compressor.training.kernels import dropping, kernels
from compressor.training.trainer import evaluate_every


def keeps(length):
    """Numbers that are kept for the backward pass of two heads' attention to so many tokens."""
    kept = 0

    def count(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    query = torch.randn(1, 2, length, 8, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor), kernels("cpu", length):
        scaled_dot_product_attention(query, query, query)
    return kept


def test_long_texts_keep_no_number_for_each_pair_of_tokens():
    assert keeps(WRITTEN_OUT) > 2 * WRITTEN_OUT**2, "written out, which is faster"
    assert keeps(4 * WRITTEN_OUT) < (4 * WRITTEN_OUT) ** 2


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_dropout, self.inner = 0.2, nn.Dropout(0.1)


@pytest.mark.parametrize(("share", "within"), [(0.0, (0.0, 0.0)), (0.3, (0.3, 0.3)), (None, (0.1, 0.2))])
def test_dropout_is_set_for_a_training_and_put_back(share, within):
    model = Attention()
    with dropping(model, share):
        assert (model.inner.p, model.attention_dropout) == within
    assert (model.inner.p, model.attention_dropout) == (0.1, 0.2)


@pytest.mark.parametrize(
    ("rows", "epochs", "validation", "every"),
    [
        (3200, 3, 100, 50),  # twice an epoch
        (3200, 8, 100, 100),  # once an epoch
        (3200, 10, 3200, 500),  # as many rows to judge as to learn from: less often
        (3200, 100, 3200, 345),  # in a longer training the same tenth of the time: 29 of them
        (3000, 3, 872, 94),  # 91 would leave one step before the end
        (64, 1, 900, 1),  # two steps
    ],
)
def test_evaluations_take_a_tenth_of_the_time_at_the_most_but_three_there_are(rows, epochs, validation, every):
    per_epoch = -(-rows // 32)
    assert evaluate_every(per_epoch * epochs, per_epoch, epochs, validation, 32) == every
