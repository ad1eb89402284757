"""The rows that formats calibrate on: of the training split, in the model's own tokens, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import tasks
from compressor.errors import ModelError, OutOfMemoryError
from compressor.formats import get
from compressor.hub import Hub, LocalModel
from compressor.recipe import Recipe
from compressor.stages import quantize as stage
from compressor.stages.context import Run
from compressor.stages.data import prepare_data
from tests import tiny


@pytest.fixture
def begin(settings, tmp_path):
    """A run whose data is prepared: (run, data)."""
    teacher = tiny.bert(tmp_path / "teacher")

    def begun(source, student=None, seed=0):
        recipe = Recipe.parse(
            {"teacher": str(teacher), "data": {"source": source}, "student": student, "formats": ["8bit"], "seed": seed}
        )
        run = Run(
            recipe=recipe.resolved("text-classification", None, ()),
            task=tasks.get("text-classification"),
            source=LocalModel(teacher),
            out=tmp_path / f"run-{seed}",
            settings=settings,
            hub=Hub(settings),
            device="cpu",
            progress=lambda *a, **k: None,
        )
        return run, prepare_data(run)

    return begun


def tokens(batches) -> list[tuple[int, ...]]:
    return [
        tuple(ids[mask == 1])
        for batch in batches
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]


def test_rows_are_training_rows_that_the_seed_picks(begin, tmp_path):
    source = {
        "train": str(tiny.write_csv(tmp_path / "train.csv", 600)),
        "test": str(tiny.write_csv(tmp_path / "test.csv", 60, seed=1)),
    }
    run, data = begin(source)
    batches = stage.calibration(run, data)
    assert [len(batch["input_ids"]) for batch in batches] == [32] * 8
    assert {array.dtype for batch in batches for array in batch.values()} == {np.dtype(np.int64)}
    train = {tuple(ids) for ids in data.split("train")["input_ids"]}
    chosen = tokens(batches)
    assert set(chosen) <= train
    assert set(chosen) != {tuple(ids) for ids in data.split("train")["input_ids"][:256]}  # a file may be sorted
    assert tokens(stage.calibration(run, data)) == chosen
    assert tokens(stage.calibration(*begin(source, seed=1))) != chosen


def test_another_models_student_gets_them_in_its_own_tokens(begin, tmp_path):
    run, data = begin({"train": str(tiny.write_csv(tmp_path / "train.csv", 80))}, {"model": "some/other"})
    tokenizer = tiny.byte_bpe()
    tiny.bert(run.variant("student"), vocab_size=len(tokenizer))
    tokenizer.save_pretrained(run.variant("student"))
    limit = data.max_length
    own = {tuple(tokenizer(text)["input_ids"][:limit]) for text in data.rows("train")["text"]}
    assert set(tokens(stage.calibration(run, data))) <= own


def test_without_training_rows_there_are_none(begin, tmp_path):
    run, data = begin({"test": str(tiny.write_csv(tmp_path / "test.csv", 60))})
    assert stage.calibration(run, data) == stage.calibration(run, None) == []


@pytest.mark.parametrize(
    "error", [MemoryError(), OutOfMemoryError("No room."), RuntimeError("std::bad_alloc"), ModelError("No.")]
)
def test_a_format_that_cannot_be_made_is_left_out_and_the_run_goes_on(begin, tmp_path, monkeypatch, error):
    def fails(*_):
        raise error

    run, data = begin({"train": str(tiny.write_csv(tmp_path / "train.csv", 80))})
    monkeypatch.setattr(type(get("8bit")), "make", fails)
    assert stage.make_format(run, "8bit", data) is False
    (said,) = [note for note in run.notes[""] if "left out" in note]
    assert said.startswith("8-bit was left out: ")
    monkeypatch.setattr(type(get("8bit")), "make", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # a bug is none of these
        stage.make_format(run, "8bit", data)


def test_a_student_of_thin_layers_is_not_lost_with_its_last_format(begin, tmp_path, monkeypatch):
    run, data = begin({"train": str(tiny.write_csv(tmp_path / "train.csv", 80))})
    monkeypatch.setattr(Run, "thin", True)
    monkeypatch.setattr(type(get("8bit")), "unavailable", lambda *_: "It is not installed.")
    with pytest.raises(ModelError, match="no other format: It is not installed"):
        stage.make_format(run, "8bit", data)
    monkeypatch.setattr(stage, "_made", lambda run: ["onnx"])
    assert stage.make_format(run, "8bit", data) is False
