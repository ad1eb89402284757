"""Numbers that were matched to a teacher's labels by their place are shown as pairs, and held against what the teacher says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from compressor import models, pipeline, tasks
from compressor.errors import DataError
from compressor.recipe import Recipe
from compressor.tasks.guessing import better_order, no_better
from tests import tiny
from tests.data.files import run, sentences, write_csv

pytestmark = pytest.mark.usefixtures("measured_soon")

NAMES = ("entailment", "neutral", "contradiction")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A model of three classes, texts, and what it says of each: as many of each class as there can be."""
    folder = tiny.bert(tmp_path_factory.mktemp("order") / "m", labels=NAMES, num_hidden_layers=1)
    model = models.load_model(folder, tasks.get("text-classification"))
    tokenizer, texts = models.load_tokenizer(folder), tiny.texts(240)[0]
    with torch.inference_mode():
        logits = torch.stack([model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts])
        logits -= logits.median(0).values
        model.classifier.bias.data -= (
            torch.stack([model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]).median(0).values
        )
    model.save_pretrained(folder)
    said = logits.argmax(1).tolist()
    assert min(np.bincount(said, minlength=3)) > 15
    return folder, texts, said


def recipe(teacher, tmp_path, order, **data):
    """Data whose number for the teacher's label i is `order[i]`."""
    folder, texts, said = teacher
    path = tmp_path / "test.csv"
    path.write_text("text,label\n" + "".join(f"{text},{order[label]}\n" for text, label in zip(texts, said)))
    return Recipe.parse(
        {"teacher": str(folder), "student": None, "formats": ["8bit"], "data": {"source": {"test": str(path)}, **data}}
    )


def test_another_order_is_refused_with_the_right_one(teacher, tmp_path, settings):
    order = [2, 0, 1]
    with pytest.raises(DataError, match="in another order it is right on 100%") as error:
        pipeline.run(recipe(teacher, tmp_path, order), tmp_path / "out", settings=settings)
    told = json.loads(re.search(r"data\.labels: (\{.*?\})", str(error.value)).group(1))
    assert told == {str(order[i]): name for i, name in enumerate(NAMES)}
    report = pipeline.run(recipe(teacher, tmp_path, order, labels=told), tmp_path / "out", settings=settings)
    assert report.teacher_variant.quality.value == 1.0
    assert report.rows.read == 240 == sum(report.rows.used.values()) + sum(report.rows.left_out.values())


def test_the_right_order_is_told_in_pairs(teacher, tmp_path, settings):
    report = pipeline.run(recipe(teacher, tmp_path, [0, 1, 2]), tmp_path / "out", settings=settings)
    assert any("0 is 'entailment', 1 is 'neutral', 2 is 'contradiction'" in note for note in report.notes)
    assert not any("no better" in note or "right only" in note for note in report.notes)


def test_who_insists_has_it_and_is_told(teacher, tmp_path, settings):
    """Labels that the person mapped themselves are not questioned before, but the report says what became of it."""
    same = {str(i): name for i, name in enumerate(NAMES)}
    report = pipeline.run(recipe(teacher, tmp_path, [2, 0, 1], labels=same), tmp_path / "out", settings=settings)
    assert report.teacher_variant.quality.value < 0.2
    assert any("Are the labels matched rightly" in note for note in report.notes)


def test_a_weak_teacher_is_not_taken_for_another_order():
    random = np.random.default_rng(0)
    labels, predicted = random.integers(0, 3, 96), random.integers(0, 3, 96)
    assert no_better(predicted, labels) is not None and better_order(predicted, labels, 3) is None
    assert better_order((labels + 1) % 3, labels, 3) == ([1, 2, 0], 1.0)
    many, said = random.integers(0, 77, 96), random.integers(0, 77, 96)
    assert better_order(said, many, 77) is None and better_order((many + 1) % 77, many, 77) is None


def test_several_labels_at_once_are_not_asked_about(tmp_path, settings):
    teacher = tiny.bert(tmp_path / "m", ("joy", "anger", "fear", "awe"), problem_type="multi_label_classification")
    rows = [
        json.dumps({"text": text, "labels": [i % 4, (i + 1) % 4][: 1 + i % 2]})
        for i, text in enumerate(tiny.texts(120)[0])
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    asked = {
        "teacher": str(teacher),
        "student": None,
        "formats": ["8bit"],
        "data": {"source": {"test": str(tmp_path / "a.jsonl")}},
    }
    report = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=settings)
    assert any("0 is 'joy', 1 is 'anger'" in note for note in report.notes)


def test_labels_of_one_name_are_not_matched_by_it(tmp_path):

    path = write_csv(tmp_path / "a.csv", sentences(60, ("a", "b")))
    with pytest.raises(DataError, match=r"data\.labels"):
        run(path, names=["a", "a", "b"])
