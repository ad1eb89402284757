"""The float model itself: bfloat16 as variants are saved, or whatever another model's files hold. A processor that would only
emulate 16 bits runs it in 32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from compressor import models, saving
from compressor.arithmetic import dtype_of, is_emulated, without_emulation
from compressor.errors import ModelError
from compressor.formats.base import Format, Where
from compressor.formats.snippets import transformers_snippet
from compressor.formats.stored import stored_format
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from compressor.formats.base import Rows, Runner

WIDENED = (
    "This processor is slow with numbers of 16 bits, in which this model is stored, so it was run in 32. Load it with "
    'dtype="float32" to have it as fast as here.'
)
EMULATED = (
    "This graphics card has no arithmetic for the numbers of 16 bits in which this model is stored, and makes do with others. "
    'Loaded with dtype="float32" or "float16" it may be faster than here.'
)


class Float(Format):
    """Plain numbers in 16 or 32 bits, run by torch."""

    name: ClassVar[str] = "float"
    title: ClassVar[str] = "Float"
    runs_on: ClassVar[frozenset[Where]] = frozenset({"cpu", "gpu"})

    def unavailable(self, device: str) -> str | None:
        return None

    def make(self, source: Path, out: Path, task: Task, rows: Rows = ()) -> list[str]:
        import torch

        _check_plain(source)
        model = models.load_model(source, task, dtype=torch.float32, strict=False)
        saving.save_float(model, models.load_tokenizer(source), out, task)
        return []

    def load(self, folder: Path, task: Task, device: str = "cpu", threads: int | None = None) -> Runner:
        from compressor.formats.torch_runner import TorchRunner, use_threads

        _check_plain(folder)
        use_threads(threads)
        # Other people's checkpoints may hold a tensor or two that their model no longer has.
        model = models.load_model(folder, task, device=device, strict=False)
        stored = dtype_of(model)
        model = without_emulation(model)
        notes = (WIDENED,) if dtype_of(model) != stored else ()
        if model.device.type == "cuda" and is_emulated(stored, "cuda"):  # whose memory is scarce: it stays as it is
            notes = (EMULATED,)
        return TorchRunner(model, dtype=stored, notes=notes)

    def bytes(self, linear: int, rest: int) -> int:
        return 2 * (linear + rest)

    def snippet(self, reference: str, task: Task) -> str:
        remark = 'dtype="float32" may be faster on a CPU'
        return transformers_snippet(reference, task, remark=remark)


def _check_plain(folder: Path) -> None:
    if (found := stored_format(folder)) != "float":
        raise ModelError(f"{folder.name} is quantized already ({found}); here a model in plain numbers is needed.")
