"""Text generation with causal language models: quantized in this version; judged by perplexity on running text."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.events import Progress, silent
from compressor.recipe import DEFAULT_FORMATS, Student
from compressor.report import Difference, Quality
from compressor.tasks.base import Metric, Prediction, Role, Task
from compressor.tasks.batching import batches, start
from compressor.tasks.intervals import per_token, perplexity
from compressor.tasks.paired import resampled_difference

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from compressor.formats.base import Batch, Runner

WINDOW = 512
"""Tokens of one evaluation window; perplexities are comparable only at one window, so it does not follow the model."""
NEW_TOKENS = 48
ANSWER = 16
"""New tokens of the answer that is timed; the page's words name them."""
PROMPT = 32
"""Tokens of the prompt whose continuation is timed."""
LONG = 10.0
"""Seconds of an answer beyond which its beginning does not matter."""


class TextGeneration(Task):
    name: ClassVar[str] = "text-generation"
    title: ClassVar[str] = "Text generation"
    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    heads: ClassVar[tuple[str, ...]] = ("lm_head", "embed_out", "output_projection")
    roles: ClassVar[tuple[Role, ...]] = (Role("text", True, ("text", "content", "document", "body")),)
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("perplexity", "Perplexity", better="lower", percent=False),)
    trainable: ClassVar[bool] = False
    example: ClassVar[str] = '"Once upon a time", max_new_tokens=20'
    running_text: ClassVar[bool] = True
    window: ClassVar[int] = WINDOW
    default_student: ClassVar[Student | None] = None
    default_formats: ClassVar[tuple[str, ...]] = DEFAULT_FORMATS

    def __init__(self, kind: str = "causal"):
        self.kind = kind

    def bound(self, config: Mapping[str, Any]) -> TextGeneration:
        return self

    def accepts(self, architecture: str) -> bool:
        return architecture.endswith(("ForCausalLM", "LMHeadModel"))

    def label_names(self, config: Mapping[str, Any]) -> list[str]:
        return []

    def encode(self, tokenizer: PreTrainedTokenizerBase, rows: Dataset, max_length: int | None) -> Dataset:
        """All rows as one running text, a line or more each, cut into windows without overlap. Each starts as the tokenizer
        starts a text: without that token Gemma's perplexity is thirty times what it is with it."""
        from datasets import Dataset

        first = _framed(tokenizer)
        window = min(max_length or WINDOW, int(min(tokenizer.model_max_length, 10**9))) - len(first)
        ids: list[int] = []
        before = ""
        for at, text in enumerate(rows["text"]):
            # Without it the last word of a row and the first of the next would be one.
            line = "\n" if at and not before.endswith("\n") else ""
            before = line + text
            ids.extend(tokenizer(before, add_special_tokens=False, verbose=False)["input_ids"])
        windows = [first + ids[i : i + window] for i in range(0, len(ids), window)]
        windows = [w for w in windows if len(w) > 1]  # a lone token predicts nothing
        return Dataset.from_dict(
            {"input_ids": windows, "length": [len(w) for w in windows], "row": list(range(len(windows)))}
        )

    def outputs(
        self, runner: Runner, encoded: Dataset, pad: int, *, batch_size: int = 4, progress: Progress = silent
    ) -> np.ndarray:
        """Per window the sum of nats and the count of predicted tokens: float32 [windows, 2]."""
        import numpy as np

        found = np.zeros((len(encoded), 2), np.float32)
        done, started = 0, time.perf_counter()
        for index, batch in batches(encoded, pad, min(batch_size, 4)):
            found[index, 0] = runner.score(batch).sum(1)
            found[index, 1] = batch["attention_mask"].sum(1) - 1
            done += len(index)
            progress("measure", done, len(encoded), rate=done / (time.perf_counter() - started))
        return found

    def qualities(self, outputs: np.ndarray, encoded: Dataset, *, first: bool = False) -> tuple[Quality, ...]:
        return (perplexity(outputs.astype(float)),) if len(outputs) else ()

    def difference(self, outputs: np.ndarray, reference: np.ndarray, encoded: Dataset) -> Difference | None:
        if not len(outputs) or outputs.shape != reference.shape:
            return None
        pair = (outputs.astype(float), reference.astype(float))

        def both(rows: np.ndarray) -> tuple[float, float]:
            return per_token(pair[0][rows]), per_token(pair[1][rows])

        changed = int((pair[0] != pair[1]).any(1).sum())
        return resampled_difference("perplexity", "lower", both, len(outputs), changed)

    def decisions(self, outputs: np.ndarray) -> np.ndarray | None:
        return None

    def shown(self, outputs: np.ndarray, labels: Sequence[str]) -> list[tuple[str, float]]:
        return []

    def shown_label(self, label: Any, labels: Sequence[str]) -> str | None:
        return None

    def predict(
        self, runner: Runner, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], texts: Sequence[Any]
    ) -> list[Prediction]:
        import numpy as np

        found = []
        for text in texts:
            prompt = text if isinstance(text, str) else "\t".join(text)  # on the command line a tab parts two texts
            first = _framed(tokenizer)
            ids = tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
            # Of a long prompt the end is what goes on; an empty one starts where texts start.
            ids = first + ids[len(first) - WINDOW :] or [start(tokenizer)]
            started = time.perf_counter()
            new = runner.generate(np.asarray([ids], np.int64), NEW_TOKENS)[0]
            seconds = time.perf_counter() - started
            answer = tokenizer.decode(new.tolist(), skip_special_tokens=True)
            rate = {"tokens_per_second": len(new) / seconds if seconds else 0.0}
            found.append(Prediction(text=answer, ms=seconds * 1000, detail=rate))
        return found

    # ------------------------------------------------------------------ what measuring runs

    def step(self, runner: Runner, batch: Batch) -> None:
        """A short answer: reading the prompt and writing, since formats differ in how fast they do either."""
        runner.generate(batch["input_ids"][:1], ANSWER)

    def rate(self, runner: Runner, batch: Batch) -> float | None:
        """New tokens per second, after a prompt of at most PROMPT tokens. Of an answer that does not take long the second time
        counts: a graphics card spent three seconds of its first one on getting ready, and half a second on its second."""
        prompt = batch["input_ids"][:1, :PROMPT]
        runner.generate(prompt, 2)
        for _ in range(2):
            start = time.perf_counter()
            made = runner.generate(prompt, NEW_TOKENS).shape[1]
            if (seconds := time.perf_counter() - start) > LONG:
                break
        return float(made / seconds)


def _framed(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What the tokenizer puts before every text by itself: its token for a beginning, or nothing."""
    ids = tokenizer("", verbose=False)["input_ids"]
    return ids[:1] if ids and ids[0] == tokenizer.bos_token_id else []
