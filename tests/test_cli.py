"""The command line as a person uses it: exit codes, sentences, JSON that others rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compressor import Report, suits
from compressor import cli as cli_module
from tests import tiny


def cli(*arguments, cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "compressor", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.getcwd(), "COMPRESSOR_DATA": str(cwd / "data")} | env,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    here = tmp_path_factory.mktemp("cli")
    tiny.bert(here / "model")
    tiny.write_csv(here / "train.csv", 120, 1)
    (here / "r.yaml").write_text(
        "teacher: ./model\ndata:\n  source: {train: train.csv}\ndistill: {epochs: 1}\nformats: [8bit]\n"
    )
    done = cli("run", "r.yaml", "--out", "out", "--set", "data.limit=64", cwd=here)
    return here, done


def test_help_is_quick():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "compressor", "--help"], capture_output=True, text=True, check=True
        )
        times.append(time.perf_counter() - start)
    assert min(times) < 1.0
    assert all(verb in done.stdout for verb in ("inspect", "run", "compare", "predict", "suits", "publish"))


def test_run_prints_the_outcome_and_leaves_everything(ran):
    here, done = ran
    assert done.returncode == 0, done.stderr
    assert "student-8bit" in done.stdout
    assert "Traceback" not in done.stderr
    for name in ("recipe.yaml", "state.json", "events.jsonl", "report.json", "flips.csv", "predictions.parquet"):
        assert (here / "out" / name).is_file(), name
    for name in ("student", "student-8bit"):
        assert (here / "out" / "variants" / name / "model.safetensors").is_file()


def test_predict_json_has_the_agreed_shape(ran):
    here, _ = ran
    done = cli("predict", "out", "a good film", "😀 电影\t不好", "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert [a["text"] for a in answers] == ["a good film", ["😀 电影", "不好"]]
    for answer in answers:
        assert set(answer["predictions"]) == {"teacher", "student", "student-8bit"}
        for prediction in answer["predictions"].values():
            assert {x["label"] for x in prediction["labels"]} == {"negative", "positive"}
            assert sum(x["score"] for x in prediction["labels"]) == pytest.approx(1, abs=1e-3)
            assert prediction["ms"] > 0


def test_compare_measures_folders_side_by_side(ran):
    here, _ = ran
    done = cli("compare", "./model", "out/variants/student-8bit", "--data", "train.csv", "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [v["name"] for v in report["variants"]] == ["model", "student-8bit"]
    assert [v["format"] for v in report["variants"]] == ["float", "8bit"]
    assert report["variants"][1]["agreement"] is not None


def test_inspect_json_has_the_agreed_shape(ran):
    here, _ = ran
    done = cli("inspect", "./model", "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {
        "id",
        "task",
        "architecture",
        "model_type",
        "parameters",
        "bytes",
        "labels",
        "license",
        "gated",
        "sizes",
    } <= set(found)
    half = found["sizes"][0]
    assert set(half) == {"size", "layers", "hidden", "intermediate", "parameters", "bytes", "speedup"}
    assert (half["size"], half["layers"]) == ("half", 2)
    assert set(half["bytes"]) == {"float", "8bit", "4bit", "onnx", "onnx-int8", "openvino-int8"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "missing.yaml", "--out", "x"], 1, "There is no recipe at missing.yaml"),
        (["run", "bad.yaml", "--out", "x"], 1, "Did you mean `teacher`?"),
        (["run", "r.yaml", "--out", "out", "--set", "seed=3"], 1, "another recipe"),
        (["run", "r.yaml"], 2, "--out"),
        (["run", "nodata.yaml", "--out", "y"], 1, "nothing.csv"),
        (["predict", "nowhere", "text"], 1, "no finished run"),
        (["predict", "out"], 2, "Missing argument"),
        (["inspect", "./nowhere"], 1, "There is no folder at"),
        (["inspect", "not a repo id!"], 1, "user/name"),
        (["compare", "./model"], 1, "two models or more"),
        (["publish", "nowhere", "--repo", "me/x"], 1, "nowhere"),
        (["explode"], 2, "explode"),
    ],
)
def test_wrong_input_is_a_sentence_and_an_exit_code(ran, arguments, code, says):
    here, _ = ran
    (here / "bad.yaml").write_text("techer: demo\n")
    (here / "nodata.yaml").write_text("teacher: ./model\ndata: {source: {train: nothing.csv}}\n")
    done = cli(*arguments, cwd=here, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert last_line(done.stderr).endswith((".", "?", ")"))


SAMPLE = Path(__file__).resolve().parent.parent / "assets" / "demo" / "result"


def test_what_suits_which_place_is_said_and_is_data(tmp_path):
    said = cli("suits", str(SAMPLE), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    lines = {line.partition(":")[0]: line for line in said.stdout.splitlines()}
    assert list(lines) == ["gpu", "server-cpu", "phone", "web", "memory"]
    assert lines["server-cpu"].startswith(
        "server-cpu: student, chosen by time (1.8× smaller, 1.8× faster on this CPU, "
    )
    assert "size alone decides" in lines["gpu"] and "faster" not in lines["gpu"]
    assert lines["web"] == "web: no variant runs there. Formats that do: onnx, onnx-int8."
    found = json.loads(cli("suits", str(SAMPLE), "--place", "memory", "--place", "web", "--json", cwd=tmp_path).stdout)
    assert found == [
        {"place": "memory", "variant": "student-4bit", "by": "memory", "keeps_floor": True, "as_good": ["student"],
         "not_measured": []},
        {"place": "web", "variant": None, "by": "bytes", "keeps_floor": None, "as_good": [], "not_measured": []},
    ]  # fmt: skip
    assert suits(SAMPLE, "memory").variant.name == suits(Report.load(SAMPLE), "memory").variant.name == "student-4bit"


def test_a_place_or_a_run_that_is_not_there_is_a_sentence(tmp_path):
    wrong = cli("suits", str(SAMPLE), "--place", "moon", cwd=tmp_path)
    assert wrong.returncode == 1
    assert last_line(wrong.stderr) == "There is no place 'moon'. Choose one of: gpu, server-cpu, phone, web, memory."
    assert "holds no finished run" in last_line(cli("suits", str(tmp_path), cwd=tmp_path).stderr)


def test_the_engine_works_without_gradio(tmp_path):
    script = (
        "import sys; sys.modules['gradio'] = None\n"
        "import compressor.cli, compressor.pipeline, compressor.publishing.publish\n"
        "import compressor.results.comparing, compressor.results.predicting\n"
        "import compressor\nprint(compressor.Recipe, compressor.compress)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("verb", "said"),
    [("inspect", "Stopped."), ("run", "The same command goes on"), ("publish", "What was published by then stays")],
)
def test_stopping_says_what_goes_on(verb, said, monkeypatch, capsys, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setenv("COMPRESSOR_DATA", str(tmp_path))
    monkeypatch.setattr(cli_module, "app", stopped)
    monkeypatch.setattr(sys, "argv", ["compressor", verb, "demo"])
    with pytest.raises(SystemExit) as ended:
        cli_module.main()
    assert ended.value.code == 130
    assert said in last_line(capsys.readouterr().err)
