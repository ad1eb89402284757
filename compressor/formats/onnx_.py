"""ONNX for ONNX Runtime, in the places where the Hub's tools and transformers.js look: `onnx` in 32 bits, as a standard graph
that other runtimes take too, and `onnx-int8` with weights and embeddings in 8 bits, one scale a channel, activations quantized
as they come (dynamic quantization, no data needed). Exported by transformers' own exporter; runs on the CPU.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor import models
from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.base import Format, Where, missing
from compressor.formats.snippets import onnx_snippet, transformers_js_snippet
from compressor.formats.stored import INT8, ONNX, stored_format
from compressor.system.whole import fresh
from compressor.tasks.base import Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Runner

MOST_BYTES = 2_000_000_000
"""Of one ONNX file: protobuf holds no more in one piece, and the Hub's tools look for one piece."""
CLOSE = 1e-3
"""Between the logits of the float model in torch and in ONNX Runtime, absolute and relative."""
TEXTS = ["One text.", "Another text, which is longer than the first, so that shapes are seen to differ."]


class OnnxFormat(Format):
    """What both have in common: export, save, hold against the model in torch."""

    runtime: ClassVar[str] = "onnxruntime"
    runs_on: ClassVar[frozenset[Where]] = frozenset({"cpu", "phone", "web"})
    tasks: ClassVar[frozenset[str] | None] = frozenset({"text-classification"})
    file: ClassVar[str]
    """Where it lies in the variant's folder."""
    dtype: ClassVar[str]
    js_dtype: ClassVar[str]
    """What transformers.js calls it."""

    @abstractmethod
    def config(self) -> Any:
        """The exporter's config object."""

    @abstractmethod
    def compare(self, before: torch.Tensor, after: torch.Tensor, name: str) -> None:
        """Hold the logits of what was written (float32 [rows, labels]) against those of the model in torch.

        Raises:
            ModelError: they differ by more than this format may.
        """

    def unavailable(self, device: str) -> str | None:
        return missing("ONNX", "onnxruntime")

    def make(self, source: Path, out: Path, task: Task) -> list[str]:
        import torch

        from compressor.formats.torch_runner import count_parameters

        if (reason := missing("ONNX", "onnxruntime", "onnx", "onnxscript")) is not None:
            raise ModelError(reason)
        if self.tasks is not None and task.name not in self.tasks:
            raise ModelError(f"{self.title} is made of text classification models only, so far.")
        if (found := stored_format(source)) != "float":
            raise ModelError(f"{source.name} is stored as {found}; {self.title} is made from a model in 16 or 32 bits.")
        live = models.load_model(source, task, dtype=torch.float32, strict=False)
        live.config.dtype = torch.float32
        numbers = count_parameters(live)
        if 4 * numbers > MOST_BYTES:
            raise ModelError(
                f"{source.name} has {numbers / 1e6:,.0f} million parameters, and an ONNX file holds at most 2 GB. Pick a smaller "
                "student."
            )
        tokenizer = models.load_tokenizer(source)
        with fresh(out) as part:
            (part / self.file).parent.mkdir(parents=True)
            live.config.save_pretrained(part)
            tokenizer.save_pretrained(part)
            self._export(live, tokenizer, part / self.file, numbers)
            self._check(live, tokenizer, part, task, out.name)
        return []

    def _export(self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path, numbers: int) -> None:
        import onnx_ir
        from transformers.exporters import OnnxExporter

        inputs = _inputs(live, tokenizer, TEXTS)
        try:
            with _silence():
                program: Any = OnnxExporter().export(live, inputs, config=self.config()).program
                _forget(program)
                program.metadata_props["parameters"] = str(numbers)
                onnx_ir.save(program, str(path))
        except (MemoryError, OSError):
            raise
        except Exception as error:
            kind, said = live.config.model_type, first_line(error)
            raise ModelError(f"This {kind} model cannot be exported to ONNX by transformers ({said}).") from error

    def _check(
        self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, task: Task, name: str
    ) -> None:
        """Batches and lengths that were not exported: what is written must take any."""
        import torch

        runner = self.load(folder, task)
        try:
            for texts in ([TEXTS[1]], [*TEXTS, " ".join(TEXTS)]):
                inputs = _inputs(live, tokenizer, texts)
                with torch.inference_mode():
                    before = live(**inputs).logits.float()
                after = torch.from_numpy(runner.predict({k: v.numpy() for k, v in inputs.items()}))
                if before.shape != after.shape or not bool(torch.isfinite(after).all()):
                    raise ModelError(f"{name} was written, but answers with something that is no answer.")
                self.compare(before, after, name)
        finally:
            runner.close()

    def load(self, folder: Path, task: Task, device: str = "cpu", threads: int | None = None) -> Runner:
        from compressor.formats.onnx_runner import OnnxRunner

        self.check(folder, device)
        return OnnxRunner(folder / self.file, self.dtype, threads)

    def weights(self, folder: Path) -> list[str]:
        return [self.file] if (folder / self.file).is_file() else []

    def snippet(self, reference: str, task: Task) -> str:
        return onnx_snippet(reference, self.file, task)

    def browser_snippet(self, reference: str, task: Task) -> str | None:
        return transformers_js_snippet(reference, self.js_dtype, task)


class Onnx(OnnxFormat):
    name: ClassVar[str] = "onnx"
    title: ClassVar[str] = "ONNX"
    file: ClassVar[str] = ONNX
    dtype: ClassVar[str] = "float32"
    js_dtype: ClassVar[str] = "fp32"

    def config(self) -> Any:
        from transformers.exporters import OnnxConfig

        return OnnxConfig(dynamic=True)

    def compare(self, before: torch.Tensor, after: torch.Tensor, name: str) -> None:
        import torch

        if not torch.allclose(before, after, rtol=CLOSE, atol=CLOSE):
            worst = float((before - after).abs().max())
            raise ModelError(f"{name} was written, but answers otherwise than the model (by up to {worst:.2g}).")

    def bytes(self, linear: int, rest: int) -> int:
        return 4 * (linear + rest)


class OnnxInt8(OnnxFormat):
    name: ClassVar[str] = "onnx-int8"
    title: ClassVar[str] = "ONNX int8"
    file: ClassVar[str] = INT8
    dtype: ClassVar[str] = "int8"
    js_dtype: ClassVar[str] = "q8"

    def config(self) -> Any:
        from onnxruntime.quantization import QuantType
        from transformers.exporters import OnnxConfig, OnnxRuntimeDynamicConfig, OnnxRuntimeQuantizer

        how = OnnxRuntimeDynamicConfig(per_channel=True, weight_type=QuantType.QInt8)
        # Fused first: what ONNX Runtime computes in one go (attention's projections, normalization with what is added
        # before it) is then quantized as a whole.
        return OnnxConfig(dynamic=True, ort_fusions="cpu", quantizer=OnnxRuntimeQuantizer(how))

    def compare(self, before: torch.Tensor, after: torch.Tensor, name: str) -> None:
        """What it costs is measured on real rows; on two made-up ones only a wreck can be told."""
        import torch

        if before.numel() > 2 and float(torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]) < 0:
            raise ModelError(f"{name} was written, but in 8 bits this model answers the opposite of what it did.")

    def bytes(self, linear: int, rest: int) -> int:
        return linear + rest


def _inputs(live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> dict[str, torch.Tensor]:
    takes = inspect.signature(live.forward).parameters
    limit = min(int(getattr(live.config, "max_position_embeddings", None) or 512) - 4, 64)
    encoded = dict(tokenizer(texts, padding=True, truncation=True, max_length=max(8, limit), return_tensors="pt"))
    return {name: tensor for name, tensor in encoded.items() if name in takes}


def _forget(program: Any) -> None:
    """Take out what the exporter notes of where it ran: the source of every node, with this machine's folders."""
    program.doc_string = None
    for graph in program.graphs():
        graph.doc_string = None
        graph.metadata_props.clear()
        for node in graph:
            node.doc_string = None
            node.metadata_props.clear()
            for value in node.outputs:
                value.doc_string = None
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.doc_string = None
            value.metadata_props.clear()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter speaks to programmers, on standard output and by warnings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch", "onnxscript", "onnx_ir", "")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), models.quiet():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
