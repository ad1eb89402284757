"""What a task is: its columns, how rows become tensors, what the losses and the metrics are, how a prediction is shown.

One file a task, found through the registry in `tasks/__init__.py`. These modules are imported by the process that serves
the page too: torch and transformers' models come in inside functions only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.events import Progress, silent
from compressor.recipe import Student
from compressor.report import Better, Difference, Quality

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Batch, Runner


SCORE = "score"
NUMBERS = ("regression", SCORE)
"""Kinds whose labels are numbers: of any size, or between 0 and 1."""


@dataclass(frozen=True)
class Role:
    """A column that the task reads: `text`, `text_pair`, `label` …"""

    name: str
    required: bool
    hints: tuple[str, ...] = ()
    """Column names that usually mean this role, best first."""


@dataclass(frozen=True)
class Metric:
    name: str
    title: str
    better: Better = "higher"
    percent: bool = True


@dataclass(frozen=True)
class Prediction:
    """Neutral, for whoever renders it: labels with scores (best first), or a text."""

    labels: tuple[dict[str, Any], ...] = ()
    """`{"label": str, "score": float}` each."""
    decided: tuple[str, ...] | None = None
    """The labels that it decides for; None where it says a number or a text."""
    text: str | None = None
    ms: float = 0.0
    detail: dict[str, float] = field(default_factory=dict)
    """For example `tokens_per_second`."""

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"labels": list(self.labels)} if self.text is None else {"text": self.text}
        if self.decided is not None:
            shown["decided"] = list(self.decided)
        return shown | {"ms": round(self.ms, 3)} | self.detail


class Task(ABC):
    name: ClassVar[str]
    """The Hub's pipeline tag."""
    title: ClassVar[str]
    auto_class: ClassVar[str]
    """The transformers auto class that loads it: `AutoModelForSequenceClassification`."""
    heads: ClassVar[tuple[str, ...]]
    """Top-level module names that are never quantized (those that a model has of them)."""
    roles: ClassVar[tuple[Role, ...]]
    metrics: ClassVar[tuple[Metric, ...]]
    trainable: ClassVar[bool]
    """Whether a student can be trained for this task in this version."""
    default_student: ClassVar[Student | None]
    default_formats: ClassVar[tuple[str, ...]]

    example: ClassVar[str] = '"A sentence to try."'
    """What a snippet calls transformers' pipeline with, as Python source."""
    running_text: ClassVar[bool] = False
    """Whether the data is text to run through, rather than rows of their own."""
    window: ClassVar[int] = 512
    """Tokens that running text is cut into, where nothing says otherwise and the model takes as many."""
    kind: str
    """The flavour, where a task has several: `single`, `multi`, `regression`, `score`."""

    @property
    def key(self) -> str:
        """Name and flavour: `tasks.get(key)` gives the same task again, in another process too."""
        return f"{self.name}/{self.kind}"

    @abstractmethod
    def bound(self, config: Mapping[str, Any]) -> Task:
        """This task in the flavour that a model's `config.json` says."""

    def complete(self, config: PretrainedConfig) -> None:  # noqa: B027  # most tasks have nothing to add
        """Write into a loaded model's config what other programs need to know to read its answers as they are read here."""

    @abstractmethod
    def label_names(self, config: Mapping[str, Any]) -> list[str]:
        """The labels of a model, in the order of its logits; empty where the task has none."""

    @abstractmethod
    def accepts(self, architecture: str) -> bool:
        """Whether a config's `architectures[0]` is a model of this task."""

    @abstractmethod
    def encode(self, tokenizer: PreTrainedTokenizerBase, rows: Dataset, max_length: int | None) -> Dataset:
        """Rows with the task's roles as columns → tokenized rows: `input_ids`, (`token_type_ids`,) `labels` where there are
        any, `length`, and `row` (the row's index in `rows`). Not padded."""

    @abstractmethod
    def outputs(
        self, runner: Runner, encoded: Dataset, pad: int, *, batch_size: int = 32, progress: Progress = silent
    ) -> np.ndarray:
        """What the metrics need from each row, in row order: float32 [rows, …]."""

    @abstractmethod
    def qualities(self, outputs: np.ndarray, encoded: Dataset, *, first: bool = False) -> tuple[Quality, ...]:
        """Metrics with 95 % intervals, the one to judge by first; () where there are no labels to judge by. With `first` that one
        alone, which is quicker."""

    def difference(self, outputs: np.ndarray, reference: np.ndarray, encoded: Dataset) -> Difference | None:
        """The first metric of `outputs` less that of `reference`, another model's outputs for the same rows; None where there is
        nothing to judge by."""
        return None

    @abstractmethod
    def decisions(self, outputs: np.ndarray) -> np.ndarray | None:
        """One comparable value per row (a class index, a bit string …), or None where agreement makes no sense."""

    @abstractmethod
    def shown(self, outputs: np.ndarray, labels: Sequence[str]) -> list[tuple[str, float]]:
        """Per row what tables call its prediction, and its score; empty where rows have none."""

    @abstractmethod
    def shown_label(self, label: Any, labels: Sequence[str]) -> str | None:
        """A row's true label as `shown` would name it; None where there is none."""

    @abstractmethod
    def predict(
        self, runner: Runner, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], texts: Sequence[Any]
    ) -> list[Prediction]:
        """Predictions for raw inputs (a string, or a pair of strings), with the milliseconds of each."""

    # ------------------------------------------------------------------ what measuring runs

    def step(self, runner: Runner, batch: Batch) -> None:
        """What a latency is the time of: one input through the model, once."""
        runner.predict(batch)

    def rate(self, runner: Runner, batch: Batch) -> float | None:
        """Throughput where the task has a measure of its own (tokens per second); None: rows of `outputs` per second."""
        return None


class TrainableTask(Task):
    """A task for which students can be trained."""

    trainable = True

    @abstractmethod
    def value(self, outputs: np.ndarray, encoded: Dataset) -> float | None:
        """The first metric's value alone, higher is better; None where there are no labels. Its interval takes a thousand times
        as long, and nobody reads it while a student learns."""

    @abstractmethod
    def hard_loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Loss on the data's labels, a scalar. Rows without a label carry `no_label` and do not count."""

    @abstractmethod
    def no_label(self, labels: int) -> Any:
        """What stands for the label of a row that has none, where the others have `labels` possible ones."""

    @abstractmethod
    def soft_loss(self, logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        """Distillation loss against the teacher's logits, a scalar, already scaled by T² (Hinton et al. 2015)."""

    @abstractmethod
    def new_head(self, config: PretrainedConfig, labels: Sequence[str], kind: str) -> None:
        """Give a config these labels, for a head that is trained from nothing."""

    @abstractmethod
    def load_for(self, model: PreTrainedModel) -> None:
        """Check that a loaded model has the task's head; raise ModelError with a sentence where it does not."""
