"""Predictions of every variant of a run (or of a comparison) side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import formats, models, tasks
from compressor.errors import CompressorError, DataError, ModelError
from compressor.report import Report, Variant
from compressor.results.label_order import named_as
from compressor.stages.lengths import token_limit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from compressor.formats.base import Runner
    from compressor.tasks.base import Task


MOST_TEXTS = 1000
MOST_CHARACTERS = 100_000
"""Of one text; models read far less of it."""
MOST_TOGETHER = 2_000_000
"""Characters of all texts of one question."""


def check_texts(texts: Sequence[Any]) -> None:
    """Texts, or pairs of texts, within what is answered at once.

    Raises:
        DataError: they are not.
    """
    parts = [part for text in texts for part in (text if isinstance(text, list | tuple) else (text,))]
    if any(not isinstance(part, str) for part in parts) or any(
        isinstance(text, list | tuple) and len(text) != 2 for text in texts
    ):
        raise DataError("Only texts, or pairs of texts, are predicted.")
    if len(texts) > MOST_TEXTS:
        raise DataError(f"{len(texts):,} texts are too many at once: ask for at most {MOST_TEXTS:,}.")
    longest, together = max(map(len, parts), default=0), sum(map(len, parts))
    if longest > MOST_CHARACTERS:
        raise DataError(
            f"A text of {longest:,} characters is too long: at most {MOST_CHARACTERS:,} are taken. Shorten it."
        )
    if together > MOST_TOGETHER:
        raise DataError(
            f"These texts have {together:,} characters together: at most {MOST_TOGETHER:,} are taken at once. Ask in parts."
        )


class Predictor:
    """The variants of a finished folder, loaded when first asked for and kept until `close`.

    Args:
        folder: a run's folder.
        device, threads: where they run; None leaves the threads to the runtime.

    Raises:
        RunError: the folder holds no finished run.
    """

    def __init__(self, folder: Path, *, device: str = "cpu", threads: int | None = None):
        self.folder, self.device, self.threads = folder, device, threads
        self.report = Report.load(folder)
        self._loaded: dict[str, tuple[Task, Runner, PreTrainedTokenizerBase, list[str]]] = {}

    def predict(self, texts: Sequence[Any], variants: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """`[{"text", "predictions": {variant: {"labels": [{"label", "score"}, …], "decided", "ms"}}}]`, `decided` the labels that
        it decides for, which a model of numbers has none of; a variant that cannot be loaded has `{"error": sentence}` in place
        of its prediction. A text may be a pair of texts.

        Raises:
            RunError: there is no variant of that name.
            DataError: too many texts, or too long ones, or something that is no text.
            ModelError: no variant could be loaded at all.
        """
        check_texts(texts)
        wanted = [self.report.variant(v) for v in variants] if variants else list(self.report.variants)
        answers: list[dict[str, Any]] = [{"text": text, "predictions": {}} for text in texts]
        errors = []
        for variant in wanted:
            try:
                task, runner, tokenizer, labels = self._load(variant)
                shown = [p.to_json() for p in task.predict(runner, tokenizer, labels, texts)]
            except CompressorError as error:
                errors.append(str(error))
                shown = [{"error": str(error)}] * len(texts)
            for answer, prediction in zip(answers, shown, strict=True):
                answer["predictions"][variant.name] = prediction
        if len(errors) == len(wanted):
            raise ModelError(errors[0])
        return answers

    def _load(self, variant: Variant) -> tuple[Task, Runner, PreTrainedTokenizerBase, list[str]]:
        if variant.name not in self._loaded:
            folder = self.folder / variant.path  # an absolute path stays what it is
            if not folder.is_dir():
                raise ModelError(
                    f"The files of {variant.name} are no longer at {folder}. Run the recipe again to get them back."
                )
            config = models.read_config(folder)
            task = tasks.for_config(config, self.report.task)
            runner = formats.get(variant.format).load(folder, task, self.device, self.threads)
            tokenizer = tokenizer_of(folder, config)
            labels = named_as(task.label_names(config), self._first_names(task))
            task.predict(runner, tokenizer, labels, ["warm up"])  # the first forward is slower than all others
            self._loaded[variant.name] = (task, runner, tokenizer, labels)
        return self._loaded[variant.name]

    def _first_names(self, task: Task) -> list[str]:
        """What the first variant calls its labels, by which all are called: models side by side may each have other words for the
        same. None where its files are gone."""
        try:
            return task.label_names(models.read_config(self.folder / self.report.variants[0].path))
        except ModelError:
            return []

    def close(self) -> None:
        """Let go of all variants."""
        for _, runner, _, _ in self._loaded.values():
            runner.close()
        self._loaded.clear()


def tokenizer_of(folder: Path, config: Mapping[str, Any]) -> PreTrainedTokenizerBase:
    """A variant's tokenizer, with the longest input that it and the model both take as its limit: tokenizers often name none,
    and a longer text than the model has positions for would break it.

    Raises:
        ModelError: it cannot be loaded.
    """
    tokenizer = models.load_tokenizer(folder)
    tokenizer.model_max_length = token_limit(models.config_from(config), tokenizer)
    return tokenizer
