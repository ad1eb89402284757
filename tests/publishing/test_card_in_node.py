"""The card's code for transformers.js, run in Node as it was published: it answers as ONNX Runtime does in Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import transformers

from compressor import formats, models, tasks
from compressor.publishing.publish import publish
from compressor.report import Quality
from compressor.results.predicting import tokenizer_of
from compressor.tasks import Task
from tests import run_folder, tiny
from tests.install_npm import node
from tests.run_folder import VARIANTS, variant

CLASSIFY = tasks.get("text-classification")
HUB = Path(__file__).parent.parent / "node" / "hub.mjs"
LABELS = ("cold", "warm")


def sharp(folder: Path) -> Path:
    """A model that is sure of its answers, so that a wrong one shows."""
    tiny.bert(folder, labels=LABELS)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("fmt", ["onnx", "onnx-int8"])
def test_the_cards_snippet_runs_in_node_and_answers_as_in_python(hub_server, hub_as, tmp_path, fmt):
    made = variant("student", "teacher", fmt, 300_000, 0.98, runtime="onnxruntime")
    run = run_folder.make(tmp_path / "run", (VARIANTS[0], made))
    folder = run / "variants" / "student"
    formats.get(fmt).make(sharp(tmp_path / "m"), folder, CLASSIFY)
    said = in_node(run, hub_server, hub_as, tmp_path)
    asked = [entry.path for entry in hub_server.log if entry.token is None]
    weights = formats.get(fmt).weights(folder)
    assert [path for path in asked if path.endswith(".onnx")] and weights[0] in " ".join(asked)
    (label, score) = re.search(r"label: '(\w+)', score: ([\d.e-]+)", said).groups()
    best = _in_python(fmt, folder)
    assert label == best["label"] and abs(float(score) - best["score"]) < 0.01, (said, best)
    assert best["score"] > 0.55, "a coin's toss would prove nothing"


def test_one_number_is_that_number_in_node(hub_server, hub_as, tmp_path):
    number = Quality(metric="spearman", better="higher", value=0.9, ci95=(0.8, 0.95), rows=100)
    made = variant("student", "teacher", "onnx", 300_000, 0.98, runtime="onnxruntime")
    rows = [row.model_copy(update={"quality": number}) for row in (VARIANTS[0], made)]
    run = run_folder.make(tmp_path / "run", tuple(rows))
    folder = run / "variants" / "student"
    task = tasks.get("text-classification/regression")
    formats.get("onnx").make(tiny.bert(tmp_path / "m", labels=("score",)), folder, task)
    said = in_node(run, hub_server, hub_as, tmp_path)
    assert float(said) == pytest.approx(_in_python("onnx", folder, task, ("score",))["score"], abs=1e-3)
    assert abs(float(said) - 1) > 0.01


def in_node(run: Path, hub_server, hub_as, tmp_path: Path) -> str:
    """What the JavaScript of a published card prints."""
    place = node()
    publish(run, "alice/tiny", hub=hub_as("hf_alice"), public=True)
    card = hub_server.repos["model", "alice/tiny"].files["README.md"].decode()
    snippet = re.search(r"```js\n(.*?)\n```", card, re.DOTALL)[1]
    with tempfile.TemporaryDirectory(dir=place) as inside:  # where Node finds the package
        script = Path(inside, "snippet.mjs")
        script.write_text(snippet, encoding="utf-8")
        hub = Path(shutil.copy(HUB, inside))
        environ = os.environ | {"TEST_HUB": f"{hub_server.url}/", "TEST_CACHE": str(tmp_path / "cache")}
        ran = subprocess.run(
            ["node", "--import", hub.as_uri(), script],
            check=False, env=environ, capture_output=True, encoding="utf-8", timeout=600,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _in_python(fmt: str, folder: Path, task: Task = CLASSIFY, labels: Sequence[str] = LABELS) -> dict[str, float]:
    tokenizer = tokenizer_of(folder, models.read_config(folder))
    runner = formats.get(fmt).load(folder, task)
    (found,) = task.predict(runner, tokenizer, labels, [task.example.strip('"')])
    runner.close()
    return found.labels[0]
