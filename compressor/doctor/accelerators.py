"""GPUs, and what bitsandbytes can do here: asked of a process of its own, which may die over it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compressor.doctor.finding import NOTE, OK, PROBLEM, Finding, gigabytes
from compressor.formats import FORMATS
from compressor.measure.hardware import NO_KERNELS
from compressor.settings import Settings
from compressor.system import processes

SECONDS = 60.0
"""Importing torch from a slow disk takes half a minute."""
MODULE = "compressor.doctor.trial"
_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception)\b")
"""The line of a trace that names it."""
TIGHT = 2e9
"""Bytes of a GPU's memory below which little can be done on it."""


def check(settings: Settings) -> list[Finding]:
    """The devices, then a finding for each format of bitsandbytes on each of them."""
    lines, end = _ask()
    devices = next((line["devices"] for line in lines if "devices" in line), None)
    found = list(_devices(devices)) if devices is not None else []
    found += [_tried(line["tried"], line["reason"]) for line in lines if "tried" in line]
    found += [_loaded(line["loaded"], line["reason"]) for line in lines if "loaded" in line]
    if end is not None:
        begun = next((line["begins"] for line in reversed(lines) if "begins" in line), "torch")
        found.append(
            _died(end) if begun == "torch" else _loaded(begun, end) if isinstance(begun, str) else _tried(begun, end)
        )
    return found


def _ask() -> tuple[list[dict[str, Any]], str | None]:
    """(what the process said, how it ended before it was done or None)."""
    command = processes.python(MODULE)
    try:
        done = subprocess.run(command, env=processes.environ(), capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        return list(_parsed(error.stdout or b"")), f"it took longer than {SECONDS:.0f} seconds"
    lines = list(_parsed(done.stdout))
    if done.returncode == 0:
        return lines, None
    if done.returncode < 0:
        return lines, f"the process crashed ({_name(-done.returncode)})"
    said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
    errors = [line for line in said if _ERROR.match(line)]  # a message may go on for lines, which say less and less
    return lines, (errors or said)[-1][:300]


def _parsed(output: bytes) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue  # a library's own print
        if isinstance(found, dict):
            yield found


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _devices(devices: Mapping[str, Any]) -> Iterator[Finding]:
    for one in devices["cuda"]:
        free = one["free_bytes"]
        says = (
            f"{one['name']} (cuda:{one['index']}), compute capability {one['capability']}, {gigabytes(free)} of "
            f"{gigabytes(one['memory_bytes'])} free, {'computes' if one['bf16'] else 'does not compute'} in bfloat16."
        )
        if free < TIGHT:
            yield Finding("gpu", NOTE, says, "Other programs hold its memory: nvidia-smi shows which.", one)
        else:
            yield Finding("gpu", OK, says, facts=one)
    if devices["cuda"] and not devices["trouble"]:
        return
    if NO_KERNELS in str(devices["trouble"]).lower():
        advice = "Install a torch that is built for it (pytorch.org says which), or leave it: then all runs on the CPU."
        yield Finding(
            "gpu", NOTE, f"The installed torch has no code for this GPU: {devices['trouble'].rstrip('.')}.", advice
        )
    elif devices["trouble"] and devices["cuda"]:
        yield Finding("gpu", NOTE, f"One of the GPUs cannot be used: {devices['trouble'].rstrip('.')}.")
    elif devices["trouble"]:
        advice = "If this machine has a GPU, install a driver that suits the installed torch. Until then all runs on the CPU."
        yield Finding("gpu", NOTE, f"torch finds no GPU that it can use: {devices['trouble'].rstrip('.')}.", advice)
    elif devices["mps"]:
        yield Finding("gpu", NOTE, "This Mac's GPU is not used by this version of Compressor: all runs on the CPU.",
                      facts={"mps": True})  # fmt: skip
    else:
        built = "" if devices["built_for_cuda"] else " (the installed torch is built without CUDA)"
        yield Finding("gpu", OK, f"No GPU{built}: all runs on the CPU.")


def _tried(what: Sequence[str], reason: str | None) -> Finding:
    name, device = what
    title, facts = FORMATS[name].title, {"format": name, "device": device, "works": reason is None}
    part, where = f"bitsandbytes {title}", "the CPU" if device == "cpu" else device
    if reason is None:
        return Finding(part, OK, f"{title} works on {where}: a layer was quantized and computed.", facts=facts)
    says = f"{title} does not work on {where}: {reason.rstrip('.')}."
    advice = f"Leave {title} out of a run's formats, or reinstall bitsandbytes: pip install -U bitsandbytes"
    return Finding(part, PROBLEM, says, advice, facts)


def _loaded(library: str, reason: str | None) -> Finding:
    if reason is None:
        return Finding(library, OK, "It loads, so that ONNX models run here.")
    advice = "Leave ONNX out of a run's formats, or reinstall it: pip install --force-reinstall onnxruntime"
    return Finding(library, PROBLEM, f"It does not load: {reason.rstrip('.')}.", advice)


def _died(end: str) -> Finding:
    advice = f"Install it anew: pip install -r requirements.txt. What it says: {sys.executable} -m {MODULE}"
    return Finding("devices", PROBLEM, f"torch cannot be used: {end.rstrip('.')}.", advice)
