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


SHALLOW = {
    "vocab_size": 160, "hidden_size": 32, "dim": 32, "hidden_dim": 64, "intermediate_size": 64, "num_attention_heads": 2,
    "n_heads": 2, "embedding_size": 32, "pad_token_id": 0, "max_position_embeddings": 128,
}  # fmt: skip
"""Of any kind of encoder, in that kind's words. To export takes seconds a layer."""
KINDS = {"distilbert": 1, "roberta": 1, "electra": 1, "deberta-v2": 1, "modernbert": 2}
"""Kinds of encoders that are exported, and their layers: ModernBERT's second is of another make than its first."""


def shallow(kind, folder):
    """A classifier of that kind in `folder`, of as few layers as show all that it is made of."""
    layers = {"num_hidden_layers": KINDS[kind], "n_layers": KINDS[kind]}
    config = transformers.AutoConfig.for_model(kind, **SHALLOW, **layers)
    if kind == "modernbert":
        config.global_attn_every_n_layers = 2
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model large enough that its weights, and not its graph, are what the files hold."""
    return encoder(tmp_path_factory.mktemp("source") / "bert", BIG)


@pytest.fixture(scope="module")
def telling(tmp_path_factory):
    """A small one of a single layer, for what takes an export of its own."""
    small = {"hidden_size": 32, "intermediate_size": 64, "vocab_size": 160, "num_hidden_layers": 1}
    return encoder(tmp_path_factory.mktemp("telling") / "bert", BIG | small)


def encoder(folder, size):
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**size, num_labels=3))
    with torch.no_grad():
        model.classifier.weight.mul_(20)  # answers that differ from text to text
    model.to(torch.bfloat16).save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    return folder
