"""Which numbers of 16 bits a device multiplies in hardware. The others it emulates, slower than 32 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HARDWARE = {
    "bfloat16": ("avx512_bf16", "amx_bf16", "bf16"),
    "float16": ("avx512_fp16", "amx_fp16", "fp16_arith"),
}
"""What of `torch.cpu.get_capabilities()` says so, on x86 and on ARM."""
WRITTEN_OUT = 128
"""Tokens up to which a training on a processor writes attention out: beyond, torch's fused one is as fast, and keeps no number
for each pair of tokens (tests/benchmarks/README.md)."""


def is_emulated(dtype: str, device: str) -> bool:
    """Whether this device (`cpu`, `cuda` …) has no hardware for products of this type, by torch's name without `torch.`."""
    import torch

    if dtype not in HARDWARE:
        return False
    if device == "cuda":
        return dtype == "bfloat16" and not torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu":
        return False
    can = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return not any(can.get(name) for name in HARDWARE[dtype])


def has_fast_bf16(device: str) -> bool:
    """Whether this device is one that is known to multiply bfloat16 in hardware."""
    return device in ("cpu", "cuda") and not is_emulated("bfloat16", device)


def without_emulation(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights, in 32 bits where a processor would emulate the type that they are in and there is memory for it. No
    value changes: every number of 16 bits is one of 32. On a graphics card, whose memory is scarce, they stay as they are."""
    from compressor.measure.hardware import memory_free

    if model.device.type != "cpu" or not is_emulated(dtype_of(model), "cpu"):
        return model
    # It takes as much memory again, and some for running.
    return model.float() if memory_free() > 2 * model.get_memory_footprint() else model


def dtype_of(model: PreTrainedModel) -> str:
    """torch's name of the type of its floats, without `torch.`."""
    return str(model.dtype).removeprefix("torch.")
