"""The last layer for the first token alone: where a classifier reads no other, nothing changes but the time."""

from __future__ import annotations

import pytest
import torch
import transformers

from compressor.training.first_token import first_token_only

SIZES = {
    "vocab_size": 60, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 64,
    "pad_token_id": 0,
}  # fmt: skip
READS_THE_FIRST = ("bert", "roberta", "electra", "distilbert", "xlm-roberta", "camembert")
READS_OTHERS = {
    "modernbert": SIZES | {"cls_token_id": 1, "sep_token_id": 2, "classifier_pooling": "mean"},
    "gpt2": {"vocab_size": 60, "n_embd": 32, "n_head": 4, "n_layer": 3, "pad_token_id": 0},
    "llama": SIZES,
    "albert": SIZES | {"embedding_size": 16},
}
ROWS = 6


def model_of(kind, sizes):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **sizes)
    model = transformers.AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def batch():
    torch.manual_seed(1)
    mask = torch.ones(ROWS, 11, dtype=torch.long)
    for row in range(ROWS):
        mask[row, 11 - row :] = 0
    return {"input_ids": torch.randint(3, 60, mask.shape) * mask, "attention_mask": mask}


def sizes_of(kind):
    return (
        {"vocab_size": 60, "dim": 32, "n_heads": 4, "n_layers": 3, "hidden_dim": 64} if kind == "distilbert" else SIZES
    )


@pytest.mark.parametrize("kind", READS_THE_FIRST)
def test_the_logits_and_the_gradients_stay(kind, batch):
    model = model_of(kind, sizes_of(kind))
    plain = model(**batch).logits
    plain.sum().backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    with first_token_only(model, batch) as works:
        assert works
        narrow = model(**batch)
        narrow.logits.sum().backward()
        assert model(**batch, output_hidden_states=True).hidden_states[-1].shape[1] == 1, (
            "one token leaves the last layer"
        )
    assert torch.allclose(plain, narrow.logits, atol=1e-5)
    for name, parameter in model.named_parameters():
        if name in gradients:
            assert torch.allclose(parameter.grad, gradients[name], atol=1e-3), name
    assert torch.equal(model(**batch).logits, plain), "and behind it all is as it was"


@pytest.mark.parametrize("kind", READS_OTHERS)
def test_a_model_that_reads_other_tokens_is_left_alone(kind, batch):
    model = model_of(kind, READS_OTHERS[kind])
    plain = model(**batch).logits
    with first_token_only(model, batch) as works:
        assert not works
        assert torch.equal(model(**batch).logits, plain)


def test_a_head_that_reads_a_little_of_the_others_is_noticed(batch):
    """However little that is: not by its logits, which hardly change."""
    model = model_of("bert", SIZES)
    pool = model.bert.pooler.forward
    model.bert.pooler.forward = lambda hidden: pool(hidden + 1e-9 * hidden.mean(1, keepdim=True))
    with first_token_only(model, batch) as works:
        assert not works
