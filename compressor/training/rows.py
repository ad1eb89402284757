"""Tokenized rows as a torch data set: sampled in buckets of like length, padded a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from datasets import Dataset as Table
from torch.utils.data import Dataset, Sampler

from compressor.tasks.batching import INPUTS, STEP, pad, takes
from compressor.training.hints import Hints, together

if TYPE_CHECKING:
    import pyarrow as pa

BUCKET = 50
"""Batches that are sorted by length together: enough to leave almost no padding, few enough to stay random."""


class Lists:
    """A column of lists of whole numbers as one array, of which each row is a part: `HELD` bytes a token, where Python's lists
    take 44."""

    def __init__(self, column: pa.ChunkedArray):
        numbers = _flat(column)
        self.numbers = numbers.astype(np.int32, copy=False) if numbers.itemsize > 4 else numbers
        lengths = [chunk.value_lengths().to_numpy(zero_copy_only=False) for chunk in column.chunks]
        self.ends = np.concatenate([[0], *lengths]).astype(np.int64).cumsum()

    def __getitem__(self, row: int) -> np.ndarray:
        return self.numbers[self.ends[row] : self.ends[row + 1]]


class Rows(Dataset[dict[str, Any]]):
    """The rows of a split with what the losses need, held in memory: numbers and nothing else, however long the data.

    Args:
        encoded: a task's encoded rows (`input_ids`, `length`, perhaps `labels`).
        teacher: the teacher's logits, float32 [rows, labels], or None.
        hints: the teacher's, of the layers that the student's are held against, or None.
    """

    def __init__(self, encoded: Table, teacher: np.ndarray | None = None, hints: Hints | None = None):
        if teacher is not None and len(teacher) != len(encoded):
            raise ValueError(f"{len(teacher)} rows of teacher logits for {len(encoded)} rows of data")
        self.columns = {name: Lists(_column(encoded, name)) for name in INPUTS if name in encoded.column_names}
        self.labels = _labels(_column(encoded, "labels")) if "labels" in encoded.column_names else None
        self.lengths = np.asarray(_column(encoded, "length"), dtype=np.int64)
        self.teacher, self.hints = teacher, hints

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = {name: column[index] for name, column in self.columns.items()}
        if self.labels is not None:
            row["labels"] = self.labels[index]
        if self.teacher is not None:
            row["teacher"] = self.teacher[index]
        if self.hints is not None:
            row["hints"] = self.hints[index]
        return row


def _column(encoded: Table, name: str) -> pa.ChunkedArray:
    return encoded.select_columns([name]).with_format("arrow")[:].column(name)


def _labels(column: pa.ChunkedArray) -> np.ndarray:
    """[rows], or [rows, labels] where a row has a number for each."""
    if not hasattr(column.type, "value_type"):
        return np.asarray(column)
    return _flat(column).reshape(len(column), -1)


def _flat(lists: pa.ChunkedArray) -> np.ndarray:
    """All numbers of a column of lists, one behind the other."""
    return np.concatenate([chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks])


class Collate:
    """Rows → one padded batch: `input_ids` and `attention_mask` int64 [batch, length], `labels` [batch, …], `teacher` float32
    [batch, labels], `hints` float16 [batch, layers, tokens, columns]. `drop` names inputs that the model does not take
    (DistilBERT has no token types). Lengths are multiples of `STEP`, up to `most`."""

    def __init__(self, pad_id: int, drop: Sequence[str] = (), most: int | None = None):
        self.pad_id, self.drop, self.most = pad_id, tuple(drop), most

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        columns = {k: [row[k] for row in rows] for k in INPUTS if k in rows[0] and k not in self.drop}
        inputs = pad(columns, self.pad_id, STEP, self.most)
        batch = {k: torch.from_numpy(v) for k, v in inputs.items()}
        for name in ("labels", "teacher"):
            if name in rows[0]:
                batch[name] = torch.from_numpy(np.stack([np.asarray(row[name]) for row in rows]))
        if "hints" in rows[0]:
            batch["hints"] = torch.from_numpy(together([row["hints"] for row in rows]))
        return batch


class BucketSampler(Sampler[int]):
    """Row indices such that consecutive batches hold rows of like length, in an order that depends on seed and epoch alone.

    Trainer's own LengthGroupedSampler draws from the global random state, so that a run resumed within an epoch sees
    other batches than an uninterrupted one.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, seed: int):
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader at the start of every epoch, and after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), BUCKET * self.batch_size):
            bucket = order[start : start + BUCKET * self.batch_size]
            bucket = bucket[np.argsort(-self.lengths[bucket], kind="stable")]
            batches += [bucket[i : i + self.batch_size] for i in range(0, len(bucket), self.batch_size)]
        # A batch that is not full goes last: anywhere else it would shift the ones behind it.
        whole = [b for b in batches if len(b) == self.batch_size]
        rest = [b for b in batches if len(b) < self.batch_size]
        random.shuffle(whole)  # type: ignore[arg-type]  # numpy shuffles lists in place
        for batch in whole + rest:
            yield from batch.tolist()


def model_inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a batch that go into the model's forward (not labels, not the teacher's logits)."""
    return {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "token_type_ids")}


def unwanted_inputs(model: torch.nn.Module) -> tuple[str, ...]:
    """Inputs that this model's forward does not take."""
    return tuple(name for name in INPUTS if name not in takes(model))


def some(data: Rows, count: int = 8) -> list[dict[str, Any]]:
    """A few rows of several lengths."""
    order = np.argsort(data.lengths, kind="stable")
    return [data[int(i)] for i in order[:: max(1, len(order) // count)][:count]]
