"""What the doctor finds of GPUs and of the libraries that formats need: asked of a process of its own, with a fault planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.doctor import accelerators, trial
from compressor.formats import FORMATS
from tests.test_doctor import by_part


def plant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, code: str) -> None:
    """A broken package that a process of ours finds before the real one."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_bitsandbytes_that_does_not_load_is_a_problem(settings, monkeypatch, tmp_path) -> None:
    plant(monkeypatch, tmp_path, "bitsandbytes", "raise ImportError('libbitsandbytes_cpu.so: undefined symbol')")
    found = by_part(accelerators.check(settings))
    for title in ("8-bit", "4-bit"):
        one = found[f"bitsandbytes {title}"]
        assert (one.status, one.facts["works"]) == ("problem", False)
        assert f"{title} does not work on the CPU" in one.says and "cannot be loaded here (ImportError)" in one.says
        assert "pip install" in one.advice
    assert found["gpu"].status != "problem"


def test_a_crash_of_native_code_is_a_finding_of_what_was_tried(settings, monkeypatch, tmp_path) -> None:
    plant(monkeypatch, tmp_path, "bitsandbytes", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    found = by_part(accelerators.check(settings))
    assert "8-bit does not work on the CPU: the process crashed (SIGSEGV)." in found["bitsandbytes 8-bit"].says
    assert found["bitsandbytes 8-bit"].status == "problem"


def test_an_onnxruntime_that_does_not_load_is_a_problem(settings, monkeypatch, tmp_path) -> None:
    plant(monkeypatch, tmp_path, "onnxruntime", "raise ImportError('DLL load failed')")
    found = by_part(accelerators.check(settings))
    assert (found["onnxruntime"].status, found["bitsandbytes 8-bit"].status) == ("problem", "ok")
    assert "It does not load: ImportError: DLL load failed." in found["onnxruntime"].says


def test_a_message_of_many_lines_is_told_by_its_first(settings, monkeypatch, tmp_path) -> None:
    plant(
        monkeypatch,
        tmp_path,
        "torch",
        "raise RuntimeError('CUDA error: out of memory\\nFor debugging\\nCompile it anew.')",
    )
    (one,) = accelerators.check(settings)
    assert "torch cannot be used: RuntimeError: CUDA error: out of memory." in one.says


def test_a_gpu_that_another_program_has_to_itself_does_not_end_the_look(monkeypatch) -> None:
    import torch

    def taken(index: int) -> None:
        raise RuntimeError("CUDA error: all devices are busy\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(trial, "_gpu", taken)
    looked = trial.look()
    assert looked["cuda"] == []
    (said,) = accelerators._devices(looked)
    assert (said.status, "cuda:0: CUDA error: all devices are busy." in said.says) == ("note", True)


def test_a_torch_that_does_not_load_is_a_problem(settings, monkeypatch, tmp_path) -> None:
    plant(monkeypatch, tmp_path, "torch", "raise ImportError('libcudart.so.99 is missing')")
    (one,) = accelerators.check(settings)
    assert (one.part, one.status) == ("devices", "problem")
    assert "torch cannot be used: ImportError: libcudart.so.99 is missing." in one.says


def test_a_trial_that_takes_too_long_is_ended(settings, monkeypatch, tmp_path) -> None:
    plant(monkeypatch, tmp_path, "torch", "import time; time.sleep(60)")
    monkeypatch.setattr(accelerators, "SECONDS", 2.0)
    (one,) = accelerators.check(settings)
    assert one.says == "torch cannot be used: it took longer than 2 seconds."


def test_wrong_answers_are_no_success(monkeypatch) -> None:
    eight, four = FORMATS["8bit"], FORMATS["4bit"]
    assert trial.attempt(eight, "cpu") is None and trial.attempt(four, "cpu") is None
    monkeypatch.setattr(trial, "_distance", lambda fmt, device: float("nan"))
    assert "its answers are wrong" in trial.attempt(eight, "cpu")
    monkeypatch.undo()
    monkeypatch.setitem(trial.CLOSE, 4, 0.0001)  # 4 bits are coarser than that
    assert "its answers are wrong" in trial.attempt(four, "cpu")


def test_gpus_are_told_with_their_memory() -> None:
    one = {"index": 0, "name": "H100", "capability": "9.0", "memory_bytes": 80e9, "free_bytes": 70e9, "bf16": True}
    looked = {
        "cuda": [one, one | {"index": 1, "free_bytes": 1e9}],
        "built_for_cuda": True,
        "mps": False,
        "trouble": None,
    }
    free, full = accelerators._devices(looked)
    assert free.says == "H100 (cuda:0), compute capability 9.0, 70.0 GB of 80.0 GB free, computes in bfloat16."
    assert (free.status, full.status) == ("ok", "note")
    old = "cuda:0: CUDA error: no kernel image is available for execution on the device"
    (trouble,) = accelerators._devices(looked | {"cuda": [], "trouble": old})
    assert "has no code for this GPU" in trouble.says and "Install a torch that is built for it" in trouble.advice
    (trouble,) = accelerators._devices(looked | {"cuda": [], "trouble": "The NVIDIA driver is too old."})
    assert trouble.status == "note" and "The NVIDIA driver is too old." in trouble.says
