"""8 and 4 bits: what is quantized and what is not, and that what is saved is what was there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from contextlib import contextmanager

import bitsandbytes
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from compressor import models, saving, tasks
from compressor.errors import ModelError
from compressor.formats import FORMATS, get
from compressor.formats import bitsandbytes as formats
from compressor.measure import bytes_on_disk
from tests import tiny

CLASSIFY, GENERATE = tasks.get("text-classification"), tasks.get("text-generation")
BOTH = pytest.mark.parametrize("name", ["8bit", "4bit"])
LAYERS = {"8bit": bitsandbytes.nn.Linear8bitLt, "4bit": bitsandbytes.nn.Linear4bit}

PLAIN = """
import json, sys, torch, transformers
for auto, folder, snippet in json.loads(sys.stdin.read()):
    model, info = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    ids = torch.load(folder + "/ids.pt")
    with torch.inference_mode():
        logits = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    torch.save(logits.float(), folder + "/logits.pt")
    exec(snippet)
assert not any(name.startswith("compressor") for name in sys.modules)
"""


def bert(folder, **shape):
    """A BERT classifier of other shapes than `tiny.bert`."""
    usual = {
        "vocab_size": 160,
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 128,
    }
    transformers.BertForSequenceClassification(transformers.BertConfig(**usual | shape)).save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """{(kind of model, format): (folder, task)}"""
    here = tmp_path_factory.mktemp("made")
    found = {}
    for kind, task in (("bert", CLASSIFY), ("llama", GENERATE), ("gpt2", GENERATE)):
        source = getattr(tiny, kind)(here / kind)
        for name in ("8bit", "4bit"):
            out = here / f"{kind}-{name}"
            assert get(name).make(source, out, task) == []
            torch.save(saving.made_up(get(name).load(out, task).model), out / "ids.pt")
            found[kind, name] = (out, task)
    return found


def test_plain_transformers_gives_the_same_and_the_snippet_runs(made):
    asked = [
        (task.auto_class, str(folder), get(name).snippet(str(folder), task))
        for (_, name), (folder, task) in made.items()
    ]
    command = [sys.executable, "-c", PLAIN]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("label") == 2
    assert done.stdout.count("generated_text") == 4
    for (_, name), (folder, task) in made.items():
        runner = get(name).load(folder, task)
        assert torch.equal(torch.load(folder / "logits.pt"), saving.probe(runner.model)), folder


@BOTH
def test_heads_stay_and_the_rest_is_in_16_bits(made, name):
    model = get(name).load(*made["bert", name]).model
    assert type(model.classifier) is torch.nn.Linear
    assert model.classifier.weight.dtype == torch.bfloat16
    quantized = [n for n, m in model.named_modules() if type(m) is LAYERS[name]]
    assert len(quantized) == 4 * 6 + 1  # 4 layers of 6, and the pooler, which is no head
    others = {p.dtype for n, p in model.named_parameters() if n.removesuffix(".weight") not in quantized}
    assert others == {torch.bfloat16}


@BOTH
def test_language_models_keep_their_heads_and_ties(made, name):
    llama = get(name).load(*made["llama", name]).model
    assert type(llama.lm_head) is torch.nn.Linear
    gpt2 = get(name).load(*made["gpt2", name]).model
    assert gpt2.lm_head.weight.data_ptr() == gpt2.transformer.wte.weight.data_ptr()
    assert gpt2.lm_head.weight.dtype == torch.bfloat16
    assert type(gpt2.transformer.h[0].attn.c_attn) is LAYERS[name]  # Conv1D layers are quantized too


@BOTH
def test_a_head_of_several_layers_is_kept_whole(tmp_path, name):
    config = transformers.RobertaConfig(
        vocab_size=160,
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=128,
        pad_token_id=1,
    )
    transformers.RobertaForSequenceClassification(config).save_pretrained(tmp_path / "roberta")
    tiny.wordpiece().save_pretrained(tmp_path / "roberta")
    get(name).make(tmp_path / "roberta", tmp_path / "out", CLASSIFY)
    head = get(name).load(tmp_path / "out", CLASSIFY).model.classifier
    assert {type(head.dense), type(head.out_proj)} == {torch.nn.Linear}


def test_a_quantized_head_is_an_error(tmp_path, monkeypatch):
    source = tiny.bert(tmp_path / "bert", labels=tuple(f"l{i}" for i in range(32)))
    monkeypatch.setattr(formats, "kept_modules", lambda model, heads, unfit: ["classifier.bias"])
    with pytest.raises(ModelError, match=r"head of bert \(classifier\) was quantized"):
        get("8bit").make(source, tmp_path / "out", CLASSIFY)
    assert not (tmp_path / "out").exists()


@BOTH
def test_it_is_saved_before_it_computes(tmp_path, monkeypatch, name):
    calls = []
    real, forward = saving.variant, LAYERS[name].forward
    monkeypatch.setattr(LAYERS[name], "forward", lambda self, x: calls.append(1) or forward(self, x))
    at_save = []
    monkeypatch.setattr(saving, "variant", lambda *a: at_save.append(len(calls)) or real(*a))
    get(name).make(tiny.bert(tmp_path / "bert"), tmp_path / "out", CLASSIFY)
    assert at_save == [0]
    assert calls  # it was compared


@BOTH
def test_what_comes_back_different_is_an_error_and_leaves_nothing(tmp_path, monkeypatch, name):
    real = saving.variant

    @contextmanager
    def lossy(model, tokenizer, out):
        with real(model, tokenizer, out) as part:
            stored = load_file(part / "model.safetensors")
            key = next(k for k, v in stored.items() if k.endswith("query.weight"))
            stored[key].view(-1)[0] ^= 1  # one bit of one weight, which its logits hardly show
            save_file(stored, part / "model.safetensors", metadata={"format": "pt"})
            yield part

    monkeypatch.setattr(saving, "variant", lossy)
    with pytest.raises(ModelError, match="came back different"):
        get(name).make(tiny.bert(tmp_path / "bert"), tmp_path / "out", CLASSIFY)
    assert not (tmp_path / "out").exists()


def test_quantized_models_are_not_quantized_again_nor_taken_for_another_format(made, tmp_path):
    folder, task = made["bert", "8bit"]
    with pytest.raises(ModelError, match=r"quantized already \(8bit\)"):
        get("4bit").make(folder, tmp_path / "out", task)
    with pytest.raises(ModelError, match="stored as 8bit, not as 4bit"):
        get("4bit").load(folder, task)
    with pytest.raises(ModelError, match=r"quantized already \(8bit\)"):
        get("float").load(folder, task)
    with pytest.raises(ModelError, match="stored as float, not as 8bit"):
        get("8bit").load(folder.parent / "bert", task)


def test_layers_that_4_bit_kernels_do_not_take_stay_in_16_bits(tmp_path):
    source = bert(tmp_path / "bert", intermediate_size=100)
    (note,) = get("4bit").make(source, tmp_path / "four", CLASSIFY)
    assert note.startswith("8 of 25 layers stay in 16 bits")  # both of the feed-forward, in 4 layers
    model = get("4bit").load(tmp_path / "four", CLASSIFY).model
    assert type(model.bert.encoder.layer[1].output.dense) is torch.nn.Linear
    assert type(model.bert.encoder.layer[1].attention.self.key) is LAYERS["4bit"]
    assert get("8bit").make(source, tmp_path / "eight", CLASSIFY) == []  # 8 bits take any


def test_a_model_that_4_bit_kernels_do_not_take_at_all_gets_a_sentence(tmp_path):
    source = bert(tmp_path / "bert", hidden_size=48, intermediate_size=100)
    with pytest.raises(ModelError, match="multiple of 64 inputs"):
        get("4bit").make(source, tmp_path / "out", CLASSIFY)
    assert not (tmp_path / "out").exists()


def test_other_peoples_4_bit_models_of_any_shape_run_exactly(tmp_path):
    source = bert(tmp_path / "bert", hidden_size=48, intermediate_size=100)
    quantization = get("4bit").quantization(["classifier"])
    live = models.load_model(source, CLASSIFY, dtype=torch.bfloat16, quantization_config=quantization)
    with saving.variant(live, models.load_tokenizer(source), tmp_path / "theirs"):
        pass
    live.train()  # in training they are dequantized, which is exact
    for module in live.modules():
        module.p = 0.0  # and nothing is dropped
    runner = get("4bit").load(tmp_path / "theirs", CLASSIFY)
    assert torch.equal(saving.probe(runner.model), saving.probe(live))


@BOTH
def test_a_model_without_a_known_head_gets_a_sentence(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tasks.TextClassification, "heads", ("score",))
    with pytest.raises(ModelError, match="no head that Compressor knows"):
        get(name).make(tiny.bert(tmp_path / "bert"), tmp_path / "out", CLASSIFY)


@BOTH
def test_unavailable_says_what_is_missing(monkeypatch, name):
    assert get(name).unavailable("cpu") is None
    if not torch.cuda.is_available():
        assert "does not work on tpu" in get(name).unavailable("tpu")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda package: None if package == "bitsandbytes" else real(package)
    )
    assert "pip install bitsandbytes" in get(name).unavailable("cpu")
    assert get("float").unavailable("cuda") is None


@pytest.mark.parametrize("name", ["float", "8bit", "4bit"])
def test_predicted_bytes_are_those_on_disk(tmp_path, name):
    source = bert(tmp_path / "bert", vocab_size=4000, hidden_size=256, num_hidden_layers=3, intermediate_size=1024)
    model = models.load_model(source, CLASSIFY)
    get(name).make(source, tmp_path / "out", CLASSIFY)
    whole = sum(p.numel() for p in model.parameters())
    linear = sum(m.weight.numel() for n, m in model.named_modules() if type(m) is torch.nn.Linear and n != "classifier")
    assert bytes_on_disk(tmp_path / "out") == pytest.approx(FORMATS[name].bytes(linear, whole - linear), rel=0.03)


def test_all_formats_count_the_same_parameters(made, tmp_path):
    folder, task = made["bert", "8bit"]
    source = folder.parent / "bert"
    get("float").make(source, tmp_path / "float", task)
    counts = {get(n).load(made["bert", n][0], task).parameters for n in ("8bit", "4bit")}
    assert counts == {get("float").load(tmp_path / "float", task).parameters}
    assert counts == {sum(p.numel() for p in models.load_model(source, task).parameters())}


@BOTH
def test_a_runner_answers_in_float32(made, name, capfd):
    folder, task = made["bert", name]
    runner = get(name).load(folder, task, threads=1)
    batch = {
        "input_ids": np.full((3, 5), 7),
        "attention_mask": np.ones((3, 5), int),
        "token_type_ids": np.zeros((3, 5), int),
    }
    logits = runner.predict(batch)
    assert (logits.dtype, logits.shape) == (np.float32, (3, 2))
    assert (runner.device, runner.threads, runner.dtype) == ("cpu", 1, {"8bit": "int8", "4bit": "nf4"}[name])
    assert "cast" not in capfd.readouterr().err  # bitsandbytes warns at every layer


@pytest.mark.gpu
@BOTH
def test_on_a_gpu_it_gives_what_it_gave_live(made, name):
    for kind in ("bert", "llama"):
        folder, task = made[kind, name]
        assert get(name).unavailable("cuda") is None
        once, again = (get(name).load(folder, task, "cuda") for _ in range(2))
        assert once.device == "cuda"
        assert torch.equal(saving.probe(once.model), saving.probe(again.model))
        on_cpu = saving.probe(get(name).load(folder, task).model)
        assert (saving.probe(once.model) - on_cpu).abs().max() < 0.1
