"""What a variant is saved as: 16 bits, but for what comes apart in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from compressor import models, saving
from compressor.formats import get
from compressor.tasks.text_classification import TextClassification
from compressor.training.numbers import Unit
from tests import tiny

REGRESSION, SINGLE = TextClassification("regression"), TextClassification("single")
SMALL = {
    "vocab_size": 160,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
}


def scores(unit):
    """A model whose answers to `ids` are about as far apart as the unit says."""
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**SMALL, num_labels=1)).eval()
    model.classifier.weight.data /= answers(model).std()
    model.classifier.bias.data -= answers(model).mean()
    unit.given_to(model)
    return model


def answers(model):
    ids = torch.randint(5, 160, (64, 12), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return model(input_ids=ids).logits.float().flatten()


@pytest.mark.parametrize(("unit", "dtype"), [(Unit(2004.0, 9.0), torch.float32), (Unit(2.7, 1.5), torch.bfloat16)])
def test_numbers_far_from_0_do_not_come_in_steps(unit, dtype, tmp_path):
    """Years: in 16 bits they stand 8 apart."""
    torch.manual_seed(1)
    live = scores(unit)
    saving.save_float(live, tiny.wordpiece(), tmp_path / "float", REGRESSION)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "float").eval()
    assert plain.dtype == dtype
    off = (answers(plain) - answers(live)).square().mean().sqrt() / unit.spread
    assert off < (1e-4 if dtype == torch.float32 else 0.3)
    get("8bit").make(tmp_path / "float", tmp_path / "8bit", REGRESSION)
    found = models.load_model(tmp_path / "8bit", REGRESSION)
    assert len(np.unique(answers(found).numpy())) > 50 or dtype == torch.bfloat16
    assert (answers(found) - answers(live)).square().mean().sqrt() / unit.spread < 0.5


def test_what_fails_in_16_bits_is_kept_in_32(tmp_path):
    """DeBERTa's first version divides by a number of 32 bits."""
    config = transformers.DebertaConfig(
        **SMALL, max_position_embeddings=64, pooler_hidden_size=64, relative_attention=True, pos_att_type=["c2p", "p2c"]
    )
    model = transformers.DebertaForSequenceClassification(config).eval()
    saving.save_float(model, tiny.wordpiece(), tmp_path / "float", SINGLE)
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "float").eval()
    assert torch.allclose(saving.probe(plain), saving.probe(model), atol=1e-5)
    get("8bit").make(tmp_path / "float", tmp_path / "8bit", SINGLE)
    assert get("8bit").load(tmp_path / "8bit", SINGLE).predict({"input_ids": np.full((2, 9), 7)}).shape == (2, 2)
