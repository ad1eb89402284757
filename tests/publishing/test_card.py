"""Model cards: what they claim, and what they must not."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from huggingface_hub import ModelCard

from compressor.publishing.markdown import escape, fenced
from compressor.publishing.publish import cards
from compressor.recipe import Recipe
from compressor.report import MeasuredOn, Point, Quality, Search
from tests import run_folder
from tests.run_folder import VARIANTS, variant


def head(text):
    return yaml.safe_load(text.split("---\n")[1])


@pytest.fixture
def run(tmp_path):
    return run_folder.make(tmp_path / "run")


def card(folder, name="student", **options):
    return cards(folder, "alice/m", [name], **options)[name]


def test_a_students_head(run):
    text = card(run)
    assert head(text) == {
        "license": "mit",
        "language": ["en"],
        "base_model": "x/teacher",
        "base_model_relation": "finetune",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["compressor", "distillation"],
        "datasets": ["x/reviews"],
        "model-index": [
            {
                "name": "m",
                "results": [
                    {
                        "task": {"type": "text-classification"},
                        "dataset": {"type": "x/reviews", "name": "x/reviews"},
                        "metrics": [{"type": "accuracy", "name": "Accuracy", "value": 0.882}],
                    }
                ],
            }
        ],
    }
    parsed = ModelCard(text)  # the Hub's own reader takes it, results and all
    assert parsed.data.eval_results[0].metric_value == 0.882


def test_what_the_teachers_card_says_of_its_licence_and_subject_goes_along(tmp_path):
    teacher = {
        "id": "x/teacher", "sha": "1", "license": "other", "languages": ["tr"], "license_name": "own-2.0",
        "license_link": "https://huggingface.co/x/teacher/blob/main/LICENSE", "tags": ["finance"],
    }  # fmt: skip
    text = card(run_folder.make(tmp_path / "run", teacher=teacher))
    found = head(text)
    assert (found["license"], found["license_name"]) == ("other", "own-2.0")
    assert found["license_link"].endswith("/x/teacher/blob/main/LICENSE")
    assert found["language"] == ["tr"] and found["tags"] == ["compressor", "distillation", "finance"]
    assert "own-2.0" in text.split("---\n", 2)[2] and "holds for this one too" in text


def test_a_quantized_variants_base_is_the_student_of_the_same_go_or_the_teacher(run):
    both = cards(run, "alice/m", ["student", "student-8bit"])
    assert head(both["student-8bit"])["base_model"] == "alice/m-student"
    alone = head(card(run, "student-8bit"))
    assert (alone["base_model"], alone["base_model_relation"]) == (
        "x/teacher",
        "finetune",
    )  # a smaller model, not its weights
    teachers = variant("teacher-8bit", "teacher", "8bit", 22_500_000, 0.99)
    of_teacher = head(
        card(run_folder.make(run.parent / "bits", (VARIANTS[0], teachers), {"student": None}), "teacher-8bit")
    )
    assert (of_teacher["base_model"], of_teacher["base_model_relation"]) == ("x/teacher", "quantized")
    assert both["student-8bit"].count("base_model_relation: quantized") == 1
    assert {"quantized", "distillation"} <= set(alone["tags"])


@pytest.mark.parametrize("teacher", [None, {"id": None, "sha": None, "license": None, "languages": []}])
def test_a_teacher_without_a_hub_id_is_not_claimed(tmp_path, teacher):
    recipe = {"teacher": "/home/ann/models/secret", "data": {"source": {"train": "/home/ann/rows.csv"}}}
    run = run_folder.make(tmp_path / "run", recipe=recipe, teacher=teacher)
    for name in ("student", "student-8bit"):
        text = card(run, name)
        assert not {"base_model", "base_model_relation", "license", "language", "datasets", "model-index"} & set(
            head(text)
        )
        assert "licence of the model that it was made from is not known" in text
    quantized = cards(run, "alice/m", ["student", "student-8bit"])["student-8bit"]
    assert head(quantized)["base_model"] == "alice/m-student"


def test_where_files_lie_is_nobodys_business(tmp_path):
    recipe = {
        "teacher": "/home/ann/models/secret",
        "data": {
            "source": {"train": "/home/ann/rows.csv", "test": "C:\\ann\\test.csv"},
            "unlabelled": "/home/ann/more.txt",
        },
        "student": {"model": "/home/ann/start"},
    }
    text = card(run_folder.make(tmp_path / "run", recipe=recipe, teacher=None))
    assert "ann" not in text and str(tmp_path) not in text
    shared = Recipe.parse(re.search(r"```yaml\n(.*?)\n```", text, re.DOTALL)[1])
    assert (shared.teacher, shared.data.source.train, shared.data.source.test) == ("secret", "rows.csv", "test.csv")
    assert (shared.data.unlabelled, shared.student.model) == ("more.txt", "start")


def test_says_what_was_measured(run):
    text = card(run)
    assert "2.0× smaller (45.0 MB), 2.0× faster. It keeps 98.0% of the teacher's accuracy." in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(VARIANTS)
    assert len({row.count("|") for row in rows}) == 1
    assert any(row.startswith("| **student** (this one) | 88.2% (86.2% – 90.2%) | 98.0% |") for row in rows)
    assert "1,821 test rows" in text and "2 threads: latency with one input of 32 tokens" in text
    assert "- Two rows stand in both training and test." in text
    assert "[x/reviews](https://huggingface.co/datasets/x/reviews), at most 2,000 rows" in text
    assert f"commit `{'c' * 12}`" in text


def test_says_when_nothing_was_judged_or_it_grew(tmp_path):
    bare = {"agreement": None, "latency_ms": None, "throughput": None, "measured_on": None}
    teacher = variant("teacher", None, "float", 20_000_000, None, path="/t", **bare)
    made = variant("8bit", "teacher", "8bit", 40_000_000, None, peak_memory_bytes=None, **bare)
    recipe = {"student": None, "data": None}
    text = card(run_folder.make(tmp_path / "run", (teacher, made), recipe), "8bit")
    assert "2.0× larger (40.0 MB)." in text
    assert "Its quality was not measured" in text
    assert "Kept" not in text and "Latency" not in text and "distill" not in head(text)["tags"]
    assert "Training data" not in text


def test_data_that_only_judged_is_no_training_data(tmp_path):
    made = variant("8bit", "teacher", "8bit", 20_000_000, 0.98)
    text = card(run_folder.make(tmp_path / "run", (VARIANTS[0], made), {"student": None, "distill": None}), "8bit")
    assert "datasets" not in head(text) and "Training data" not in text
    assert head(text)["model-index"][0]["results"][0]["dataset"]["type"] == "x/reviews"
    assert "distillation" not in head(text)["tags"]


def test_a_student_that_began_as_another_model_is_that_models(hub_server, hub_as, tmp_path):
    hub_server.add("y/start", {"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n", "config.json": b"{}"})
    run = run_folder.make(tmp_path / "run", recipe={"student": {"model": "y/start"}})
    known = head(card(run, hub=hub_as()))
    assert (known["base_model"], known["license"]) == ("y/start", "cc-by-nc-4.0")
    unknown = head(card(run))
    assert unknown["base_model"] == "y/start" and "license" not in unknown


def test_a_student_of_another_model_is_not_made_from_the_teacher_that_goes_with_it(tmp_path):
    tuned = VARIANTS[0].model_copy(update={"path": "variants/teacher"})
    recipe = {"student": {"model": "y/start"}, "teacher_head": "new"}
    run = run_folder.make(tmp_path / "run", (tuned, *VARIANTS[1:]), recipe)
    made = cards(run, "alice/m", ["teacher", "student", "student-8bit"])
    assert head(made["student"])["base_model"] == "y/start"
    assert head(made["student-8bit"])["base_model"] == "alice/m-student"
    assert head(made["teacher"])["base_model"] == "x/teacher"


def test_a_fine_tuned_teacher_in_fewer_bits_is_not_the_model_that_it_was(tmp_path):
    made = variant("teacher-8bit", "teacher", "8bit", 22_500_000, 0.99)
    tuned = VARIANTS[0].model_copy(update={"path": "variants/teacher"})
    run = run_folder.make(tmp_path / "run", (tuned, made), {"student": None, "teacher_head": "new"})
    alone = head(card(run, "teacher-8bit"))
    assert (alone["base_model"], alone["base_model_relation"]) == ("x/teacher", "finetune")


def test_what_learned_from_labels_alone_is_no_distillation(tmp_path):
    text = card(run_folder.make(tmp_path / "run", recipe={"distill": {"alpha": 1.0, "augment": "none", "epochs": 4}}))
    assert "distillation" not in head(text)["tags"] and "Distillation" not in text and "distilled" not in text
    assert "- Trained on the labels alone, without the teacher: 4 epochs, learning rate" in text
    assert head(text)["datasets"] == ["x/reviews"] and "Training data" in text


def test_what_weighs_the_same_is_not_called_smaller(tmp_path):
    same = variant("student", "teacher", "float", 90_000_000, 1.0)
    text = card(run_folder.make(tmp_path / "run", (VARIANTS[0], same)))
    assert "A version of [x/teacher]" in text and "smaller version" not in text.lower()


def test_a_card_shows_how_to_use_a_score_where_its_config_says_so(tmp_path):
    """Of a run without test rows no metric tells what the model is."""
    made = [
        variant(name, "teacher", "onnx-int8", 20_000_000, None, runtime="onnxruntime") for name in ("scores", "classes")
    ]
    run = run_folder.make(tmp_path / "run", (VARIANTS[0].model_copy(update={"quality": None}), *made))
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "problem_type": "regression",
        "num_labels": 1,
    }
    (run / "variants" / "scores" / "config.json").write_text(json.dumps(config))
    assert "AutoModelForSequenceClassification.from_pretrained" in card(run, "scores").split("```js")[1]
    assert "await pipeline(" in card(run, "classes").split("```js")[1]


def test_a_fine_tuned_teacher_is_not_called_a_distillation(tmp_path):
    teacher = variant("teacher", None, "float", 90_000_000, 1.0)
    text = card(run_folder.make(tmp_path / "run", (teacher,), {"teacher_head": "new"}), "teacher")
    assert head(text)["base_model_relation"] == "finetune"
    assert "distillation" not in head(text)["tags"]
    assert "fine-tuned for text classification" in text


def test_a_search_that_took_the_teacher_distilled_nothing(tmp_path):
    search = Search(size="teacher", format="float", met=True, max_megabytes=50, points=(
        Point(size="teacher", format="float", bytes=45_000_000, retained=1.0, epochs=3.0, met=True),
    ))  # fmt: skip
    recipe = {"student": {"size": "auto", "vocabulary": "data"}, "target": {"max_megabytes": 50}}
    text = card(run_folder.make(tmp_path / "run", VARIANTS[:2], recipe, search=search))
    assert "distill" not in text.split("## How it was made")[0].lower()
    assert "- Distillation" not in text and "Training data" not in text
    assert "datasets" not in head(text)


@pytest.mark.parametrize(
    ("size", "said", "weight"), [("half", {}, "0.2"), ("mini", {}, "0.5"), ("half", {"alpha": 0.5}, "0.5")]
)
def test_a_student_that_was_searched_for_had_the_weight_of_its_size(tmp_path, size, said, weight):
    point = Point(size=size, format="float", bytes=20_000_000, retained=0.99, epochs=3.0, met=True)
    search = Search(size=size, format="float", met=True, max_megabytes=50, points=(point,))
    recipe = {"student": {"size": "auto"}, "target": {"max_megabytes": 50}, "distill": said}
    text = card(run_folder.make(tmp_path / "run", recipe=recipe, search=search))
    assert f"weight of the labels {weight}\n" in text


def test_a_perplexity_is_no_share_of_rows(tmp_path):
    def measured(name, base, value, kept):
        quality = Quality(metric="perplexity", better="lower", value=value, ci95=(value - 1, value + 1), rows=20_480)
        return variant(name, base, "float", 45_000_000, kept, quality=quality)

    variants = (measured("teacher", None, 20.0, 1.0), measured("student", "teacher", 25.0, 0.8))
    text = card(run_folder.make(tmp_path / "run", variants, {"task": "text-generation"}, task="text-generation"))
    assert "keeps 80.0% of the teacher's quality (perplexity)" in text
    assert "measured on 20,480 tokens of the test text" in text


def test_what_people_named_stays_text(tmp_path):
    evil = "<img src=x onerror=alert(1)> | [click](http://evil) `a` **b** $x$\n# Title"
    made = variant(evil, "teacher", "float", 45_000_000, 0.98, path="variants/s", notes=(evil,))
    recipe = {"data": {"source": "x/reviews", "subset": "```\n</code>" + evil, "labels": {evil: "good"}}}
    run = run_folder.make(tmp_path / "run", (VARIANTS[0], made), recipe, notes=(evil,))
    text = card(run, evil)
    outside = re.sub(r"(`{3,})\w*\n.*?\n\1", "", text.split("---\n", 2)[2], flags=re.DOTALL)
    assert "<img" not in outside and "[click](" not in outside and "\n# Title" not in outside
    rows = [re.sub(r"\\.", "", line) for line in outside.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_no_code_block_can_be_ended_from_inside():
    text = "a\n````\nb\n```"
    assert fenced(text, "yaml").startswith("`````yaml\n") and fenced(text, "yaml").endswith("\n`````")
    assert escape("a_b<c>\n\\d") == r"a\_b&lt;c&gt; \\d"


def test_times_of_another_kind_of_device_do_not_stand_beside_its_own(tmp_path):
    """What ONNX versions take is a processor's, on a machine whose graphics card timed the others."""
    card_of = MeasuredOn(device="cuda:0", threads=1, length=32)
    others = [one.model_copy(update={"measured_on": card_of}) for one in VARIANTS[:2]]
    onnx = variant("student-onnx", "student", "onnx", 45_000_000, 0.98)
    folder = run_folder.make(tmp_path / "run", [*others, onnx])
    rows = {
        line.split(" | ")[0].strip("| *"): line for line in card(folder, "student-onnx").splitlines() if " ms" in line
    }
    assert len(rows) == 1 and "student-onnx" in next(iter(rows))
    assert "teacher, student ran on another device" in card(folder, "student-onnx")
    rows = [line for line in card(folder, "student").splitlines() if " ms" in line]
    assert len(rows) == 2 and not any("onnx" in line for line in rows)
    assert "another device" not in card(run_folder.make(tmp_path / "same"))


def test_without_labels_it_learned_from_answers_alone_whatever_weight_labels_had(tmp_path):
    bare = [one.model_copy(update={"quality": None, "retained": None}) for one in VARIANTS[:2]]
    for alpha in (0.5, 1.0):
        text = card(run_folder.make(tmp_path / f"{alpha}", bare, {"distill": {"alpha": alpha}}))
        assert (
            "from the teacher's answers alone (the data has no labels)" in text and "weight of the labels" not in text
        )
        assert "Trained on the labels alone" not in text and "distillation" in head(text)["tags"]
    assert "weight of the labels 0.5" in card(run_folder.make(tmp_path / "labelled"))


def test_numbers_have_no_temperature(tmp_path):
    def ranked(one):
        return one.model_copy(update={"quality": one.quality.model_copy(update={"metric": "spearman"})})

    assert (
        "temperature"
        not in card(run_folder.make(tmp_path / "numbers", [ranked(one) for one in VARIANTS[:2]])).split("```")[0]
    )
    assert "temperature 2" in card(run_folder.make(tmp_path / "classes"))
