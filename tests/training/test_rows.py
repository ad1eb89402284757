"""Batches: padding, order, and a sampler that a resume cannot disturb."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Dataset, List, Value, concatenate_datasets

from compressor.tasks.batching import HELD, batches
from compressor.training.rows import BucketSampler, Collate, Rows


def encoded(rows=97, seed=0):
    random = np.random.default_rng(seed)
    ids = [random.integers(5, 50, n).tolist() for n in random.integers(3, 40, rows)]
    return Dataset.from_dict(
        {
            "input_ids": ids,
            "length": [len(x) for x in ids],
            "labels": [i % 3 for i in range(rows)],
            "row": list(range(rows)),
        }
    )


def test_batches_come_longest_first_and_cover_every_row_once():
    data, seen, widths = encoded(), [], []
    for index, batch in batches(data, pad_id=1, batch_size=8):
        seen += index.tolist()
        widths.append(batch["input_ids"].shape[1])
        for i, row in enumerate(index.tolist()):
            ids = data[row]["input_ids"]
            assert batch["input_ids"][i, : len(ids)].tolist() == ids
            assert set(batch["input_ids"][i, len(ids) :].tolist()) <= {1}
            assert batch["attention_mask"][i].sum() == len(ids)
    assert sorted(seen) == list(range(97))
    assert widths == sorted(widths, reverse=True)


def test_sampler_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(3, 60, 1000)

    def order(seed, epoch):
        sampler = BucketSampler(lengths, 16, seed)
        sampler.set_epoch(epoch)
        torch.manual_seed(np.random.randint(1000))  # the global state must not matter
        return list(sampler)

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert sorted(order(0, 1)) == list(range(1000))


def test_sampler_leaves_little_padding_and_keeps_a_short_batch_for_the_end():
    lengths = np.random.default_rng(0).integers(3, 60, 1003)
    order = np.array(list(BucketSampler(lengths, 16, 0)))
    groups = [lengths[order[i : i + 16]] for i in range(0, 1003, 16)]
    padded = sum(len(g) * g.max() for g in groups)
    assert padded < 1.1 * lengths.sum()
    assert len(groups[-1]) == 1003 % 16


def test_lengths_are_rounded_up_but_never_beyond_the_longest_row_there_is():
    """A model of 30 positions has none for a row of 32."""
    data = Dataset.from_dict({"input_ids": [[5] * n for n in (3, 9, 30)], "length": [3, 9, 30]})
    rows, collate = Rows(data), Collate(0, most=30)

    def widths(*multiple):
        return [batch["input_ids"].shape[1] for _, batch in batches(data, 0, 1, *multiple)]

    assert [collate([rows[i]])["input_ids"].shape[1] for i in range(3)] == [8, 16, 30]
    assert widths(8) == [30, 16, 8]
    assert widths() == [30, 9, 3]


def test_collated_batch_carries_each_rows_own_teacher_and_label():
    data = encoded()
    teacher = np.arange(97 * 3, dtype=np.float32).reshape(97, 3)
    rows = Rows(data, teacher)
    batch = Collate(pad_id=0)([rows[5], rows[70]])
    assert torch.equal(batch["teacher"], torch.from_numpy(teacher[[5, 70]]))
    assert batch["labels"].tolist() == [5 % 3, 70 % 3]
    with pytest.raises(ValueError, match="96 rows of teacher logits for 97"):
        Rows(data, teacher[:96])


def test_rows_are_held_as_numbers_in_whatever_pieces_and_order_they_come():
    whole = concatenate_datasets([encoded(40, 1), encoded(57, 2)])
    types = [[0] * (length // 2) + [1] * (length - length // 2) for length in whole["length"]]
    whole = whole.add_column("token_type_ids", types).cast_column("token_type_ids", List(Value("int8")))
    picked = whole.shuffle(seed=3).select(range(5, 90))
    rows = Rows(picked)
    for i, row in enumerate(picked):
        assert rows[i]["input_ids"].tolist() == row["input_ids"]
        assert rows[i]["token_type_ids"].tolist() == row["token_type_ids"]
        assert (int(rows[i]["labels"]), int(rows.lengths[i])) == (row["labels"], row["length"])
    assert sum(column.numbers.nbytes for column in rows.columns.values()) == HELD * rows.lengths.sum()


def test_a_row_may_have_several_labels_or_be_empty():
    data = Dataset.from_dict(
        {"input_ids": [[], [5, 6], []], "length": [0, 2, 0], "labels": [[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]}
    )
    rows = Rows(data)
    assert [len(rows[i]["input_ids"]) for i in range(3)] == [0, 2, 0]
    assert rows.labels.tolist() == data["labels"][:]
