"""What a search may choose from."""

from __future__ import annotations

from transformers import AlbertConfig

from compressor import models
from compressor.recipe import Student
from compressor.search.candidates import TEACHER, candidates
from compressor.students.build import build_student
from compressor.students.presets import plan
from tests.students.tiny import TASK, config


def test_special_tokens_behind_the_words_that_stay_keep_no_size_away():
    """Qwen's padding is one of its last tokens; students know a part of them."""
    teacher = config("qwen2", pad_token_id=98)
    found = candidates(teacher, TASK, ["8bit"], 40)
    assert {"half", "mini", TEACHER} <= {c.size for c in found}
    whole = {c.size: c.bytes["float"] for c in candidates(teacher, TASK, ["8bit"], None) if c.size != TEACHER}
    assert all(c.bytes["float"] < whole[c.size] for c in found if c.size != TEACHER)
    assert teacher.vocab_size == 99 and teacher.pad_token_id == 98


def test_a_teacher_that_cannot_be_cut_may_know_fewer_words():
    teacher = AlbertConfig(
        vocab_size=99,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    assert [c.size for c in candidates(teacher, TASK, [], 40)] == [TEACHER]
    model = models.build(teacher, TASK, "cpu").eval()
    student = build_student(model, plan(teacher, Student(vocabulary=40), TASK), TASK)
    assert all((a == b).all() for a, b in zip(student.parameters(), model.parameters(), strict=True))
