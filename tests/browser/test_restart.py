"""The app is killed and started again while a page is open: the page finds its run by itself, and no run is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import end, new_profile, start, where


def free_port() -> int:
    """A port that nobody has, and that no connection is given by itself while the app is away."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class Server:
    """`python app.py`, as often as it is started, on one address and one data folder."""

    def __init__(self, data: Path):
        self.data = data
        port = free_port()
        self.url, self.log = f"http://127.0.0.1:{port}", data.parent / "app.log"
        self.environ = {
            "COMPRESSOR_DATA": str(data),
            "GRADIO_SERVER_PORT": str(port),
            "HF_ENDPOINT": "http://127.0.0.1:9",
        }

    def start(self) -> None:
        self.log.unlink(missing_ok=True)  # what it said the last time
        self.process = start(self.log, self.environ)
        assert where(self.process, self.log) == self.url

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An app of this test's own, to be killed."""
    server = Server(tmp_path / "data")
    server.start()
    yield server
    end(server.process)


@pytest.fixture
def tab(chromium: Browser, server: Server) -> Iterator[Page]:
    context = new_profile(chromium)
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator("#try-demo")).to_be_enabled()
    yield page
    context.close()


def worker(server: Server, run_id: str) -> int:
    state = json.loads((server.data / "jobs" / run_id / "state.json").read_text(encoding="utf-8"))
    return int(state["pid"])


def in_training(page: Page, folder: Path) -> str:
    """A run on few rows that has got as far as the student; its id."""
    steps.few_rows(page, folder, 1200)  # so many that it is still going on when it is looked at
    steps.open_accordion(page, "advanced")
    steps.advanced(page, "epochs", "2")
    steps.advanced(page, "batch-size", "4")
    for box in page.locator("#formats input").all():
        box.uncheck()
    run_id = steps.start(page)
    expect(page.locator('[data-stage="distill"].stage-now')).to_be_visible()
    return run_id


def test_a_page_left_open_finds_its_run_after_a_restart_and_goes_on(tab: Page, server: Server, tmp_path: Path) -> None:
    run_id = in_training(tab, tmp_path)
    tab.evaluate("window.before = true")
    server.kill()
    os.kill(worker(server, run_id), signal.SIGKILL)  # the machine was rebooted: nothing of it is left
    psutil.wait_procs([p for p in psutil.process_iter() if p.pid == worker(server, run_id)], timeout=240)
    server.start()
    tab.wait_for_function("() => window.before === undefined")  # nobody has touched the page
    expect(tab).to_have_url(re.compile(run_id))
    expect(tab.locator('.run-status[data-status="interrupted"]')).to_be_visible()
    tab.locator("#resume").click()
    expect(tab.locator('.run-status[data-status="running"]')).to_be_visible()
    steps.finish(tab)
    events = (server.data / "jobs" / run_id / "events.jsonl").read_text(encoding="utf-8")
    assert events.count('"event": "stage-finished", "stage": "teacher-logits"') == 1  # what was done stays done
    expect(tab.locator("#run-folder")).to_be_visible()


def test_a_run_outlives_the_app_and_a_half_filled_form_its_restart(tab: Page, server: Server, tmp_path: Path) -> None:
    run_id = in_training(tab, tmp_path)
    tab.goto("about:blank")  # closed: a page that is open reloads by itself, which may cut off the visit below
    server.kill()
    assert psutil.pid_exists(worker(server, run_id))
    server.start()
    tab.goto(server.url)  # no address: it is found all the same, by the browser's key
    expect(tab).to_have_url(re.compile(run_id))
    expect(tab.locator('.run-status[data-status="running"], .run-status[data-status="finished"]')).to_be_visible()
    tab.locator("#new-run").click()
    expect(tab.locator("#form-note-said")).to_contain_text("as you left it")
    expect(tab.locator("#form-note-said")).to_contain_text("Choose rows.csv again")
    expect(tab.locator("#advanced-epochs input")).to_have_value("2")
    expect(tab.locator("#teacher-facts")).to_be_visible()
    tab.goto(f"{server.url}/?run={run_id}")
    steps.finish(tab)
