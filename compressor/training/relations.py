"""How the tokens of a text stand to one another in a model's layers: the cosine of each pair of their states. A narrow student
cannot have its teacher's states, but it can have these.

After MiniLM (Wang et al. 2020, arXiv 2002.10957; 2021, arXiv 2012.15828), which relates queries, keys and values of the last
layer, and relational knowledge distillation (Park et al. 2019, arXiv 1904.05068). Of states rather than of attention's parts it
needs to know nothing of the architecture, and fits a disk: a row of n tokens has n² numbers a layer, not n · width.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.system.whole import fresh

if TYPE_CHECKING:
    import torch

TOKENS = (128, 64, 32)
"""Tokens of a text that are related, from its beginning: the most that `MOST_BYTES` has room for."""
MOST_BYTES = 2_000_000_000
WEIGHT = 10.0
"""Of this loss beside the others: mean squared differences of cosines are small numbers (tests/benchmarks/README.md)."""


def matched(teacher: int, student: int) -> tuple[int, ...]:
    """Of a teacher's so many layers, the one that each of the student's is held against: evenly spaced, the last by the last.
    Layers are counted from 1: 0 is the embeddings."""
    return tuple(round((i + 1) * teacher / student) for i in range(student))


def room(lengths: np.ndarray, layers: int) -> int | None:
    """Tokens of each text that can be related within `MOST_BYTES`; None where not even the fewest can. int [rows]."""
    for tokens in TOKENS:
        if 2 * int(_layout(lengths, tokens, layers)[1][-1]) <= MOST_BYTES:
            return tokens
    return None


def _layout(lengths: np.ndarray, tokens: int, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """(n of each row, where its numbers start): int64 [rows] and [rows + 1], whose last is how many there are in all."""
    sizes = np.minimum(lengths, tokens).astype(np.int64)
    return sizes, np.concatenate([[0], np.cumsum(layers * sizes**2)])


class Relations:
    """The teacher's relations in every row, on disk: float16 [layers, n, n] a row, n its first tokens."""

    def __init__(self, folder: Path, lengths: np.ndarray):
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        self.layers: tuple[int, ...] = tuple(facts["layers"])
        self.tokens: int = facts["tokens"]
        self._sizes, self._starts = _layout(lengths, self.tokens, len(self.layers))
        self._pick: list[int] | None = None
        self._values = np.load(folder / "values.npy", mmap_mode="r")
        if len(self._values) != self._starts[-1]:
            raise ValueError("these relations are of other rows")

    def of(self, layers: Sequence[int]) -> Relations:
        """The same for some of the layers."""
        other = copy.copy(self)
        other._pick = [self.layers.index(layer) for layer in layers]
        return other

    def __getitem__(self, row: int) -> np.ndarray:
        n = int(self._sizes[row])
        found = self._values[self._starts[row] : self._starts[row + 1]].reshape(len(self.layers), n, n)
        return np.asarray(found if self._pick is None else found[self._pick])


class Writer:
    """Fills a folder with relations, batch by batch in any order; whole when its body ends."""

    def __init__(self, folder: Path, lengths: np.ndarray, layers: Sequence[int], tokens: int):
        self.layers, self.tokens = tuple(layers), tokens
        self._sizes, self._starts = _layout(lengths, tokens, len(self.layers))
        self._fresh = fresh(folder)

    def __enter__(self) -> Writer:
        part = self._fresh.__enter__()
        part.mkdir()
        (part / "facts.json").write_text(json.dumps({"layers": self.layers, "tokens": self.tokens}), encoding="utf-8")
        self._values = np.lib.format.open_memmap(
            part / "values.npy", mode="w+", dtype=np.float16, shape=(int(self._starts[-1]),)
        )
        return self

    def __exit__(self, *error: Any) -> None:
        self._values.flush()
        del self._values
        self._fresh.__exit__(*error)

    def write(self, rows: np.ndarray, states: Sequence[torch.Tensor]) -> None:
        """Hidden states of all layers (0: the embeddings), [batch, length, width] each, of the rows with these indices."""
        found = np.stack([cosines(states[layer][:, : self.tokens]).cpu().numpy() for layer in self.layers], 1)
        for i, row in enumerate(rows.tolist()):
            n = int(self._sizes[row])
            self._values[self._starts[row] : self._starts[row + 1]] = found[i, :, :n, :n].reshape(-1)


def cosines(states: torch.Tensor) -> torch.Tensor:
    """[batch, tokens, width] → float32 [batch, tokens, tokens]."""
    import torch.nn.functional as F

    unit = F.normalize(states.float(), dim=-1)
    return unit @ unit.transpose(1, 2)


def together(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Relations of a batch's rows, float16 [layers, n, n] each → [batch, layers, m, m], nan beyond a row's own; m ≤ `width`."""
    longest = min(max(row.shape[1] for row in rows), width)
    found = np.full((len(rows), rows[0].shape[0], longest, longest), np.nan, np.float16)
    for i, row in enumerate(rows):
        n = min(row.shape[1], longest)
        found[i, :, :n, :n] = row[:, :n, :n]
    return found


def relation_loss(states: Sequence[torch.Tensor], teacher: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of the cosines, a scalar.

    Args:
        states: the student's hidden states, the embeddings first: [batch, length, width] each.
        teacher: float16 [batch, layers, m, m], one layer for each of the student's; nan where there is nothing.
    """
    import torch

    there = ~teacher[:, 0].isnan()
    count = there.sum().clamp_min(1)
    total = torch.zeros((), device=teacher.device)
    for i in range(teacher.shape[1]):
        mine = cosines(states[i + 1][:, : teacher.shape[2]])
        gaps = (mine - teacher[:, i].float().nan_to_num()) ** 2
        total = total + (gaps * there).sum() / count
    return total / teacher.shape[1]


def wanted_layers(teacher: int, students: Sequence[int]) -> tuple[int, ...]:
    """The teacher's layers that students of these depths are held against."""
    return tuple(sorted({layer for depth in students for layer in matched(teacher, depth)}))
