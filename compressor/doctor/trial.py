"""What torch sees of this machine, and whether bitsandbytes really works on it: one tiny layer a format and device is
quantized and computed. `python -m compressor.doctor.trial`, a process of its own, because native code that does not suit a
machine ends the process without a word.

Standard output is JSON lines: `{"begins": what}`, then what came of it, so that whoever reads knows where it ended.
"""

from __future__ import annotations

import importlib
import json
import warnings
from typing import Any

from compressor.formats import FORMATS
from compressor.formats.bitsandbytes import BitsAndBytes, silence

INPUTS, OUTPUTS, ROWS = 128, 64, 4
RUNTIME = "onnxruntime"
"""What runs the ONNX formats."""
CLOSE = {8: 0.05, 4: 0.25}
"""How far the answers of a layer of so many bits may be from the float layer's, relative to their norm."""


def main() -> None:
    """Try everything, and say each result as soon as it is there."""
    _say(begins="torch")
    devices = look()
    _say(devices=devices)
    for device in ("cpu", *(f"cuda:{one['index']}" for one in devices["cuda"])):
        for fmt in FORMATS.values():
            if isinstance(fmt, BitsAndBytes):
                _say(begins=[fmt.name, device])
                _say(tried=[fmt.name, device], reason=attempt(fmt, device))
    _say(begins=RUNTIME)
    _say(loaded=RUNTIME, reason=cannot_load(RUNTIME))


def cannot_load(library: str) -> str | None:
    """Why a library cannot be imported; None where it can. One that is installed may still not suit the machine."""
    try:
        importlib.import_module(library)
    except Exception as error:
        return _brief(error)
    return None


def look() -> dict[str, Any]:
    """`{"cuda": [{"index", "name", "capability", "memory_bytes", "free_bytes", "bf16"}], "built_for_cuda", "mps", "trouble"}`;
    `trouble` is what torch complains of while it looks for GPUs, else None."""
    import torch

    built: Any = torch.backends.cuda.is_built  # its types are not said
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    trouble = str(heard[0].message) if heard and not there else None
    cards = []
    for index in range(torch.cuda.device_count()) if there else ():
        try:
            cards.append(_gpu(index))
        except RuntimeError as error:  # another program has all of it, or torch has no code for it
            trouble = trouble or f"cuda:{index}: {error}"
    return {
        "cuda": cards,
        "built_for_cuda": bool(built()),
        "mps": bool(torch.backends.mps.is_available()),
        "trouble": trouble.split("\n")[0][:300] if trouble else None,
    }


def _gpu(index: int) -> dict[str, Any]:
    import torch

    facts = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    torch.zeros(1, device=f"cuda:{index}").add_(1).item()  # torch may have no kernels for it
    return {
        "index": index,
        "name": facts.name,
        "capability": f"{facts.major}.{facts.minor}",
        "memory_bytes": total,
        "free_bytes": free,
        "bf16": facts.major >= 8,  # Ampere and later compute it; before, it is emulated
    }


def attempt(fmt: BitsAndBytes, device: str) -> str | None:
    """Quantize one layer on the device and compute with it; None where the answer is what it should be, else why not."""
    if reason := fmt.unavailable(device):
        return reason
    silence()
    try:
        far = _distance(fmt, device)
    except Exception as error:
        return _brief(error)
    if not far <= CLOSE[fmt.bits]:  # so written, it catches what is not a number too
        return f"its answers are wrong (they differ by {far:.0%} from those of the float layer)"
    return None


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no reason given'])[0][:300]}"


def _distance(fmt: BitsAndBytes, device: str) -> float:
    """How far the quantized layer's answers are from the float layer's, relative to their norm."""
    import bitsandbytes
    import torch

    torch.manual_seed(0)
    plain = torch.nn.Linear(INPUTS, OUTPUTS).to(torch.bfloat16)
    rows = torch.randn(ROWS, INPUTS).to(torch.bfloat16)
    options: dict[str, Any] = (
        {"has_fp16_weights": False}
        if fmt.bits == 8
        else {"compute_dtype": torch.bfloat16, "quant_type": "nf4", "compress_statistics": True}
    )
    layer: Any = getattr(bitsandbytes.nn, fmt.layer)(INPUTS, OUTPUTS, **options)
    layer.load_state_dict(plain.state_dict())
    layer = layer.to(device)  # this is what quantizes
    if layer.weight.dtype not in (torch.int8, torch.uint8):
        raise TypeError(f"the weights are still {layer.weight.dtype}")
    with torch.no_grad():
        wanted, got = plain(rows).float(), layer(rows.to(device)).float().cpu()
    return float((got - wanted).norm() / wanted.norm())


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
