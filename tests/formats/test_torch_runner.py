"""The runner under every format: scores, generation, memory."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers

from compressor import models, tasks
from compressor.formats import get, torch_runner
from tests import tiny

GENERATE = tasks.get("text-generation")
KINDS = pytest.mark.parametrize("kind", ["llama", "gpt2"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    here = tmp_path_factory.mktemp("models")
    return {"llama": tiny.llama(here / "llama"), "gpt2": tiny.gpt2(here / "gpt2")}


@pytest.fixture
def batch():
    ids = np.random.default_rng(0).integers(1, 200, (3, 20))
    mask = np.ones_like(ids)
    mask[1, 12:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def plain_nats(model, batch):
    ids, mask = torch.from_numpy(batch["input_ids"]), torch.from_numpy(batch["attention_mask"])
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    nats = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    return (nats * mask[:, 1:]).numpy()


@KINDS
@pytest.mark.parametrize("chunk", [torch_runner.CHUNK_BYTES, 4 * 3 * 320 * 5])
def test_scores_are_the_cross_entropy(folders, batch, kind, chunk, monkeypatch):
    monkeypatch.setattr(torch_runner, "CHUNK_BYTES", chunk)
    runner = get("float").load(folders[kind], GENERATE)
    found = runner.score(batch)
    assert (found.shape, found.dtype) == ((3, 19), np.float32)
    assert found == pytest.approx(plain_nats(runner.model, batch), abs=1e-4)
    assert (found[1, 11:] == 0).all()
    assert "forward" not in vars(runner.model.base_model)  # left as it was


def test_a_capped_head_scores_as_its_own_forward_does(tmp_path, batch, monkeypatch):
    config = transformers.Gemma2Config(
        vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.1, initializer_range=1.0,
    )  # fmt: skip
    transformers.Gemma2ForCausalLM(config).save_pretrained(tmp_path)
    runner = get("float").load(tmp_path, GENERATE)
    monkeypatch.setattr(torch_runner, "CHUNK_BYTES", 4 * 3 * 320 * 4)
    assert runner.score(batch) == pytest.approx(plain_nats(runner.model, batch), abs=1e-4)
    assert runner.score(batch)[0] == pytest.approx(math.log(320), abs=0.25)  # the cap leaves hardly a difference


def test_logits_are_never_there_all_at_once_and_the_transformer_runs_once(folders, batch, monkeypatch):
    monkeypatch.setattr(torch_runner, "CHUNK_BYTES", 4 * 3 * 320 * 5)
    runner = get("float").load(folders["llama"], GENERATE)
    widths, runs = [], []
    runner.model.lm_head.register_forward_hook(lambda m, i, out: widths.append(out.shape[1]))
    runner.model.model.layers[0].register_forward_hook(lambda m, i, out: runs.append(1))
    runner.score(batch)
    assert widths == [5, 5, 5, 4]
    assert len(runs) == 1


@KINDS
def test_generation_is_greedy(folders, kind):
    runner = get("float").load(folders[kind], GENERATE)
    ids = torch.tensor([[5, 9, 30]])
    with torch.inference_mode():
        for _ in range(6):
            ids = torch.cat([ids, runner.model(input_ids=ids).logits[:, -1:].argmax(-1)], 1)
    assert runner.generate(np.array([[5, 9, 30]]), 6).tolist() == ids[:, 3:].tolist()


def test_generation_stops_at_the_end_token(folders):
    runner = get("float").load(folders["llama"], GENERATE)
    whole = runner.generate(np.array([[5, 9, 30]]), 8)[0].tolist()
    runner.model.generation_config.eos_token_id = [whole[2]]
    stopped = runner.generate(np.array([[5, 9, 30]]), 8)[0].tolist()
    assert stopped == whole[: whole.index(whole[2]) + 1]


def test_a_prompt_longer_than_the_model_loses_its_beginning(folders):
    runner = get("float").load(folders["gpt2"], GENERATE)  # 128 positions
    assert runner.generate(np.full((1, 200), 7), 10).shape == (1, 10)
    assert runner.generate(np.full((1, 100), 7), 500).shape == (1, 64)


def test_closing_lets_go_of_the_model(folders):
    runner = get("float").load(folders["llama"], GENERATE)
    model = weakref.ref(runner.model)
    runner.close()
    gc.collect()
    assert model() is None


def test_float_is_bfloat16_on_disk_and_comes_back_equal(folders, tmp_path):
    assert get("float").make(folders["llama"], tmp_path / "out", GENERATE) == []  # rotary tables stay in float32
    runner = get("float").load(tmp_path / "out", GENERATE)
    assert (runner.dtype, get("float").load(folders["llama"], GENERATE).dtype) == ("bfloat16", "float32")
    assert runner.parameters == sum(p.numel() for p in models.load_model(folders["llama"], GENERATE).parameters())
