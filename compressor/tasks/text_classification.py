"""Text classification: one label of several, several labels at once, one number, or one score between 0 and 1; a text or a pair
of texts.

A score is what cross-encoders give: one output behind a sigmoid. It is read and judged as a number, and learned as a probability.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.errors import ModelError
from compressor.events import Progress, silent
from compressor.recipe import DEFAULT_FORMATS, Student
from compressor.report import Difference, Quality
from compressor.tasks import losses
from compressor.tasks.base import NUMBERS, SCORE, Metric, Prediction, Role, TrainableTask
from compressor.tasks.batching import batches, check_padding, pad, start
from compressor.tasks.intervals import (
    accuracy,
    calibration_error,
    correlation,
    f1_macro,
    f1_micro,
    micro_f1,
    rank_correlation,
    root_mean_square_error,
)
from compressor.tasks.paired import accuracy_difference, resampled_difference

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Runner

PROBLEMS = {
    "single": "single_label_classification",
    "multi": "multi_label_classification",
    "regression": "regression",
}
KINDS = {problem: kind for kind, problem in PROBLEMS.items()}


SIGMOID = "torch.nn.modules.activation.Sigmoid"


def gives_score(config: Mapping[str, Any]) -> bool:
    """Whether a model has one output behind a sigmoid: sentence-transformers writes the activation of its cross-encoders into
    their config, and of several labels at once there may be one."""
    if (config.get("num_labels") or len(config.get("id2label") or ())) != 1:
        return False
    if config.get("problem_type") == PROBLEMS["multi"]:
        return True
    own = config.get("sentence_transformers")
    named = own.get("activation_fn") if isinstance(own, Mapping) else config.get("sbert_ce_default_activation_function")
    return config.get("problem_type") is None and isinstance(named, str) and named.endswith(".Sigmoid")


class TextClassification(TrainableTask):
    name: ClassVar[str] = "text-classification"
    title: ClassVar[str] = "Text classification"
    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    heads: ClassVar[tuple[str, ...]] = ("classifier", "pre_classifier", "score", "classification_head")
    roles: ClassVar[tuple[Role, ...]] = (
        Role(
            "text",
            True,
            ("text", "sentence", "sentence1", "premise", "question1", "question", "review", "content", "message",
             "tweet", "comment", "document", "body", "title", "query", "input"),
        ),
        Role("text_pair", False, ("text_pair", "sentence2", "hypothesis", "question2", "passage", "context", "answer")),
        Role("label", False, ("label", "labels", "class", "category", "target", "sentiment", "intent", "topic", "score",
                              "rating", "stars", "y")),
    )  # fmt: skip
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", "Accuracy"),
        Metric("f1_macro", "Macro-F1"),
        Metric("f1_micro", "Micro-F1"),
        Metric("spearman", "Spearman correlation", percent=False),
        Metric("pearson", "Pearson correlation", percent=False),
        Metric("calibration_error", "Calibration error", better="lower"),
        Metric("rmse", "Root mean square error", better="lower", percent=False),
    )
    default_student: ClassVar[Student | None] = Student(size="half")
    default_formats: ClassVar[tuple[str, ...]] = DEFAULT_FORMATS

    def __init__(self, kind: str = "single"):
        self.kind = kind

    def bound(self, config: Mapping[str, Any]) -> TextClassification:
        check_padding(config)
        problem = config.get("problem_type")
        if gives_score(config):
            return TextClassification(SCORE)
        labels = config.get("num_labels") or len(config.get("id2label") or ()) or 2
        kind = KINDS.get(str(problem), "regression" if labels == 1 else "single")
        if kind == "regression" and labels > 1:
            raise ModelError(
                f"This model gives {labels} numbers for a text, and Compressor knows regression with one. Pick another model."
            )
        return TextClassification(kind)

    def complete(self, config: PretrainedConfig) -> None:
        if self.kind == "regression":  # without it transformers' pipeline makes a probability of the number
            config.problem_type = PROBLEMS[self.kind]

    def accepts(self, architecture: str) -> bool:
        return architecture.endswith("ForSequenceClassification")

    def label_names(self, config: Mapping[str, Any]) -> list[str]:
        if names := config.get("id2label"):
            return [str(names[k]) for k in sorted(names, key=int)]
        return [f"LABEL_{i}" for i in range(config.get("num_labels") or 2)]

    # ------------------------------------------------------------------ rows → tensors

    def encode(self, tokenizer: PreTrainedTokenizerBase, rows: Dataset, max_length: int | None) -> Dataset:
        pair = "text_pair" in rows.column_names

        def tokenize(batch: dict[str, list[Any]], index: list[int]) -> dict[str, Any]:
            texts = [batch["text"], batch["text_pair"]] if pair else [batch["text"]]
            encoded = dict(tokenizer(*texts, truncation=max_length is not None, max_length=max_length))
            encoded.pop("attention_mask", None)  # made when a batch is padded
            encoded["length"] = [len(ids) for ids in encoded["input_ids"]]
            return encoded | {"row": index}

        encoded = rows.map(
            tokenize,
            batched=True,
            with_indices=True,
            batch_size=1000,
            remove_columns=[c for c in rows.column_names if c != "label"],
            new_fingerprint=uuid.uuid4().hex,  # nothing is looked up by it, and computing one takes a quarter of a second
        )
        if "label" in encoded.column_names:
            encoded = encoded.rename_column("label", "labels")
        return encoded

    # ------------------------------------------------------------------ predictions and what they are worth

    def outputs(
        self, runner: Runner, encoded: Dataset, pad: int, *, batch_size: int = 32, progress: Progress = silent
    ) -> np.ndarray:
        import numpy as np

        found: np.ndarray | None = None
        done, started = 0, time.perf_counter()
        for index, batch in batches(encoded, pad, batch_size):
            logits = runner.predict(batch)
            if found is None:
                found = np.zeros((len(encoded), logits.shape[1]), np.float32)
            found[index] = logits
            done += len(index)
            progress("measure", done, len(encoded), rate=done / (time.perf_counter() - started))
        return found if found is not None else np.zeros((0, 1), np.float32)

    def qualities(self, outputs: np.ndarray, encoded: Dataset, *, first: bool = False) -> tuple[Quality, ...]:
        import numpy as np

        if "labels" not in encoded.column_names or not len(encoded):
            return ()
        labels = np.asarray(encoded["labels"])
        if self.kind == "multi":
            truth, said = labels > 0.5, outputs > 0
            return (f1_micro(truth, said),) if first else (f1_micro(truth, said), accuracy((truth == said).all(1)))
        if self.kind in NUMBERS:
            truth, said = labels.reshape(-1).astype(float), self.scores(outputs).reshape(-1)
            ranks = correlation("spearman", truth, said)
            if first:
                return (ranks,)
            return (ranks, correlation("pearson", truth, said), root_mean_square_error(truth, said))
        said = outputs.argmax(1)
        if first:
            return (accuracy(said == labels),)
        calibration = calibration_error(self.scores(outputs).max(1), said == labels)
        return (accuracy(said == labels), f1_macro(labels, said), *([calibration] if calibration else []))

    def value(self, outputs: np.ndarray, encoded: Dataset) -> float | None:
        import numpy as np

        if "labels" not in encoded.column_names or not len(encoded):
            return None
        labels = np.asarray(encoded["labels"][:])
        if self.kind == "multi":
            return micro_f1(labels > 0.5, outputs > 0)
        if self.kind in NUMBERS:
            return rank_correlation(labels.reshape(-1).astype(float), outputs.reshape(-1).astype(float))
        return float((outputs.argmax(1) == labels).mean())

    def difference(self, outputs: np.ndarray, reference: np.ndarray, encoded: Dataset) -> Difference | None:
        import numpy as np

        if "labels" not in encoded.column_names or not len(encoded):
            return None
        labels = np.asarray(encoded["labels"])
        if self.kind == "single":
            return accuracy_difference(outputs.argmax(1) == labels, reference.argmax(1) == labels)
        if self.kind == "multi":
            metric, truth = micro_f1, labels > 0.5
            pair = (outputs > 0, reference > 0)
        else:
            metric, truth = rank_correlation, labels.reshape(-1).astype(float)
            pair = (outputs.reshape(-1).astype(float), reference.reshape(-1).astype(float))
        name = "f1_micro" if self.kind == "multi" else "spearman"
        return resampled_difference(
            name,
            "higher",
            lambda rows: (metric(truth[rows], pair[0][rows]), metric(truth[rows], pair[1][rows])),
            len(truth),
            int((pair[0] != pair[1]).reshape(len(truth), -1).any(1).sum()),
        )

    def decisions(self, outputs: np.ndarray) -> np.ndarray | None:
        import numpy as np

        if self.kind in NUMBERS:
            return None
        if self.kind == "multi":
            return np.array(["".join("1" if x > 0 else "0" for x in row) for row in outputs])
        return np.asarray(outputs.argmax(1))

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Logits → probabilities (softmax, or a sigmoid each), or the number itself: float [rows, labels]."""
        import numpy as np

        wide = outputs.astype(np.float64)
        if self.kind == "regression":
            return wide
        if self.kind in ("multi", SCORE):
            return np.asarray(1 / (1 + np.exp(-wide)))
        shifted = np.exp(wide - wide.max(1, keepdims=True))
        return np.asarray(shifted / shifted.sum(1, keepdims=True))

    def shown(self, outputs: np.ndarray, labels: Sequence[str]) -> list[tuple[str, float]]:
        """What a row's prediction is called in tables: (label name, its score) per row; label names joined by ` + ` where
        there are several, `-` where there is none."""
        rows = []
        for score in self.scores(outputs):
            if self.kind in NUMBERS:
                rows.append((shown_number(float(score[0])), float(score[0])))
            elif self.kind == "multi":
                on = [i for i, x in enumerate(score) if x > 0.5]
                rows.append((" + ".join(labels[i] for i in on) or "-", float(max(score))))
            else:
                rows.append((labels[int(score.argmax())], float(score.max())))
        return rows

    def shown_label(self, label: Any, labels: Sequence[str]) -> str | None:
        """A row's true label as `shown` names it; None where there is none."""
        if label is None:
            return None
        if self.kind in NUMBERS:
            return shown_number(float(label))
        if self.kind == "multi":
            return " + ".join(labels[i] for i, x in enumerate(label) if x > 0.5) or "-"
        return labels[int(label)]

    def predict(
        self, runner: Runner, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], texts: Sequence[Any]
    ) -> list[Prediction]:
        limit = model_length(tokenizer)
        found = []
        for text in texts:
            pair = text if isinstance(text, (list, tuple)) else (text,)
            encoded = dict(tokenizer(*pair, truncation=True, max_length=limit))
            if not encoded["input_ids"]:  # an empty text, which decoders frame with nothing
                encoded = {"input_ids": [start(tokenizer)]}
            batch = pad({k: [v] for k, v in encoded.items()}, tokenizer.pad_token_id or 0)
            started = time.perf_counter()
            logits = runner.predict(batch)
            ms = (time.perf_counter() - started) * 1000
            scores = self.scores(logits)[0]
            order = sorted(range(len(scores)), key=lambda i: -scores[i])
            ranked = tuple({"label": labels[i], "score": float(scores[i])} for i in order)
            found.append(Prediction(ranked, decided=self._decided(ranked), ms=ms))
        return found

    def _decided(self, ranked: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
        several = [one for one in ranked if one["score"] > 0.5] if self.kind == "multi" else ranked[:1]
        return tuple(one["label"] for one in several) if self.kind not in NUMBERS else None

    # ------------------------------------------------------------------ learning

    def no_label(self, labels: int) -> Any:
        nothing = float("nan")
        return {"single": -100, "multi": [nothing] * labels}.get(self.kind, nothing)

    def hard_loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return losses.hard(self.kind, logits, labels)

    def soft_loss(self, logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
        return losses.soft(self.kind, logits, teacher, temperature)

    def new_head(self, config: PretrainedConfig, labels: Sequence[str], kind: str) -> None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: i for i, name in enumerate(labels)}
        config.problem_type = PROBLEMS.get(kind)
        if kind == SCORE:
            config.sentence_transformers = {"activation_fn": SIGMOID}

    def load_for(self, model: PreTrainedModel) -> None:
        if not any(hasattr(model, name) for name in self.heads):
            raise ModelError(
                f"{type(model).__name__} has no classification head that Compressor knows "
                f"({', '.join(self.heads)}), so its head could not be kept in full precision."
            )


def shown_number(value: float) -> str:
    """A number as tables show it: three places or, of a small one, three digits, so that two small ones can be told apart."""
    return f"{value:.3f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def model_length(tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest input in tokens that the tokenizer says the model takes; 512 where it says nothing useful."""
    limit = int(min(tokenizer.model_max_length, 10**9))
    return limit if 0 < limit < 10**6 else 512
