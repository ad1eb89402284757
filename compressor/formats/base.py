"""A format makes a variant from a float model and loads it as a runner. What measures and compares sees runners only."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from compressor.errors import ModelError
from compressor.formats.stored import stored_format

if TYPE_CHECKING:
    import numpy as np

    from compressor.tasks.base import Task

Batch = Mapping[str, "np.ndarray"]
"""`input_ids`, `attention_mask` (and `token_type_ids` where the tokenizer makes them), each int64 [batch, length]."""

Rows = Sequence[Batch]
"""Some of the rows that a model learned from, in padded batches: what a format may calibrate itself by."""
Where = Literal["gpu", "cpu", "phone", "web"]
"""Kinds of places where a variant may run: a graphics card, a computer's processor, a phone or a small device, a web page."""


class Runner(Protocol):
    """A loaded variant, whatever runtime is under it. Arrays in, arrays out."""

    device: str
    dtype: str
    threads: int
    parameters: int
    notes: tuple[str, ...]
    """What is to be known of how it runs here: sentences."""

    def predict(self, batch: Batch) -> np.ndarray:
        """Logits: float32 [batch, labels]."""

    def score(self, batch: Batch) -> np.ndarray:
        """Negative log-likelihood (nats) of every next token: float32 [batch, length - 1]; 0 where masked."""

    def generate(self, input_ids: np.ndarray, new_tokens: int) -> np.ndarray:
        """Greedy continuation: input_ids int64 [1, length] → int64 [1, at most new_tokens], the new tokens only."""

    def close(self) -> None:
        """Let go of the memory, the device's too."""


def missing(title: str, *packages: str) -> str | None:
    """The sentence that says which packages have to be installed for something called `title`; None where all are."""
    lacking = [package for package in packages if importlib.util.find_spec(package) is None]
    if not lacking:
        return None
    which = f"package {lacking[0]}, which is" if len(lacking) == 1 else f"packages {' and '.join(lacking)}, which are"
    return f"{title} needs the {which} not installed: pip install {' '.join(lacking)}."


class Format(ABC):
    """One file in this folder, found through the registry in `formats/__init__.py`. Must import without torch."""

    name: ClassVar[str]
    """As the recipe names it: `float`, `8bit`, `4bit`, `onnx` …"""
    title: ClassVar[str]
    """As the page names it: `8-bit`."""
    runtime: ClassVar[str] = "torch"
    extras: ClassVar[tuple[str, ...]] = ()
    """Packages that making it takes and that are not installed with the project."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Packages that loading it imports, beside torch and transformers."""
    runs_on: ClassVar[frozenset[Where]] = frozenset({"cpu"})
    """Where its runtime is at home, whatever this project's runner does: what `results/suiting.py` recommends goes by it."""
    tasks: ClassVar[frozenset[str] | None] = None
    """Names of the tasks whose models it can be made of; None: of all."""

    @abstractmethod
    def unavailable(self, device: str) -> str | None:
        """None where it works on this device (`cpu`, `cuda`), else the sentence that says why not and what to do."""

    @abstractmethod
    def make(self, source: Path, out: Path, task: Task, rows: Rows = ()) -> list[str]:
        """Write the variant made from the plain float model in `source` to the new folder `out`, reload it and check that
        it predicts exactly what the live one did. Returns notes (sentences) for the report.

        Args:
            rows: a few hundred of the rows that were trained on, for formats that calibrate; () where a run has none.

        Raises:
            ModelError: this model cannot take this format, or did not come back as it was.
        """

    @abstractmethod
    def load(self, folder: Path, task: Task, device: str = "cpu", threads: int | None = None) -> Runner:
        """The variant in `folder`, ready to run.

        Raises:
            ModelError: it does not load.
        """

    def check(self, folder: Path, device: str) -> None:
        """Before a variant is loaded. Loading an 8-bit checkpoint with a 4-bit config gives 8 bits without a word, and the
        reverse.

        Raises:
            ModelError: the format does not work here, or the folder is stored in another one.
        """
        if (reason := self.unavailable(device)) is not None:
            raise ModelError(reason)
        if (found := stored_format(folder)) != self.name:
            raise ModelError(f"{folder.name} is stored as {found}, not as {self.name}. Load it as what it is.")

    @abstractmethod
    def bytes(self, linear: int, rest: int) -> int:
        """Predicted bytes of the weights: `linear` parameters in quantizable layers, `rest` in all others."""

    def weights(self, folder: Path) -> list[str]:
        """Names of the files in a variant's folder that hold its weights; [] where they are not whole."""
        from compressor.hub import weight_files

        return weight_files(path.name for path in folder.iterdir() if path.is_file())

    @abstractmethod
    def snippet(self, reference: str, task: Task) -> str:
        """Python that loads the variant from a repo id or folder and runs it once, without this project. Five lines or so;
        ends by printing the result."""

    def browser_snippet(self, reference: str, task: Task) -> str | None:
        """JavaScript that runs the variant in a web page, from a repo id; None where none can."""
        return None
