"""OpenVINO in 8 bits: weights, embeddings and activations, for the processor. Exported by transformers' own exporter and
quantized by NNCF, which sees on rows of the data how large activations get, moves what is hard to quantize in them into the
weights (SmoothQuant, Xiao et al. 2022, arXiv:2211.10438), and then fixes one scale for each. openvino and nncf are packages
that a person adds: nothing else here needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor import models
from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.base import Format, missing
from compressor.formats.exporting import (
    TEXTS,
    check_no_wreck,
    hold_against,
    inputs_of,
    other_inputs,
    refuse,
    silence,
    taken,
)
from compressor.formats.snippets import openvino_snippet
from compressor.formats.source import float_model
from compressor.formats.stored import OPENVINO, OPENVINO_WEIGHTS
from compressor.system.whole import fresh
from compressor.tasks.base import Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.formats.base import Rows, Runner

FEW = 100
"""Rows under which the report says that there were few."""


class OpenVinoInt8(Format):
    name: ClassVar[str] = "openvino-int8"
    title: ClassVar[str] = "OpenVINO int8"
    runtime: ClassVar[str] = "openvino"
    libraries: ClassVar[tuple[str, ...]] = ("openvino",)
    tasks: ClassVar[frozenset[str] | None] = frozenset({"text-classification"})
    extras: ClassVar[tuple[str, ...]] = ("openvino", "nncf")
    dtype: ClassVar[str] = "int8"

    def unavailable(self, device: str) -> str | None:
        return (
            missing(self.title, *self.extras) if missing(self.title, "openvino") else None
        )  # to run it the first is enough

    def make(self, source: Path, out: Path, task: Task, rows: Rows = ()) -> list[str]:
        import torch

        from compressor.formats.torch_runner import count_parameters

        refuse(self, source, task, *self.extras)
        if not rows:
            raise ModelError(
                "it is fitted to rows of the data, and here are none to train with. Add training rows, or take 8-bit or ONNX "
                "int8, which need none."
            )
        live = float_model(source, task)
        live.config.dtype = torch.float32
        tokenizer = models.load_tokenizer(source)
        with fresh(out) as part:
            (part / OPENVINO).parent.mkdir(parents=True)
            live.config.save_pretrained(part)
            tokenizer.save_pretrained(part)
            self._export(live, tokenizer, part, rows, count_parameters(live))
            others = [*other_inputs(live, tokenizer), taken(live, rows[0])]
            hold_against(live, self.load(part, task), others, out.name, check_no_wreck)
        seen = sum(len(batch["input_ids"]) for batch in rows)
        return [f"Its 8 bits were fitted to {seen} rows only; with more it may keep more."] if seen < FEW else []

    def _export(
        self, live: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, rows: Rows, numbers: int
    ) -> None:
        from compressor.formats.openvino_runner import NOTE, load_openvino

        openvino = load_openvino()
        inputs = inputs_of(live, tokenizer, TEXTS)
        try:
            with silence():
                program = _quantized(live, inputs, rows)
                program.set_rt_info(str(numbers), NOTE)
                openvino.save_model(program, folder / OPENVINO, compress_to_fp16=False)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            kind, said = live.config.model_type, first_line(error)
            raise ModelError(f"This {kind} model cannot be exported to OpenVINO by transformers ({said}).") from error

    def load(self, folder: Path, task: Task, device: str = "cpu", threads: int | None = None) -> Runner:
        self.check(folder, device)
        from compressor.formats.openvino_runner import OpenVinoRunner

        return OpenVinoRunner(folder / OPENVINO, folder / OPENVINO_WEIGHTS, self.dtype, threads)

    def bytes(self, linear: int, rest: int) -> int:
        return linear + rest

    def weights(self, folder: Path) -> list[str]:
        names = [OPENVINO_WEIGHTS, OPENVINO]
        return names if all((folder / name).is_file() for name in names) else []

    def snippet(self, reference: str, task: Task) -> str:
        return openvino_snippet(reference, OPENVINO, OPENVINO_WEIGHTS, task)


def _quantized(live: PreTrainedModel, inputs: dict[str, torch.Tensor], rows: Rows) -> Any:
    """The model as an `openvino.Model` in 8 bits."""
    import nncf
    from transformers.exporters import NNCFOpenVINOQuantizer, NNCFQuantizationConfig, OpenVINOConfig, OpenVINOExporter
    from transformers.exporters.configs import ExportFormat

    how = NNCFQuantizationConfig(model_type=nncf.ModelType.TRANSFORMER, subset_size=len(rows))
    quantizer = NNCFOpenVINOQuantizer(how, calibration_dataset=[taken(live, batch) for batch in rows])
    program = OpenVINOExporter().export(live, inputs, config=OpenVINOConfig(dynamic=True)).program
    _number(program)  # NNCF goes through them in the order of their names
    program = quantizer.quantize(program, inputs, ExportFormat.OPENVINO)
    _number(program)
    return program


def _number(program: Any) -> None:
    """Names of nodes count from the start of the process (`Constant_273058`): here they are made to count from the graph's
    own, so that the same model, made again, is the same file."""
    program.set_friendly_name("model")
    for number, node in enumerate(program.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
