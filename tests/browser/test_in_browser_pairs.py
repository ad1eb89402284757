"""In a real browser: two texts, several labels at once, and texts longer than the model reads are answered as on the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
import transformers
from playwright.sync_api import Browser, expect

from compressor import formats, tasks
from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.results.predicting import Predictor
from compressor.runfolder import FINISHED
from compressor.settings import Settings
from compressor.ui.visitors import LOCAL
from tests import tiny
from tests.browser.conftest import App, new_profile
from tests.install_npm import runtime
from tests.ui import sample

PRESS = "([run, text, pair]) => window.compressorBrowser.press(run, text, pair)"
NAME = "int8"
PAIRS = [
    ("a good film", "a bad story"),
    ("the plot was slow " * 40, "a dull actor"),
    ("a warm story", "not very bright " * 40),
    ("fast and cold " * 40, "really dull " * 30),
    ("a very good film", ""),
    ("slow plot " * 60, ""),
]
"""Too long on one side, on the other, on both; and single texts."""


def a_run(folder: Path) -> None:
    """Of a tiny model that reads 48 tokens of two texts and knows three labels, any of which may hold."""
    source = folder / "variants" / "teacher"
    torch.manual_seed(3)  # with weights so large, every token is heard in the answer
    config = transformers.BertConfig(
        vocab_size=160, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=48, initializer_range=0.4, problem_type="multi_label_classification",
        id2label={0: "bright", 1: "warm", 2: "dull"}, label2id={"bright": 0, "warm": 1, "dull": 2},
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config)
    _spare_old_processors(model)
    model.save_pretrained(source)
    tiny.wordpiece().save_pretrained(source)
    formats.get("onnx-int8").make(source, folder / "variants" / NAME, tasks.get("text-classification/multi"))
    known = [sample.variant("teacher", 900_000, 0.9, 1.0, 2.0),
             sample.variant(NAME, 300_000, 0.9, 1.0, 1.0, format="onnx-int8", runtime="onnxruntime")]  # fmt: skip
    (folder / "report.json").write_text(sample.report(*known).to_json(), encoding="utf-8")


def _spare_old_processors(model: torch.nn.Module) -> None:
    """Without VNNI, processors add products of 8 bits in pairs that hold 16, and the browser does not. Two large random
    weights side by side would overflow them, which is rare in trained models: every second one is left out."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.weight[:, 1::2] = 0


def test_they_are_answered_as_on_the_server(chromium: Browser, app: App, tmp_path: Path) -> None:
    runtime()
    a_run(tmp_path)
    predictor = Predictor(tmp_path)
    asked = [pair if pair[1] else pair[0] for pair in PAIRS]
    theirs = [one["predictions"][NAME]["labels"] for one in predictor.predict(asked, [NAME])]
    predictor.close()
    assert len({round(one[0]["score"], 2) for one in theirs}) > 3, "the answers tell these texts apart"
    store = JobStore(Settings(data_dir=app.data))
    job = store.create(LOCAL, Recipe.parse({"teacher": "demo", "data": {"source": "demo"}}), title="pairs")
    shutil.copytree(tmp_path, job.folder, dirs_exist_ok=True)
    store.settle(store.row(job.id), FINISHED)  # type: ignore[arg-type]
    store.close()
    page = new_profile(chromium).new_page()
    page.goto(f"{app.url}/?run={job.id}")
    page.locator("#open-compare").click()
    expect(page.locator("#run-in-browser")).to_be_enabled()
    for number, (pair, there) in enumerate(zip(PAIRS, theirs, strict=True), 1):
        page.evaluate(PRESS, [job.id, *pair])
        card = page.locator(f'#browser-answer .answer[data-asked="{number}"]')
        expect(card).to_be_visible()
        shown = [line.split("\n")[:2] for line in card.locator(".score").all_inner_texts()]
        here = {label: float(score.removesuffix(" %")) / 100 for label, score in shown}
        for one in there:
            assert abs(here[one["label"]] - one["score"]) < 0.03, (number, here, there)
    page.context.close()
