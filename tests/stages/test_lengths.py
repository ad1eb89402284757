"""How long a text a model can take."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import transformers

from compressor.data.labels import LabelSpace
from compressor.data.prepare import Prepared
from compressor.report import Rows
from compressor.stages.data import _facts
from compressor.stages.lengths import token_limit

TOKENIZER = SimpleNamespace(model_max_length=10**30)


@pytest.mark.parametrize(
    "kind", ["bert", "mpnet", "roberta", "ibert", "luke", "longformer", "roberta-prelayernorm", "markuplm"]
)
def test_the_longest_text_is_one_that_the_model_takes(kind):
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=40,
    )  # fmt: skip
    config.entity_vocab_size, config.attention_window = 4, [4]
    model = transformers.AutoModel.from_config(config).eval()
    limit = token_limit(config, TOKENIZER)

    def ask(length):
        with torch.inference_mode():
            return model(input_ids=torch.full((1, length), 7))

    assert ask(limit)[0].isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        ask(limit + 1)


def test_the_tokenizer_has_a_say():
    config = transformers.BertConfig(max_position_embeddings=512)
    assert token_limit(config, SimpleNamespace(model_max_length=128)) == 128
    assert token_limit(transformers.T5Config(), TOKENIZER) == 512


@pytest.mark.parametrize(
    ("longest", "said"), [(16, "as much as this model can read"), (512, "`data.max_length` changes it")]
)
def test_what_is_cut_at_the_models_own_limit_no_setting_changes(longest, said):
    prepared = Prepared(None, None, None, LabelSpace("none", ()), {}, (), False, "", Rows(read=0))
    facts = _facts(prepared, SimpleNamespace(pad_token_id=0), 16, 0.5, longest)
    assert facts["notes"] == [f"50.0% of the rows are longer than 16 tokens and were cut there ({said})."]
