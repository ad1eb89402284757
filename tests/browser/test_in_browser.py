"""A run's 8-bit ONNX version in the visitor's own browser: the same answers as the server's, and no text that leaves it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.results.predicting import Predictor
from compressor.runfolder import FINISHED
from compressor.settings import ASSETS, Settings
from compressor.ui.visitors import LOCAL
from tests.browser.conftest import FLAGS, ROOT, App, new_profile, serve
from tests.few import few_rows
from tests.install_browser import installed
from tests.install_npm import runtime

ASKED = {"teacher": "demo", "student": None, "formats": ["onnx-int8"], "data": {"source": "demo"}, "budget": "quick"}
NAME = "teacher-onnx-int8"
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@dataclass
class Finished:
    app: App
    run: str
    folder: Path


@pytest.fixture(scope="module", name="made")
def a_finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's teacher in 8-bit ONNX, as the command line makes it."""
    folder = tmp_path_factory.mktemp("made")
    recipe = folder / "recipe.yaml"
    asked = ASKED | {"data": {"source": few_rows(folder, test=100)}}
    recipe.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, "-m", "compressor", "run", str(recipe), "--out", str(folder / "run")]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "COMPRESSOR_DATA": str(folder / "data")})
    return folder / "run"


@pytest.fixture(scope="module", name="finished")
def serve_it(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    runtime()
    with serve(tmp_path_factory.mktemp("app") / "data") as app:
        yield Finished(app, *put(app.data, made))


def put(data: Path, made: Path, **config: Any) -> tuple[str, Path]:
    """A finished run among those of the page: its id and folder. `config`: what its version's config says otherwise."""
    store = JobStore(Settings(data_dir=data))
    job = store.create(LOCAL, Recipe.parse(ASKED), title="in a browser")
    shutil.copytree(
        made, job.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state.json", ".lock", "recipe.yaml")
    )
    path = job.folder / "variants" / NAME / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | config), encoding="utf-8")
    store.settle(store.row(job.id), FINISHED)  # type: ignore[arg-type]
    store.close()
    return job.id, job.folder


@pytest.fixture(scope="module", name="alone")
def without_a_network(driver: Playwright) -> Iterator[Browser]:
    """A Chromium that finds no host but this machine."""
    found = driver.chromium.launch(executable_path=installed(), args=[*FLAGS, NO_OTHER_HOST])
    yield found
    found.close()


@pytest.fixture(name="sent")
def what_was_asked_for() -> list[Any]:
    return []


@pytest.fixture(name="context")
def a_browser(alone: Browser, finished: Finished, sent: list[Any]) -> Iterator[BrowserContext]:
    """Every request is noted, those of workers too; an error in the page fails the test."""
    context = new_profile(alone)
    wrong: list[str] = []
    context.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context
    context.close()
    assert wrong == []
    others = [url for url, _ in sent if not url.startswith((finished.app.url, "data:", "blob:"))]
    assert others == []


def opened(context: BrowserContext, app: App, run: str) -> Page:
    page = context.new_page()
    page.goto(f"{app.url}/?run={run}")
    page.locator("#open-compare").click()
    expect(page.locator("#outcome .outcome")).to_be_visible()
    return page


def ask(page: Page, text: str, number: int) -> list[tuple[str, str]]:
    """What this browser says to that text, the `number`th on this page: (label, score as shown)."""
    page.locator("#try-text textarea").fill(text)
    page.locator("#run-in-browser").click()
    card = page.locator(f'#browser-answer .answer[data-asked="{number}"]')
    expect(card).to_be_visible()
    lines = card.locator(".score").all_inner_texts()
    return [tuple(line.split("\n")[:2]) for line in lines]  # type: ignore[misc]


def rows(count: int) -> list[str]:
    with (ASSETS / "demo" / "test.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][:count]


def test_it_answers_as_the_server_does_and_sends_no_text(
    context: BrowserContext, finished: Finished, sent: list[Any]
) -> None:
    page = opened(context, finished.app, finished.run)
    expect(page.locator("#browser-note")).to_contain_text("never leaves")
    long = "my secret parcel " * 200  # more than the model reads
    texts = [*rows(49), long]
    mine = [ask(page, text, number) for number, text in enumerate(texts, 1)]
    predictor = Predictor(finished.folder)
    theirs = [one["predictions"][NAME]["labels"] for one in predictor.predict(texts, [NAME])]
    predictor.close()
    assert [one[0][0] for one in mine] == [one[0]["label"] for one in theirs]
    for here, there in zip(mine, theirs, strict=True):
        for label, score in here:
            known = next(one["score"] for one in there if one["label"] == label)
            assert abs(float(score.removesuffix(" %")) / 100 - known) < 0.03, (here, there)
    loads = [url for url, _ in sent if "model_quantized.onnx" in url]
    assert len(loads) == 1, "a second text loads nothing again"
    assert [url for url, body in sent if "parcel" in body or "parcel" in url] == []
    card = page.locator("#browser-answer .answer")
    expect(card).to_contain_text("here")
    expect(card).to_contain_text("Ready after")
    assert card.get_attribute("data-device") == "wasm"
    page.close()


def test_strangers_labels_are_text_and_another_run_frees_the_memory(
    context: BrowserContext, finished: Finished, made: Path
) -> None:
    evil = {str(i): f"<img src=x onerror=alert({i})>" for i in range(8)}
    run, _ = put(finished.app.data, made, id2label=evil)
    page = opened(context, finished.app, run)
    said = ask(page, "where is my parcel", 1)
    assert said[0][0] in evil.values() and page.locator("#browser-answer img").count() == 0
    assert len(page.workers) == 1
    page.locator("#compare-pick input").click()
    others = page.get_by_role("option").filter(has_not=page.locator("[aria-selected=true]"))
    others.last.click()
    expect(page.locator("#browser-answer .answer")).to_have_count(0)
    until = time.monotonic() + 30
    while page.workers and time.monotonic() < until:
        page.wait_for_timeout(50)  # lets Playwright hear of what has ended
    assert page.workers == []
    page.close()


def test_an_answer_beside_the_servers(context: BrowserContext, finished: Finished) -> None:
    page = opened(context, finished.app, finished.run)
    page.locator("#run-in-browser").click()
    expect(page.locator("#browser-answer")).to_contain_text("Type a text first.")
    (mine, *_) = ask(page, "where is my parcel", 1)
    page.locator("#predict").click()
    theirs = page.locator(f'#answers .answer[data-variant="{NAME}"] .score').first
    expect(theirs).to_contain_text(mine[0])
    expect(page.locator("#browser-answer .answer")).to_be_visible()
    page.close()


def test_what_cannot_be_fetched_is_a_sentence_and_the_next_press_tries_again(
    context: BrowserContext, finished: Finished
) -> None:
    page = opened(context, finished.app, finished.run)
    page.route("**/*.onnx", lambda route: route.abort())
    context.route("**/*.onnx", lambda route: route.abort())
    page.locator("#try-text textarea").fill("where is my parcel")
    page.locator("#run-in-browser").click()
    said = page.locator("#browser-answer .say-problem")
    expect(said).to_contain_text("could not be downloaded")
    assert page.workers == []
    context.unroute_all()
    page.unroute_all()
    assert ask(page, "where is my parcel", 1)
    page.close()


def test_without_npm_the_panel_says_what_to_install(chromium: Browser, made: Path, tmp_path: Path) -> None:
    with serve(tmp_path / "data", COMPRESSOR_BROWSER=str(tmp_path / "none"), PATH="") as app:
        run, _ = put(app.data, made)
        page = new_profile(chromium).new_page()
        page.goto(f"{app.url}/?run={run}")
        page.locator("#open-compare").click()
        expect(page.locator("#browser-note")).to_contain_text("install Node.js")
        expect(page.locator("#run-in-browser")).to_be_disabled()
        page.context.close()
        wait_for = app.data / "log" / "app.jsonl"
        until = time.monotonic() + 240
        while "Install Node.js" not in wait_for.read_text(encoding="utf-8") and time.monotonic() < until:
            time.sleep(0.5)
        assert "Install Node.js" in wait_for.read_text(encoding="utf-8"), "the log says so too"
