"""A student that began as another model learns and is judged in its own tokens."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from datasets import load_from_disk

from compressor import models, tasks
from compressor.hub import Hub, LocalModel
from compressor.recipe import Recipe
from compressor.stages import judge as stage
from compressor.stages.context import Run
from compressor.stages.data import prepare_data
from compressor.stages.lengths import choose_length, some_of
from compressor.stages.own_tokens import own_length
from compressor.stages.student import wants_control, without_control
from tests import tiny


class Enough(Exception):
    pass


def prepared(settings, tmp_path):
    """A run whose student is another model, and its data."""
    teacher = tiny.bert(tmp_path / "teacher")
    words = " ".join(tiny.texts(400)[0]).split()
    texts = [" ".join(words[14 * i : 14 * i + 14]) for i in range(80)]  # 16 tokens each, and so `max_length` is 16
    lines = [f"{text},{('negative', 'positive')[i % 2]}\n" for i, text in enumerate(texts)]
    (tmp_path / "train.csv").write_text("text,label\n" + "".join(lines), encoding="utf-8")
    recipe = Recipe.parse(
        {
            "teacher": str(teacher),
            "data": {"source": {"train": str(tmp_path / "train.csv")}},
            "student": {"model": "some/other"},
            "formats": ["8bit"],
        }
    )
    run = Run(
        recipe=recipe.resolved("text-classification", None, ()),
        task=tasks.get("text-classification"),
        source=LocalModel(teacher),
        out=tmp_path / "run",
        settings=settings,
        hub=Hub(settings),
        device="cpu",
        progress=lambda *a, **k: None,
    )
    data = prepare_data(run)
    tokenizer = tiny.byte_bpe()
    tiny.bert(run.variant("student"), vocab_size=len(tokenizer))
    tokenizer.save_pretrained(run.variant("student"))
    return run, data, tokenizer


def test_another_models_student_is_judged_in_its_own_tokens(settings, tmp_path, monkeypatch):
    run, data, tokenizer = prepared(settings, tmp_path)
    tiny.bert(run.variant("student-8bit"))
    seen = {}

    def measure(requests, task, *, rows, **_):
        seen.update({one.name: one.rows or rows for one in requests})
        seen["disturbed"] = requests[0].disturbed
        raise Enough

    monkeypatch.setattr(stage, "measure", measure)
    with pytest.raises(Enough):
        stage.judge(run, data)
    theirs, own = load_from_disk(str(seen["teacher"])), load_from_disk(str(seen["student"]))
    assert seen["student-8bit"] == seen["student"]
    assert own["labels"][:] == theirs["labels"][:]
    text = data.rows("test")["text"][0]
    assert own["input_ids"][0] == tokenizer(text)["input_ids"], "its rows are as whole as its teacher's, in more tokens"
    assert max(own["length"]) > data.max_length
    assert theirs["input_ids"][0] == models.load_tokenizer(run.teacher)(text)["input_ids"]
    assert max(theirs["length"]) == data.max_length
    assert max(load_from_disk(str(seen["disturbed"]))["length"]) > data.max_length, (
        "slips take more tokens, and are read"
    )
    assert max(data.encoded("train", run.task, tokenizer, 9)["length"]) == 9


def test_how_many_of_its_own_tokens_a_student_reads(settings, tmp_path):
    run, data, tokenizer = prepared(settings, tmp_path)
    config = models.load_config(run.variant("student"))
    assert own_length(run, data, config, tokenizer) % 8 == 0 and "" not in run.notes
    (run.work / "own-length.json").unlink()
    tokenizer.model_max_length = 10
    assert own_length(run, data, config, tokenizer) == 10
    assert "longer than the 10 tokens that the student can read" in run.notes[""][0]
    asked = run.recipe.model_copy(update={"data": run.recipe.data.model_copy(update={"max_length": 9})})
    assert own_length(replace(run, recipe=asked), data, config, tokenizer) == 9


def test_a_control_without_labels_to_learn_from_is_said():
    recipe = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}, "distill": {"control": True}})
    run = SimpleNamespace(recipe=recipe)
    assert without_control(run, SimpleNamespace(kind="single")) == []
    assert wants_control(run, SimpleNamespace(kind="single"))
    assert "it learns from labels, and the data has none" in without_control(run, SimpleNamespace(kind="none"))[0]
    assert not wants_control(run, SimpleNamespace(kind="none"))


def test_running_text_is_cut_to_what_a_small_model_takes():
    recipe = Recipe.parse({"teacher": "demo"})
    task = tasks.get("text-generation")
    assert choose_length(recipe, task, None, None, 128) == (128, 0.0)
    assert choose_length(recipe, task, None, None, 4096) == (512, 0.0)


def test_the_first_rows_do_not_stand_for_all():
    some = some_of(10_000, 100)
    assert some == sorted(set(some)) == some_of(10_000, 100) and len(some) == 100
    assert min(some) < 1000 and max(some) > 9000
    assert some_of(50, 100) == list(range(50))
