"""A real training of a tiny model: it learns, keeps what is frozen, keeps the best, and survives a cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Dataset

from compressor import models, tasks
from compressor.errors import RunCancelledError
from compressor.training.teacher import teacher_logits
from compressor.training.trainer import Options, train
from tests import tiny

TASK = tasks.get("text-classification")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tiny.bert(tmp_path_factory.mktemp("model") / "bert")
    tokenizer = models.load_tokenizer(folder)
    splits = []
    for rows, seed in ((160, 1), (60, 2)):
        made, labels = tiny.texts(rows, seed)
        splits.append(TASK.encode(tokenizer, Dataset.from_dict({"text": made, "label": labels}), 32))
    return folder, splits[0], splits[1]


def fresh(folder):
    return models.load_model(folder, TASK, dtype=torch.float32)


def options(**changes):
    return Options(**({"epochs": 4, "learning_rate": 2e-3, "batch_size": 16, "patience": 99} | changes))


def test_it_learns_and_leaves_the_best_weights(data, tmp_path):
    folder, rows, validation = data
    model, seen = fresh(folder), []
    frozen = {"bert.embeddings.word_embeddings.weight"}
    before = model.bert.embeddings.word_embeddings.weight.clone()
    trained = train(
        model, TASK, rows, validation, pad_id=0, options=options(epochs=6), folder=tmp_path, frozen=frozen,
        progress=lambda stage, done, total, **metrics: seen.append((stage, done, total, metrics)),
    )  # fmt: skip
    assert trained.best_quality > 0.9
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, before)
    outputs = teacher_logits(model, validation, 0)
    assert TASK.qualities(outputs, validation)[0].value == pytest.approx(trained.best_quality, abs=0.02)
    qualities = [m["quality"] for *_, m in seen if "quality" in m]
    assert max(qualities) == pytest.approx(trained.best_quality)
    assert any("loss" in m for *_, m in seen)
    assert seen[-1][1:3] == (60, 60)


def test_a_student_follows_its_teacher_without_any_labels(data, tmp_path):
    folder, rows, validation = data
    teacher = fresh(folder)
    train(teacher, TASK, rows, validation, pad_id=0, options=options(), folder=tmp_path / "t", stage="fine-tune")
    answers, held_out = teacher_logits(teacher, rows, 0), teacher_logits(teacher, validation, 0)
    student = fresh(tiny.bert(tmp_path / "other", seed=5))
    trained = train(
        student, TASK, rows.remove_columns("labels"), validation.remove_columns("labels"), pad_id=0,
        options=options(epochs=6), folder=tmp_path / "s", teacher=answers, validation_teacher=held_out,
    )  # fmt: skip
    said = teacher_logits(student, validation, 0).argmax(1)
    assert (said == held_out.argmax(1)).mean() > 0.85
    assert trained.best_quality == pytest.approx((said == held_out.argmax(1)).mean(), abs=0.02)


def test_a_training_cut_within_an_epoch_ends_with_the_same_weights(data, tmp_path):
    folder, rows, validation = data

    def weights(cut_at, where):
        def cut(stage, done, total, **metrics):
            if cut_at and done >= cut_at:
                raise RunCancelledError("stop")

        for attempt in (cut, lambda *a, **k: None):
            model = fresh(folder)
            try:
                train(model, TASK, rows, validation, pad_id=0, options=options(), folder=where, progress=attempt)
                return model.state_dict()
            except RunCancelledError:
                cut_at = None
        raise AssertionError("it was cut twice")

    whole, resumed = weights(None, tmp_path / "whole"), weights(27, tmp_path / "cut")
    assert list((tmp_path / "cut").glob("checkpoint-*"))
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_teacher_logits_are_in_row_order_and_drop_inputs_that_the_model_does_not_take(data, tmp_path):
    folder, rows, _ = data
    model = fresh(folder)
    together = teacher_logits(model, rows, 0, batch_size=7)
    alone = np.concatenate([teacher_logits(model, rows.select([i]), 0) for i in (0, 50, 159)])
    assert together[[0, 50, 159]] == pytest.approx(alone, abs=2e-2)


@pytest.mark.parametrize("state", [None, "", '{"global_step": 1'])
def test_a_checkpoint_cut_off_while_it_was_written_does_not_stop_a_training_for_good(data, tmp_path, state):
    folder, rows, validation = data
    broken = tmp_path / "checkpoint-7"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"half of it")
    if state is not None:
        (broken / "trainer_state.json").write_text(state)
    trained = train(
        fresh(folder), TASK, rows, validation, pad_id=0, options=options(epochs=0.2), folder=tmp_path
    )  # fmt: skip
    assert trained.steps == 2
    assert not broken.exists()
