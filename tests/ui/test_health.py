"""`/healthz` on the page as it is really served."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import compressor
from compressor.jobs.helper import Helper
from compressor.recipe import Recipe
from compressor.settings import Settings
from compressor.system import disk
from compressor.ui import health
from compressor.ui.page import build
from compressor.ui.server import serve
from compressor.ui.services import Services
from tests.jobs.conftest import SOON, until

KEYS = {"status", "version", "uptime_seconds", "queue", "disk_free_bytes", "helper"}


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = Services(settings)
    yield services
    if "store" in services.__dict__:
        services.store.close()
    services.close()


@pytest.fixture
def served(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    """A client of the page, launched as app.py launches it."""
    monkeypatch.setattr(health, "FRESH", 0.0)
    settings = replace(services.settings, server_port=0)
    with (
        serve(build(services), settings, services) as server,
        httpx2.Client(base_url=server.url, timeout=600) as client,
    ):
        yield client


def ask(name: str) -> Recipe:
    return Recipe.parse({"teacher": f"alice/{name}", "data": {"source": "demo"}})


def test_a_page_that_is_well_says_so_and_nothing_of_anybody(served: httpx2.Client, services: Services) -> None:
    answer = served.get("/healthz")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert set(said) == KEYS
    assert (said["status"], said["version"], said["helper"]) == ("ok", compressor.__version__, False)
    assert said["queue"] == {"running": 0, "waiting": 0}
    assert said["uptime_seconds"] >= 0 and said["disk_free_bytes"] > 0

    job = services.store.create("a-secret-owner", ask("private"))
    later = served.get("/healthz")
    assert later.json()["queue"] == {"running": 0, "waiting": 1}
    services.store.ready(job, token=False)
    services.store.claim(lambda row: True)
    later = served.get("/healthz")
    assert later.json()["queue"] == {"running": 1, "waiting": 0}
    for secret in (job.id, "a-secret-owner", "private", str(services.settings.data_dir)):
        assert secret not in later.text
    assert served.get("/").text.startswith("<!doctype html>"), "the page itself is still there"


def test_a_probe_may_ask_for_the_head_alone(served: httpx2.Client) -> None:
    answer = served.head("/healthz")
    assert answer.status_code == 200 and answer.content == b""
    assert served.post("/healthz").status_code == 405


def test_a_data_folder_that_cannot_be_written_is_503_until_it_can(served: httpx2.Client, services: Services) -> None:
    folder = services.settings.data_dir
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("a file stands where the folder should be")
    answer = served.get("/healthz")
    assert answer.status_code == 503 and served.head("/healthz").status_code == 503
    said = answer.json()
    assert said["status"] == "unavailable"
    assert said["reasons"] == ["The data folder cannot be written: File exists."]
    assert str(folder) not in answer.text
    folder.unlink()
    aside.rename(folder)
    assert served.get("/healthz").status_code == 200


def test_a_table_that_cannot_be_read_is_503(served: httpx2.Client, services: Services) -> None:
    services.store.create("anna", ask("one"))
    with sqlite3.connect(services.settings.data_dir / "jobs.sqlite") as other:
        other.execute("ALTER TABLE jobs RENAME TO gone")
    answer = served.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["The table of runs cannot be read: no such table: jobs."]
    other.execute("ALTER TABLE gone RENAME TO jobs")
    other.close()
    assert served.get("/healthz").json()["queue"]["waiting"] == 1


def test_a_table_that_was_lost_or_overwritten_while_the_page_runs_is_503(
    served: httpx2.Client, services: Services
) -> None:
    services.store.create("anna", ask("one"))
    services.store.close()
    file = services.settings.data_dir / "jobs.sqlite"
    for one in file.parent.glob("jobs.sqlite-*"):
        one.unlink()
    file.write_bytes(b"no database at all " * 400)
    assert served.get("/healthz").json()["reasons"] == ["The table of runs cannot be read: file is not a database."]
    file.unlink()
    assert served.get("/healthz").json()["reasons"] == ["The table of runs cannot be read: its file is gone."]


def test_the_helper_is_told_without_being_started(served: httpx2.Client, services: Services) -> None:
    assert served.get("/healthz").json()["helper"] is False
    assert "helper" not in services.__dict__
    services.__dict__["helper"] = helper = Helper(services.settings, module="tests.jobs.fake_helper")
    helper.request("echo", 20, text="a", owner="anna")
    assert served.get("/healthz").json()["helper"] is True
    helper.close()
    assert served.get("/healthz").json()["helper"] is False


def test_it_is_quick_even_while_every_thread_of_the_page_is_busy(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH", 0.0)
    free, busy = threading.Event(), []

    def slow(request: Request) -> Response:  # not async: it takes a thread of the page's forty
        busy.append(1)
        free.wait(600)
        return Response("done")

    settings = replace(services.settings, server_port=0)
    limits = httpx2.Limits(max_connections=60)
    with (
        serve(build(services), settings, services, routes=[Route("/slow", slow)]) as server,
        httpx2.Client(base_url=server.url, timeout=600, limits=limits) as client,
        ThreadPoolExecutor(50) as crowd,
    ):
        try:
            asked = [crowd.submit(client.get, "/slow") for _ in range(50)]
            until(lambda: len(busy) == 40)
            times = []
            for _ in range(20):
                start = time.perf_counter()
                assert client.get("/healthz").status_code == 200
                times.append(time.perf_counter() - start)
            assert len(busy) == 40, "they were busy all the time"
            assert max(times) < SOON, times  # behind one of those it would have waited for ten minutes
        finally:
            free.set()
        assert all(one.result().status_code == 200 for one in asked)


def test_a_disk_that_hangs_is_told_and_does_not_hang_the_page(
    served: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.3)
    hangs = threading.Event()
    real = disk.cannot_write
    monkeypatch.setattr(disk, "cannot_write", lambda folder: (hangs.wait(600), real(folder))[1])
    for _ in range(6):  # more than there are threads for it
        start = time.perf_counter()
        answer = served.get("/healthz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, [health.SLOW])
        assert time.perf_counter() - start < SOON
    assert served.get("/config").status_code == 200
    hangs.set()
    assert until(lambda: served.get("/healthz").status_code == 200)


def test_many_probes_are_one_look(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    real = disk.cannot_write
    monkeypatch.setattr(disk, "cannot_write", lambda folder: looks.append(1) or real(folder))
    one = health.Health(services)
    for _ in range(50):
        one._look()
    assert len(looks) == 1


APP = """
import json, sys, urllib.request
import app
from compressor.ui import server
served = {}
def probe(self):
    with urllib.request.urlopen(self.url + "healthz", timeout=600) as answer:
        served["code"], served["said"] = answer.status, json.load(answer)
server.Server.wait = probe
app.main()
served["heavy"] = [m for m in ("torch", "transformers", "datasets") if m in sys.modules]
print(json.dumps(served))
"""


def test_app_py_serves_it_and_its_process_imports_no_model_library(tmp_path: Path) -> None:
    root = Path(compressor.__file__).parent.parent
    environ = {
        "COMPRESSOR_DATA": str(tmp_path / "data"),
        "GRADIO_SERVER_PORT": "0",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", APP], cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["code"] == 200 and found["said"]["status"] == "ok"
    assert found["heavy"] == []
    assert (tmp_path / "data" / "log" / "app.jsonl").exists(), "app.py keeps the log"
