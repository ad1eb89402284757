"""What a student learns of its teacher's layers, besides the answers (hints: Romero et al. 2015, FitNets, arXiv 1412.6550).

`hidden`: the states of every token, for students that are as wide as their teacher (Sun et al. 2019, arXiv 1908.09355; Jiao et
al. 2020, TinyBERT, arXiv 1909.10351).

`relations`: how the tokens of a text stand to one another, the cosine of each pair of their states. A narrow student cannot have
its teacher's states, but it can have these. After MiniLM (Wang et al. 2020, arXiv 2002.10957; 2021, arXiv 2012.15828), which
relates queries, keys and values of the last layer, and relational knowledge distillation (Park et al. 2019, arXiv 1904.05068).

Both need to know nothing of the architecture. They are taken down once, in the teacher's pass over the rows, and lie on a disk.
"""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from compressor.system.whole import fresh

if TYPE_CHECKING:
    import torch

MOST_BYTES = 2_000_000_000
"""Of one kind of hints on the disk."""
LARGEST = 65504.0
"""In float16."""


class Kind(ABC):
    """One kind of hints: [tokens, columns] of a text in a layer."""

    name: ClassVar[str]
    weight: ClassVar[float]
    """Of its loss beside the others (tests/benchmarks/README.md)."""
    tokens: ClassVar[tuple[int, ...]]
    """Tokens of a text that are taken, from its beginning: the most that `MOST_BYTES` has room for."""
    whole: ClassVar[bool]
    """Whether it needs every token of the last layer, also where the answer is read from the first alone."""

    @abstractmethod
    def columns(self, tokens: np.ndarray, width: int) -> np.ndarray:
        """How many numbers there are of each token, in texts of so many tokens: int64 [rows]."""

    @abstractmethod
    def of(self, states: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width] → float32 [batch, tokens, columns]."""

    @abstractmethod
    def scale(self, squares: torch.Tensor) -> torch.Tensor | float:
        """What mean squared differences are held against, given the mean square of the teacher's own numbers."""

    def loss(self, states: Sequence[torch.Tensor], teacher: torch.Tensor) -> torch.Tensor:
        """Mean squared difference to the teacher's hints, over all layers: a scalar, with its weight.

        Args:
            states: the student's hidden states, the embeddings first: [batch, length, width] each.
            teacher: float16 [batch, layers, tokens, columns], one layer for each of the student's; nan where there is nothing.
        """
        import torch

        total = torch.zeros((), device=teacher.device)
        for i in range(teacher.shape[1]):
            mine = self.of(states[i + 1][:, : teacher.shape[2]])
            # The last layer may have been computed for the first token alone.
            theirs = teacher[:, i, : mine.shape[1]].float()
            there = ~theirs.isnan()
            theirs, count = theirs.nan_to_num(), there.sum().clamp_min(1)
            gap = ((mine - theirs) ** 2 * there).sum() / count
            total = total + gap / self.scale((theirs**2).sum() / count)
        return self.weight * total / teacher.shape[1]

    def layout(self, lengths: np.ndarray, tokens: int, layers: int, width: int) -> tuple[np.ndarray, ...]:
        """(tokens of each row, columns of each row, where its numbers start): int64 [rows], [rows], and [rows + 1], whose last
        is how many there are in all."""
        sizes = np.minimum(lengths, tokens).astype(np.int64)
        columns = self.columns(sizes, width)
        return sizes, columns, np.concatenate([[0], np.cumsum(layers * sizes * columns)])

    def room(self, lengths: np.ndarray, layers: int, width: int) -> int | None:
        """Tokens of each text that there is room for; None where not even the fewest. int [rows]."""
        for tokens in self.tokens:
            if 2 * int(self.layout(lengths, tokens, layers, width)[-1][-1]) <= MOST_BYTES:
                return tokens
        return None


class Hidden(Kind):
    name, weight, whole = "hidden", 1.0, False
    tokens = (128, 64, 32, 16, 8, 4, 1)

    def columns(self, tokens: np.ndarray, width: int) -> np.ndarray:
        return np.full_like(tokens, width)

    def of(self, states: torch.Tensor) -> torch.Tensor:
        return states.float()

    def scale(self, squares: torch.Tensor) -> torch.Tensor:
        return squares.clamp_min(1e-6)


class Relations(Kind):
    name, weight, whole = "relations", 10.0, True
    tokens = (128, 64, 32)

    def columns(self, tokens: np.ndarray, width: int) -> np.ndarray:
        return tokens

    def of(self, states: torch.Tensor) -> torch.Tensor:
        import torch.nn.functional as F

        unit = F.normalize(states.float(), dim=-1)
        return unit @ unit.transpose(1, 2)

    def scale(self, squares: torch.Tensor) -> float:
        return 1.0


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Hidden(), Relations())}


def matched(teacher: int, student: int) -> tuple[int, ...]:
    """Of a teacher's so many layers, the one that each of the student's is held against: evenly spaced, the last by the last.
    Layers are counted from 1: 0 is the embeddings."""
    return tuple(round((i + 1) * teacher / student) for i in range(student))


class Hints:
    """The teacher's hints for every row, on disk: float16 [layers, tokens, columns] a row."""

    def __init__(self, folder: Path, lengths: np.ndarray):
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        self.kind = KINDS[facts["kind"]]
        self.layers: tuple[int, ...] = tuple(facts["layers"])
        layout = self.kind.layout(lengths, facts["tokens"], len(self.layers), facts["width"])
        self._sizes, self._columns, self._starts = layout
        self._pick: list[int] | None = None
        self._values = np.load(folder / "values.npy", mmap_mode="r")
        if len(self._values) < self._starts[-1]:  # the first rows lie as they do among all
            raise ValueError("these hints are of other rows")

    def of(self, layers: Sequence[int]) -> Hints:
        """The same for some of the layers."""
        other = copy.copy(self)
        other._pick = [self.layers.index(layer) for layer in layers]
        return other

    def __getitem__(self, row: int) -> np.ndarray:
        found = self._values[self._starts[row] : self._starts[row + 1]]
        found = found.reshape(len(self.layers), int(self._sizes[row]), int(self._columns[row]))
        return np.asarray(found if self._pick is None else found[self._pick])


class Writer:
    """Fills a folder with hints, batch by batch in any order; whole when its body ends."""

    def __init__(self, folder: Path, kind: Kind, lengths: np.ndarray, layers: Sequence[int], tokens: int, width: int):
        self.kind, self.layers, self.tokens = kind, tuple(layers), tokens
        self._sizes, self._columns, self._starts = kind.layout(lengths, tokens, len(self.layers), width)
        self._facts = {"kind": kind.name, "layers": self.layers, "tokens": tokens, "width": width}
        self._fresh = fresh(folder)

    def __enter__(self) -> Writer:
        part = self._fresh.__enter__()
        part.mkdir()
        (part / "facts.json").write_text(json.dumps(self._facts), encoding="utf-8")
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
        taken = [self.kind.of(states[layer][:, : self.tokens]).clamp(-LARGEST, LARGEST) for layer in self.layers]
        found = np.stack([hints.cpu().numpy() for hints in taken], 1)
        for i, row in enumerate(rows.tolist()):
            n, columns = int(self._sizes[row]), int(self._columns[row])
            self._values[self._starts[row] : self._starts[row + 1]] = found[i, :, :n, :columns].reshape(-1)


def together(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Hints of a batch's rows, float16 [layers, tokens, columns] each → [batch, layers, most tokens, most columns], nan beyond a
    row's own."""
    layers = rows[0].shape[0]
    most = tuple(max(row.shape[axis] for row in rows) for axis in (1, 2))
    found = np.full((len(rows), layers, *most), np.nan, np.float16)
    for i, row in enumerate(rows):
        found[i, :, : row.shape[1], : row.shape[2]] = row
    return found
