"""The page as it opens: every control has a name, nothing is wider than a narrow phone, strangers' text does no harm."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import App, new_profile

NAMELESS = """() => [...document.querySelectorAll('input, textarea, select, button')].filter((e) => {
  const box = e.getBoundingClientRect();
  if (!box.width || e.type === 'file') return false;
  const labels = e.labels ? [...e.labels].map((l) => l.innerText).join('') : '';
  return !(labels + (e.getAttribute('aria-label') || '') + (e.innerText || '') + (e.title || '')).trim();
}).map((e) => e.outerHTML.slice(0, 120))"""


SHOWS = {"Compress": "#teacher", "Compare": "#compare-pick", "Publish": "#publish-pick", "Runs": "#run-summary"}
"""What is in sight once a tab has opened."""


def test_every_control_has_a_name(page: Page) -> None:
    for name in ("Compress", "Compare", "Publish", "Runs"):
        steps.tab(page, name)
        expect(page.locator(SHOWS[name])).to_be_visible()
        page.wait_for_function(f"({NAMELESS})().length === 0")


def test_nothing_is_wider_than_a_narrow_phone(chromium: Browser, app: App) -> None:
    narrow = new_profile(chromium, 380, 800).new_page()
    narrow.goto(app.url)
    for name in ("Compress", "Compare", "Publish", "Runs"):
        steps.tab(narrow, name)
        expect(narrow.locator(SHOWS[name])).to_be_visible()
        narrow.wait_for_function("document.documentElement.scrollWidth <= 380")
    narrow.context.close()


def test_the_path_can_be_walked_by_keyboard(page: Page) -> None:
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.closest('[id]')?.id || ''"))
    order = [reached.index(name) for name in ("try-demo", "demo-data", "start") if name in reached]
    assert len(order) == 3, reached
    assert order == sorted(order)


def test_columns_that_mean_nothing_are_said_in_a_sentence(page: Page, files: Path) -> None:
    steps.choose_demo(page)
    page.locator("#data-file input[type=file]").set_input_files(files / "wrong.csv")
    problem = page.locator("#data-preview .say-problem")
    expect(problem).to_contain_text("alpha")
    expect(page.locator("#column-text")).to_be_visible()


def test_the_data_that_are_named_are_the_data(page: Page, files: Path) -> None:
    """A file of one's own takes the place of a data set's name, and a data set that of all files."""
    steps.choose_demo(page)
    source = page.locator("#data-source input")
    expect(source).not_to_have_value("")
    page.locator("#data-file input[type=file]").set_input_files(files / "evil.csv")
    expect(page.locator("#data-preview")).to_contain_text("a rather good text")
    expect(source).to_have_value("")
    steps.open_accordion(page, "more-files")
    page.locator("#test-file input[type=file]").set_input_files(files / "evil.csv")
    expect(page.locator("#test-file")).to_contain_text("evil")
    page.locator("#demo-data").click()
    expect(source).not_to_have_value("")
    for box in ("#data-file", "#test-file"):
        expect(page.locator(box)).not_to_contain_text("evil")
    expect(page.locator("#data-preview")).not_to_contain_text("a rather good text")


def test_hostile_names_are_only_text(page: Page, files: Path) -> None:
    page.locator("#data-file input[type=file]").set_input_files(files / "evil.csv")
    expect(page.locator("#data-preview")).to_contain_text("<img src=x onerror")
    assert page.locator("#data-preview img").count() == 0


def test_a_teacher_that_is_not_there_is_a_sentence(page: Page) -> None:
    box = page.locator("#teacher input")
    box.click()
    box.press_sequentially("nobody/nothing-of-the-kind")
    box.press("Enter")
    said = page.locator("#teacher-card .say-problem")
    expect(said).to_contain_text("nobody/nothing-of-the-kind")
    expect(said).not_to_contain_text("Traceback")


def test_a_run_that_is_not_there(page: Page, app: App) -> None:
    page.goto(f"{app.url}/?run={'0' * 32}")
    expect(page.locator("#run-head .say-problem")).to_be_visible()
