"""How tokens stand to one another: taken down once, read back a row at a time, and learned by a narrower student."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Dataset

from compressor import models, tasks
from compressor.training import relations
from compressor.training.relations import Relations, Writer, cosines, matched, relation_loss, room, together
from compressor.training.rows import Collate, Rows
from compressor.training.teacher import teacher_logits
from compressor.training.trainer import Options, train
from tests import tiny

TASK = tasks.get("text-classification")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """(teacher's folder, encoded rows, its logits, its relations)."""
    folder = tiny.bert(tmp_path_factory.mktemp("model") / "bert")
    made, labels = tiny.texts(60, 1)
    rows = TASK.encode(models.load_tokenizer(folder), Dataset.from_dict({"text": made, "label": labels}), 32)
    model = models.load_model(folder, TASK, dtype=torch.float32)
    lengths = np.asarray(rows["length"][:])
    out = tmp_path_factory.mktemp("relations") / "relations"
    with Writer(out, lengths, range(1, model.config.num_hidden_layers + 1), 8) as writer:
        logits = teacher_logits(model, rows, 0, batch_size=16, relations=writer)
    return folder, rows, logits, Relations(out, lengths)


def test_each_of_the_students_layers_is_held_against_one_of_the_teachers():
    assert matched(6, 3) == (2, 4, 6)
    assert matched(6, 2) == (3, 6)
    assert matched(12, 1) == (12,)
    assert matched(4, 4) == (1, 2, 3, 4)
    assert relations.wanted_layers(6, [3, 2, 1]) == (2, 3, 4, 6)


def test_what_is_read_is_what_the_layers_said(taught):
    folder, rows, logits, kept = taught
    model = models.load_model(folder, TASK, dtype=torch.float32)
    plain = teacher_logits(model, rows, 0, batch_size=16)
    assert np.abs(plain - logits).max() < 0.05, "the pass that takes them down answers alike"
    for row in (0, 17, 59):
        ids = torch.tensor([rows[row]["input_ids"]])
        with torch.inference_mode():
            states = model(input_ids=ids, output_hidden_states=True).hidden_states
        n = min(8, ids.shape[1])
        assert kept[row].shape == (len(states) - 1, n, n)
        for layer, state in enumerate(states[1:]):
            mine = cosines(state[:, :8])[0].numpy()
            assert np.abs(kept[row][layer] - mine).max() < 0.02, "bfloat16 and float16 in between"
    last = kept.of([len(kept.layers)])
    assert np.array_equal(last[3], kept[3][-1:])


def test_a_loss_is_nothing_for_the_teacher_itself_and_padding_does_not_count(taught):
    folder, rows, logits, kept = taught
    model = models.load_model(folder, TASK, dtype=torch.float32)
    data = Rows(rows, logits, kept)
    some = [data[i] for i in (0, 5, 9)]
    losses = []
    for picked in (some, some[:1]):
        batch = Collate(0)(picked)
        assert batch["relations"].shape[:2] == (len(picked), len(kept.layers))
        with torch.inference_mode():
            states = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
            ).hidden_states
        losses.append(float(relation_loss(states, batch["relations"])))
        noise = [s + torch.randn_like(s) for s in states]
        assert float(relation_loss(noise, batch["relations"])) > 100 * losses[-1]
    assert max(losses) < 1e-4
    wide = together([np.ones((1, 2, 2), np.float16), np.ones((1, 5, 5), np.float16)], 3)
    assert wide.shape == (2, 1, 3, 3) and np.isnan(wide[0, 0, 2]).all() and not np.isnan(wide[1]).any()


def test_a_student_learns_them(taught, tmp_path):
    folder, rows, logits, kept = taught
    found = {}
    for name, given in (("with", kept.of([len(kept.layers)])), ("without", None)):
        torch.manual_seed(0)
        config = models.load_config(folder)
        config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size = (
            1,
            16,
            2,
            32,
        )
        student = models.build(config, TASK, "cpu")
        options = Options(epochs=12, learning_rate=3e-3, batch_size=16, patience=99, alpha=0.0)
        train(
            student,
            TASK,
            rows,
            rows,
            pad_id=0,
            options=options,
            folder=tmp_path / name,
            teacher=logits,
            relations=given,
        )
        batch = Collate(0)([Rows(rows, None, kept.of([len(kept.layers)]))[i] for i in range(60)])
        with torch.inference_mode():
            out = student(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
            )
        found[name] = float(relation_loss(out.hidden_states, batch["relations"]))
    assert found["with"] < 0.5 * found["without"], found


def test_long_texts_are_related_at_their_beginning_or_not_at_all(monkeypatch):
    lengths = np.full(1000, 512)
    assert room(lengths, 3) == 128
    monkeypatch.setattr(relations, "MOST_BYTES", 2 * 3 * 1000 * 64 * 64)
    assert room(lengths, 3) == 64
    monkeypatch.setattr(relations, "MOST_BYTES", 1000)
    assert room(lengths, 3) is None
