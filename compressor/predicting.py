"""Predictions of every variant of a run (or of a comparison) side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import formats, models, tasks
from compressor.errors import CompressorError, ModelError
from compressor.report import Report, Variant
from compressor.stages.data import token_limit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from compressor.formats.base import Runner
    from compressor.tasks.base import Task


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
        """`[{"text", "predictions": {variant: {"labels": [{"label", "score"}, …], "ms"}}}]`; a variant that cannot be
        loaded has `{"error": sentence}` in place of its prediction. A text may be a pair of texts.

        Raises:
            RunError: there is no variant of that name.
            ModelError: no variant could be loaded at all.
        """
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
            tokenizer = models.load_tokenizer(folder)
            # Tokenizers often name no limit, and a longer text than the model has positions for would break it.
            tokenizer.model_max_length = token_limit(models.config_from(config), tokenizer)
            labels = task.label_names(config)
            task.predict(runner, tokenizer, labels, ["warm up"])  # the first forward is slower than all others
            self._loaded[variant.name] = (task, runner, tokenizer, labels)
        return self._loaded[variant.name]

    def close(self) -> None:
        """Let go of all variants."""
        for _, runner, _, _ in self._loaded.values():
            runner.close()
        self._loaded.clear()
