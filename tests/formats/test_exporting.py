"""What is held of an exported model against what it was before."""

from __future__ import annotations

import pytest
import torch

from compressor.errors import ModelError
from compressor.formats.exporting import check_no_wreck


def test_a_wreck_is_told_where_the_logits_say_anything():
    before = torch.tensor([[2.0, -1.5], [0.5, 0.1]])
    check_no_wreck(before, before + 0.3 * torch.randn(2, 2, generator=torch.manual_seed(0)), "onnx-int8")
    with pytest.raises(ModelError, match="onnx-int8 was written, but in 8 bits this model answers the opposite"):
        check_no_wreck(before, -before, "onnx-int8")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([[0.0028, 0.0009], [0.0028, 0.0008]], [[-0.0006, 0.0004], [-0.0005, -0.0007]]),  # an untrained DistilBERT
        ([[1931.2], [1931.3], [1931.1]], [[1931.1], [1931.0], [1931.2]]),  # years, nearly the same for all
        ([[1.0], [2.0]], [[2.0], [1.0]]),  # two numbers: only an order
    ],
)
def test_logits_that_are_nearly_the_same_for_all_say_nothing(before, after):
    check_no_wreck(torch.tensor(before), torch.tensor(after), "onnx-int8")
