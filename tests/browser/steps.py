"""What a person does on the page, a function a step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright._impl._sync_base import EventContextManager
from playwright.sync_api import Page, Request, expect

LONG = 900_000
"""Milliseconds that a run may take on a machine that is busy with other things."""


def choose_demo(page: Page) -> None:
    page.locator("#try-demo").click()
    expect(page.locator("#teacher-facts")).to_be_visible()
    expect(page.locator("#data-preview table.rows")).to_be_visible()


def open_accordion(page: Page, name: str) -> None:
    page.locator(f"#{name} button.label-wrap").first.click()


def small(page: Page, rows: int = 200, size: str = "tiny") -> None:
    """Ask for the smallest run there is."""
    page.locator(f'#student-sizes tr[data-size="{size}"]').click()
    expect(page.locator(f'#student-size input[value="{size}"]')).to_be_checked()
    page.locator("#budget").get_by_label("quick").check()
    open_accordion(page, "advanced")
    limit = page.locator("#advanced-limit input")
    limit.fill(str(rows))
    limit.press("Tab")


def few_rows(page: Page, folder: Path, count: int = 60) -> None:
    """The demo's teacher with a few rows of one's own: what takes minutes with the demo's data takes seconds."""
    rows = folder / "rows.csv"
    lines = [f"please look at case {i},{('billing', 'refund')[i % 2]}\n" for i in range(count)]
    rows.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    choose_demo(page)
    page.locator("#data-file input[type=file]").set_input_files(rows)
    expect(page.locator("#data-preview")).to_contain_text("look at case")


def advanced(page: Page, name: str, value: str) -> None:
    """Fill in one of the numbers under Advanced, which is open."""
    page.locator(f"#advanced-{name} input").fill(value)
    page.locator(f"#advanced-{name} input").press("Tab")


def start(page: Page) -> str:
    """Press Start; the new run's id."""
    page.locator("#start").click()
    expect(page.locator("#run-progress .stages")).to_be_visible()
    expect(page).to_have_url(re.compile(r"run=[0-9a-f]{32}"))
    return page.url.split("run=")[1][:32]


def finish(page: Page) -> None:
    expect(page.locator('#run-progress .run-status[data-status="finished"]')).to_be_visible(timeout=LONG)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def asked(page: Page, name: str) -> EventContextManager[Request]:
    """Waits until the page asks for an event of that name: what stands before it in its chain is over then, and shown."""
    return page.expect_request(_calls(page, name))


def _calls(page: Page, name: str) -> Callable[[Request], bool]:
    """Whether a request calls an event of that name. Gradio counts those of one name through: refresh, refresh_1, …"""
    config = page.request.get(re.sub(r"(?<=\d)/.*", "", page.url) + "/config").json()
    numbers = {one["id"] for one in config["dependencies"] if re.fullmatch(rf"{name}(_\d+)?", str(one["api_name"]))}
    assert numbers, f"the page has no event {name}"

    def calls(request: Request) -> bool:
        if not re.search("/run/predict|/queue/join", request.url):
            return False
        return json.loads(request.post_data or "{}").get("fn_index") in numbers

    return calls
