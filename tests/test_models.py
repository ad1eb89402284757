"""The door to models: what is stripped, what is refused, and that what is saved comes back."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from compressor import formats, models, saving, tasks
from compressor.errors import ModelError
from tests import tiny

TASK = tasks.get("text-classification")


@pytest.fixture
def folder(tmp_path):
    return tiny.bert(tmp_path / "bert")


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_keys_that_steer_the_loader_are_stripped(folder):
    steering = {"auto_map": {"AutoConfig": "evil.Config"}, "_attn_implementation": "kernels-community/evil"}
    change_config(folder, **steering, experts_implementation="evil", nested={"auto_map": 1, "kept": 2})
    raw = models.read_config(folder)
    assert not set(raw) & {*steering, "experts_implementation"}
    assert raw["nested"] == {"kept": 2}
    assert models.load_model(folder, TASK).config._attn_implementation != "kernels-community/evil"


def test_saved_in_bfloat16_and_comes_back_equal(folder, tmp_path):
    model = models.load_model(folder, TASK, dtype=torch.float32)
    saving.save_float(model, models.load_tokenizer(folder), tmp_path / "out", TASK)
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.bfloat16}
    assert model.dtype == torch.float32  # the live one is left as it was
    again = models.load_model(tmp_path / "out", TASK)
    assert torch.equal(saving.probe(again), saving.probe(model.to(torch.bfloat16)))
    assert models.load_tokenizer(tmp_path / "out")("good film")["input_ids"]
    assert not list(tmp_path.glob("*.part"))


def test_a_save_that_does_not_come_back_equal_is_an_error(folder, tmp_path, monkeypatch):
    model = models.load_model(folder, TASK, dtype=torch.float32)
    real = saving.variant

    @contextmanager
    def lossy(model, tokenizer, out):
        with real(model, tokenizer, out) as part:
            stored = load_file(part / "model.safetensors")
            stored["classifier.weight"] += 0.5
            save_file(stored, part / "model.safetensors", metadata={"format": "pt"})
            yield part

    monkeypatch.setattr(saving, "variant", lossy)
    with pytest.raises(ModelError, match="came back different"):
        saving.save_float(model, models.load_tokenizer(folder), tmp_path / "out", TASK)
    assert not list(tmp_path.rglob("*.part")) and not (tmp_path / "out").exists()


def test_missing_and_unexpected_weights_are_errors(folder):
    path = folder / "model.safetensors"
    stored = load_file(path)
    save_file(stored | {"stray.weight": torch.zeros(2)}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"no place for: stray\.weight"):
        models.load_model(folder, TASK)
    assert models.load_model(folder, TASK, strict=False)  # other people's checkpoints hold such things
    lacking = {k: v for k, v in stored.items() if "layer.2.output" not in k}
    save_file(lacking, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        models.load_model(folder, TASK)


def test_an_encoder_without_a_head_says_the_way_out(tmp_path):
    folder = tiny.bert_encoder(tmp_path / "encoder")
    with pytest.raises(ModelError, match="teacher_head: new"):
        models.load_model(folder, TASK)
    assert models.load_model(folder, TASK, new_head=True).classifier.weight.shape == (2, 64)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "no weights in safetensors"),
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "names no model_type"),
        (lambda f: change_config(f, model_type="martian"), "'martian'"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\0" * 50), "cannot be loaded"),
        (lambda f: change_config(f, hidden_size=128), "another shape|cannot be loaded"),
        (lambda f: change_config(f, hidden_size="wide"), "not valid|cannot be loaded"),
    ],
)
def test_a_broken_folder_is_a_sentence(folder, spoil, says):
    spoil(folder)
    with pytest.raises(ModelError, match=says):
        models.load_model(folder, TASK)


def test_a_folder_without_a_tokenizer_is_a_sentence(folder):
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no tokenizer"):
        models.load_tokenizer(folder)


def test_a_decoder_gets_a_padding_token(tmp_path):
    tokenizer = models.load_tokenizer(tiny.llama(tmp_path / "llama"))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_building_on_meta_takes_no_memory(folder):
    model = models.build(models.load_config(folder), TASK)
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_an_encoder_whose_head_has_layers_of_its_own_can_be_given_one(tmp_path):
    config = transformers.ModernBertConfig(
        vocab_size=160, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, pad_token_id=0,
        cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    folder = tmp_path / "encoder"
    transformers.ModernBertModel(config).save_pretrained(folder)
    tiny.wordpiece().save_pretrained(folder)
    assert models.load_model(folder, TASK, new_head=True).head.dense.weight.shape == (32, 32)
    stored = load_file(folder / "model.safetensors")
    lacking = {k: v for k, v in stored.items() if "layers.1.mlp" not in k}
    save_file(lacking, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        models.load_model(folder, TASK, new_head=True)


@pytest.mark.parametrize("what", ["load", "build"])
def test_models_are_made_one_after_the_other(folder, what):
    """transformers sets torch's default dtype for the whole process meanwhile: two at once would leave another one behind."""
    config = models.load_config(folder)
    make = {"load": lambda: models.load_model(folder, TASK), "build": lambda: models.build(config, TASK)}[what]
    make()
    thread = threading.Thread(target=make)
    with models._building:
        thread.start()
        thread.join(1.5)
        assert thread.is_alive()
    thread.join(240)
    assert not thread.is_alive()


NARROW = {
    "d_model": 16,
    "vocab_size": 50,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "num_labels": 3,
    "decoder_start_token_id": 0,
}
LAYERS = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
READERS = {
    "bart": lambda: transformers.BartForSequenceClassification(
        transformers.BartConfig(**NARROW, **LAYERS, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64)
    ),
    "t5": lambda: transformers.T5ForSequenceClassification(
        transformers.T5Config(**NARROW, d_ff=32, d_kv=8, num_layers=1, num_heads=2)
    ),
    "canine": lambda: transformers.CanineForSequenceClassification(
        transformers.CanineConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_hash_functions=2,
            num_hash_buckets=64, max_position_embeddings=64, local_transformer_stride=8,
        )
    ),
}  # fmt: skip
"""Two that answer at the end of a text, which has to be there once in each row, and one that has no table of tokens."""


@pytest.mark.parametrize("kind", READERS)
def test_models_that_read_otherwise_are_saved_and_come_back(kind, tmp_path):
    model = READERS[kind]().eval()
    saving.save_float(model, tiny.wordpiece(), tmp_path / "out", TASK)
    again = models.load_model(tmp_path / "out", TASK)
    assert torch.equal(saving.probe(again), saving.probe(model.to(torch.bfloat16)))
    assert saving.probe(again).std() > 0


def test_a_batch_is_padded_with_the_token_that_the_model_looks_for(tmp_path):
    folder = tiny.llama(tmp_path / "llama")
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in tokenizer.items() if k != "pad_token"}))
    change_config(folder, pad_token_id=5)
    assert models.load_tokenizer(folder).pad_token_id == 5
    change_config(folder, pad_token_id=10**6)
    assert models.load_tokenizer(folder).pad_token_id == models.load_tokenizer(folder).eos_token_id
    change_config(folder, pad_token_id=7)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"pad_token": "the"}))
    assert models.load_tokenizer(folder).pad_token_id == 7, (
        "what the tokenizer says is what the model does not look for"
    )


def test_a_model_that_would_read_padding_is_refused():
    config = {"model_type": "xlnet", "architectures": ["XLNetForSequenceClassification"]}
    for wanted in (None, "text-classification"):
        with pytest.raises(ModelError, match="type xlnet answer from the last place of a row"):
            tasks.for_config(config, wanted)


def test_one_number_is_told_to_be_one(tmp_path):
    """Without it transformers' pipeline makes a probability of a regression's number."""
    folder = tiny.bert(tmp_path / "bert", labels=("score",))
    task = tasks.for_config(models.read_config(folder))
    model = models.load_model(folder, task, dtype=torch.float32)
    saving.save_float(model, models.load_tokenizer(folder), tmp_path / "out", task)
    assert models.read_config(tmp_path / "out")["problem_type"] == "regression"
    with pytest.raises(ModelError, match="gives 3 numbers for a text"):
        tasks.for_config(
            {"architectures": ["BertForSequenceClassification"], "problem_type": "regression", "num_labels": 3}
        )


def test_an_empty_text_is_answered_by_decoders_too():
    tokenizer = tiny.byte_bpe()
    model = transformers.GPT2ForSequenceClassification(
        transformers.GPT2Config(
            vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=32, pad_token_id=0, num_labels=2
        )
    ).eval()

    class Runner:
        def predict(self, batch):
            with torch.inference_mode():
                return model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()

    assert tokenizer("")["input_ids"] == []
    found = TASK.predict(Runner(), tokenizer, ["a", "b"], ["", "good"])
    assert [len(one.labels) for one in found] == [2, 2]


# ---------------------------------------------------------------------- characters and bytes


def character_model(folder: Path) -> Path:
    """A tiny CANINE, which reads characters: its tokenizer has no vocabulary."""
    torch.manual_seed(0)
    config = transformers.CanineConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=256,
        num_hash_buckets=256, local_transformer_stride=32,
    )  # fmt: skip
    transformers.CanineForSequenceClassification(config).save_pretrained(folder)
    transformers.CanineTokenizer(model_max_length=256).save_pretrained(folder)
    return folder


def test_models_that_read_characters_or_bytes_have_no_vocabulary_and_need_none(tmp_path):
    folder = character_model(tmp_path / "canine")
    assert not {p.name for p in folder.iterdir()} & {"tokenizer.json", "vocab.txt"}
    assert len(models.load_tokenizer(folder)("four").input_ids) == 6
    batch = models.load_tokenizer(folder)(["one", "and another"], padding=True, return_tensors="pt")
    assert models.load_model(folder, TASK)(**batch).logits.shape == (2, 2)
    with pytest.raises(ModelError, match="cannot be run on texts of any length"):  # its graph is that of one length
        formats.get("onnx").make(folder, tmp_path / "onnx", TASK)
    assert not (tmp_path / "onnx").exists()
    size = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_heads": 2, "num_layers": 2, "vocab_size": 384}
    folder = tmp_path / "byt5"
    transformers.T5ForSequenceClassification(transformers.T5Config(**size)).save_pretrained(folder)
    with pytest.raises(ModelError, match="no tokenizer"):
        models.load_tokenizer(folder)
    transformers.ByT5Tokenizer().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"tokenizer_class": "ByT5Tokenizer"}), encoding="utf-8")
    assert len(models.load_tokenizer(folder)("four").input_ids) == 5
