"""Which layers of a model can be quantized, and which stay as they are. Knows no format but the shapes that one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.errors import ModelError
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def fits(inputs: int, outputs: int) -> bool:
    """Whether CPUs with AVX512-BF16 can compute a 4-bit layer of this shape: their kernel is what plain transformers runs
    there, and it breaks on any other."""
    return inputs % 64 == 0 and outputs % 32 == 0


def linear_layers(model: PreTrainedModel) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of every layer that bitsandbytes would replace: `Linear`, and GPT-2's `Conv1D`."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    found = {}
    for name, module in model.named_modules():
        if type(module) is nn.Linear:
            found[name] = (module.in_features, module.out_features)
        elif isinstance(module, Conv1D):
            inputs, outputs = module.weight.shape
            found[name] = (int(inputs), int(outputs))
    return found


def use_exact_path(model: PreTrainedModel) -> None:
    """Other people's 4-bit models may have layers of any shape: those are computed without the AVX512-BF16 kernel."""
    module: Any
    for module in model.modules():
        if type(module).__name__ == "Linear4bit" and not fits(module.in_features, module.out_features):
            module.support_avx512bf16_for_cpu = False


def head_names(model: PreTrainedModel, task: Task) -> list[str]:
    """The modules of a model that turn its last hidden state into the task's answer.

    Raises:
        ModelError: it has none that is known, so it could not be kept.
    """
    heads = [name for name in task.heads if hasattr(model, name)]
    anything: Any = model
    output = anything.get_output_embeddings()
    heads += [name for name, module in model.named_modules() if module is output and name and name not in heads]
    if not heads:
        raise ModelError(
            f"{type(model).__name__} has no head that Compressor knows ({', '.join(task.heads)}), so it could not be kept in "
            "full precision. This model cannot be quantized here."
        )
    return heads


def within(name: str, modules: list[str]) -> bool:
    """Whether a module is one of these, or part of one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def kept_modules(model: PreTrainedModel, heads: list[str], unfit: list[str]) -> list[str]:
    """Names for `llm_int8_skip_modules`. A list of one's own replaces transformers' defaults, so they are named too: tied
    and output embeddings, the last module, and what the architecture keeps in float32."""
    from transformers.quantizers.base import HfQuantizer

    wide = list(model._keep_in_fp32_modules or ())
    return sorted(HfQuantizer.get_modules_to_not_convert(model, [*heads, *unfit], wide, add_default_skips=True))
