"""Which shapes are possible, and the sentences for those that are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from transformers import (
    AlbertConfig,
    BartConfig,
    BertConfig,
    BloomConfig,
    DebertaV2Config,
    ElectraConfig,
    GPT2Config,
    LlamaConfig,
    LongformerConfig,
    MobileBertConfig,
    ModernBertConfig,
)

from compressor.errors import CannotCutError, RecipeError
from compressor.recipe import Cut, Student
from compressor.students import Shape, plan, student_config
from compressor.students.shapes import evenly_spaced, shape_of, with_shape
from tests.students.tiny import config


def test_layers_are_evenly_spaced_with_both_ends() -> None:
    assert evenly_spaced(6, 3) == (0, 2, 5)
    assert evenly_spaced(12, 6) == (0, 2, 4, 7, 9, 11)  # as DistilBERT's were
    assert evenly_spaced(12, 4) == (0, 4, 7, 11)
    assert evenly_spaced(24, 2) == (0, 23)
    assert evenly_spaced(6, 1) == (0,)
    assert all(evenly_spaced(n, n) == tuple(range(n)) for n in range(1, 40))


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ("slim", Shape(12, 768, 768, 12, 12)),
        ("half", Shape(6, 768, 3072, 12, 12)),
        ("third", Shape(4, 768, 3072, 12, 12)),
        ("quarter", Shape(3, 768, 3072, 12, 12)),
        ("small", Shape(4, 512, 2048, 8, 8)),
        ("mini", Shape(4, 256, 1024, 4, 4)),
        ("tiny", Shape(2, 128, 512, 2, 2)),
    ],
)
def test_presets_of_bert_base_have_the_miniatures_shapes(size: str, shape: Shape) -> None:
    assert plan(BertConfig(), Student(size=size)) == shape


def test_slim_leaves_out_neurons_alone_where_there_are_some_to_leave_out() -> None:
    llama = LlamaConfig(num_hidden_layers=3, intermediate_size=500)
    assert plan(llama, Student(size="slim")) == replace(shape_of(llama), intermediate=128)
    for teacher in (MobileBertConfig(), BloomConfig()):
        with pytest.raises(CannotCutError, match="Choose half, third or quarter in place of 'slim'"):
            plan(teacher, Student(size="slim"))


def test_presets_of_llama_keep_whole_groups_and_the_head_size() -> None:
    teacher = LlamaConfig(hidden_size=2048, num_attention_heads=32, num_key_value_heads=8, intermediate_size=8192)
    shape = plan(teacher, Student(size="small"))
    assert (shape.kv_heads, shape.heads) == (5, 20)
    assert shape.hidden % 20 == 0 and shape.hidden % 64 == 0 and shape.intermediate % 64 == 0
    made = student_config(teacher, shape)
    assert (made.head_dim, made.num_key_value_heads, made.hidden_size) == (64, 5, shape.hidden)


def test_electra_never_comes_as_wide_as_its_embeddings() -> None:
    teacher = ElectraConfig(embedding_size=128, hidden_size=256, num_attention_heads=4)
    widths = {plan(teacher, Student(size=size)).hidden for size in ("small", "mini", "tiny")}
    assert 128 not in widths and 256 not in widths
    with pytest.raises(RecipeError, match="projection would be lost"):
        plan(teacher, Student(cut=Cut(hidden=128)))


def test_lists_with_an_entry_per_layer_follow_the_layers() -> None:
    modern = ModernBertConfig(num_hidden_layers=6, global_attn_every_n_layers=3)
    assert modern.layer_types == ["full_attention", *["sliding_attention"] * 2] * 2
    made = student_config(modern, plan(modern, Student(size="half")))
    assert made.layer_types == ["full_attention", "sliding_attention", "sliding_attention"]  # layers 0, 2, 5
    assert modern.num_hidden_layers == 6 and len(modern.layer_types) == 6
    longformer = LongformerConfig(num_hidden_layers=4, attention_window=[2, 4, 6, 8])
    assert with_shape(longformer, shape_of(longformer), (0, 3)).attention_window == [2, 8]


def test_other_lists_of_that_length_stay() -> None:
    teacher = DebertaV2Config(num_hidden_layers=2, relative_attention=True, pos_att_type=["p2c", "c2p"])
    assert student_config(teacher, plan(teacher, Student(size="half"))).pos_att_type == ["p2c", "c2p"]


def test_numbers_of_layers_are_renumbered() -> None:
    from transformers import Qwen2MoeConfig

    teacher = Qwen2MoeConfig(num_hidden_layers=6, mlp_only_layers=[2, 3])
    assert with_shape(teacher, shape_of(teacher), (0, 2, 5)).mlp_only_layers == [1]


@pytest.mark.parametrize(
    ("teacher", "sentence"),
    [
        (AlbertConfig(num_hidden_layers=4, hidden_size=64, num_attention_heads=4), "run one layer several times"),
        (BartConfig(), "an encoder and a decoder"),
    ],
)
def test_architectures_that_cannot_be_cut_say_why_and_what_is_left(teacher: object, sentence: str) -> None:
    with pytest.raises(CannotCutError, match=sentence) as raised:
        plan(teacher, Student(size="half"))
    assert "can still be quantized" in str(raised.value)


def test_a_width_that_cannot_be_cut_leaves_the_depth() -> None:
    teacher = MobileBertConfig(num_hidden_layers=4, vocab_size=50)
    assert plan(teacher, Student(size="half")).layers == 2
    for student in (Student(size="small"), Student(cut=Cut(hidden=256))):
        with pytest.raises(
            CannotCutError, match=r"width of this mobilebert model cannot be cut, because .*its depth can"
        ):
            plan(teacher, student)
    assert plan(teacher, Student(cut=Cut(layers=3))).layers == 3


def test_one_layer_cannot_be_halved() -> None:
    with pytest.raises(CannotCutError, match="has one layer"):
        plan(config("bert", num_hidden_layers=1), Student(size="half"))


def test_one_narrow_head_cannot_be_cut() -> None:
    with pytest.raises(CannotCutError, match="among 1 key-value head, and whole ones"):
        plan(config("bert", num_attention_heads=1), Student(size="mini"))


def test_own_numbers_fill_in_the_teachers() -> None:
    teacher = BertConfig()
    assert plan(teacher, Student(cut=Cut(layers=5))) == Shape(5, 768, 3072, 12, 12)
    assert plan(teacher, Student(cut=Cut(hidden=320, intermediate=1000))) == Shape(12, 320, 1000, 5, 5)
    llama = LlamaConfig(hidden_size=512, num_attention_heads=8, num_key_value_heads=4, num_hidden_layers=2)
    assert plan(llama, Student(cut=Cut(kv_heads=2))) == Shape(2, 512, 11008, 4, 2)


def test_all_problems_of_own_numbers_are_said_at_once() -> None:
    with pytest.raises(RecipeError) as raised:
        plan(BertConfig(), Student(cut=Cut(layers=13, hidden=300, intermediate=4000, kv_heads=20)))
    text = "\n".join(raised.value.problems)
    assert len(raised.value.problems) == 4
    assert "layers is 13, and the teacher has 12: choose a number from 1 to 12" in text
    assert "hidden is 300, which is not a multiple of 64 (the size of an attention head): choose 256 or 320" in text
    assert "intermediate is 4000" in text and "kv_heads is 20" in text


@pytest.mark.parametrize(
    ("teacher", "cut", "sentence"),
    [
        (BertConfig(), Cut(hidden=384, kv_heads=12), "384 is 6 of them. Leave kv_heads out, or set hidden to 768"),
        (BertConfig(), Cut(layers=12, hidden=768), "leaves the teacher as it is"),
        (BertConfig(), Cut(intermediate=1001), "not a multiple of 8 .*: choose 1000 or 1008"),
        (LlamaConfig(num_hidden_layers=1), Cut(hidden=4010), "not a multiple of 32 .the number of attention heads"),
        (BertConfig(), Cut(hidden=32), "choose 64"),
    ],
)
def test_own_numbers_that_do_not_fit(teacher: object, cut: Cut, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        plan(teacher, Student(cut=cut))


def test_the_task_follows_from_the_config() -> None:
    teacher = GPT2Config(n_layer=4, n_embd=64, n_head=4, vocab_size=50, architectures=["GPT2LMHeadModel"])
    assert plan(teacher, Student(size="half")).layers == 2
