"""The real app in a process of its own, a loopback Hub that it talks to, and a Chromium to look at it with."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from compressor.system import processes
from tests.hub_fixture import USERS
from tests.hub_server import HubServer
from tests.install_browser import installed
from tests.install_npm import RUNTIME

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
expect.set_options(timeout=30_000)


@dataclass
class App:
    url: str
    data: Path
    hub: HubServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(600))
            item.add_marker(pytest.mark.flaky(reruns=1))  # named at the end (tests/conftest.py)


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """There can only be one."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(driver: Playwright) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path=installed(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """`python app.py`, served until the last test is over."""
    with serve(tmp_path_factory.mktemp("app") / "data") as served:
        yield served


@contextmanager
def serve(data: Path, **environ: str) -> Iterator[App]:
    """`python app.py` in that environment, beside a loopback Hub whose address may be named as `{hub}`."""
    with HubServer(dict(USERS)) as hub, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        own = {"COMPRESSOR_DATA": str(data), "GRADIO_SERVER_PORT": str(port), "HF_ENDPOINT": hub.url}
        own["COMPRESSOR_BROWSER"] = str(RUNTIME)  # fetched once for all tests, not by each app anew
        own |= {name: value.format(hub=hub.url) for name, value in environ.items()}
        with (data.parent / "app.log").open("wb") as log:
            server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **own}, stdout=log,
                                      stderr=log)  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait(url, server)
            yield App(url, data, hub)
        finally:
            server.terminate()
            server.wait(20)
            _end_runs(data)


def _end_runs(data: Path) -> None:
    """A run outlives its page, on purpose: what still goes on would slow down whatever comes next."""
    for path in data.glob("jobs/*/state.json"):
        state = json.loads(path.read_text(encoding="utf-8"))
        if state.get("status") == "running" and {"pid", "process"} <= state.keys():
            processes.kill(processes.Process(state["pid"], state["process"]))


def wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail("app.py did not start")


@pytest.fixture
def page(chromium: Browser, app: App) -> Iterator[Page]:
    """A fresh browser on the page. A script of a stranger's that runs, or an error in the console, fails the test."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(app.url)
    expect(page.locator("#header")).to_be_visible()
    # The form, or the run that another test left going.
    expect(page.locator("#try-demo, #new-run").first).to_be_enabled()
    yield page
    assert wrong == []
    context.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uploads: one with columns that mean nothing, one whose columns and values are hostile."""
    folder = tmp_path_factory.mktemp("files")
    _csv(folder / "wrong.csv", ["alpha", "beta"], [[str(i), str(i * 2)] for i in range(40)])
    evil = "<img src=x onerror=alert(1)>"
    rows = [[f"{evil} a rather good text number {i}", ("good", "bad")[i % 2]] for i in range(40)]
    _csv(folder / "evil.csv", [f"text {evil}", "label"], rows)
    return folder


def _csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
