"""A real training of a tiny model: it learns, keeps what is frozen, keeps the best, and survives a cut."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import TrainerControl, TrainingArguments

from compressor import models, tasks
from compressor.errors import RunCancelledError
from compressor.tasks.text_classification import TextClassification
from compressor.training import checkpoints, trainer
from compressor.training.objective import Objective, labelled_shares
from compressor.training.teacher import teacher_logits
from compressor.training.trainer import Options, train
from tests import tiny

pytestmark = pytest.mark.training

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
    assert trained.quality > 0.9
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, before)
    outputs = teacher_logits(model, validation, 0)
    assert TASK.qualities(outputs, validation)[0].value == pytest.approx(trained.quality, abs=0.02)
    qualities = [m["quality"] for *_, m in seen if "quality" in m]
    assert max(qualities) == pytest.approx(trained.quality)
    assert seen[-1][3] == {"taken": trained.quality}
    assert any("loss" in m for *_, m in seen)
    assert seen[-1][1:3] == (60, 60)


def test_of_weights_that_are_as_good_the_later_are_taken(data, tmp_path, monkeypatch):
    folder, rows, validation = data
    taken, real = [], trainer.load_best
    monkeypatch.setattr(trainer, "_judge", lambda *_: lambda prediction: {"quality": 0.5})
    monkeypatch.setattr(trainer, "load_best", lambda *where: taken.append(where[-1]) or real(*where))
    trained = train(fresh(folder), TASK, rows, validation, pad_id=0, options=options(), folder=tmp_path)
    assert taken == [trained.steps]


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
    assert trained.quality == pytest.approx((said == held_out.argmax(1)).mean(), abs=0.02)


def test_of_a_students_weights_those_that_lie_nearest_to_the_teacher_are_taken(data, tmp_path, monkeypatch):
    """A lucky accuracy early in the training is not what counts."""
    folder, rows, validation = data
    teacher = fresh(folder)
    train(teacher, TASK, rows, validation, pad_id=0, options=options(), folder=tmp_path / "t", stage="fine-tune")
    answers, held_out = teacher_logits(teacher, rows, 0), teacher_logits(teacher, validation, 0)
    told, real = [], TextClassification.value

    def lucky(self, outputs, encoded):
        told.append(outputs)
        return 2.0 if len(told) == 1 else real(self, outputs, encoded)

    monkeypatch.setattr(TextClassification, "value", lucky)
    student = fresh(tiny.bert(tmp_path / "other", seed=5))
    trained = train(
        student, TASK, rows, validation, pad_id=0, options=options(epochs=6, patience=2), folder=tmp_path / "s",
        teacher=answers, validation_teacher=held_out,
    )  # fmt: skip
    assert len(told) > 3 and trained.quality < 2
    order = np.argsort(np.asarray(validation["length"][:]), kind="stable")
    first, taken = told[0] - held_out[order], teacher_logits(student, validation, 0) - held_out
    assert np.square(taken).mean() < 0.8 * np.square(first).mean()


def test_a_training_of_one_step_learns(data, tmp_path):
    folder, rows, validation = data
    model = fresh(folder)
    before = model.classifier.weight.clone()
    few = rows.select(range(16))
    trained = train(model, TASK, few, validation, pad_id=0, options=options(epochs=1), folder=tmp_path)
    assert trained.steps == 1 and (model.classifier.weight - before).abs().max() > 1e-4


@pytest.mark.parametrize(("steps", "warm"), [(2, 0), (9, 0), (10, 1), (200, 20)])
def test_a_rate_is_warmed_up_where_there_are_steps_for_it(steps, warm, tmp_path):
    made = trainer._arguments(options(epochs=1), 16 * steps, 10, tmp_path, by_loss=False)
    assert (made.max_steps, made.get_warmup_steps(made.max_steps)) == (steps, warm)


def test_of_several_gpus_one_is_used(tmp_path, monkeypatch):
    """The others would each get a batch of its own, and the rows be gone over as many times too often."""

    class Several(TrainingArguments):
        def __post_init__(self):
            super().__post_init__()
            self._n_gpu = 4

    monkeypatch.setattr(trainer, "TrainingArguments", Several)
    made = trainer._arguments(options(), 160, 60, tmp_path, by_loss=False)
    assert made.n_gpu == 1 and made.train_batch_size == 16


STEPS = 40
"""4 epochs of 160 rows in batches of 16."""


def run(data, where, *, cut_at=None, model=None, **changes):
    """Train in `where`, and be cut off after a step; the weights then, or None where it was cut."""
    folder, rows, validation = data

    def cut(stage, done, total, **metrics):
        if cut_at is not None and done >= cut_at:
            raise RunCancelledError("stop")

    model = model or fresh(folder)
    try:
        trained = train(model, TASK, rows, validation, pad_id=0, options=options(**changes), folder=where, progress=cut)
    except RunCancelledError:
        return None, None
    return model.state_dict(), trained


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    return run(data, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def every_step(monkeypatch):
    """Progress after each step, not twice a second."""
    monkeypatch.setattr("compressor.training.reporting.SECONDS", 0.0)


@pytest.mark.parametrize(
    ("seconds", "share", "steps", "written"),
    [
        (0.0, 0, (1, 2, 9, 10, 11, 26, 30, 39, 40), True),
        (1e9, 0, (23, 40), True),
        (1e9, 20, (4, 23), False),
    ],
    ids=["a checkpoint a step", "where it evaluates", "too soon for any"],
)
def test_a_training_cut_at_any_step_ends_with_the_same_weights(
    data, whole, tmp_path, every_step, monkeypatch, seconds, share, steps, written
):
    monkeypatch.setattr("compressor.training.checkpoints.SHARE", share)
    for step in steps:
        where = tmp_path / str(step)
        cut, _ = run(data, where, cut_at=step, checkpoint_seconds=seconds)
        assert cut is None
        assert bool(list(where.glob("checkpoint-*/whole"))) == (written and step > 1)
        resumed, trained = run(data, where, checkpoint_seconds=seconds)
        assert same(resumed, whole[0]), f"cut at step {step}"
        assert trained == whole[1]
        shutil.rmtree(where)


@pytest.mark.gpu
def test_on_a_gpu_a_training_cut_within_an_epoch_ends_within_the_stated_tolerance(data, tmp_path, every_step):
    """README: 1e-3 of a weight. Kernels of a GPU may add numbers up in another order each time."""
    whole, _ = run(data, tmp_path / "whole", model=fresh(data[0]).to("cuda"), device="cuda")
    where = tmp_path / "cut"
    assert (
        run(data, where, cut_at=23, model=fresh(data[0]).to("cuda"), device="cuda", checkpoint_seconds=0.0)[0] is None
    )
    resumed, _ = run(data, where, model=fresh(data[0]).to("cuda"), device="cuda", checkpoint_seconds=0.0)
    for name, tensor in whole.items():
        assert torch.allclose(tensor, resumed[name], atol=1e-3), name


def test_a_training_cut_again_and_again_ends_with_the_same_weights(data, whole, tmp_path, every_step):
    for step in range(3, STEPS, 5):
        assert run(data, tmp_path, cut_at=step, checkpoint_seconds=0.0) == (None, None)
        assert len(list(tmp_path.glob("checkpoint-*"))) <= 2  # the newest and the best
    assert same(run(data, tmp_path, checkpoint_seconds=0.0)[0], whole[0])


def test_a_training_that_was_cut_stops_as_early_as_one_that_was_not(data, tmp_path, every_step):
    early = {"learning_rate": 1e-9, "patience": 3, "epochs": 8, "checkpoint_seconds": 0.0}
    weights, trained = run(data, tmp_path / "whole", **early)
    assert trained.stopped_early
    for cut_at in (trained.steps // 2, trained.steps - 1):
        assert run(data, tmp_path / "cut", cut_at=cut_at, **early) == (None, None)
    again, told = run(data, tmp_path / "cut", **early)
    assert told == trained and same(again, weights)


def test_a_training_that_had_stopped_early_does_not_go_on_when_it_is_started_again(data, tmp_path):
    early = {"learning_rate": 1e-9, "patience": 2, "epochs": 8, "checkpoint_seconds": 0.0}
    weights, trained = run(data, tmp_path, **early)
    assert trained.stopped_early and trained.steps < 2 * STEPS
    sealed = [file.stat().st_mtime_ns for file in tmp_path.glob("checkpoint-*/whole")]
    again, told = run(data, tmp_path, **early)
    assert [file.stat().st_mtime_ns for file in tmp_path.glob("checkpoint-*/whole")] == sealed, "no step was done again"
    assert same(again, weights) and told == trained


@pytest.mark.parametrize(("over", "written", "asked"), [(False, False, True), (True, False, False), (True, True, True)])
def test_once_it_is_over_a_training_without_checkpoints_writes_none(over, written, asked):
    """The student itself is written next, in less."""
    callback, control = checkpoints.Checkpoints(), TrainerControl(should_training_stop=over)
    callback.saved, callback.written = time.monotonic() - 1000, written
    callback.on_evaluate(None, None, control)
    assert control.should_save is asked


def test_a_run_folder_that_was_moved_is_resumed(data, whole, tmp_path, every_step):
    run(data, tmp_path / "here", cut_at=27, checkpoint_seconds=0.0)
    (tmp_path / "here").rename(tmp_path / "there")
    assert same(run(data, tmp_path / "there")[0], whole[0])
    assert not (tmp_path / "here").exists()


def test_steps_in_parts_are_the_same_steps(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "has_fast_bf16", lambda device: False)  # whose roundings a step's parts do not share

    def still():
        model = fresh(data[0])
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # which would draw other numbers for other parts
        return model

    one, _ = run(data, tmp_path / "one", model=still())
    parts, trained = run(data, tmp_path / "parts", model=still(), accumulate=4)
    assert trained.steps == STEPS
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), parts[name].float(), atol=1e-3), name


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


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_parts_of_a_step_count_as_many_labels_as_they_have(alpha):
    """Most rows of a student that learns from made-up texts have none, and a part may have none at all."""
    task, draw = tasks.get("text-classification/single"), torch.Generator().manual_seed(0)
    logits, teacher = (torch.randn(32, 3, generator=draw) for _ in range(2))
    labels = torch.randint(3, (32,), generator=draw)
    labels[torch.rand(32, generator=draw) < 0.8] = -100
    assert (labels != -100).sum() > 2
    objective = Objective(task, alpha, 2.0)
    whole = objective(logits, {"labels": labels, "teacher": teacher})
    for parts in (2, 8, 32):
        shares = labelled_shares(labels.chunk(parts))
        pieces = zip(logits.chunk(parts), labels.chunk(parts), teacher.chunk(parts), shares)
        losses = [objective(x, {"labels": y, "teacher": z, "labelled": share}) for x, y, z, share in pieces]
        assert torch.stack(losses).mean() == pytest.approx(float(whole), rel=1e-4), parts
    assert labelled_shares([torch.full((4,), -100)] * 2).tolist() == [0, 0]


def test_several_labels_and_numbers_count_too():
    some = torch.tensor([[1.0, 0.0], [float("nan"), float("nan")]])
    assert labelled_shares([some, some[:1]]).tolist() == [1, 1]
    assert labelled_shares([torch.tensor([0.5, float("nan")]), torch.tensor([float("nan")] * 2)]).tolist() == [2, 0]


def test_a_training_in_parts_weighs_labels_as_one_that_is_whole(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "has_fast_bf16", lambda device: False)
    folder, rows, validation = data
    answers = teacher_logits(fresh(tiny.bert(tmp_path / "other", seed=5)), rows, 0)
    few = rows.remove_columns("labels").add_column(
        "labels", [x if i % 5 == 0 else -100 for i, x in enumerate(rows["labels"])]
    )

    def weights(name, **changes):
        model = fresh(folder)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        train(model, TASK, few, validation, pad_id=0, teacher=answers, folder=tmp_path / name,
              options=options(epochs=1, **changes))  # fmt: skip
        return model.state_dict()

    one, parts = weights("one"), weights("parts", accumulate=8)
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), parts[name].float(), atol=1e-3), name
