"""What is said before a run: the card, the lengths, whether the teacher understands the labels, what it will take."""

from __future__ import annotations

import csv
import json

import pytest

from compressor import models, pipeline
from compressor.errors import DataError, ModelError
from compressor.hub import Hub
from compressor.planning import checking
from compressor.planning.checking import label_check, tokens
from compressor.planning.estimating import estimate
from compressor.planning.inspecting import inspect
from compressor.recipe import Recipe
from compressor.settings import ASSETS
from compressor.tasks import guessing
from tests import tiny
from tests.few import few_rows

pytestmark = pytest.mark.usefixtures("measured_soon")

DEMO = {"source": "demo"}


@pytest.fixture
def hub(settings):
    return Hub(settings)


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_demos_card(settings, hub):
    found = inspect("demo", settings=settings, hub=hub)
    assert (found["task"], found["head"], found["architecture"]) == (
        "text-classification",
        "keep",
        "BertForSequenceClassification",
    )
    assert (found["parameters"], found["license"], len(found["labels"])) == (4_576_520, "apache-2.0", 8)
    assert [row["size"] for row in found["sizes"]] == ["half", "slim", "third", "quarter", "small", "mini", "tiny"]
    half, slim, *others = (row["bytes"]["float"] for row in found["sizes"])
    assert half < slim < 1.1 * half and [half, *others] == sorted([half, *others], reverse=True)
    assert all(row["speedup"] > 1 for row in found["sizes"])


def test_an_encoder_is_told_to_need_a_head_and_a_language_model_has_no_sizes(settings, hub, tmp_path):
    found = inspect(str(tiny.bert_encoder(tmp_path / "encoder")), settings=settings, hub=hub)
    assert (found["head"], found["labels"]) == ("new", [])
    assert any("fine-tuned" in note for note in found["notes"])
    found = inspect(str(tiny.llama(tmp_path / "llama")), settings=settings, hub=hub)
    assert (found["task"], found["sizes"]) == ("text-generation", [])
    assert found["formats"]["4bit"] < found["formats"]["float"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_size": 4_000_000, "num_attention_heads": 4}, "more than this machine is set up to take"),
        ({"num_hidden_layers": 40}, "do not belong together"),
        ({"architectures": ["BertForQuestionAnswering"]}, "BertForQuestionAnswering"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "quantized already"),
    ],
)
def test_models_that_cannot_be_used_are_told_apart_before_anything_is_loaded(settings, hub, tmp_path, change, says):
    folder = tiny.bert(tmp_path / "bert")
    change_config(folder, **change)
    with pytest.raises(ModelError, match=says):
        inspect(str(folder), settings=settings, hub=hub)


def test_lengths_of_the_demos_rows(settings, hub):
    found = tokens("demo", DEMO, settings=settings, hub=hub)
    assert found["rows"] == 4800
    assert found["median"] < found["max_length"] <= found["longest"]
    assert 0 < found["cut_share"] <= 0.01
    short = tokens("demo", DEMO | {"max_length": 16}, settings=settings, hub=hub)
    assert short["max_length"] == 16
    assert short["cut_share"] > 0.5


def test_what_words_would_save_is_told_beforehand(settings, hub, tmp_path):
    data = {"source": few_rows(tmp_path)}
    found = tokens("demo", data, settings=settings, hub=hub)["vocabulary"]
    config = models.read_config(ASSETS / "demo" / "teacher")
    assert found["known"] == config["vocab_size"] > found["needed"] > 100
    asked = {"teacher": "demo", "data": data, "student": {"size": "half"}}
    words = estimate(asked, settings=settings, hub=hub, vocabulary=found)["words"]
    assert words["saved_bytes"] == 2 * config["hidden_size"] * (found["known"] - found["needed"])
    assert 0 < words["share"] < 1
    assert estimate(asked | {"student": None}, settings=settings, hub=hub, vocabulary=found)["words"] is None
    kept = pipeline.run(
        Recipe.parse(
            {"teacher": "demo", "data": data, "student": {"vocabulary": "data"}, "distill": None, "formats": []}
        ),
        tmp_path / "run",
        settings=settings,
    )
    teacher, student = kept.variants
    assert (teacher.parameters - student.parameters) * 2 == words["saved_bytes"]


def test_counting_words_keeps_nobody_waiting(settings, hub, monkeypatch):
    whole = tokens("demo", DEMO, settings=settings, hub=hub)["vocabulary"]
    monkeypatch.setattr(checking, "COUNTED_SECONDS", 0.0)
    found = tokens("demo", DEMO, settings=settings, hub=hub)["vocabulary"]
    assert whole["uncounted"] == 0
    assert found["uncounted"] > 4000
    assert 100 < found["needed"] < whole["needed"]  # what the first thousand rows use


def test_labels_that_are_matched_wrongly_are_noticed(settings, hub, tmp_path):
    right = label_check("demo", DEMO, settings=settings, hub=hub)
    assert right["warning"] is None
    assert right["accuracy"] > 0.75
    with (ASSETS / "demo" / "test.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows})
    moved = dict(zip(names, names[1:] + names[:1], strict=True))  # every label is called like its neighbour
    with (tmp_path / "moved.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([row["text"], moved[row["label"]]] for row in rows)
    wrong = label_check("demo", {"source": {"train": str(tmp_path / "moved.csv")}}, settings=settings, hub=hub)
    assert wrong["accuracy"] < 0.2
    assert "Are the labels matched rightly" in wrong["warning"]


@pytest.mark.parametrize(
    ("accuracy", "chance", "by_class", "classes", "warns"),
    [
        (1.0, 0.97, 1.0, 2, False),  # spam: there is no room above always saying the most frequent label
        (0.96, 0.92, 0.8, 2, False),
        (1.0, 1.0, 1.0, 1, False),
        (0.97, 0.97, 0.5, 2, True),  # it says that label always
        (0.03, 0.97, 0.5, 2, True),  # the labels are turned round
        (0.2, 0.2, 0.17, 6, True),
        (0.9, 0.5, 0.9, 2, False),
    ],
)
def test_a_teacher_is_warned_of_where_it_is_no_better_than_guessing(accuracy, chance, by_class, classes, warns):
    assert (guessing.warning(accuracy, chance, by_class, classes, 96) is not None) is warns


def test_data_without_labels_has_nothing_to_check(settings, hub, tmp_path):
    (tmp_path / "raw.txt").write_text("\n".join(f"message number {i} about an order" for i in range(60)))
    found = label_check("demo", {"source": {"train": str(tmp_path / "raw.txt")}}, settings=settings, hub=hub)
    assert (found["checked"], found["warning"]) == (0, None)
    with pytest.raises(DataError):
        tokens("demo", {"source": {"train": str(tmp_path / "none.csv")}}, settings=settings, hub=hub)
