"""8 bits (LLM.int8, Dettmers et al. 2022, arXiv:2208.07339) and 4 bits (NF4 with double quantization, QLoRA, Dettmers et
al. 2023, arXiv:2305.14314) by bitsandbytes. Linear layers shrink; heads stay as they are; all the rest is in bfloat16, or
in float32 where a model does not stand that.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor import models, saving
from compressor.errors import ModelError
from compressor.formats.base import Format, Where, missing
from compressor.formats.layers import fits, head_names, kept_modules, linear_layers, use_exact_path, within
from compressor.formats.snippets import transformers_snippet
from compressor.formats.stored import stored_format
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from compressor.formats.base import Rows, Runner


SHAPES = "4-bit kernels take layers with a multiple of 64 inputs and a multiple of 32 outputs, and it has none. 8-bit takes all."


class BitsAndBytes(Format):
    """What both have in common: load quantized, save, check."""

    libraries: ClassVar[tuple[str, ...]] = ("bitsandbytes",)
    runs_on: ClassVar[frozenset[Where]] = frozenset({"cpu", "gpu"})
    bits: ClassVar[int]
    dtype: ClassVar[str]
    """What the quantized layers are stored as."""
    layer: ClassVar[str]
    """bitsandbytes' class of a quantized layer."""

    @abstractmethod
    def quantization(self, skip: list[str]) -> Any:
        """transformers' config object; modules in `skip` stay float."""

    def unfit(self, meta: PreTrainedModel) -> list[str]:
        """Linear layers of a model whose shape this format cannot take."""
        return []

    def unavailable(self, device: str) -> str | None:
        if (reason := missing(self.title, "bitsandbytes", "accelerate")) is not None:
            return reason
        silence()
        kind = device.partition(":")[0]
        try:
            import bitsandbytes
            from bitsandbytes.cextension import lib
        except Exception as error:
            return (
                f"{self.title} needs bitsandbytes, which cannot be loaded here ({type(error).__name__}): reinstall it."
            )
        supported = getattr(bitsandbytes, "supported_torch_devices", {"cpu", "cuda"})
        if kind not in supported or (kind == "cuda" and not getattr(lib, "compiled_with_cuda", False)):
            return (
                f"{self.title} does not work on {kind} with the installed bitsandbytes {bitsandbytes.__version__}: install a "
                "version of it that is built for this device, or run on the CPU."
            )
        return None

    def make(self, source: Path, out: Path, task: Task, rows: Rows = ()) -> list[str]:
        import torch

        if (reason := self.unavailable("cpu")) is not None:
            raise ModelError(reason)
        if (found := stored_format(source)) != "float":
            raise ModelError(
                f"{source.name} is quantized already ({found}), and quantizing it again would only lose more. Start from the "
                "model in 16 or 32 bits that it was made from."
            )
        config = models.load_config(source)
        meta = models.build(config, task)
        heads = head_names(meta, task)
        unfit = [name for name in self.unfit(meta) if not within(name, heads)]
        skip = kept_modules(meta, heads, unfit)
        how = {"quantization_config": self.quantization(skip), "strict": False}
        live = models.load_model(source, task, dtype=torch.bfloat16, config=config, **how)
        if not saving.stands_16_bits(live, task):  # its head is among what is not quantized
            live = models.load_model(source, task, dtype=torch.float32, config=models.load_config(source), **how)
        self._check(live, heads, source.name)
        # Saved before it computes anything: on some CPUs the first forward repacks 4-bit weights, and what is saved
        # after it is no longer the same.
        with saving.variant(live, models.load_tokenizer(source), out) as saved:
            self._compare(live, heads, saved, task, out.name)
        return _notes(unfit, len(self._layers(live)))

    def _compare(self, live: PreTrainedModel, heads: list[str], folder: Path, task: Task, name: str) -> None:
        """Load what was saved, and hold its weights and its logits against the live model's.

        Raises:
            ModelError: they differ, or something is quantized that should not be.
        """
        import torch

        saved = models.load_model(folder, task)
        self._check(saved, heads, name)
        # Bit by bit, and before a forward repacks them; equal weights may still differ by a rounding in what they answer.
        ours, theirs = live.state_dict(), saved.state_dict()
        if wrong := [n for n, t in ours.items() if n not in theirs or not torch.equal(t, theirs[n])]:
            raise ModelError(f"{name} was saved, but came back different (in {', '.join(wrong[:3])}).")
        del ours, theirs
        before, after = saving.probe(live), saving.probe(saved)
        if not bool(torch.isfinite(before).all()):
            raise ModelError(
                f"In {self.title} this model answers with something that is not a number, so it is of no use."
            )
        saving.check_same(before, after, name)

    def load(self, folder: Path, task: Task, device: str = "cpu", threads: int | None = None) -> Runner:
        from compressor.formats.torch_runner import TorchRunner, use_threads

        self.check(folder, device)
        use_threads(threads)
        model = models.load_model(folder, task, device=device)
        if not self._layers(model):
            raise ModelError(f"{folder.name} says that it is quantized ({self.name}), but none of its layers is.")
        use_exact_path(model)
        return TorchRunner(model, dtype=self.dtype)

    def snippet(self, reference: str, task: Task) -> str:
        return transformers_snippet(reference, task, packages="transformers torch bitsandbytes accelerate")

    def _layers(self, model: PreTrainedModel) -> list[str]:
        return [name for name, module in model.named_modules() if type(module).__name__ == self.layer]

    def _check(self, model: PreTrainedModel, heads: list[str], name: str) -> None:
        """Heads are plain, something else is quantized."""
        layers = self._layers(model)
        if not layers:
            raise ModelError(
                f"{name} has no layer that {self.title} could make smaller" + (f": {SHAPES}" if self.bits == 4 else ".")
            )
        if touched := [layer for layer in layers if within(layer, heads)]:
            raise ModelError(
                f"The head of {name} ({', '.join(touched)}) was quantized, which costs accuracy for nothing."
            )


class EightBit(BitsAndBytes):
    name: ClassVar[str] = "8bit"
    title: ClassVar[str] = "8-bit"
    bits: ClassVar[int] = 8
    dtype: ClassVar[str] = "int8"
    layer: ClassVar[str] = "Linear8bitLt"

    def quantization(self, skip: list[str]) -> Any:
        import transformers

        config: Any = transformers.BitsAndBytesConfig
        return config(load_in_8bit=True, llm_int8_skip_modules=skip)

    def bytes(self, linear: int, rest: int) -> int:
        return linear + 2 * rest


class FourBit(BitsAndBytes):
    name: ClassVar[str] = "4bit"
    title: ClassVar[str] = "4-bit"
    bits: ClassVar[int] = 4
    dtype: ClassVar[str] = "nf4"
    layer: ClassVar[str] = "Linear4bit"

    def quantization(self, skip: list[str]) -> Any:
        import torch
        import transformers

        config: Any = transformers.BitsAndBytesConfig
        return config(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
            llm_int8_skip_modules=skip,
        )

    def unfit(self, meta: PreTrainedModel) -> list[str]:
        return [name for name, shape in linear_layers(meta).items() if not fits(*shape)]

    def bytes(self, linear: int, rest: int) -> int:
        # A scale of one byte for 64 weights, and one of four bytes for 256 of those scales.
        return int(linear * (1 / 2 + 1 / 64 + 4 / (64 * 256))) + 2 * rest


def _notes(unfit: list[str], quantized: int) -> list[str]:
    if not unfit:
        return []
    return [
        f"{len(unfit)} of {len(unfit) + quantized} layers stay in 16 bits: 4-bit kernels take layers with a multiple of 64 "
        "inputs and a multiple of 32 outputs only."
    ]


def silence() -> None:
    """bitsandbytes warns at import of a kernel that it can do without, and at every layer and forward of an 8-bit model that
    it casts to half precision."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
