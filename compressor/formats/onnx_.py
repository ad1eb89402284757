"""ONNX for ONNX Runtime, in the places where the Hub's tools and transformers.js look: `onnx` in 32 bits, as a standard graph
that other runtimes take too, and `onnx-int8` with weights and embeddings in 8 bits, one scale a channel, activations smoothed
beforehand and quantized as they come (dynamic quantization: rows of the data make it better, none are needed). Exported by
transformers' own exporter; runs on the CPU.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor import models
from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.base import Format, Where, missing
from compressor.formats.exporting import TEXTS, check_no_wreck, hold_against, inputs_of, other_inputs, refuse, silence
from compressor.formats.snippets import onnx_snippet, transformers_js_snippet
from compressor.formats.source import float_model
from compressor.formats.stored import INT8, ONNX
from compressor.system.whole import fresh
from compressor.tasks.base import Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Rows, Runner

MOST_BYTES = 2_000_000_000
"""Of one ONNX file: protobuf holds no more in one piece, and the Hub's tools look for one piece."""
CLOSE = 1e-3
"""Between the logits of the float model in torch and in ONNX Runtime, absolute and relative."""


class OnnxFormat(Format):
    """What both have in common: export, save, hold against the model in torch."""

    runtime: ClassVar[str] = "onnxruntime"
    libraries: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    runs_on: ClassVar[frozenset[Where]] = frozenset({"cpu", "phone", "web"})
    tasks: ClassVar[frozenset[str] | None] = frozenset({"text-classification"})
    file: ClassVar[str]
    """Where it lies in the variant's folder."""
    dtype: ClassVar[str]
    js_dtype: ClassVar[str]
    """What transformers.js calls it."""

    def prepare(self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows) -> None:
        """What is done to the model before it is exported; it answers as it did."""

    def shrink(self, program: Any, inputs: dict[str, torch.Tensor]) -> Any:
        """What is done to the exported graph (an `onnx_ir.Model`)."""
        return program

    @abstractmethod
    def compare(self, before: torch.Tensor, after: torch.Tensor, name: str) -> None:
        """Hold the logits of what was written (float32 [rows, labels]) against those of the model in torch.

        Raises:
            ModelError: they differ by more than this format may.
        """

    def unavailable(self, device: str) -> str | None:
        return missing("ONNX", "onnxruntime")

    def make(self, source: Path, out: Path, task: Task, rows: Rows = ()) -> list[str]:
        import torch

        from compressor.formats.torch_runner import count_parameters

        refuse(self, source, task, "onnxruntime", "onnx", "onnxscript")
        live = float_model(source, task)
        live.config.dtype = torch.float32
        # Attention written out: ONNX Runtime fuses what it can by itself, and does so best from the plain operators.
        live.set_attn_implementation("eager")
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
            self._export(live, tokenizer, rows, part / self.file, numbers)
            hold_against(live, self.load(part, task), other_inputs(live, tokenizer), out.name, self.compare)
        return []

    def _export(
        self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows, path: Path, numbers: int
    ) -> None:
        import onnx_ir
        from transformers.exporters import OnnxConfig, OnnxExporter

        from compressor.formats.onnx_graph import simplify

        inputs = inputs_of(live, tokenizer, TEXTS)
        try:
            self.prepare(live, tokenizer, rows)
            with silence():
                program: Any = OnnxExporter().export(live, inputs, config=OnnxConfig(dynamic=True)).program
                simplify(program)
                program = self.shrink(program, inputs)
                _forget(program)
                program.metadata_props["parameters"] = str(numbers)
                onnx_ir.save(program, str(path))
        except (MemoryError, OSError):
            raise
        except Exception as error:
            kind, said = live.config.model_type, first_line(error)
            raise ModelError(f"This {kind} model cannot be exported to ONNX by transformers ({said}).") from error

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

    def prepare(self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Rows) -> None:
        from compressor.formats.smoothing import smooth

        smooth(live, tokenizer, rows)

    def shrink(self, program: Any, inputs: dict[str, torch.Tensor]) -> Any:
        from onnxruntime.quantization import QuantType
        from transformers.exporters import OnnxRuntimeDynamicConfig, OnnxRuntimeQuantizer
        from transformers.exporters.configs import ExportFormat

        how = OnnxRuntimeDynamicConfig(per_channel=True, weight_type=QuantType.QInt8)
        return OnnxRuntimeQuantizer(how).quantize(program, inputs, ExportFormat.ONNX)

    def compare(self, before: torch.Tensor, after: torch.Tensor, name: str) -> None:
        check_no_wreck(before, after, name)

    def bytes(self, linear: int, rest: int) -> int:
        return linear + rest


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
