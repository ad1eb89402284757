"""The table of sizes tells the truth about models that do not exist yet."""

from __future__ import annotations

import time

import pytest
from transformers import AlbertConfig, BertConfig, GPT2Config, MobileBertConfig

from compressor import models, tasks
from compressor.arithmetic import WRITTEN_OUT
from compressor.errors import CannotCutError, ModelError
from compressor.recipe import SIZES, Student
from compressor.students import Shape, build_student, plan, shape_row, size_table, teacher_row, training_memory
from tests.students.tiny import ARCHITECTURES, TASK, batch, config, teacher


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_parameters_are_those_of_the_built_student(name: str) -> None:
    model = teacher(name)
    rows = size_table(model.config, TASK)
    assert {"half", "small"} <= {row.size for row in rows}
    for row in rows:
        student = build_student(model, plan(model.config, Student(size=row.size), TASK), TASK, [batch()])
        assert row.parameters == sum(p.numel() for p in student.parameters())
        assert (row.layers, row.hidden) == (student.config.num_hidden_layers, student.config.hidden_size)


def test_the_table_of_bert_base() -> None:
    rows = size_table(BertConfig(), TASK)
    assert tuple(row.size for row in rows) == SIZES
    assert [round(row.parameters / 1e6, 1) for row in rows] == [67.0, 67.0, 52.8, 45.7, 28.8, 11.2, 4.4]
    whole = teacher_row(BertConfig(), TASK)
    assert whole.parameters == 109_483_778 and whole.speedup == 1.0 and whole.layers == 12
    half, slim, *others = (row.speedup for row in rows)
    assert 1.4 < slim < 1.9 < half < 2.1 < others[0] and others == sorted(others) and others[-1] > 50


def test_bytes_follow_from_what_the_formats_quantize() -> None:
    row = teacher_row(BertConfig(), TASK)
    linear = 12 * (4 * 768 * 768 + 2 * 768 * 3072) + 768 * 768  # the layers and the pooler, not the head
    rest = row.parameters - linear
    assert row.bytes["float"] == 2 * row.parameters
    assert linear <= row.bytes["8bit"] - 2 * rest < 1.02 * linear
    assert 0.5 * linear < row.bytes["4bit"] - 2 * rest < 0.54 * linear


def test_language_models_keep_their_head_out_of_the_quantized_part() -> None:
    row = teacher_row(GPT2Config(), tasks.get("text-generation"))
    linear = 12 * 12 * 768 * 768
    assert row.parameters == 124_439_808
    assert linear <= row.bytes["8bit"] - 2 * (row.parameters - linear) < 1.02 * linear


def test_sizes_that_would_be_another_ones_twin_are_left_out() -> None:
    rows = size_table(config("bert", num_hidden_layers=2), TASK)
    assert [row.size for row in rows if row.hidden == 32] == ["half", "slim"]
    assert len({(row.layers, row.hidden, row.intermediate) for row in rows}) == len(rows)


def test_sizes_that_cannot_be_made_are_left_out() -> None:
    rows = size_table(MobileBertConfig(num_hidden_layers=8, vocab_size=50), TASK)
    assert [row.size for row in rows] == ["half", "third", "quarter"]
    with pytest.raises(CannotCutError, match="can still be quantized"):
        size_table(AlbertConfig(num_hidden_layers=4), TASK)
    assert teacher_row(AlbertConfig(num_hidden_layers=4), TASK).parameters > 0


def test_own_numbers_have_a_row_too() -> None:
    row = shape_row(BertConfig(), Shape(3, 384, 1536, 6, 6), TASK)
    assert (row.size, row.layers, row.hidden) == ("cut", 3, 384) and row.speedup > 10


def test_a_config_that_promises_absurdly_many_layers_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match="100000 layers"):
        teacher_row(BertConfig(num_hidden_layers=100_000), TASK)


def test_the_table_is_fast_enough_to_be_shown_while_one_types() -> None:
    size_table(BertConfig(), TASK)
    start = time.process_time()
    size_table(BertConfig(), TASK)
    assert time.process_time() - start < 1.0


def test_memory_of_a_training_grows_with_everything_that_it_holds() -> None:
    whole = BertConfig()
    half, small = (plan(whole, Student(size=size), TASK) for size in ("half", "small"))
    base = training_memory(whole, half, 32, 128, TASK)
    assert training_memory(whole, half, 64, 128, TASK) > 1.4 * base
    assert training_memory(whole, half, 32, 256, TASK) > 1.5 * base
    assert training_memory(whole, small, 32, 128, TASK) < base
    assert training_memory(whole, plan(whole, Student(size="third"), TASK), 32, 128, TASK) < base
    assert training_memory(whole, half, 32, 128, TASK, device="cuda") < base
    # Half of BERT, by hand: weights, gradients and moments of 67 M less the 23 M frozen ones, the teacher in bf16.
    fixed = 4 * 67.0e6 + 12 * (67.0e6 - 30522 * 768) + 2 * 109.5e6
    assert training_memory(whole, half, 1, 1, TASK, device="cuda") == pytest.approx(fixed, rel=0.01)


def test_pairs_of_tokens_are_counted_where_attention_keeps_them() -> None:
    def memory(length: int, dropout: float) -> int:
        config = BertConfig(attention_probs_dropout_prob=dropout)
        return training_memory(config, plan(config, Student(size="half"), TASK), 32, length, TASK)

    assert memory(512, 0.1) - memory(512, 0.0) == 32 * 512 * 12 * 6 * 12 * 512, (
        "a dropout's mask is one of a pair's numbers"
    )
    assert memory(WRITTEN_OUT, 0.1) - memory(WRITTEN_OUT, 0.0) == 32 * WRITTEN_OUT * 4 * 6 * 12 * WRITTEN_OUT
    assert memory(512, 0.0) / memory(256, 0.0) < 2


def test_the_formats_and_the_table_say_the_same() -> None:
    model = models.build(BertConfig(), TASK)
    assert teacher_row(BertConfig(), TASK).parameters == sum(p.numel() for p in model.parameters())
