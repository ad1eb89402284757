"""A new head learns numbers whatever their unit."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset

from compressor import pipeline
from compressor.recipe import Recipe
from compressor.training.numbers import Unit, last_layer
from tests.few import few_rows

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("measured_soon")]


def years(folder):
    """The demo's messages: 1900 where its teacher's label is among the first half of all, 1960 where not, and some noise."""
    files = few_rows(folder, train=160, validation=40, test=40)
    for seed, path in enumerate(files.values()):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        noise = np.random.default_rng(seed).normal(0, 2, len(rows))
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            for row, more in zip(rows, noise, strict=True):
                writer.writerow([row["text"], f"{1900 + 60 * (row['label'] > 'd') + more:.2f}"])
    return files


@pytest.mark.parametrize("student", [{"size": "half"}, {"model": "demo"}])
def test_a_teacher_learns_years_and_teaches_them(tmp_path, settings, student):
    """To a student that is cut out of it, and to one that is another model, with a head that knows nothing."""
    recipe = Recipe.parse(
        {
            "teacher": "demo",
            "teacher_head": "new",
            "data": {"source": years(tmp_path)},
            "student": student,
            "distill": {"epochs": 6, "learning_rate": 5e-4, "batch_size": 16},
            "formats": [],
        }
    )
    report = pipeline.run(recipe, tmp_path / "out", settings=settings)
    for variant in report.variants:
        error = next(q.value for q in variant.metrics if q.metric == "rmse")
        assert error < 25, f"{variant.name}: 30 is what always saying the mean comes to"


@pytest.mark.parametrize("bias", [True, False])
def test_a_unit_is_given_back(bias):
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=1
    )
    model = transformers.BertForSequenceClassification(config).eval()
    if not bias:
        model.classifier.bias = None
    labels = np.array([10.0, 30.0, 50.0, 70.0])
    unit = Unit.of(np.append(labels, np.nan), model)
    assert (unit.middle, unit.spread) == (
        pytest.approx((40.0, 22.36), abs=0.01) if bias else (0.0, pytest.approx(45.83, abs=0.01))
    )
    own = unit.taken_from(labels)
    assert np.square(own).mean() == pytest.approx(1.0)
    assert unit.rows(Dataset.from_dict({"labels": labels.tolist()}))["labels"][:] == own.tolist()
    batch = {"input_ids": torch.tensor([[1, 2, 3]])}
    before = model(**batch).logits
    unit.given_to(model)
    assert torch.allclose(model(**batch).logits, before * unit.spread + unit.middle, atol=1e-3)
    unit.put_on(model)
    assert torch.allclose(model(**batch).logits, before, atol=1e-5)
    assert last_layer(model) is model.classifier
    assert Unit.of(np.array([3.0, 3.0]), model).spread == pytest.approx(1.0 if bias else 3.0)
    assert Unit.of(np.array([np.nan]), model) == Unit.of(labels, model.bert) == Unit(0.0, 1.0), "none; no such head"


def test_models_of_every_kind_have_such_a_layer():
    for name in ("roberta", "distilbert", "electra", "albert", "deberta-v2", "gpt2", "modernbert", "xlnet"):
        config = transformers.AutoConfig.for_model(name, num_labels=1)
        with torch.device("meta"):
            model = transformers.AutoModelForSequenceClassification.from_config(config)
        assert last_layer(model).out_features == 1, name
