"""Smoothing: the same answers in 32 bits, and less lost in 8."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from compressor import models, tasks
from compressor.formats.smoothing import Smoothed, smooth
from tests import tiny

CLASSIFY = tasks.get("text-classification")
SIZE = {
    "vocab_size": 132,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


@pytest.fixture(scope="module")
def spiky(tmp_path_factory):
    """A BERT with a few channels and neurons that run far higher than the others, as trained ones have."""
    folder = tmp_path_factory.mktemp("spiky") / "bert"
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**SIZE, num_labels=4))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight[[3, 17]] *= 8
        for layer in model.bert.encoder.layer:
            own = layer.attention.self
            for linear in (own.query, own.key, own.value, layer.intermediate.dense):
                linear.weight[:, [3, 17]] /= 8
                linear.weight.mul_(6)
            layer.intermediate.dense.weight[[5, 50]] *= 40
            layer.output.dense.weight[:, [5, 50]] /= 40
            layer.output.dense.weight.mul_(6)
        model.classifier.weight.mul_(20)
        for module in model.modules():
            if isinstance(module, nn.Embedding):  # 8 bits hold them exactly: what is lost is lost in the layers
                step = module.weight.abs().max() / 127
                module.weight.copy_((module.weight / step).round() * step)
    model.save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    return folder


def rows(count: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    lengths = np.sort(random.integers(4, 40, count))[::-1]
    mask = (np.arange(lengths[0]) < lengths[:, None]).astype(np.int64)
    ids = random.integers(5, 130, mask.shape) * mask
    return [{"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}]


def tensors(batch):
    return {k: torch.from_numpy(v) for k, v in batch.items()}


@pytest.mark.parametrize("given", [rows(48), ()], ids=["rows", "none"])
def test_a_smoothed_model_answers_as_it_did(spiky, given):
    model = models.load_model(spiky, CLASSIFY)
    test = tensors(rows(16, seed=1)[0])
    with torch.inference_mode():
        before = model(**test).logits
        changed = smooth(model, models.load_tokenizer(spiky), given)
        after = model(**test).logits
    assert changed >= 8  # queries, keys, values and the way up, in both layers
    assert sum(isinstance(m, Smoothed) for m in model.modules()) == changed
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)


def test_layers_that_read_one_tensor_share_one_factor(spiky):
    model = models.load_model(spiky, CLASSIFY)
    smooth(model, models.load_tokenizer(spiky), rows(48))
    attention = model.bert.encoder.layer[0].attention.self
    for other in (attention.key, attention.value):
        assert torch.equal(attention.query.inverse, other.inverse)


def test_it_is_the_same_each_time(spiky):
    factors = []
    for _ in range(2):
        model = models.load_model(spiky, CLASSIFY)
        smooth(model, models.load_tokenizer(spiky))
        factors.append([m.inverse for m in model.modules() if isinstance(m, Smoothed)])
    assert all(torch.equal(a, b) for a, b in zip(*factors, strict=True))


def test_a_model_without_outliers_is_left_mostly_alone(tmp_path):
    folder = tiny.bert(tmp_path / "plain")
    model = models.load_model(folder, CLASSIFY)
    assert smooth(model, models.load_tokenizer(folder)) <= sum(type(m) is nn.Linear for m in model.modules()) // 2


def test_layers_shared_between_depths_are_smoothed_for_all_of_them_or_not_at_all(tmp_path):
    config = transformers.AlbertConfig(
        vocab_size=132, embedding_size=32, hidden_size=64, intermediate_size=128, num_hidden_layers=3,
        num_attention_heads=4, num_labels=3, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.AlbertForSequenceClassification(config).eval()
    test = tensors(rows(8, seed=1)[0])
    with torch.inference_mode():
        before = model(**test).logits
        smooth(model, tiny.wordpiece(), rows(32))
        torch.testing.assert_close(model(**test).logits, before, rtol=1e-3, atol=1e-4)


def coarse(x: torch.Tensor, low: float, high: float, steps: int) -> torch.Tensor:
    step = (high - low) / steps
    return ((x - low) / step).round() * step + low


def test_8_bits_lose_less_of_it(spiky):
    """Each smoothed layer on rows that it was not fitted to: what one scale for all of a text's activations leaves of its output,
    against the layer that it was."""
    exact, model = models.load_model(spiky, CLASSIFY), models.load_model(spiky, CLASSIFY)
    smooth(model, models.load_tokenizer(spiky), rows(48))
    seen = {}
    for name, module in model.named_modules():
        if isinstance(module, Smoothed):
            module.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
    test = rows(1, seed=7)[0]
    with torch.inference_mode():
        model(**tensors(test))

        def left(x: torch.Tensor, weight: torch.Tensor, true: torch.Tensor) -> float:
            x = coarse(x, min(0.0, float(x.min())), float(x.max()), 255)
            step = weight.abs().amax(1, keepdim=True) / 127
            return float(((x @ ((weight / step).round() * step).T - true) ** 2).mean())

        for name, x in seen.items():
            smoothed, plain = model.get_submodule(name), exact.get_submodule(name)
            true = x @ plain.weight.T
            assert left(x * smoothed.inverse, smoothed.linear.weight, true) < 0.7 * left(x, plain.weight, true), name
    assert len(seen) >= 8


def readers(tokenizer):
    """A T5 and a BART that answer where a text ends, with outliers in what their feed-forward layers read."""
    common = {
        "d_model": 32, "vocab_size": len(tokenizer), "eos_token_id": tokenizer.sep_token_id, "pad_token_id": 0,
        "decoder_start_token_id": 0, "num_labels": 3,
    }  # fmt: skip
    layers = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in
              (("layers", 1), ("attention_heads", 2), ("ffn_dim", 64))}  # fmt: skip
    t5 = transformers.T5ForSequenceClassification(
        transformers.T5Config(**common, d_ff=64, d_kv=16, num_layers=1, num_heads=2)
    )
    bart = transformers.BartForSequenceClassification(
        transformers.BartConfig(**common, **layers, max_position_embeddings=160)
    )
    with torch.no_grad():
        for block in (t5.transformer.encoder.block[0].layer[1], t5.transformer.decoder.block[0].layer[2]):
            block.DenseReluDense.wi.weight[[5, 9]] *= 400
            block.DenseReluDense.wo.weight[:, [5, 9]] /= 400
        bart.model.encoder.layers[0].fc1.weight[[5, 9]] *= 400
        bart.model.encoder.layers[0].fc2.weight[:, [5, 9]] /= 400
    return {"t5": t5.eval(), "bart": bart.eval()}


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_models_that_look_for_a_texts_end_are_smoothed_on_long_texts_too(kind):
    tokenizer = tiny.wordpiece()
    model = readers(tokenizer)[kind]
    ids = np.random.default_rng(0).integers(5, 130, (6, 120))
    mask = (np.arange(120) < np.array([[10], [120], [64], [65], [90], [30]])).astype(np.int64)
    ids[np.arange(6), mask.sum(1) - 1] = tokenizer.sep_token_id
    batch = {"input_ids": ids * mask, "attention_mask": mask}
    given = {name: torch.from_numpy(values) for name, values in batch.items()}
    with torch.inference_mode():
        before = model(**given).logits
        assert smooth(model, tokenizer, [batch]) > 0
        after = model(**given).logits
    assert torch.allclose(before, after, atol=1e-4)
