"""Language models the whole way: quantized by a run, compared, published, and loaded from the Hub by the card's own code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset
from tokenizers.processors import TemplateProcessing

from compressor import models, pipeline, tasks
from compressor.hub import Hub
from compressor.publishing.publish import publish
from compressor.recipe import Data, Files, Recipe
from compressor.results.comparing import compare
from compressor.tasks import text_generation
from tests import tiny

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("measured_soon")]


@pytest.mark.parametrize("make", [tiny.llama, tiny.gpt2])
def test_quantized_compared_published_and_loaded_by_the_cards_code(make, settings, hub_server, hub_as, tmp_path):
    teacher, text = make(tmp_path / "lm"), tmp_path / "t.txt"
    text.write_text("the film was really not bad but slow and cold \n" * 40)
    asked = {"teacher": str(teacher), "data": {"source": {"test": str(text)}}}
    run = tmp_path / "run"
    report = pipeline.run(Recipe.parse(asked), run, settings=settings)
    names = [v.name for v in report.variants]
    assert names[:2] == ["teacher", "teacher-8bit"]
    assert all(v.quality.metric == "perplexity" and v.throughput > 0 for v in report.variants)

    small = run / "variants" / "teacher-8bit"
    data = Data(source=Files(test=str(text)))
    side = compare([str(teacher), str(small)], data, tmp_path / "side", settings=settings, hub=Hub(settings))
    assert [v.format for v in side.variants] == ["float", "8bit"]
    assert side.variants[1].quality.value == pytest.approx(report.variants[1].quality.value, rel=1e-3)

    (done,) = publish(
        run, "alice/lm", hub=hub_as("hf_alice"), variants=["teacher-8bit"], public=True, confirm_below=True
    )
    files = hub_server.repos["model", done.repo_id].files
    assert files["model.safetensors"] == (small / "model.safetensors").read_bytes()
    card = files["README.md"].decode()
    assert "base_model" not in card.split("---\n")[1]  # the teacher is a folder: it has no id
    ran = run_snippet(card, hub_server.url, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "generated_text" in ran.stdout


def test_windows_and_prompts_start_as_the_tokenizer_starts_a_text(tmp_path):
    task = tasks.get("text-generation")
    plain = models.load_tokenizer(tiny.llama(tmp_path / "lm"))
    framed = models.load_tokenizer(tiny.llama(tmp_path / "lm"))
    framed.bos_token = framed.convert_ids_to_tokens(9)
    framed._tokenizer.post_processor = TemplateProcessing(
        single=f"{framed.bos_token} $A", special_tokens=[(framed.bos_token, 9)]
    )
    rows = Dataset.from_dict({"text": ["the film was really not bad but slow and cold"] * 9})
    ids = [x for window in task.encode(plain, rows, 16)["input_ids"] for x in window]
    windows = task.encode(framed, rows, 16)["input_ids"]
    assert all(window[0] == 9 and len(window) <= 16 for window in windows)
    assert [x for window in windows for x in window[1:]] == ids[: sum(len(w) - 1 for w in windows)]

    class Runner:
        def generate(self, given, _):
            asked.append(given[0].tolist())
            return np.asarray([[5]])

    for tokenizer, first in ((plain, []), (framed, [9])):
        asked: list[list[int]] = []
        long = "a film " * 600 + "and its end"
        task.predict(Runner(), tokenizer, [], ["", "film", long])
        text = plain(long, add_special_tokens=False, verbose=False)["input_ids"]
        assert len(asked[0]) == 1 and asked[1][: len(first)] == first
        assert asked[2] == first + text[len(first) - 512 :]


def run_snippet(card, endpoint, tmp_path):
    """The card's Python in a process that has never heard of this project."""
    snippet = re.search(r"```python\n(.*?)\n```", card, re.DOTALL)[1]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PYTHON"))}
    environ |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-c", snippet],
        check=False, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_the_first_of_short_answers_does_not_count_as_the_models_speed():
    """On an H200 it took six times as long as the next."""

    class Runner:
        def __init__(self, first, later):
            self.took = [0.0, first, later]

        def generate(self, given, new):
            now[0] += self.took.pop(0)
            return np.zeros((1, new), np.int64)

    task, batch, now = tasks.get("text-generation"), {"input_ids": np.ones((1, 8), np.int64)}, [0.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_generation, "time", SimpleNamespace(perf_counter=lambda: now[0]))
        assert task.rate(Runner(3.5, 0.5), batch) == pytest.approx(text_generation.NEW_TOKENS / 0.5)
        slow = Runner(60.0, 60.0)
        assert task.rate(slow, batch) == pytest.approx(text_generation.NEW_TOKENS / 60)
        assert len(slow.took) == 1, "what takes a minute is not done twice"
