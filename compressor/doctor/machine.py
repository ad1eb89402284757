"""Versions, processor, memory."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from packaging.version import InvalidVersion, Version

import compressor
from compressor.doctor.finding import NOTE, OK, PROBLEM, Finding, gigabytes
from compressor.measure import hardware
from compressor.settings import Settings

PYTHON = (3, 11)
NEEDED = {"torch": "2.11", "transformers": "5.17", "bitsandbytes": None, "accelerate": None, "datasets": None,
          "safetensors": None, "huggingface-hub": None}  # fmt: skip
"""{package: the oldest version that works}; None: any."""
PAGE = "gradio"
INSTALL = "Install what is missing: pip install -r requirements.txt"

LEAST, FEW = 1e9, 4e9
"""Bytes of free memory: what the demo's run takes, and what models of a usual size take."""


def versions(settings: Settings) -> list[Finding]:
    """What is installed, and what is too old or missing."""
    found = {"compressor": compressor.__version__, "python": platform.python_version()}
    missing, old = [], []
    for package, oldest in NEEDED.items():
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            missing.append(package)
            continue
        if oldest is not None and _older(found[package], oldest):
            old.append(f"{package} {found[package]} (from {oldest} on)")
    if sys.version_info < PYTHON:
        old.append(f"Python {found['python']} (from {'.'.join(map(str, PYTHON))} on)")
    try:
        found[PAGE] = version(PAGE)
    except PackageNotFoundError:
        page = [Finding("page", NOTE, f"{PAGE} is not installed, so there is no page; the command line works without.",
                        f"For the page: pip install {PAGE}")]  # fmt: skip
    else:
        page = []
    says = ", ".join(f"{name} {number}" for name, number in found.items()) + "."
    if missing or old:
        wrong = [f"Not installed: {', '.join(missing)}."] if missing else []
        wrong += [f"Too old: {', '.join(old)}."] if old else []
        return [Finding("versions", PROBLEM, f"{' '.join(wrong)} Here are {says}", INSTALL, {"versions": found}), *page]
    return [Finding("versions", OK, says, facts={"versions": found}), *page]


def _older(found: str, oldest: str) -> bool:
    try:
        return Version(found).release < Version(oldest).release
    except InvalidVersion:
        return False


def processor(settings: Settings) -> list[Finding]:
    """Its name, its cores, and whether it computes in the type that quantized layers compute in."""
    name, cores, bf16 = hardware.cpu_name(), hardware.cores(), hardware.bf16_on_cpu()
    facts = {"cpu": name, "cores": cores, "bf16": bf16}
    says = f"{name}, {cores} core{'' if cores == 1 else 's'} for this program"
    if bf16 is None:
        return [Finding("processor", OK, f"{says}; it does not say whether it computes in bfloat16.", facts=facts)]
    if bf16:
        return [Finding("processor", OK, f"{says}; it computes in bfloat16.", facts=facts)]
    return [Finding("processor", NOTE, f"{says}; it does not compute in bfloat16 but emulates it.",
                    "8-bit and 4-bit models are small on it, but slow.", facts)]  # fmt: skip


def memory(settings: Settings) -> list[Finding]:
    """What there is, and what is free now."""
    free, total = hardware.memory_free(), hardware.memory_total()
    says = f"{gigabytes(free)} of {gigabytes(total)} are free."
    facts = {"free_bytes": free, "total_bytes": total}
    if free < LEAST:
        return [
            Finding(
                "memory", PROBLEM, f"Only {says} A run needs more, even the demo's.", "Close other programs.", facts
            )
        ]
    if free < FEW:
        advice = "Enough for small models. Close other programs before you compress a large one."
        return [Finding("memory", NOTE, says, advice, facts)]
    return [Finding("memory", OK, says, facts=facts)]
