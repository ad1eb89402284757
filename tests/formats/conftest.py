"""What the tests of the exported formats share."""

from __future__ import annotations

import pytest
import torch
import transformers

from tests import tiny

BIG = {
    "hidden_size": 192,
    "intermediate_size": 384,
    "vocab_size": 3000,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model large enough that its weights, and not its graph, are what the files hold."""
    folder = tmp_path_factory.mktemp("source") / "bert"
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**BIG, num_labels=3))
    with torch.no_grad():
        model.classifier.weight.mul_(20)  # answers that differ from text to text
    model.to(torch.bfloat16).save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    return folder
