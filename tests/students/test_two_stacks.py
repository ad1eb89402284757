"""BART and T5: classifiers that answer where a text ends, and ask their layers for the type of their weights."""

from __future__ import annotations

import pytest
import torch
import transformers

from compressor import models, saving
from compressor.recipe import LowRank
from compressor.students import low_rank, vocabulary
from compressor.tasks.text_classification import TextClassification

TASK = TextClassification("single")
CONFIGS = [
    transformers.BartConfig(
        vocab_size=300, d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=64, num_labels=3,
    ),
    transformers.T5Config(
        vocab_size=300, d_model=64, d_kv=32, d_ff=128, num_layers=2, num_heads=2, decoder_start_token_id=0, num_labels=3
    ),
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=["bart", "t5"])
def test_words_are_left_out(config):
    model = models.build(config, TASK, "cpu").eval()
    kept = [*range(8), *range(8, 300, 2)]
    small = vocabulary.trim_model(model, kept, TASK)
    ids = saving.made_up(small)
    assert small.get_input_embeddings().weight.shape[0] == len(kept)
    with torch.inference_mode():
        before = model(input_ids=torch.tensor(kept)[ids], attention_mask=torch.ones_like(ids)).logits
    assert torch.allclose(saving.probe(small), before, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=["bart", "t5"])
def test_layers_are_made_thin(config):
    model = models.build(config, TASK, "cpu").eval()
    ids = saving.made_up(model, 4, 16)
    ranks = low_rank.factorise(
        model, TASK, LowRank(weights=0.5), [{"input_ids": ids, "attention_mask": torch.ones_like(ids)}]
    )
    assert ranks and saving.probe(model).isfinite().all()
