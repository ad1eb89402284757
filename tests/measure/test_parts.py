"""What measuring is made of, piece by piece."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from datasets import Dataset

from compressor import models, tasks
from compressor.errors import ModelError, OutOfMemoryError
from compressor.formats import get
from compressor.measure import (
    bytes_on_disk,
    hardware,
    latency,
    measuring,
    memory,
    probe,
    stored_parameters,
    values,
    work,
)
from compressor.measure.children import ended
from compressor.measure.stored import stored_dtype
from compressor.planning import inspecting
from compressor.system.processes import environ
from tests import tiny

TASK = tasks.get("text-classification")


def test_neither_formats_nor_measure_import_torch():
    heavy = "{'torch', 'transformers', 'bitsandbytes'}"
    code = f"import sys, compressor.measure, compressor.formats; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ())
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(("name", "dtype"), [("float", "bfloat16"), ("8bit", "int8"), ("4bit", "nf4")])
def test_a_file_says_what_the_loaded_model_says(tmp_path, name, dtype):
    get(name).make(tiny.bert(tmp_path / "bert"), tmp_path / "out", TASK)
    runner = get(name).load(tmp_path / "out", TASK)
    assert stored_parameters(tmp_path / "out") == runner.parameters
    assert stored_dtype(tmp_path / "out") == runner.dtype == dtype
    assert bytes_on_disk(tmp_path / "out") == (tmp_path / "out" / "model.safetensors").stat().st_size


def test_a_broken_file_counts_as_nothing(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    assert (stored_parameters(tmp_path), stored_dtype(tmp_path), bytes_on_disk(tmp_path)) == (0, "unknown", 11)


def test_memory_grows_by_what_is_held_and_forgets_what_was_before():
    before = np.ones(120_000_000, np.uint8)
    del before
    peak = memory.PeakMemory("cpu")
    held = np.ones(60_000_000, np.uint8)
    held = None
    assert held is None
    assert peak.peak() == pytest.approx(60_000_000, rel=0.1)  # the peak, though it is gone again


def test_memory_without_a_mark_that_can_be_reset(monkeypatch):
    monkeypatch.setattr(memory, "_reset_mark", lambda: None)
    before = np.ones(200_000_000, np.uint8)
    del before
    peak = memory.PeakMemory("cpu")
    held = np.ones(50_000_000, np.uint8)
    assert peak.peak() == pytest.approx(held.nbytes, rel=0.1)


class Slow:
    """A clock that goes on by what its calls cost, and by what is added to it."""

    device, dtype, threads, parameters, notes = "cpu", "x", 1, 1, ()

    def __init__(self, monkeypatch):
        self.calls, self.now = 0, 0.0
        monkeypatch.setattr(work.time, "perf_counter", lambda: self.now)

    def predict(self, batch):
        self.calls += 1
        self.now += 0.3 if self.calls <= 2 else 0.01
        return np.zeros((1, 2), np.float32)


def test_the_first_runs_do_not_count(monkeypatch):
    runner = Slow(monkeypatch)
    work.warm_up(TASK, runner, {})
    ms = work.times(TASK, runner, {}, 5)
    assert ms == [pytest.approx(10)] * 5
    assert runner.calls == work.WARM_UP + 1 + 5


def test_a_clock_counts_the_seconds_in_the_runner_alone(monkeypatch):
    runner = Slow(monkeypatch)
    clock = work.Clock(runner)
    clock.predict({})
    runner.now += 0.3  # what is done with the answer
    assert clock.seconds == pytest.approx(0.3)


@pytest.mark.parametrize(("seconds", "runs"), [(1e-9, 40), (0.01, 33), (0.1, 5), (1.0, 5), (2.0, 2), (100.0, 1)])
def test_runs_of_a_round_keep_to_the_time_there_is(seconds, runs):
    assert latency.runs_each_round(seconds) == runs


def test_a_latency_is_median_and_95th_percentile():
    found, notes = latency.summary([*range(1, 101)])
    assert (found.p50, found.p95, notes) == (50.5, pytest.approx(95.05), ())
    assert "from 6 runs only" in latency.summary([1.0] * 6)[1][0]


def test_the_probe_has_the_length_that_was_asked_for(tmp_path):
    folder = tiny.bert(tmp_path / "bert")
    for asked, got in ((8, 8), (24, 24), (500, 64)):  # the model takes 64
        rows, length, pad = probe.probe_rows(folder, TASK, asked, 3)
        assert (length, pad, len(rows)) == (got, models.load_tokenizer(folder).pad_token_id, 3)
        assert {len(ids) for ids in rows["input_ids"]} == {got}


def test_the_usual_length_is_the_median_rounded_up():
    assert probe.usual_length(Dataset.from_dict({"length": [3, 9, 50]}), TASK) == 16
    assert probe.usual_length(Dataset.from_dict({"length": [512] * 3}), tasks.get("text-generation")) == 128


def test_agreement_is_the_share_of_equal_decisions():
    ours, theirs = np.eye(2)[[0, 1, 1, 1]], np.eye(2)[[0, 1, 0, 1]]
    assert measuring._agreement(TASK, ours, theirs) == 0.75
    assert measuring._agreement(TASK, ours, None) is None
    assert measuring._agreement(tasks.get("text-classification/regression"), ours, theirs) is None


def test_together_only_where_there_is_memory_for_all(tmp_path, monkeypatch):
    request = values.Request("a", tiny.bert(tmp_path / "bert"))
    for free, fit in ((3_000_000_000, True), (900_000_000, False)):
        monkeypatch.setattr(measuring, "memory_free", lambda free=free: free)
        assert measuring._fit_together([request, request], "cpu") is fit
    monkeypatch.setattr(measuring, "can_fork", lambda device: False)  # macOS: each imports for itself
    monkeypatch.setattr(measuring, "memory_free", lambda: 2_500_000_000)
    assert not measuring._fit_together([request, request], "cpu")


def test_together_on_a_card_only_where_the_machine_has_room_for_their_processes_too(tmp_path, monkeypatch):
    bert = tiny.bert(tmp_path / "bert")
    floats = [values.Request(name, bert) for name in "ab"]
    onnx = values.Request("c", bert, "onnx")
    for asked, card, machine, fit in (
        (floats, 3_000_000_000, 9_000_000_000, True),
        (floats, 900_000_000, 9_000_000_000, False),
        (floats, 3_000_000_000, 2_500_000_000, False),  # each imports for itself
        ([floats[0], onnx], 900_000_000, 9_000_000_000, True),  # ONNX has no use for the card
    ):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda card=card: (card, card))
        monkeypatch.setattr(measuring, "memory_free", lambda machine=machine: machine)
        assert measuring._fit_together(asked, "cuda") is fit


@pytest.mark.parametrize(
    ("said", "device"), [("no kernel image is available for execution on the device", "cpu"), ("out of memory", "cuda")]
)
def test_a_card_that_torch_has_no_kernels_for_is_none(monkeypatch, said, device):
    def fails(*_, **__):
        raise RuntimeError(f"CUDA error: {said}\nCUDA kernel errors might be reported later.")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", fails)
    hardware._computes.cache_clear()
    try:
        assert hardware.default_device() == device
    finally:
        hardware._computes.cache_clear()


def test_how_a_process_ended_is_told():
    assert isinstance(ended(-9), OutOfMemoryError)
    assert "SIGSEGV" in str(ended(-11))
    assert isinstance(ended(1), ModelError)


def test_hardware_and_versions():
    found = hardware.hardware()
    assert found["cores"] >= 1
    assert 10**8 < found["memory_bytes"] <= hardware.psutil.virtual_memory().total
    assert 0 <= hardware.memory_free() <= found["memory_bytes"]
    assert found["cpu"]
    assert {"python", "torch", "transformers", "bitsandbytes"} <= set(hardware.versions())
    assert hardware.default_device() in ("cpu", "cuda")


def test_a_container_has_its_own_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CGROUPS", tmp_path)
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    assert hardware.memory_total() == min(2_000_000_000, hardware.psutil.virtual_memory().total)
    assert hardware.memory_free() == 500_000_000
    (tmp_path / "memory.stat").write_text("anon 100\nactive_file 7\ninactive_file 1200000000\n")
    assert hardware.memory_free() == 1_700_000_000  # files that were read are let go of
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.memory_total() == hardware.psutil.virtual_memory().total


def test_another_set_of_the_same_weights_beside_them_counts_as_nothing(tmp_path):
    folder = tiny.bert(tmp_path / "bert")
    numbers, size, dtype = stored_parameters(folder), bytes_on_disk(folder), stored_dtype(folder)
    for name in ("model.fp16.safetensors", "consolidated.safetensors"):
        shutil.copy(folder / "model.safetensors", folder / name)
    assert (stored_parameters(folder), bytes_on_disk(folder), stored_dtype(folder)) == (numbers, size, dtype)
    assert inspecting._local_facts(folder, str(folder))["parameters"] == numbers


STORED = {
    "bitsandbytes": {"config.json": '{"model_type": "bert", "quantization_config": {"load_in_8bit": true}}'},
    "onnxruntime": {"config.json": "{}", "onnx/model_quantized.onnx": ""},
    "openvino": {"config.json": "{}", "openvino/openvino_model.xml": ""},
}
"""Files by which a folder is known as one that takes this library to load."""


def stored(folder, library):
    for name, text in STORED[library].items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize("library", STORED)
def test_a_library_that_does_not_load_is_the_affair_of_formats_that_need_it(library, monkeypatch, tmp_path):
    tried = []

    def broken():
        tried.append(library)
        raise ImportError("DLL load failed")

    monkeypatch.setitem(work._LIBRARIES, library, broken)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == library)
    others = [stored(tmp_path / other, other) for other in STORED if other != library]
    work.preload(TASK.key, [str(tiny.bert(tmp_path / "float")), *others])
    assert tried == [], "nobody needs it"
    work.preload(TASK.key, [stored(tmp_path / library, library), str(tmp_path / "nowhere")])
    assert tried == [library]


def test_what_runs_on_the_processor_has_its_memory_counted_there(tmp_path, monkeypatch):
    asked, real = [], memory.PeakMemory
    monkeypatch.setattr(work, "PeakMemory", lambda device: asked.append(device) or real("cpu"))
    monkeypatch.setattr(work, "touch_libraries", asked.append)
    for name in ("onnx", "float"):
        made = get(name)
        monkeypatch.setattr(type(made), "load", lambda *_: (_ for _ in ()).throw(ModelError("far enough")))
        with pytest.raises(ModelError, match="far enough"):
            work.Work().open(str(tiny.bert(tmp_path / name)), name, TASK.key, "cuda", 1, 8)
    assert asked == ["cpu", "cpu", "cuda", "cuda"]  # and what it does not use is not opened
