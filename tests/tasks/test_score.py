"""A model with one output behind a sigmoid gives a probability: it is read, judged and learned as one, and no regression is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from datasets import Dataset

from compressor import formats, models, pipeline, tasks
from compressor.data.matching import asked_of
from compressor.errors import DataError
from compressor.recipe import Data, Recipe
from compressor.tasks import losses
from tests import tiny
from tests.data.files import run, sentences, write_csv

ONE = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "id2label": {"0": "LABEL_0"}}
SIGMOID = "torch.nn.modules.activation.Sigmoid"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "regression"),
        ({"sentence_transformers": {"activation_fn": SIGMOID, "version": "5.1"}}, "score"),
        ({"sbert_ce_default_activation_function": SIGMOID}, "score"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "regression"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, "regression"),
        ({"problem_type": "regression", "sbert_ce_default_activation_function": SIGMOID}, "regression"),
        ({"problem_type": "multi_label_classification"}, "score"),
        ({"sentence_transformers": [SIGMOID]}, "regression"),
        ({"sentence_transformers": {"activation_fn": SIGMOID}, "id2label": {"0": "a", "1": "b"}}, "single"),
    ],
)
def test_which_models_give_a_score(more, kind):
    assert tasks.for_config(ONE | more).kind == kind


def test_learned_as_a_probability_and_on_one_scale():
    logits, labels = torch.tensor([[6.0], [-6.0], [0.5]]), torch.tensor([1.0, 0.0, 0.7])
    hard = losses.hard("score", logits, labels)
    assert hard == pytest.approx(torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[:, None]).item())
    teacher = torch.tensor([[4.0], [-5.0], [0.0]])
    soft = losses.soft("score", logits, teacher, 1.0).item()
    p, q = torch.sigmoid(teacher), torch.sigmoid(logits)
    expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean().item()
    assert soft == pytest.approx(expected, rel=1e-4)
    assert losses.soft("score", teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-6)
    # Squared error of the logits would be a hundred times the other one.
    assert soft < 1 and losses.soft("regression", logits, teacher, 1.0).item() > 1.5


def test_read_and_shown_as_a_number_between_0_and_1():
    task = tasks.get("text-classification/score")
    outputs = np.array([[0.0], [8.0], [-8.0]], np.float32)
    assert [name for name, _ in task.shown(outputs, ["LABEL_0"])] == ["0.500", "1.000", "0.000335"]
    rows = Dataset.from_dict({"labels": [0.5, 1.0, 0.0]})
    assert {q.metric: q.value for q in task.qualities(outputs, rows)}["rmse"] == pytest.approx(0, abs=1e-3)
    assert task.decisions(outputs) is None and tasks.get(task.key).kind == "score"


def test_labels_have_to_lie_between_0_and_1(tmp_path):
    asked = asked_of(Data(), ["LABEL_0"], "score")
    assert (asked.kind, asked.score) == ("regression", True)
    good = run(write_csv(tmp_path / "a.csv", sentences(60, (0, 1, 0.5))), names=["LABEL_0"], kind="score")
    assert good.labels.kind == "regression"
    with pytest.raises(DataError, match="between 0 and 1, and the numbers of the column `label` run from 0 to 5"):
        run(write_csv(tmp_path / "b.csv", sentences(60, range(6))), names=["LABEL_0"], kind="score")


@pytest.mark.training
@pytest.mark.usefixtures("measured_soon")
def test_from_the_teacher_to_a_student_that_others_read_alike(tmp_path, settings):
    teacher = tiny.bert(tmp_path / "teacher", labels=("LABEL_0",), sentence_transformers={"activation_fn": SIGMOID})
    texts, labels = tiny.texts(160)
    lines = ["text,label", *(f"{text},{label}" for text, label in zip(texts, labels))]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    recipe = Recipe.parse({
        "teacher": str(teacher), "student": {"size": "half"}, "formats": ["8bit"], "distill": {"epochs": 1, "augment": "none"},
        "data": {"source": {"train": str(tmp_path / "rows.csv")}},
    })  # fmt: skip
    report = pipeline.run(recipe, tmp_path / "out", settings=settings)
    assert {v.quality.metric for v in report.variants} == {"spearman"}
    config = json.loads((tmp_path / "out/variants/student/config.json").read_text())
    assert config["sentence_transformers"]["activation_fn"] == SIGMOID and config.get("problem_type") is None
    student = tmp_path / "out/variants/student"
    task, tokenizer = tasks.for_config(models.read_config(student)), models.load_tokenizer(student)
    runner = formats.get("float").load(student, task, "cpu", 1)
    score = task.predict(runner, tokenizer, ["LABEL_0"], texts[:1])[0].labels[0]["score"]
    runner.close()
    assert 0 < score < 1
