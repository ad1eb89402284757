"""Quick comparisons: any models side by side, their labels matched by name whatever their order."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from compressor.errors import DataError, ModelError, RecipeError
from compressor.hub import Hub
from compressor.report import Report, Variant
from compressor.results import comparing
from compressor.results.comparing import compare, data_of
from compressor.results.predicting import Predictor
from compressor.settings import ASSETS
from tests import tiny

TEACHER = ASSETS / "demo" / "teacher"


def with_labels_in_another_order(target):
    """The demo's teacher with its classifier's rows, and its labels, the other way round: the same predictions by name."""
    shutil.copytree(TEACHER, target)
    config = json.loads((target / "config.json").read_text())
    names = [config["id2label"][str(i)] for i in range(len(config["id2label"]))][::-1]
    config["id2label"] = {str(i): name for i, name in enumerate(names)}
    config["label2id"] = {name: i for i, name in enumerate(names)}
    (target / "config.json").write_text(json.dumps(config))
    weights = load_file(target / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name].flip(0).contiguous()
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def test_labels_in_another_order_are_the_same_labels(settings, tmp_path):
    other = with_labels_in_another_order(tmp_path / "turned")
    out = tmp_path / "out"
    report = compare(["demo", str(other)], data_of("demo", settings), out, settings=settings, hub=Hub(settings))
    first, second = report.variants
    assert [v.name for v in report.variants] == ["demo", "turned"]
    assert first.quality.value > 0.8
    assert second.quality.value == pytest.approx(first.quality.value, abs=0.002)
    assert second.agreement > 0.998
    assert abs(second.difference.value) < 0.002
    assert second.difference.gained + second.difference.lost <= 2
    assert (out / "predictions.parquet").is_file()
    predictor = Predictor(out)
    answer = predictor.predict(["where is my parcel?"])[0]["predictions"]
    predictor.close()
    assert answer["demo"]["labels"][0]["label"] == answer["turned"]["labels"][0]["label"] == "track order"


def test_what_cannot_be_compared_is_a_sentence(settings, tmp_path):
    hub = Hub(settings)
    with pytest.raises(RecipeError, match="two models or more"):
        compare(["demo"], None, tmp_path / "a", settings=settings, hub=hub)
    two = tiny.bert(tmp_path / "two")
    with pytest.raises(ModelError, match="has 2 labels"):
        compare(["demo", str(two)], None, tmp_path / "b", settings=settings, hub=hub)
    with pytest.raises(ModelError, match="text generation"):
        compare([str(two), str(tiny.llama(tmp_path / "lm"))], None, tmp_path / "c", settings=settings, hub=hub)
    other = tiny.bert(tmp_path / "other", labels=("cat", "dog"))
    with pytest.raises(ModelError, match="cannot be matched by name"):
        compare([str(two), str(other)], None, tmp_path / "d", settings=settings, hub=hub)


def test_a_model_may_be_called_as_a_column_of_the_tables_is(settings, tmp_path):
    folder = tiny.bert(tmp_path / "label")
    (tmp_path / "rows.csv").write_text("text,label\n" + "good film,positive\nbad film,negative\n" * 4)
    data = data_of(str(tmp_path / "rows.csv"), settings)
    report = compare([str(folder), str(folder)], data, tmp_path / "out", settings=settings, hub=Hub(settings))
    assert [v.name for v in report.variants] == ["label-2", "label-3"]
    with (tmp_path / "out" / "flips.csv").open(newline="") as file:
        assert next(csv.reader(file))[:4] == ["row", "text", "label", "label-2"]


def test_a_text_longer_than_the_model_is_cut_where_the_tokenizer_names_no_limit(tmp_path):
    folder = tiny.bert(tmp_path / "variants" / "teacher")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 10**30}))
    variant = Variant(name="teacher", dtype="float32", path="variants/teacher", load="", bytes=1, parameters=1)
    report = Report(task="text-classification", teacher="x", variants=(variant,))
    (tmp_path / "report.json").write_text(report.to_json())
    predictor = Predictor(tmp_path)
    assert predictor.predict(["good film " * 200])[0]["predictions"]["teacher"]["labels"]
    predictor.close()


def test_labels_that_are_matched_by_their_place_are_told(settings, tmp_path):
    named = tiny.bert(tmp_path / "named")
    numbered = tiny.bert(tmp_path / "numbered", labels=("LABEL_0", "LABEL_1"))
    report = compare([str(named), str(numbered)], None, tmp_path / "out", settings=settings, hub=Hub(settings))
    (note,) = report.notes
    assert "matched in their order: LABEL_0 is negative, LABEL_1 is positive. If that is wrong" in note


def test_perplexities_of_other_tokens_are_not_held_against_each_other(settings, tmp_path):
    (tmp_path / "t.txt").write_text("the film was really not bad but slow and cold \n" * 40)
    one, other = tiny.llama(tmp_path / "one"), tiny.llama(tmp_path / "other")
    tiny.wordpiece().save_pretrained(other)
    data = data_of(str(tmp_path / "t.txt"), settings)
    report = compare([str(one), str(other)], data, tmp_path / "out", settings=settings, hub=Hub(settings))
    first, second = report.variants
    assert first.retained == 1 and first.quality is not None and second.quality is not None
    assert second.retained is None and second.difference is None
    assert "other cuts the text into other tokens than one" in report.notes[0]


@pytest.mark.parametrize(
    ("reference", "name"),
    [("a/b", "b"), ("C:\\models\\mine", "mine"), ("/x/my model/", "my-model"), ("..", "model"), ("/x/模型", "模型")],
)
def test_a_models_name_stays_where_it_is_put(reference, name, tmp_path):
    assert comparing._name(reference, tmp_path, []) == name


def test_models_that_name_their_labels_differently_agree_in_words_too(settings, tmp_path):
    """One has only numbers for names: what is tried is called as the first model calls it, and agreeing is no difference."""
    other = tmp_path / "numbers"
    shutil.copytree(TEACHER, other)
    config = json.loads((other / "config.json").read_text())
    first = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    config["id2label"] = {str(i): f"LABEL_{i}" for i in range(len(first))}
    config["label2id"] = {name: int(i) for i, name in config["id2label"].items()}
    (other / "config.json").write_text(json.dumps(config))
    compare(["demo", str(other)], None, tmp_path / "out", settings=settings, hub=Hub(settings))
    predictor = Predictor(tmp_path / "out")
    answer = predictor.predict(["where is my parcel?"])[0]["predictions"]
    predictor.close()
    assert answer["demo"]["decided"] == answer["numbers"]["decided"] == ["track order"]


def test_what_only_a_recipe_can_say_is_not_asked_of_a_comparison(settings, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "".join(f"look at case {i},{'xy'[i % 2]}\n" for i in range(40)))
    with pytest.raises(DataError) as caught:
        compare(["demo", "demo"], data_of(str(rows), settings), tmp_path / "a", settings=settings, hub=Hub(settings))
    assert caught.value.problems[-1] == comparing.CANNOT_SAY
    with pytest.raises(DataError) as caught:
        compare(
            ["demo", "demo"],
            data_of(str(tmp_path / "no.csv"), settings),
            tmp_path / "b",
            settings=settings,
            hub=Hub(settings),
        )
    assert comparing.CANNOT_SAY not in caught.value.problems
