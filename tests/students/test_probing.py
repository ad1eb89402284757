"""The proof that every architecture's tensors are labelled right has to fail where a label is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from compressor import tasks
from compressor.students.anatomy import examine
from compressor.students.probing import _proven, _tiny
from compressor.students.slicing import Parts
from tests.students.tiny import ARCHITECTURES, TASK, config


def stands(name: str, parts: Parts) -> bool:
    with torch.no_grad():
        return _proven(_tiny(config(name), 4, parts.free_heads), TASK, parts)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_architecture_can_be_cut_in_width(name: str) -> None:
    anatomy = examine(config(name), TASK)
    assert anatomy.no_width is None
    assert stands(name, anatomy.parts)


@pytest.mark.parametrize(
    ("name", "tensor", "wrong"),
    [
        ("bert", "bert.encoder.layer.*.attention.output.dense.weight", ("hidden", "hidden")),
        ("bert", "bert.encoder.layer.*.attention.self.value.weight", ("hidden", "hidden")),
        ("bert", "bert.encoder.layer.*.attention.self.query.bias", ("hidden",)),
        ("bert", "bert.encoder.layer.*.output.LayerNorm.weight", (None,)),
        ("bert", "bert.embeddings.position_embeddings.weight", (None, None)),
        ("bert", "bert.pooler.dense.weight", ("hidden", "hidden")),
        ("roberta", "classifier.out_proj.weight", (None, "hidden")),
        ("modernbert", "model.layers.*.mlp.Wi.weight", (None, "hidden")),
        ("modernbert", "model.layers.*.attn.Wo.weight", ("hidden", "hidden")),
        ("deberta-v3", "deberta.encoder.rel_embeddings.weight", (None, None)),
        ("deberta-v3", "deberta.encoder.LayerNorm.weight", (None,)),
        ("electra", "electra.embeddings_project.weight", (None, None)),
        ("mpnet", "mpnet.encoder.relative_attention_bias.weight", (None, None)),
        ("llama", "model.layers.*.self_attn.k_proj.weight", (None, "hidden")),
        ("llama", "score.weight", (None, "readout")),
        ("gpt2", "transformer.h.*.attn.c_attn.weight", ("hidden", None)),
    ],
)
def test_one_wrong_label_does_not_stand_the_proof(name: str, tensor: str, wrong: tuple[str | None, ...]) -> None:
    parts = examine(config(name), TASK).parts
    assert parts.labels[tensor] != wrong
    assert not stands(name, replace(parts, labels={**parts.labels, tensor: wrong}))


def test_heads_that_share_a_table_are_cut_alike_in_all_layers() -> None:
    parts = examine(config("mpnet"), TASK).parts
    assert parts.tied_heads
    assert not stands("mpnet", replace(parts, tied_heads=False))


def test_looking_at_an_architecture_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    examine(config("bert", vocab_size=101), TASK)
    assert torch.equal(torch.get_rng_state(), before)


def test_language_models_with_tied_embeddings_are_understood_too() -> None:
    from transformers import GPT2Config

    anatomy = examine(
        GPT2Config(n_embd=32, n_head=4, n_layer=3, n_positions=32, vocab_size=50), tasks.get("text-generation")
    )
    assert anatomy.no_width is None
    assert anatomy.parts.labels["lm_head.weight"] == anatomy.parts.labels["transformer.wte.weight"] == (None, "hidden")
