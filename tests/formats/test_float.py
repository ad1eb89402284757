"""The float format on processors with and without arithmetic of 16 bits."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest
import torch
import transformers

from compressor import arithmetic, tasks
from compressor.formats import float_, get
from tests import tiny

TASK = tasks.get("text-classification")
PLAIN = {"avx2": True}
BOTH = {"avx512_bf16": True, "avx512_fp16": True}


@pytest.fixture
def stored(tmp_path):
    """A classifier in this type, as a folder."""

    def make(dtype):
        folder = tiny.bert(tmp_path / "made")
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype))
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def processor(monkeypatch):
    def has(capabilities):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    return has


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_where_16_bits_would_be_emulated_it_runs_in_32_and_says_so(stored, processor, dtype):
    processor(PLAIN)
    folder = stored(dtype)
    runner = get("float").load(folder, TASK)
    assert runner.model.dtype == torch.float32
    assert runner.dtype == dtype  # as it lies on the disk
    (note,) = runner.notes
    assert 'dtype="float32"' in note
    # The same as what the note's own advice gives, bit by bit.
    advised = transformers.AutoModelForSequenceClassification.from_pretrained(folder, dtype="float32").eval()
    batch = tiny.rows(4)[0]
    with torch.inference_mode():
        said = advised(**{k: torch.from_numpy(v) for k, v in batch.items()}).logits.numpy()
    assert (runner.predict(batch) == said).all()


@pytest.mark.parametrize(("dtype", "capabilities"), [("bfloat16", BOTH), ("float16", BOTH), ("float32", PLAIN)])
def test_elsewhere_it_runs_as_it_is(stored, processor, dtype, capabilities):
    processor(capabilities)
    runner = get("float").load(stored(dtype), TASK)
    assert (runner.model.dtype, runner.dtype, runner.notes) == (getattr(torch, dtype), dtype, ())


def test_without_memory_for_32_bits_it_stays_in_16(stored, processor, monkeypatch):
    processor(PLAIN)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100_000))
    runner = get("float").load(stored("bfloat16"), TASK)
    assert (runner.model.dtype, runner.notes) == (torch.bfloat16, ())


@pytest.mark.parametrize(
    ("capabilities", "bf16", "fp16"),
    [
        ({}, True, True),
        (PLAIN, True, True),
        ({"avx512_bf16": True, "avx512_fp16": False}, False, True),
        ({"amx_bf16": True, "amx_fp16": True}, False, False),
        ({"bf16": True, "fp16_arith": True}, False, False),  # ARM
        ({"fp16_arith": True}, True, False),
    ],
)
def test_what_a_processor_emulates(processor, capabilities, bf16, fp16):
    processor(capabilities)
    assert arithmetic.is_emulated("bfloat16", "cpu") == bf16
    assert arithmetic.is_emulated("float16", "cpu") == fp16
    assert arithmetic.has_fast_bf16("cpu") == (not bf16)
    assert not arithmetic.is_emulated("float32", "cpu")


def test_on_a_graphics_card_it_stays_as_it_is(processor, monkeypatch):
    processor(PLAIN)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: False)
    assert arithmetic.is_emulated("bfloat16", "cuda")
    assert not arithmetic.has_fast_bf16("cuda")
    there = SimpleNamespace(device=SimpleNamespace(type="cuda"), dtype=torch.bfloat16)
    assert arithmetic.without_emulation(there) is there


def test_an_older_graphics_card_is_said_to_make_do(stored, monkeypatch):
    """Its model is on the processor here: there is no such card."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: False)
    real = float_.models.load_model

    def loaded(*given, **how):
        model = real(*given, **how | {"device": "cpu"})
        card = SimpleNamespace(type="cuda")
        monkeypatch.setattr(type(model), "device", property(lambda self: card))
        return model

    monkeypatch.setattr(float_.models, "load_model", loaded)
    (note,) = get("float").load(stored("bfloat16"), TASK, "cuda").notes
    assert note.startswith("This graphics card has no arithmetic")
    monkeypatch.undo()
    assert get("float").load(stored("float32"), TASK).notes == ()


def test_nothing_is_promised_of_other_devices():
    assert not arithmetic.has_fast_bf16("mps")
    assert not arithmetic.is_emulated("bfloat16", "mps")
