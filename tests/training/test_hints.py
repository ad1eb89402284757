"""What the teacher's layers say: taken down once, read back a row at a time, and learned by its students."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import CanineConfig, CanineForSequenceClassification

from compressor import models, tasks
from compressor.training import hints
from compressor.training.hints import KINDS, Hints, Writer, matched, together
from compressor.training.rows import Collate, Rows
from compressor.training.teacher import gives_states, teacher_logits
from compressor.training.trainer import Options, train
from tests import tiny

pytestmark = pytest.mark.training

TASK = tasks.get("text-classification")


HIDDEN, RELATIONS = KINDS["hidden"], KINDS["relations"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """(teacher's folder, encoded rows, its logits, its hints by kind)."""
    folder = tiny.bert(tmp_path_factory.mktemp("model") / "bert")
    made, labels = tiny.texts(60, 1)
    rows = TASK.encode(models.load_tokenizer(folder), Dataset.from_dict({"text": made, "label": labels}), 32)
    model = models.load_model(folder, TASK, dtype=torch.float32)
    lengths, out = np.asarray(rows["length"][:]), tmp_path_factory.mktemp("hints")
    layers, width = range(1, model.config.num_hidden_layers + 1), model.config.hidden_size
    with contextlib.ExitStack() as writers:
        opened = [
            writers.enter_context(Writer(out / name, kind, lengths, layers, 8, width)) for name, kind in KINDS.items()
        ]
        logits = teacher_logits(model, rows, 0, batch_size=16, hints=opened)
    return folder, rows, logits, {name: Hints(out / name, lengths) for name in KINDS}


def states_of(model, batch):
    with torch.inference_mode():
        return model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
        ).hidden_states


def test_each_of_the_students_layers_is_held_against_one_of_the_teachers():
    assert matched(6, 3) == (2, 4, 6)
    assert matched(6, 2) == (3, 6)
    assert matched(12, 1) == (12,)
    assert matched(4, 4) == (1, 2, 3, 4)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_read_is_what_the_layers_said(taught, kind):
    folder, rows, logits, found = taught
    kept = found[kind.name]
    model = models.load_model(folder, TASK, dtype=torch.float32)
    plain = teacher_logits(model, rows, 0, batch_size=16)
    assert np.abs(plain - logits).max() < 0.05, "the pass that takes them down answers alike"
    for row in (0, 17, 59):
        ids = torch.tensor([rows[row]["input_ids"]])
        states = states_of(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        n = min(8, ids.shape[1])
        assert kept[row].shape == (len(states) - 1, n, n if kind is RELATIONS else model.config.hidden_size)
        for layer, state in enumerate(states[1:]):
            mine = kind.of(state[:, :8])[0].numpy()
            assert np.abs(kept[row][layer] - mine).max() < 0.02 * max(1, np.abs(mine).max()), "16 bits in between"
    last = kept.of([len(kept.layers)])
    assert np.array_equal(last[3], kept[3][-1:])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_loss_is_nothing_for_the_teacher_itself_and_padding_does_not_count(taught, kind):
    folder, rows, logits, found = taught
    kept = found[kind.name]
    model = models.load_model(folder, TASK, dtype=torch.float32)
    data = Rows(rows, logits, kept)
    some = [data[i] for i in (0, 5, 9)]
    for picked in (some, some[:1]):
        batch = Collate(0)(picked)
        assert batch["hints"].shape[:2] == (len(picked), len(kept.layers))
        states = states_of(model, batch)
        mine = float(kind.loss(states, batch["hints"]))
        noise = [s + torch.randn_like(s) for s in states]
        assert mine < 1e-3 < 0.1 < float(kind.loss(noise, batch["hints"]))
        beyond = [s.clone() for s in states]
        for state in beyond:
            state[batch["attention_mask"] == 0] = 9.0
        assert float(kind.loss(beyond, batch["hints"])) == pytest.approx(mine, abs=1e-6)
    wide = together([np.ones((1, 2, 2), np.float16), np.ones((1, 5, 5), np.float16)])
    assert wide.shape == (2, 1, 5, 5) and np.isnan(wide[0, 0, 2:]).all() and not np.isnan(wide[1]).any()


def test_a_last_layer_of_the_first_token_alone_is_held_against_that(taught):
    folder, rows, logits, found = taught
    model = models.load_model(folder, TASK, dtype=torch.float32)
    batch = Collate(0)([Rows(rows, logits, found["hidden"])[i] for i in (0, 5, 9)])
    *states, last = states_of(model, batch)
    assert float(HIDDEN.loss([*states, last[:, :1]], batch["hints"])) < 1e-3
    wrong = float(HIDDEN.loss([*states, -last[:, :1]], batch["hints"]))
    assert wrong == pytest.approx(4 / len(found["hidden"].layers), rel=0.05), (
        "its square is four times the teacher's own"
    )


def learned(taught, kept, narrow, folder, rows):
    """A student's states in a batch of all rows, once it has learned; and the batch."""
    teacher, _, logits, _ = taught
    torch.manual_seed(0)
    config = models.load_config(teacher)
    config.num_hidden_layers = 1
    if narrow:
        config.hidden_size, config.num_attention_heads, config.intermediate_size = 16, 2, 32
    student = models.build(config, TASK, "cpu")
    options = Options(epochs=12, learning_rate=3e-3, batch_size=16, patience=99, alpha=0.0)
    train(student, TASK, rows, rows, pad_id=0, options=options, folder=folder, teacher=logits, hints=kept)
    return student


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_student_learns_them(taught, tmp_path, kind):
    _, rows, _, found = taught
    kept = found[kind.name].of([len(found[kind.name].layers)])
    batch = Collate(0)([Rows(rows, None, kept)[i] for i in range(60)])
    losses = {}
    for name, given in (("with", kept), ("without", None)):
        student = learned(taught, given, kind is RELATIONS, tmp_path / name, rows)
        *states, last = states_of(student, batch)
        seen = last if kind is RELATIONS else last[:, :1]  # what the answer is read from, and what was learned
        losses[name] = float(kind.loss([*states, seen], batch["hints"]))
    assert losses["with"] < 0.5 * losses["without"], losses


def test_long_texts_are_taken_at_their_beginning_or_not_at_all(monkeypatch):
    lengths = np.full(1000, 512)
    assert RELATIONS.room(lengths, 3, 384) == HIDDEN.room(lengths, 3, 384) == 128
    monkeypatch.setattr(hints, "MOST_BYTES", 2 * 3 * 1000 * 64 * 64)
    assert RELATIONS.room(lengths, 3, 384) == 64 and HIDDEN.room(lengths, 3, 384) == 8
    monkeypatch.setattr(hints, "MOST_BYTES", 1000)
    assert RELATIONS.room(lengths, 3, 384) is HIDDEN.room(lengths, 3, 384) is None


def test_a_teacher_whose_layers_shorten_the_text_is_told_apart(taught):
    folder, rows, _, _ = taught
    assert gives_states(models.load_model(folder, TASK, dtype=torch.float32), rows, 0)
    config = CanineConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_hash_functions=2,
        num_hash_buckets=64, max_position_embeddings=64,
    )  # fmt: skip
    canine = CanineForSequenceClassification(config).eval()
    ids = [[7] * (20 + i) for i in range(8)]
    letters = Dataset.from_dict({"input_ids": ids, "length": [len(row) for row in ids]})
    assert not gives_states(canine, letters, 0)
    assert not gives_states(canine, letters.select([]), 0)
