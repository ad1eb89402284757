"""Whole runs with tiny models: what is left in the folder is true, and another process can use it without this project."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import transformers
from pyarrow import parquet

from compressor import pipeline, tasks
from compressor.errors import CompressorError, DataError, ModelError, RunCancelledError, RunMismatchError
from compressor.events import read_events
from compressor.formats import get
from compressor.recipe import Recipe, Student
from compressor.report import Report
from compressor.results.predicting import Predictor
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.stages import judge
from compressor.stages.context import Run
from compressor.system import processes
from tests import tiny
from tests.few import few_rows

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("measured_soon")]

PLAIN = """
import json, sys, torch, transformers
from pathlib import Path
rows = json.loads(Path(sys.argv[1]).read_text())
for folder in sys.argv[2:]:
    model, info = transformers.AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    names = model.eval().config.id2label
    said = []
    with torch.inference_mode():
        for text in rows["text"]:
            said.append(names[int(model(**tokenizer(text, return_tensors="pt")).logits.argmax())])
    print(json.dumps({"accuracy": sum(a == b for a, b in zip(said, rows["label"])) / len(said)}))
assert not any(name.startswith("compressor") for name in sys.modules)
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    tiny.bert_encoder(folder / "encoder")
    for name, rows, seed in (("train", 240, 1), ("validation", 60, 2), ("test", 120, 3)):
        tiny.write_csv(folder / f"{name}.csv", rows, seed)
    return folder


@pytest.fixture(scope="module")
def common(here):
    return Settings.from_environ({"COMPRESSOR_DATA": str(here / "data")})


def recipe(here, **changes):
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    return Recipe.parse(
        {
            "teacher": str(here / "encoder"),
            "teacher_head": "new",
            "data": {"source": source},
            "student": {"size": "half"},
            "distill": {"epochs": 5, "learning_rate": 2e-3, "batch_size": 16},
        }
        | changes
    )


@pytest.fixture(scope="module")
def finished(here, common):
    out = here / "run"
    return out, pipeline.run(recipe(here), out, settings=common)


def test_a_cards_memory_is_given_back_before_anything_is_measured(common, tmp_path, monkeypatch):
    """The processes that measure want it, and what was trained on it holds itself."""
    told, let_go, real = [], Run.let_go, judge.measure
    monkeypatch.setattr(Run, "let_go", lambda self: told.append("let go"))
    monkeypatch.setattr(judge, "measure", lambda *given, **how: told.append("measure") or real(*given, **how))
    asked = Recipe.parse({"teacher": str(tiny.bert(tmp_path / "bert")), "student": None, "formats": ["8bit"]})
    pipeline.run(asked, tmp_path / "run", settings=common)
    assert told[-2:] == ["let go", "measure"]
    monkeypatch.setattr(processes, "give_back_memory", lambda: told.append("given back"))
    let_go(SimpleNamespace(device="cpu"))
    assert told[-1] == "measure"
    let_go(SimpleNamespace(device="cuda"))
    assert told[-1] == "given back"


def test_every_variant_is_there_and_measured(finished):
    out, report = finished
    assert [v.name for v in report.variants] == ["teacher", "student", "student-8bit", "student-4bit"]
    assert [v.base for v in report.variants] == [None, "teacher", "student", "student"]
    teacher, student, eight, four = report.variants
    assert teacher.quality.value > 0.8
    assert (teacher.retained, teacher.agreement) == (1.0, 1.0)
    assert student.parameters < teacher.parameters
    assert teacher.bytes > student.bytes > eight.bytes > four.bytes
    for variant in report.variants:
        assert variant.bytes == sum(p.stat().st_size for p in (out / variant.path).glob("*.safetensors"))
        assert variant.quality.rows == 120
        assert variant.retained == pytest.approx(variant.quality.value / teacher.quality.value)
        assert 0 < variant.latency_ms.p50 <= variant.latency_ms.p95
        assert variant.throughput > 0
        assert variant.peak_memory_bytes > 0
        assert {q.metric for q in variant.metrics} >= {"f1_macro"}
    assert set(report.seconds) == {"data", "fine-tune", "teacher-logits", "distill", "8bit", "4bit", "measure"}


def test_another_process_without_this_project_gets_the_accuracy_that_the_report_says(finished, here, tmp_path):
    out, report = finished
    with (here / "test.csv").open() as file:
        rows = list(csv.DictReader(file))
    (tmp_path / "rows.json").write_text(json.dumps({k: [r[k] for r in rows] for k in ("text", "label")}))
    (tmp_path / "plain.py").write_text(PLAIN)
    folders = [str(out / v.path) for v in report.variants]
    command = [sys.executable, str(tmp_path / "plain.py"), str(tmp_path / "rows.json"), *folders]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line)["accuracy"] for line in done.stdout.splitlines()]
    assert said == pytest.approx([v.quality.value for v in report.variants], abs=0.009)  # one row of 120


def test_every_variant_is_tried_on_untidy_text(finished):
    _, report = finished
    for variant in report.variants:
        assert {"plain", "typos", "shortened"} <= set(variant.robustness)
        assert variant.robustness["plain"].value == pytest.approx(variant.quality.value), "all 120 rows are taken"
        assert variant.robustness["shortened"].value <= variant.quality.value
        assert all(q.metric != "calibration_error" for q in variant.metrics), "120 rows say nothing of it"


def test_the_tables_agree_with_the_report(finished):
    out, report = finished
    table = parquet.read_table(out / "predictions.parquet").to_pydict()
    truth = np.array(table["label"])
    for variant in report.variants:
        said = np.array(table[variant.name])
        assert (said == truth).mean() == pytest.approx(variant.quality.value)
        assert (said == np.array(table["teacher"])).mean() == pytest.approx(variant.agreement)
    with (out / "flips.csv").open() as file:
        flips = list(csv.DictReader(file))
    names = [v.name for v in report.variants]
    expected = [i for i in range(120) if len({table[n][i] for n in names}) > 1]
    assert [int(row["row"]) for row in flips] == expected
    assert all(row["text"] == table["text"][int(row["row"])] for row in flips)


def test_state_events_and_recipe_tell_the_run(finished):
    out, _ = finished
    folder = RunFolder(out)
    state = folder.state()
    assert (state["status"], state["error"]) == ("finished", None)
    events, _ = read_events(folder.events_file)
    stages = [e["stage"] for e in events if e.get("event") == "stage-finished"]
    assert stages == ["data", "fine-tune", "teacher-logits", "distill", "8bit", "4bit", "measure"]
    curve = [e["metrics"] for e in events if e.get("stage") == "distill" and "metrics" in e]
    assert any("loss" in m for m in curve)
    assert any("quality" in m for m in curve)
    assert any("teacher_quality" in e.get("metrics", {}) for e in events)
    assert Recipe.load(out / "recipe.yaml").distill.alpha == 0.2


def test_a_finished_run_is_done_at_once_and_another_recipe_is_refused(finished, here, common):
    out, report = finished
    assert pipeline.run(recipe(here), out, settings=common) == report
    with pytest.raises(RunMismatchError, match="another recipe"):
        pipeline.run(recipe(here, seed=1), out, settings=common)
    assert RunFolder(out).state()["status"] == "finished"
    assert not (out / "work").exists()


def test_a_search_whose_sizes_are_told_what_to_do_is_another(common, tmp_path):
    """By value it is the same: what is said is what stands where nothing is said."""
    asked = {"teacher": "demo", "data": {"source": "demo"}, "target": {"max_megabytes": 2}, "formats": []}
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    full = Recipe.parse(asked).resolved("text-classification", Student(size="half"), ())
    run.save_recipe(full)
    run.write_state(finished_stages=["data"])
    for said in ({"alpha": 0.5}, {"learning_rate": 1e-4}):
        other = Recipe.parse(asked | {"distill": said})
        assert other.resolved("text-classification", Student(size="half"), ()) == full
        with pytest.raises(RunMismatchError):
            pipeline.run(other, run.path, settings=common)


def test_what_the_teacher_decides_does_not_make_it_another_recipe(common, tmp_path):
    data = {"source": few_rows(tmp_path)}
    asked = {"teacher": "demo", "data": data, "formats": [], "distill": {"epochs": 0.3}}
    first = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    kept = Recipe.load(tmp_path / "out" / "recipe.yaml")
    assert kept.distill.learning_rate == 2e-4, "the demo's teacher is thin"
    for again in (asked, asked | {"distill": {"epochs": 0.3, "learning_rate": 2e-4}}):
        assert pipeline.run(Recipe.parse(again), tmp_path / "out", settings=common) == first
    assert pipeline.run(kept, tmp_path / "out", settings=common) == first
    other = Recipe.parse(asked | {"distill": {"epochs": 0.3, "learning_rate": 1e-4}})
    with pytest.raises(RunMismatchError):
        pipeline.run(other, tmp_path / "out", settings=common)
    chosen = Recipe.parse(asked | {"distill": {"epochs": 0.3, "learning_rate": 3e-5}})
    pipeline.run(chosen, tmp_path / "other", settings=common)
    with pytest.raises(RunMismatchError):
        pipeline.run(Recipe.parse(asked), tmp_path / "other", settings=common)


def test_a_first_try_that_failed_does_not_bind_its_folder(finished, here, common, tmp_path):
    out, _ = finished
    asked = {"teacher": str(out / "variants" / "teacher"), "student": None, "formats": ["8bit"]}
    wrong = Recipe.parse(asked | {"data": {"source": {"test": str(here / "nope.csv")}}})
    with pytest.raises(DataError, match=r"nope\.csv"):
        pipeline.run(wrong, tmp_path / "out", settings=common)
    right = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    assert [v.name for v in right.variants] == ["teacher", "teacher-8bit"]


def test_a_first_try_binds_no_other_teacher_to_its_commit(finished, here, common, tmp_path, monkeypatch):
    from compressor import teachers

    asked = []

    def missing(reference, *, revision=None, **_):
        asked.append((reference, revision))
        raise ModelError("The Hub is away.")

    folder = RunFolder(tmp_path)
    folder.write_state()
    first, other = recipe(here, teacher="a/b"), recipe(here, teacher="c/d")
    folder.save_recipe(first)
    (tmp_path / "teacher.json").write_text(json.dumps({"sha": "1" * 40}))
    monkeypatch.setattr(teachers, "resolve", missing)
    for one in (first, other):
        with pytest.raises(ModelError):
            pipeline.run(one, tmp_path, settings=common)
    assert asked == [("a/b", "1" * 40), ("c/d", None)]


def test_one_waits_for_the_device_of_another_process_and_is_not_charged_for_it(here, common, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from compressor.settings import Settings\n"
        "from compressor.system.lease import lease\n"
        "with lease(Settings(data_dir=Path(sys.argv[1])), 'cpu'): print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(common.data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=processes.ROOT,
    )
    assert other.stdout.readline() == b"mine\n"
    said = []

    def hear(stage, done=0, total=0, **metrics):
        if "message" in metrics:
            said.append((stage, metrics["message"], time.perf_counter()))
            if metrics["message"]:
                time.sleep(3)
                other.communicate()

    asked = Recipe.parse({"teacher": "demo", "student": None, "formats": ["onnx-int8"]})
    report = pipeline.run(asked, tmp_path / "out", settings=common, progress=hear)
    assert [(stage, bool(message)) for stage, message, _ in said] == [("onnx-int8", True), ("onnx-int8", False)]
    (_, _, asked_at), (_, _, began) = said
    took = report.seconds["onnx-int8"]
    assert began - asked_at >= 3
    events, _ = read_events(tmp_path / "out" / "events.jsonl")
    ended = next(e["time"] for e in events if e.get("event") == "stage-finished" and e["stage"] == "onnx-int8")
    told = next(e["time"] for e in events if e.get("metrics", {}).get("message"))
    assert took <= ended - told - 2.5


def test_a_quantized_teacher_is_refused_at_once(finished, common, tmp_path):
    out, _ = finished
    asked = {"teacher": str(out / "variants" / "student-8bit"), "student": None}
    with pytest.raises(ModelError, match="quantized already"):
        pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)


def test_a_cancelled_run_goes_on_to_the_same_result(finished, here, common):
    whole, report = finished
    out = here / "cut"

    def cancel(stage, done=0, total=0, **metrics):
        if stage == "distill" and done >= total / 2 > 0:
            raise RunCancelledError("enough")

    with pytest.raises(RunCancelledError):
        pipeline.run(recipe(here), out, settings=common, progress=cancel)
    state = RunFolder(out).state()
    assert (state["status"], state["finished_stages"]) == ("cancelled", ["data", "fine-tune", "teacher-logits"])
    first = state["seconds"]["distill"]
    assert first > 0
    folder = RunFolder(out)
    folder.write_state(seconds=state["seconds"] | {"distill": first + 1000})
    again = pipeline.run(recipe(here), out, settings=common)
    events, _ = read_events(out / "events.jsonl")
    assert [e["stage"] for e in events if e.get("event") == "stage-finished"].count("fine-tune") == 1
    assert any(e.get("event") == "resumed" for e in events)
    assert again.seconds["distill"] > first + 1000  # what it went on from took its time too
    assert [v.quality for v in again.variants] == [v.quality for v in report.variants]
    a, b = (parquet.read_table(f / "predictions.parquet").to_pydict() for f in (whole, out))
    assert a == b


def test_labels_are_mapped_by_name_where_the_order_differs(finished, here, common, tmp_path):
    out, report = finished
    teacher = tiny_copy_with_labels(
        out / "variants" / "teacher", tmp_path / "swapped", {"0": "negative", "1": "positive"}
    )
    rows = tmp_path / "renamed.csv"
    lines = (here / "test.csv").read_text().splitlines()
    # The first row's label is `Positive`, so a map by order of appearance, or by position after sorting, goes wrong.
    body = [x for x in lines[1:] if x.endswith(",positive")] + [x for x in lines[1:] if x.endswith(",negative")]
    rows.write_text(
        "\n".join([lines[0], *body]).replace(",positive", ",Positive").replace(",negative", ", zz_negative")
    )
    asked = {
        "teacher": str(teacher),
        "data": {"source": {"test": str(rows)}, "labels": {"zz_negative": "negative"}},
        "student": None,
        "formats": ["8bit"],
    }
    found = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    assert found.variants[0].quality.value == pytest.approx(report.variants[0].quality.value)


def tiny_copy_with_labels(source, target, names):
    import shutil

    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    assert config["id2label"] == names
    return target


def test_quantizing_without_any_data(finished, common, tmp_path):
    out, _ = finished
    asked = {"teacher": str(out / "variants" / "teacher"), "student": None}
    found = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    assert [v.name for v in found.variants] == ["teacher", "teacher-8bit", "teacher-4bit"]
    for variant in found.variants:
        assert variant.quality is None
        assert variant.retained is None
        assert variant.latency_ms.p50 > 0
    assert not (tmp_path / "out" / "flips.csv").exists()


def test_distilling_without_formats_and_cutting_without_distilling(here, common, tmp_path, finished):
    out, _ = finished
    source = {name: str(here / f"{name}.csv") for name in ("train", "test")}
    asked = {"teacher": str(out / "variants" / "teacher"), "data": {"source": source}, "formats": [], "distill": None}
    found = pipeline.run(Recipe.parse(asked | {"student": {"cut": {"layers": 2}}}), tmp_path / "out", settings=common)
    assert [v.name for v in found.variants] == ["teacher", "student"]
    assert "teacher-logits" not in found.seconds
    assert any("validation" in note.lower() for note in found.notes)


def test_a_student_that_knows_the_words_of_the_data_alone(here, common, tmp_path, finished):
    """It answers as before, in every format, and loads without this project."""
    out, _ = finished
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    asked = {
        "teacher": str(out / "variants" / "teacher"), "data": {"source": source}, "formats": ["8bit", "onnx-int8"],
        "student": {"vocabulary": "data"}, "distill": None,
    }  # fmt: skip
    found = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    teacher, student = found.variants[:2]
    assert [v.name for v in found.variants] == ["teacher", "student", "student-8bit", "student-onnx-int8"]
    assert student.agreement == 1.0 and student.quality == teacher.quality
    assert found.variants[2].agreement > 0.9 and found.variants[3].agreement > 0.9
    config = json.loads((tmp_path / "out" / "variants" / "student" / "config.json").read_text())
    whole = json.loads((out / "variants" / "teacher" / "config.json").read_text())["vocab_size"]
    assert config["vocab_size"] < whole
    assert teacher.parameters - student.parameters == (whole - config["vocab_size"]) * config["hidden_size"]
    assert any(f"{config['vocab_size']} of the teacher's {whole} tokens" in note for note in found.notes)
    rows, _ = tiny.texts(120, 3)
    (tmp_path / "rows.json").write_text(json.dumps({"text": rows, "label": ["?"] * len(rows)}))
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "rows.json"), str(tmp_path / "out" / "variants" / "student")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    trained = Recipe.parse(
        asked
        | {
            "formats": [],
            "distill": {"epochs": 5, "learning_rate": 2e-3},
            "student": {"cut": {"layers": 2, "vocabulary": 90}},
        }
    )
    found = pipeline.run(trained, tmp_path / "trained", settings=common)
    assert found.variants[1].quality.value > 0.8
    config = json.loads((tmp_path / "trained" / "variants" / "student" / "config.json").read_text())
    assert (config["num_hidden_layers"], config["vocab_size"] <= 90) == (2, True)


def test_where_labels_have_the_whole_weight_the_teacher_is_not_asked(here, common, tmp_path, finished):
    out, _ = finished
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    asked = {
        "teacher": str(out / "variants" / "teacher"), "data": {"source": source}, "formats": [], "student": {"size": "half"},
        "distill": {"alpha": 1.0, "epochs": 1},
    }  # fmt: skip
    found = pipeline.run(Recipe.parse(asked), tmp_path / "alone", settings=common)
    assert "distill" in found.seconds and "teacher-logits" not in found.seconds
    raw = tmp_path / "raw.txt"
    raw.write_text("a text without a label\nand one more", encoding="utf-8")
    asked["data"]["unlabelled"] = str(raw)
    found = pipeline.run(Recipe.parse(asked), tmp_path / "more", settings=common)
    assert "teacher-logits" in found.seconds, "it labels the raw texts"


def test_made_up_texts_are_labelled_by_the_teacher_and_count_as_nobodys_words(here, common, tmp_path, finished):
    out, _ = finished
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    asked = {
        "teacher": str(out / "variants" / "teacher"), "data": {"source": source}, "formats": [], "budget": "quick",
        "student": {"size": "half", "vocabulary": "data"}, "distill": {"augment": 1.5, "learning_rate": 2e-3},
    }  # fmt: skip
    steps, sizes = {}, {}
    for name, changes in (("more", {}), ("none", {"augment": "none"})):
        recipe = Recipe.parse(asked | {"distill": asked["distill"] | changes})
        pipeline.run(recipe, tmp_path / name, settings=common)
        events, _ = read_events(tmp_path / name / "events.jsonl")
        steps[name] = {e["stage"]: e["total"] for e in events if e.get("total")}
        config = json.loads((tmp_path / name / "variants" / "student" / "config.json").read_text())
        sizes[name] = config["vocab_size"]
    assert steps["more"]["teacher-logits"] == pytest.approx(2.5 * steps["none"]["teacher-logits"], abs=2)
    assert steps["more"]["distill"] > 2 * steps["none"]["distill"]
    assert sizes["more"] == sizes["none"]


def test_the_control_is_the_same_student_without_the_teacher(here, common, tmp_path, finished):
    out, _ = finished
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    asked = {
        "teacher": str(out / "variants" / "teacher"), "data": {"source": source}, "formats": [], "student": {"size": "half"},
        "distill": {"control": True, "epochs": 2, "learning_rate": 2e-3, "alpha": 0.0},
    }  # fmt: skip
    found = pipeline.run(Recipe.parse(asked), tmp_path / "both", settings=common)
    assert [v.name for v in found.variants] == ["teacher", "student"], "it is no variant to publish"
    assert {"distill", "control"} < set(found.seconds)
    alone = pipeline.run(
        Recipe.parse(asked | {"distill": asked["distill"] | {"control": False, "alpha": 1.0}}),
        tmp_path / "alone",
        settings=common,
    )
    assert found.control.quality == alone.variants[1].quality
    student = found.variants[1]
    assert found.control.difference.value == pytest.approx(student.quality.value - found.control.quality.value)
    assert student.difference.value == pytest.approx(student.quality.value - found.variants[0].quality.value)
    assert found.variants[0].difference is None and alone.control is None
    assert Report.load(tmp_path / "both") == found
    raw = tmp_path / "raw.txt"
    raw.write_text("\n".join(tiny.texts(300, 5)[0]), encoding="utf-8")
    asked["data"]["unlabelled"] = str(raw)
    more = pipeline.run(Recipe.parse(asked), tmp_path / "more", settings=common)
    events, _ = read_events(tmp_path / "more" / "events.jsonl")
    ends = {e["stage"]: e["total"] for e in events if e.get("stage") in ("distill", "control") and e.get("total")}
    assert abs(ends["control"] - ends["distill"]) <= 32, "as many steps, though from the labelled rows alone"
    assert more.control is not None


def test_what_learns_from_labels_alone_goes_through_all_its_steps(here, common, tmp_path):
    """A new head and a control are judged by shares of few rows, which stand still without anything being at its end."""
    source = {name: str(here / f"{name}.csv") for name in ("train", "validation", "test")}
    pipeline.run(
        Recipe.parse(
            {
                "teacher": str(here / "encoder"), "teacher_head": "new", "data": {"source": source}, "formats": [],
                "student": {"size": "half"}, "distill": {"control": True, "epochs": 8, "learning_rate": 1e-12},
            }
        ),
        tmp_path / "run",
        settings=common,
    )  # fmt: skip
    events, _ = read_events(tmp_path / "run" / "events.jsonl")
    for stage in ("fine-tune", "control"):
        steps = [(e["done"], e["total"]) for e in events if e.get("stage") == stage and "rate" in e.get("metrics", {})]
        assert steps[-1][0] == steps[-1][1], stage


def test_onnx_versions_are_measured_and_compared_like_all_others(here, common, tmp_path, finished):
    teacher = finished[0] / "variants" / "teacher"
    asked = recipe(here, teacher=str(teacher), teacher_head="keep", student=None, formats=["onnx", "onnx-int8", "8bit"])
    report = pipeline.run(asked, tmp_path / "out", settings=common)
    first, onnx, int8, _ = report.variants
    assert [v.name for v in report.variants] == ["teacher", "teacher-onnx", "teacher-onnx-int8", "teacher-8bit"]
    assert [(v.runtime, v.dtype) for v in report.variants[:3]] == [
        ("torch", "bfloat16"),
        ("onnxruntime", "float32"),
        ("onnxruntime", "int8"),
    ]
    assert onnx.agreement >= 0.98 and int8.agreement >= 0.9
    assert int8.bytes < onnx.bytes and onnx.parameters == int8.parameters == first.parameters
    for variant in (onnx, int8):
        file = next((tmp_path / "out" / variant.path / "onnx").iterdir())
        assert variant.bytes == file.stat().st_size and variant.latency_ms.p50 > 0 and variant.peak_memory_bytes > 0
    predictor = Predictor(tmp_path / "out")
    (said,) = predictor.predict(["a really good film"])
    predictor.close()
    assert set(said["predictions"]) == {v.name for v in report.variants}
    again = pipeline.run(asked, tmp_path / "out", settings=common)
    assert again == report


def test_openvino_is_fitted_to_training_rows_and_left_out_where_there_are_none(here, common, tmp_path, finished):
    teacher = finished[0] / "variants" / "teacher"
    asked = recipe(here, teacher=str(teacher), teacher_head="keep", student=None, formats=["openvino-int8"])
    report = pipeline.run(asked, tmp_path / "out", settings=common)
    first, made = report.variants
    assert (made.name, made.runtime, made.dtype) == ("teacher-openvino-int8", "openvino", "int8")
    assert made.agreement >= 0.95 and made.parameters == first.parameters
    assert made.bytes == sum(p.stat().st_size for p in (tmp_path / "out" / made.path).glob("openvino/openvino_model.*"))
    assert made.latency_ms.p50 > 0 and made.peak_memory_bytes > 0
    predictor = Predictor(tmp_path / "out")
    (said,) = predictor.predict(["a really good film"])
    predictor.close()
    assert set(said["predictions"]) == {v.name for v in report.variants}
    bare = {"teacher": str(teacher), "student": None, "formats": ["openvino-int8", "8bit"]}
    without = pipeline.run(Recipe.parse(bare), tmp_path / "bare", settings=common)
    assert [v.name for v in without.variants] == ["teacher", "teacher-8bit"]
    assert any("OpenVINO int8 was left out" in note and "none to train with" in note for note in without.notes)


@pytest.fixture(scope="module")
def thin(here, common, finished):
    """A run of a student of thin layers, in every format that can hold it."""
    teacher = finished[0] / "variants" / "teacher"
    asked = recipe(
        here, teacher=str(teacher), teacher_head="keep", student={"size": "half", "low_rank": {"weights": 0.6}},
        formats=["onnx", "onnx-int8", "openvino-int8"],
    )  # fmt: skip
    return asked, here / "thin", pipeline.run(asked, here / "thin", settings=common)


def test_a_student_of_thin_layers_comes_in_formats_that_hold_its_graph_and_in_no_other(thin):
    _, out, report = thin
    assert [v.name for v in report.variants] == [
        "teacher",
        "student-onnx",
        "student-onnx-int8",
        "student-openvino-int8",
    ]
    assert {p.name for p in (out / "variants").iterdir()} == {v.name for v in report.variants[1:]}
    assert not (out / "work").exists()
    assert not list(out.rglob("*.safetensors"))
    assert any("two thin ones each" in note for note in report.notes)
    onnx, *others = report.variants[1:]
    assert all(v.base == "student" and v.parameters == onnx.parameters < report.variants[0].parameters for v in others)
    for variant in report.variants[1:]:
        assert variant.quality.value > 0.8
        assert variant.agreement > 0.8


def test_a_run_that_is_cancelled_in_each_of_the_new_stages_goes_on_to_the_same_files(thin, common, tmp_path):
    asked, whole, report = thin
    for wanted, begun in (
        ("distill", True),
        ("onnx", True),
        ("onnx-int8", False),
        ("onnx-int8", True),
        ("openvino-int8", False),
    ):

        def cancel(stage, done=0, total=0, wanted=wanted, begun=begun, **_):
            if stage == wanted and (done > 0 or not begun):
                raise RunCancelledError("enough")

        with pytest.raises(RunCancelledError):
            pipeline.run(asked, tmp_path / "out", settings=common, progress=cancel)
        assert RunFolder(tmp_path / "out").state()["status"] == "cancelled"
    again = pipeline.run(asked, tmp_path / "out", settings=common)
    assert [(v.name, v.quality) for v in again.variants] == [(v.name, v.quality) for v in report.variants]
    files = [
        sorted(p.relative_to(out) for p in (out / "variants").rglob("*") if p.is_file())
        for out in (whole, tmp_path / "out")
    ]
    assert files[0] == files[1]
    for name in files[0]:
        assert (whole / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name


def test_a_task_without_students_says_so(common, tmp_path):
    teacher = tiny.llama(tmp_path / "llama")
    (tmp_path / "t.txt").write_text("the film was good " * 200)
    asked = {
        "teacher": str(teacher),
        "data": {"source": {"train": str(tmp_path / "t.txt")}},
        "student": {"size": "half"},
    }
    with pytest.raises(ModelError, match="cannot train a student for text generation"):
        pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    assert RunFolder(tmp_path / "out").state()["status"] == "failed"


@pytest.mark.parametrize("make", [tiny.llama, tiny.gpt2])
def test_language_models_are_quantized_and_judged_by_perplexity(make, common, tmp_path):
    teacher = make(tmp_path / "lm")
    (tmp_path / "t.txt").write_text("the film was really not bad but slow and cold \n" * 60)
    asked = {"teacher": str(teacher), "data": {"source": {"test": str(tmp_path / "t.txt")}}}
    found = pipeline.run(Recipe.parse(asked), tmp_path / "out", settings=common)
    assert found.task == "text-generation"
    names = [v.name for v in found.variants]
    if make is tiny.llama:
        assert names == ["teacher", "teacher-8bit", "teacher-4bit"]
    for variant in found.variants:
        assert variant.quality.metric == "perplexity"
        assert 1 < variant.quality.value < 1000
        assert variant.throughput > 0
    assert found.variants[0].bytes > found.variants[-1].bytes


def test_a_recipe_of_relative_paths_finds_its_finished_run_again(finished, here, common, monkeypatch):
    out, report = finished
    monkeypatch.chdir(here)
    asked = recipe(here).model_dump(mode="json", exclude_unset=True)
    source = {name: f"{name}.csv" for name in ("train", "validation", "test")}
    relative = Recipe.parse(asked | {"teacher": "./encoder", "data": {"source": source}})
    assert pipeline.run(relative, out, settings=common) == report


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_run_whose_recipe_cannot_be_read_is_not_written_over(finished, here, common, tmp_path, damage):
    out = shutil.copytree(finished[0], tmp_path / "out")
    before = (out / "report.json").read_bytes()
    if damage == "gone":
        (out / "recipe.yaml").unlink()
    else:
        (out / "recipe.yaml").write_text("teacher: [")
    with pytest.raises(RunMismatchError, match="gone or cannot be read"):
        pipeline.run(recipe(here), out, settings=common)
    assert (out / "report.json").read_bytes() == before


def test_a_student_that_cannot_be_made_is_known_before_its_teacher_learns(here, common, tmp_path):
    albert = transformers.AlbertConfig(
        vocab_size=60,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    transformers.AlbertModel(albert).save_pretrained(tmp_path / "albert")
    tiny.wordpiece().save_pretrained(tmp_path / "albert")
    get("8bit").make(tiny.bert(tmp_path / "bert"), tmp_path / "bits", tasks.get("text-classification"))
    wrong = {
        "student.cut.hidden": {"student": {"cut": {"hidden": 100}}},
        "cannot be cut": {"teacher": str(tmp_path / "albert")},
        "There is no folder": {"student": {"model": str(tmp_path / "tpyo")}},
        "quantized already": {"student": {"model": str(tmp_path / "bits")}},
        "None of the formats": {
            "student": {"size": "half", "low_rank": {"weights": 0.5}},
            "formats": ["openvino-int8"],
        },
    }
    for number, (said, changes) in enumerate(wrong.items()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(get("openvino-int8")), "unavailable", lambda *_: "It is not installed.")
            with pytest.raises(CompressorError, match=said):
                pipeline.run(recipe(here, **changes), tmp_path / f"out-{number}", settings=common)
        assert RunFolder(tmp_path / f"out-{number}").state()["finished_stages"] == [], said
