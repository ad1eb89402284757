"""What a browser is lent to run a version by itself: to whom, which files, for how long; and why not, in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from compressor import browser, formats, tasks
from compressor.formats.stored import INT8
from compressor.report import Report
from compressor.runfolder import FINISHED
from compressor.settings import Settings
from compressor.ui import browser_files, browser_panel
from compressor.ui.page import build
from compressor.ui.server import serve
from compressor.ui.services import Services
from tests import run_folder, tiny
from tests.install_npm import RUNTIME, runtime
from tests.run_folder import VARIANTS, variant
from tests.ui.test_strangers import ALICE, ANNE, ASKED, BOB

EVIL = "<img src=x onerror=alert(1)>"
INT8_ROW = variant("student-onnx-int8", "student", "onnx-int8", 300_000, 0.98, runtime="onnxruntime")


@pytest.fixture(scope="module", name="model")
def a_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    source = tiny.bert(folder / "source", labels=("cold", EVIL), problem_type="multi_label_classification")
    formats.get("onnx-int8").make(source, folder / "made", tasks.get("text-classification"))
    return folder / "made"


@pytest.fixture(name="hub_settings")
def with_the_files(hub_settings: Settings) -> Settings:
    """Strangers share this server, and it has what browsers need."""
    runtime()
    return replace(hub_settings, browser=RUNTIME)


@pytest.fixture(name="run")
def annes_run(services: Services, model: Path) -> str:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder, (*VARIANTS[:2], INT8_ROW))
    shutil.copytree(model, job.folder / INT8_ROW.path, dirs_exist_ok=True)
    services.store.settle(services.store.row(job.id), FINISHED)  # type: ignore[arg-type]
    return job.id


@pytest.fixture(name="web")
def the_page(services: Services) -> Iterator[httpx2.Client]:
    settings = replace(services.settings, server_port=0)
    with (
        serve(build(services), settings, services) as server,
        httpx2.Client(base_url=server.url, timeout=600) as client,
    ):
        yield client
    services.close()


def prepare(services: Services, run: str, key: str = ALICE) -> dict[str, Any]:
    return dict(json.loads(browser_panel.Handlers(services).prepare(run, key, None)))


# ---------------------------------------------------------------------- whom


def test_its_owner_gets_the_files_and_what_a_browser_has_to_know(services: Services, run: str, web: Any) -> None:
    told = prepare(services, run)
    assert (told["run"], told["name"], told["mark"]) == (run, "student-onnx-int8", 2)
    assert told["facts"] == {"labels": ["cold", EVIL], "kind": "multi", "limit": 64, "side": "right"}
    source = services.job(run, ANNE).folder / INT8_ROW.path
    assert set(told["files"]) == {"config.json", "tokenizer.json", "tokenizer_config.json", INT8}
    for name, one in told["files"].items():
        answer = web.get(one["url"])
        assert answer.content == (source / name).read_bytes() and one["bytes"] == len(answer.content)
        kind = answer.headers["content-type"].split(";")[0]
        assert kind in ("application/json", "application/octet-stream"), "a stranger's file is no page of ours"
    assert prepare(services, run)["files"] == told["files"], "asking again takes no more room"


def test_nobody_else_gets_anything(services: Services, run: str, web: Any) -> None:
    mine = prepare(services, run)["files"][INT8]["url"]
    for key in (BOB, "", None):
        said = prepare(services, run, key)  # type: ignore[arg-type]
        assert set(said) == {"run", "say"} and "student" not in said["say"]
    place = services.job(run, ANNE).folder
    for guess in (
        f"gradio_api/file={place / INT8_ROW.path / INT8}",
        f"gradio_api/file={place}/report.json",
        f"{Path(mine).parent.parent}/../{'0' * 40}/{INT8}",
        f"in-browser/{browser.version()}/../../{place}/report.json",
        f"in-browser/{browser.version()}/config.json",
    ):
        assert web.get(guess).status_code in (403, 404), guess
    other = "gradio_api/file=" + str(services.lend({INT8: place / INT8_ROW.path / INT8}, "browser:other")[INT8])
    assert other != mine, "each asker has a place of their own"


def test_what_was_lent_is_taken_back(services: Services, run: str, web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compressor.ui.served.LENT", 0.2)
    address = prepare(services, run)["files"][INT8]["url"]
    source = services.job(run, ANNE).folder / INT8_ROW.path / INT8
    until = time.monotonic() + 240
    while web.get(address).status_code != 403 and time.monotonic() < until:
        time.sleep(0.1)
    assert web.get(address).status_code == 403
    assert source.is_file() and not services._lent
    monkeypatch.setattr("compressor.ui.served.LENT", 600.0)
    address = prepare(services, run)["files"][INT8]["url"]
    assert web.get(address).status_code == 200
    services.take_all_back()
    assert web.get(address).status_code == 403 and source.is_file()


# ---------------------------------------------------------------------- what


def test_links_and_missing_files_are_not_followed(services: Services, run: str, tmp_path: Path) -> None:
    folder = services.job(run, ANNE).folder / INT8_ROW.path
    (tmp_path / "secret").write_text("{}", encoding="utf-8")
    for name, words in (("tokenizer.json", "cannot read its tokenizer"), ("config.json", "config.json is not there")):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        assert words in prepare(services, run)["say"]
        os.symlink(tmp_path / "secret", folder / name)
        assert words in prepare(services, run)["say"]
        (folder / name).unlink()
        (folder / name).write_bytes(kept)
    assert "say" not in prepare(services, run)


def test_the_public_files_come_as_what_they_are(services: Services, web: Any) -> None:
    root = browser_files.address()
    for name, kind in (("transformers.min.js", "text/javascript"), ("ort-wasm-simd-threaded.mjs", "text/javascript"),
                       ("ort-wasm-simd-threaded.wasm", "application/wasm"), ("worker.js", "text/javascript")):  # fmt: skip
        answer = web.get(root + name)
        assert answer.status_code == 200 and answer.headers["content-type"].split(";")[0] == kind, name
        assert ("immutable" in answer.headers["cache-control"]) is (name != "worker.js")
    for name in ("files.json", "package.json", "panel.js", "%2e%2e%2fpackage.json", ""):
        assert web.get(root + name).status_code == 404, name
    assert web.get(f"in-browser/0.0.0/{browser.FILES[0]}").status_code == 404


# ---------------------------------------------------------------------- why not


def offered(services: Services, report: Report, sample: bool = False) -> tuple[bool, str]:
    button, said = browser_panel.opened(services, report, sample)
    return button["interactive"], said


def test_why_it_cannot_is_said(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Report(task="text-classification", teacher="t", variants=(*VARIANTS, INT8_ROW))
    on, said = offered(services, text)
    assert on and "student-onnx-int8" in said and "28 MB" in said and "never leaves" in said
    assert offered(services, replace_variants(text, VARIANTS)) == (False, said_of("no_variant"))
    assert "ONNX int8" in said_of("no_variant")
    assert offered(services, text.model_copy(update={"task": "text-generation"})) == (False, said_of("no_task"))
    absolute = INT8_ROW.model_copy(update={"path": str(tmp_path)})
    assert offered(services, replace_variants(text, (*VARIANTS, absolute))) == (False, said_of("not_made"))
    assert not offered(services, text, sample=True)[0]
    services.settings = replace(services.settings, browser=tmp_path / "none")
    assert offered(services, text) == (False, said_of("not_installed"))
    services.fetching = True
    assert offered(services, text) == (False, said_of("fetching"))
    services.fetching = False
    monkeypatch.setenv("PATH", "")
    assert offered(services, text) == (False, said_of("no_npm"))
    assert browser_panel.closed()[0]["interactive"] is False


def replace_variants(report: Report, variants: Any) -> Report:
    return report.model_copy(update={"variants": tuple(variants)})


def said_of(key: str) -> str:
    return browser_panel._line(browser_panel.t(f"browser.{key}"))
