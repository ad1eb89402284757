"""The machine and the versions that numbers were measured with."""

from __future__ import annotations

import contextlib
import functools
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from compressor.settings import Settings

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""

NO_KERNELS = "no kernel image"
"""What CUDA says where torch was built without a card's kind."""

PACKAGES = ("torch", "transformers", "bitsandbytes", "accelerate", "datasets", "safetensors")


def default_device() -> str:
    """`cuda` where torch can compute on it, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() and _computes() else "cpu"


@functools.cache
def _computes() -> bool:
    """Whether the installed torch has kernels for the first card: that there is one says nothing of it. Builds of CUDA 12.8 and
    later have none for cards before Turing."""
    import torch

    try:
        torch.zeros(1, device="cuda").add_(1).item()
    except RuntimeError as error:  # all else, such as a card that is full, is for whoever computes on it
        return NO_KERNELS not in str(error).lower()
    return True


def hardware() -> dict[str, Any]:
    """`{"cpu" (name), "cores" (that this process may use), "memory_bytes", "platform", "gpu" (name or None),
    "gpu_memory_bytes" (or None)}`."""
    import torch

    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "memory_bytes": memory_total(),
        "platform": f"{platform.system()} {platform.machine()}",
        "gpu": gpu.name if gpu is not None else None,
        "gpu_memory_bytes": int(gpu.total_memory) if gpu is not None else None,
    }


def versions() -> dict[str, str]:
    """Python's version, and those of the libraries that decide what a model computes."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    """As its maker calls it; the architecture where nothing says it."""
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            return platform.machine()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        if found.stdout.strip():
            return found.stdout.strip()
    return platform.processor() or platform.machine()


def bf16_on_cpu() -> bool | None:
    """Does the processor compute in bfloat16, in which quantized layers do? None where nothing says so."""
    if sys.platform == "linux":
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        flags = next((x for x in text.splitlines() if x.lower().startswith(("flags", "features"))), None)
        return None if flags is None else bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "hw.optional.arm.FEAT_BF16"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        return found.stdout.strip() == "1"
    return None


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(psutil.Process().cpu_affinity())
    except (AttributeError, psutil.Error):  # macOS has no affinities
        return psutil.cpu_count() or 1


def memory_total() -> int:
    """Bytes of memory: the machine's, or what its container may use."""
    limits = [int(psutil.virtual_memory().total)]
    for path in (CGROUPS / "memory.max", CGROUPS / "memory" / "memory.limit_in_bytes"):
        limits += _number(path)
    return min(limits)


def memory_limit(settings: Settings) -> int:
    """Bytes that a run may hold, all its processes together."""
    return settings.max_run_memory_bytes or int(0.9 * memory_total())


def memory_free() -> int:
    """Bytes that can still be taken without swapping. What the system keeps of files that were read counts as free, as it is
    given back to whoever asks: a container's own figure of what is used has it in."""
    free = [int(psutil.virtual_memory().available)]
    for group, limit, used, files in (
        (CGROUPS, "memory.max", "memory.current", "inactive_file"),
        (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        kept = _stated(group / "memory.stat", files)
        free += [
            top - max(0, now - kept) for top, now in zip(_number(group / limit), _number(group / used), strict=False)
        ]
    return max(0, min(free))


def _number(path: Path) -> list[int]:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return []
    return [int(text)] if text.isdigit() else []  # `max`: no limit


def _stated(path: Path, key: str) -> int:
    """One of the lines `key number` of a file; 0 where there is none."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, number = line.partition(" ")
            if name == key:
                return int(number)
    return 0
