"""A run on the page: the demo to a finished comparison, what is done with it then, a reload and a cancel in its middle."""

from __future__ import annotations

import json
import re

import psutil
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import App, new_profile


def compare(page: Page, app: App, run_id: str) -> None:
    page.goto(f"{app.url}/?run={run_id}")
    page.locator("#open-compare").click()
    expect(page.locator("#outcome .outcome")).to_contain_text("smaller")


def test_the_comparison_of_the_demo(page: Page, app: App, finished: str) -> None:
    compare(page, app, finished)
    expect(page.locator("#trade-offs svg")).to_have_count(2)
    expect(page.locator("#compare-table table.compare:not(.robust) tbody")).to_have_count(4)
    expect(page.locator("#compare-table table.robust tbody")).to_have_count(4)
    expect(page.locator("#compare-table .best").first).to_be_visible()
    page.locator("#compare-table summary").nth(1).click()
    expect(page.locator("#compare-table pre").nth(1)).to_contain_text("from_pretrained")


def test_a_text_is_answered_by_every_version(page: Page, app: App, finished: str) -> None:
    compare(page, app, finished)
    page.locator("#try-text textarea").fill("<b>what</b> a text")
    page.locator("#predict").click()
    expect(page.locator("#answers .answer")).to_have_count(4)
    expect(page.locator("#answers .answer .score").first).to_contain_text("%")


def test_rows_that_differ_are_filtered_and_downloaded(page: Page, app: App, finished: str) -> None:
    compare(page, app, finished)
    expect(page.locator("#flips-count")).to_contain_text("test rows are decided differently")
    page.locator("#flips-filter").get_by_label("teacher right").check()
    expect(page.locator("#classes table")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#flips-download").click()
    assert download.value.suggested_filename == "flips.csv"


def test_the_run_is_in_the_list_and_its_link_is_read_only(
    page: Page, app: App, chromium: Browser, finished: str
) -> None:
    steps.tab(page, "Runs")
    page.locator(
        "#runs-list label", has=page.locator(f'input[value="{finished}"]')
    ).click()  # other tests' runs stand there too
    expect(page.locator("#runs-recipe")).to_contain_text("teacher")
    page.locator("#run-open").click()
    page.locator("#share").click()
    link = page.locator("#share-link textarea, #share-link input").first
    expect(link).to_have_value(re.compile("share="))
    other = new_profile(chromium).new_page()
    other.goto(link.input_value())
    expect(other.locator("#run-result .outcome")).to_be_visible()
    expect(other.locator("#run-head")).to_contain_text("read-only link to a run of your own")
    expect(other.locator("#cancel")).to_be_hidden()
    other.context.close()
    steps.open_accordion(page, "run-details")
    expect(page.locator("#run-recipe")).to_contain_text("teacher")
    page.locator("#new-run").click()  # what is shown next has neither this one's link nor its log
    expect(page.locator("#try-demo")).to_be_visible()
    steps.tab(page, "Runs")
    page.locator("#runs-list label", has=page.locator(f'input[value="{finished}"]')).click()
    page.locator("#run-open").click()
    expect(page.locator("#run-result .outcome")).to_be_visible()
    expect(page.locator("#share-link")).to_be_hidden()
    expect(page.locator("#run-recipe")).to_be_hidden()


def test_a_quick_comparison(page: Page, app: App, finished: str) -> None:
    steps.tab(page, "Compare")
    steps.open_accordion(page, "quick-open")
    box = page.locator("#quick-models input")
    for reference in ("demo", str(app.data / "jobs" / finished / "variants" / "student")):
        box.click()
        box.press_sequentially(reference)
        box.press("Enter")
    page.keyboard.press("Escape")
    page.locator("#quick-compare").click()
    expect(page.locator('#quick-progress .run-status[data-status="finished"]')).to_be_visible(timeout=steps.LONG)
    expect(page.locator("#compare-table tbody")).to_have_count(2)


def test_publishing_with_a_token(page: Page, app: App, finished: str) -> None:
    steps.tab(page, "Publish")
    page.locator("#token input").fill("hf_alice_reads")
    page.locator("#sign-in").click()
    expect(page.locator("#account")).to_contain_text("only read")
    page.locator("#token input").fill("hf_alice")
    page.locator("#sign-in").click()
    expect(page.locator("#account")).to_contain_text("Signed in as alice")
    page.locator("#repo-name input, #repo-name textarea").first.fill("demo-tiny")
    for box in page.locator("#publish-variants input[type=checkbox]").all():
        box.uncheck()
    page.locator("#publish-variants label", has_text=re.compile(r"^\s*student(?!-)")).locator("input").check()
    steps.open_accordion(page, "card-accordion")
    expect(page.locator("#card-text textarea")).to_have_value(re.compile("license"))
    page.locator("#publish").click()
    asked = page.locator("#publish-anyway")
    result = page.locator("#publish-result")
    expect(asked.or_(result.locator(".published")).first).to_be_visible()
    if asked.is_visible():  # a student this small keeps less than the floor
        asked.click()
    expect(result.locator(".published a")).to_contain_text("alice/demo-tiny")
    assert "alice/demo-tiny" in [key if isinstance(key, str) else key[-1] for key in app.hub.repos]


def test_a_card_keeps_all_that_was_typed(page: Page, finished: str) -> None:
    """However fast: the last letters came while the ones before were on their way."""
    steps.tab(page, "Publish")
    expect(page.locator("#zip-variant input")).to_have_value(re.compile("student"))
    steps.open_accordion(page, "card-accordion")
    text = page.locator("#card-text textarea")
    expect(text).to_have_value(re.compile("license"))
    text.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("All of my own words.")
    expect(page.locator("#card-preview")).to_contain_text("All of my own words.")
    page.locator("#publish-pick input").press("Escape")
    steps.tab(page, "Compare")
    steps.tab(page, "Publish")
    steps.open_accordion(page, "card-accordion")
    steps.open_accordion(page, "card-accordion")
    expect(text).to_have_value(re.compile("All of my own words"))


def test_a_version_as_a_zip(page: Page, app: App, finished: str) -> None:
    steps.tab(page, "Publish")
    expect(page.locator("#zip-variant input")).to_have_value(re.compile("student"))
    page.locator("#zip-make").click()
    button = page.locator("#zip-download")
    expect(button).to_be_visible()
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename.endswith(".zip")


def test_a_reload_shows_the_same_run_and_cancel_ends_its_process(page: Page, app: App) -> None:
    steps.choose_demo(page)
    page.locator("#budget").get_by_label("thorough").check()
    run_id = steps.start(page)
    expect(page.locator('#run-progress [data-stage="teacher-logits"].stage-now, [data-stage="distill"].stage-now').first
           ).to_be_visible()  # fmt: skip
    page.goto(app.url)  # no address: the run that goes on is found all the same
    expect(page.locator("#run-progress .stages")).to_be_visible()
    expect(page).to_have_url(re.compile(run_id))
    page.reload()
    expect(page.locator("#cancel")).to_be_visible()
    state = json.loads((app.data / "jobs" / run_id / "state.json").read_text(encoding="utf-8"))
    page.locator("#cancel").click()
    expect(page.locator('#run-progress .run-status[data-status="cancelled"]')).to_be_visible()
    if psutil.pid_exists(state["pid"]):
        psutil.Process(state["pid"]).wait(timeout=240)  # raises where it goes on
    expect(page.locator("#resume")).to_be_visible()
    page.locator("#new-run").click()
    expect(page.locator("#start")).to_be_visible()
