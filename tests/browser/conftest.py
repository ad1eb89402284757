"""The real app in a process of its own, a loopback Hub that it talks to, and a Chromium to look at it with."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from compressor.system import processes
from tests.browser import steps
from tests.hub_fixture import USERS
from tests.hub_server import HubServer
from tests.install_browser import installed
from tests.install_npm import RUNTIME

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 240_000
"""Milliseconds that a page may take over anything, so that a busy machine fails no test. Nobody waits them out but a test that
fails."""
expect.set_options(timeout=PATIENCE)


@dataclass
class App:
    url: str
    data: Path
    hub: HubServer

    def hold(self, run_id: str) -> None:
        """Stop a run's processes where they stand: a run that has to go on for as long as a test looks at it, and need not get
        anywhere, leaves the processor to the test. Where processes cannot be stopped it goes on."""
        self._signal(run_id, "SIGSTOP")

    def let_go_on(self, run_id: str) -> None:
        """Undo `hold`."""
        self._signal(run_id, "SIGCONT")

    def _signal(self, run_id: str, name: str) -> None:
        until = time.monotonic() + 240
        while "pid" not in (state := self.state(run_id)):  # it waits for its turn
            assert time.monotonic() < until, state
            time.sleep(0.1)
        with contextlib.suppress(ProcessLookupError):  # it is over
            if hasattr(signal, name):
                os.killpg(state["pid"], getattr(signal, name))

    def state(self, run_id: str) -> dict[str, Any]:
        """What a run says of itself; nothing before it says anything."""
        path = self.data / "jobs" / run_id / "state.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(1800))
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
    with HubServer(dict(USERS)) as hub:
        own = {"COMPRESSOR_DATA": str(data), "GRADIO_SERVER_PORT": "0", "HF_ENDPOINT": hub.url}
        own["COMPRESSOR_BROWSER"] = str(RUNTIME)  # fetched once for all tests, not by each app anew
        own |= {name: value.format(hub=hub.url) for name, value in environ.items()}
        server = start(data.parent / "app.log", own)
        try:
            yield App(where(server, data.parent / "app.log"), data, hub)
        finally:
            end(server)
            _end_runs(data)


def _end_runs(data: Path) -> None:
    """A run outlives its page, on purpose: what still goes on would slow down whatever comes next."""
    for path in data.glob("jobs/*/state.json"):
        state = json.loads(path.read_text(encoding="utf-8"))
        if state.get("status") == "running" and {"pid", "process"} <= state.keys():
            processes.kill(processes.Process(state["pid"], state["process"]))


def start(log: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """`python app.py`, which adds what it says to `log`."""
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **environ}, stdout=file,
                                stderr=file)  # fmt: skip


def where(server: subprocess.Popen[bytes], log: Path) -> str:
    """The page's address, once the app has said it: from then on it answers."""
    until = time.monotonic() + 240
    while time.monotonic() < until and server.poll() is None:
        if found := re.findall(r"^Compressor is at (http\S+)/$", log.read_text(encoding="utf-8"), re.MULTILINE):
            return str(found[-1])
        time.sleep(0.1)
    pytest.fail(f"app.py did not start: {log.read_text(encoding='utf-8')}")


def end(server: subprocess.Popen[bytes]) -> None:
    """As a person ends it; at once, where it takes a minute over it."""
    server.terminate()
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def new_profile(chromium: Browser, width: int = 1200, height: int = 900, **options: Any) -> BrowserContext:
    """A browser that nobody has used, with that window."""
    context = chromium.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(scope="session")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has loaded the page's scripts before: what it compiled of them is used by all tests (half of a visit)."""
    context = new_profile(chromium, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext, app: App) -> Iterator[Page]:
    """A browser that nobody has used, on the page. A script of a stranger's that runs, or an error in the console, fails the
    test."""
    page = profile.new_page()
    profile.clear_cookies()
    page.goto(f"{app.url}/healthz")  # of the same origin, and no page that would write into the storage
    page.evaluate("localStorage.clear()")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(app.url)
    expect(page.locator("#header")).to_be_visible()
    # The form, or the run that another test left going; which of them is known once the page knows whose browser this is.
    page.wait_for_function("localStorage.getItem('compressor-browser')")
    expect(page.locator("#try-demo, #new-run").first).to_be_enabled()
    yield page
    for tab in profile.pages:
        tab.close()
    assert wrong == []


@pytest.fixture(scope="session")
def finished(chromium: Browser, app: App) -> str:
    """The id of a small run of the demo that was walked to its end on the page."""
    page = new_profile(chromium).new_page()
    page.goto(app.url)
    expect(page.locator("#try-demo")).to_be_enabled()
    steps.choose_demo(page)
    steps.small(page)
    expect(page.locator("#estimate .facts-row")).to_be_visible()
    run_id = steps.start(page)
    steps.finish(page)
    expect(page).to_have_title("Finished · Compressor")
    expect(page.locator("#run-result .outcome")).to_contain_text("smaller")
    page.context.close()
    return run_id


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
