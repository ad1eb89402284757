"""Values of a config that cannot be are mended as missing ones are, and real configs of all families pass as they are."""

import json

import numpy as np
import pytest
import torch
import transformers

from compressor import formats, models, tasks
from compressor.errors import ModelError
from compressor.stages.lengths import token_limit
from compressor.tasks.batching import pad
from compressor.untrusted.impossible import mended
from tests import tiny
from tests.test_models import change_config
from tests.untrusted.published_configs import CONFIGS

TASK = tasks.get("text-classification")


def decoder(folder, kind):
    """A tiny decoder that classifies: random weights, answers far apart."""
    made = tiny.llama(folder) if kind == "llama" else tiny.gpt2(folder)
    config = transformers.AutoConfig.from_pretrained(made, num_labels=3)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.score.weight.data *= 20
    model.save_pretrained(made)
    return made


@pytest.mark.parametrize(
    "value", [-1, -100, 10**6, float("inf"), float("nan"), [float("inf")], 2**40, 1.5, True, "0", [], [-1]]
)
def test_a_padding_token_that_cannot_be_is_none(value):
    assert "pad_token_id" not in mended({"pad_token_id": value, "vocab_size": 100})


@pytest.mark.parametrize("value", [0, 99, 3.0, None, [1, 2]])
def test_one_that_can_be_stays(value):
    assert mended({"pad_token_id": value, "vocab_size": 100}) == {"pad_token_id": value, "vocab_size": 100}


def test_other_values():
    raw = {
        "eos_token_id": [5, 900],
        "max_position_embeddings": 0,
        "num_labels": -2,
        "sliding_window": -1,
        "vocab_size": 100,
    }
    assert mended(raw) == {"eos_token_id": [5], "vocab_size": 100}


@pytest.mark.parametrize("value", [-1, 10**7, None, "absent"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_decoders_answers_in_a_batch_are_those_to_each_text_alone(tmp_path, value, kind):
    """Its last real token is found by the padding token: with an impossible one the padding itself was read."""
    folder = decoder(tmp_path / "m", kind)
    config = folder / "config.json"
    if value == "absent":
        raw = json.loads(config.read_text())
        raw.pop("pad_token_id", None)
        config.write_text(json.dumps(raw))
    else:
        change_config(folder, pad_token_id=value)
    tokenizer = models.load_tokenizer(folder)
    texts = [" ".join(["so good a film"] * n) for n in range(1, 6)]
    ids = [tokenizer(text)["input_ids"] for text in texts]
    runner = formats.get("float").load(folder, TASK, "cpu", 1)
    together = runner.predict(pad({"input_ids": ids}, tokenizer.pad_token_id))
    runner.close()
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "m", config=models.load_config(folder)
    )
    alone = [plain.eval()(torch.tensor([one])).logits[0].detach().numpy() for one in ids]
    assert np.allclose(together, np.stack(alone), atol=1e-4)


def test_tokens_without_an_embedding_are_told_with_both_numbers(tmp_path):
    folder = tiny.bert(tmp_path / "m")
    tokenizer = models.load_tokenizer(folder)
    rows = len(tokenizer)
    tokenizer.add_tokens(["@USER", "HTTPURL"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=f"knows {rows + 2} tokens, and the model has embeddings for {rows}") as error:
        models.load_tokenizer(folder)
    assert "@USER, HTTPURL" in str(error.value)


def test_special_tokens_that_no_text_makes_need_no_embedding(tmp_path):
    """BART's mask and Gemma's token for images stand behind the last row."""
    folder = tiny.bert(tmp_path / "m")
    tokenizer = models.load_tokenizer(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    tokenizer.save_pretrained(folder)
    assert "<image_soft_token>" in models.load_tokenizer(folder).get_vocab()


@pytest.mark.parametrize("ends", [False, True])
def test_a_padding_token_without_an_embedding_is_replaced(tmp_path, ends):
    folder = decoder(tmp_path / "m", "llama")
    tokenizer = models.load_tokenizer(folder)
    rows = models.embedding_rows(models.load_config(folder))
    both = "<|im_end|>" if ends else "[PAD]"
    tokenizer.add_special_tokens({"pad_token": both} | ({"eos_token": both} if ends else {}))
    tokenizer.save_pretrained(folder)
    again = models.load_tokenizer(folder)
    assert again.pad_token_id is not None and again.pad_token_id < rows


def test_a_tokenizer_that_says_no_length_takes_the_models(tmp_path):
    folder = tiny.bert(tmp_path / "m")
    tokenizer = models.load_tokenizer(folder)
    for said in (10**30, 0, -1):
        tokenizer.model_max_length = said
        assert token_limit(models.load_config(folder), tokenizer) == 64


def test_types_of_tokens_that_a_model_lacks_are_not_given(tmp_path):
    folder = tiny.bert(tmp_path / "m", type_vocab_size=1)
    tokenizer = models.load_tokenizer(folder)
    assert "token_type_ids" not in tokenizer("good", "bad")


# ---------------------------------------------------------------------- configs as they are published

MENDED = {"llama-2": "pad_token_id", "a-list-as-padding": "pad_token_id", "bart-large-cnn": None, "canine": None}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_published_config_passes(name):
    kind, architecture, own = CONFIGS[name]
    raw = {
        "model_type": kind,
        "architectures": [architecture] if architecture else None,
        "transformers_version": "4.40.0",
        **own,
    }
    clean = models.clean_config(raw)
    lost = set(raw) - set(clean) - {"torch_dtype"}
    assert lost <= ({MENDED[name]} if name in MENDED else set()), lost
    config = models.config_from(clean)
    assert config.model_type == kind
    pad_token = getattr(config, "pad_token_id", None)
    rows = models.embedding_rows(config)
    assert pad_token is None or rows is None or 0 <= pad_token < rows
    if name not in ("xlnet", "cross-encoder") and architecture and architecture.endswith("ForSequenceClassification"):
        assert tasks.for_config(clean).label_names(clean)


def test_there_are_fifty_of_them():
    assert len(CONFIGS) >= 50
    assert len({kind for kind, _, _ in CONFIGS.values()}) > 25
