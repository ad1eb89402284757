"""What people complain about in such tools, one by one, in a real browser: the numbers are those of the project's own list.
1: closing the tab loses the job. 2: a refresh wipes form, log and curve. 6: did it finish, and where is my model?"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import steps
from tests.browser.conftest import FLAGS, PATIENCE, App, new_profile
from tests.install_browser import installed


@pytest.fixture(scope="module")
def long_run(chromium: Browser, app: App) -> Iterator[str]:
    """A run that goes on for minutes; whoever started it has closed the tab. Cancelled in the end."""
    page = opened(chromium, app)
    steps.choose_demo(page)
    steps.open_accordion(page, "advanced")
    steps.advanced(page, "epochs", "1000")  # half of them before it may stop early
    steps.advanced(page, "limit", "1000")
    run_id = steps.start(page)
    expect(page.locator("#run-progress .stage-now").first).to_be_visible()
    page.context.close()
    yield run_id
    app.let_go_on(run_id)
    page = new_profile(chromium).new_page()
    page.goto(f"{app.url}/?run={run_id}")
    page.locator("#cancel").click()
    expect(status(page, "cancelled")).to_be_visible()
    page.context.close()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with two columns of texts and labels of their own, so that what was chosen differs from what is guessed."""
    path = tmp_path_factory.mktemp("rows") / "letters.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = [[f"a good long text, number {i}", f"short {i}", ("money", "parcel")[i % 2]] for i in range(60)]
        csv.writer(file).writerows([["body", "subject", "about"], *lines])
    return path


def opened(chromium: Browser, app: App) -> Page:
    page = new_profile(chromium).new_page()
    page.goto(app.url)
    expect(page.locator("#try-demo")).to_be_enabled()
    return page


def status(page: Page, name: str) -> Locator:
    return page.locator(f'#run-progress .run-status[data-status="{name}"]')


def half_filled(page: Page) -> None:
    """The form, filled in but for Start."""
    steps.choose_demo(page)
    steps.small(page)
    pick(page, "advanced-alpha", "0")
    expect(page.locator("#estimate .facts-row")).to_be_visible()


def as_it_was(page: Page) -> None:
    """The form stands as `half_filled` left it, and all that belongs to it is shown again."""
    expect(page.locator("#form-note-said")).to_contain_text("as you left it")
    expect(page.locator("#teacher-facts")).to_be_visible()
    expect(page.locator('#student-sizes tr[data-size="tiny"].picked')).to_be_visible()
    expect(page.locator('#student-size input[value="tiny"]')).to_be_checked()
    expect(page.locator("#data-preview table.rows")).to_be_visible()
    expect(page.locator("#budget").get_by_label("quick")).to_be_checked()
    expect(page.locator("#advanced-limit input")).to_have_value("200")
    expect(page.locator("#advanced-alpha input")).to_have_value("0")
    expect(page.locator("#estimate .facts-row")).to_be_visible()


def pick(page: Page, box: str, value: str) -> None:
    """Choose from a dropdown."""
    page.locator(f"#{box} input").click()
    page.get_by_role("option", name=value, exact=True).click()


def upload(page: Page, path: Path) -> None:
    page.locator("#data-file input[type=file]").set_input_files(path)


# ---------------------------------------------------------------------- 2: the form


def test_complaint_2_a_reload_keeps_the_form(page: Page) -> None:
    half_filled(page)
    page.reload()
    as_it_was(page)
    page.reload()  # what was brought back is kept as well
    as_it_was(page)
    page.locator("#start-over").click()
    expect(page.locator("#teacher-card .empty")).to_be_visible()
    page.reload()
    expect(page.locator("#try-demo")).to_be_enabled()
    page.wait_for_timeout(2000)
    expect(page.locator("#form-note")).to_be_hidden()


def test_complaint_2_a_browser_that_was_closed_still_has_the_form(chromium: Browser, app: App, tmp_path: Path) -> None:
    for again in (False, True):
        context = chromium.browser_type.launch_persistent_context(tmp_path, executable_path=installed(), args=FLAGS)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(app.url)
        expect(page.locator("#try-demo")).to_be_enabled()
        as_it_was(page) if again else half_filled(page)
        stored = page.evaluate("JSON.stringify(localStorage)")
        context.close()
    assert "hf_" not in stored


def test_complaint_2_a_file_is_asked_for_again_and_its_columns_stay(page: Page, rows: Path) -> None:
    steps.choose_demo(page)
    upload(page, rows)
    expect(page.locator("#data-preview")).to_contain_text("a good long text")
    expect(page.locator("#column-text input")).to_be_visible()
    pick(page, "column-text", "subject")
    expect(page.locator("#data-preview th.used").first).to_contain_text("subject")
    page.reload()
    expect(page.locator("#form-note-said")).to_contain_text("Choose letters.csv again")
    page.reload()  # still asked for
    expect(page.locator("#form-note-said")).to_contain_text("Choose letters.csv again")
    expect(page.locator("#teacher-facts")).to_be_visible()
    upload(page, rows)
    expect(page.locator("#data-preview th.used").first).to_contain_text("subject")


# ---------------------------------------------------------------------- a failed run


def test_a_failed_run_opens_with_its_file_and_is_tried_again(page: Page, app: App, rows: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(rows.read_text(encoding="utf-8") + "a text of its own,short,lonely\n", encoding="utf-8")
    steps.choose_demo(page)
    steps.small(page)
    upload(page, broken)
    expect(page.locator("#data-preview .say-problem").first).to_be_visible()
    page.locator("#new-head input").check()
    pick(page, "column-text", "subject")
    expect(page.locator("#data-preview th.used").first).to_contain_text("subject")
    failed = steps.start(page)
    expect(status(page, "failed")).to_be_visible()
    expect(page.locator("#run-progress .say-problem")).to_contain_text("lonely")
    page.locator("#change").click()
    said = page.locator("#form-note-said")
    expect(said).to_contain_text("stays as it is")
    expect(said).to_contain_text("lonely")  # why it stopped is still in sight
    expect(page.locator("#data-file")).to_contain_text("train")
    expect(page.locator("#data-preview th.used").first).to_contain_text("subject")
    expect(page.locator("#new-head input")).to_be_checked()
    page.locator("#data-file").get_by_label(re.compile("Remove|Clear", re.I)).first.click()
    upload(page, rows)
    expect(page.locator("#data-preview th.used").first).to_contain_text("subject")
    expect(page.locator("#estimate .facts-row")).to_be_visible()
    again = steps.start(page)
    assert again != failed
    asked = json.loads((app.data / "jobs" / again / "job.json").read_text(encoding="utf-8"))["asked"]
    before = json.loads((app.data / "jobs" / failed / "job.json").read_text(encoding="utf-8"))["asked"]
    before["data"].pop("source")
    assert Path(asked["data"].pop("source")["train"]).read_text(encoding="utf-8") == rows.read_text(encoding="utf-8")
    assert asked == before
    page.locator("#cancel").click()
    expect(status(page, "cancelled")).to_be_visible()


# ---------------------------------------------------------------------- 6


def test_complaint_6_it_says_that_it_finished_and_where_the_model_is(page: Page, app: App, finished: str) -> None:
    page.goto(f"{app.url}/?run={finished}")
    expect(page).to_have_title("Finished · Compressor")
    folder = page.locator("#run-folder textarea, #run-folder input").first
    expect(folder).to_have_value(re.compile(finished))
    assert (Path(folder.input_value()) / "config.json").is_file()
    expect(page.locator("#run-folder").get_by_role("button")).to_be_visible()  # copies it
    shown = page.locator("#run-load .cm-content")
    expect(shown).to_contain_text("from_pretrained")
    code = "\n".join(page.locator("#run-load .cm-line").all_inner_texts())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "label" in done.stdout


def test_complaint_6_publish_or_download_leads_to_this_run(page: Page, app: App, finished: str) -> None:
    page.goto(f"{app.url}/?run={finished}")
    page.locator("#open-publish").click()
    expect(page.locator("#publish-form")).to_be_visible()
    expect(page.locator("#publish-pick input")).to_have_value(re.compile("tiny"))
    expect(page.locator("#publish-variants input").first).to_be_visible()
    expect(page.locator("#zip-variant input")).to_have_value(re.compile("student"))
    name = page.locator("#repo-name input, #repo-name textarea").first
    expect(name).not_to_have_value("")
    name.fill("a-name-of-mine")
    page.locator("#publish-variants input").first.set_checked(False)
    steps.tab(page, "Runs")
    with steps.asked(page, "repos"):  # the last of what a visit to the tab fills in
        steps.tab(page, "Publish")
    expect(name).to_have_value("a-name-of-mine")
    expect(page.locator("#publish-variants input").first).not_to_be_checked()


def test_a_finished_runs_recipe_opens_from_the_list(page: Page, finished: str) -> None:
    steps.tab(page, "Runs")
    page.locator("#runs-list label").last.click()
    page.locator("#run-change").click()
    expect(page.locator("#form-note-said")).to_contain_text("This is the recipe of")
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#teacher-facts")).to_be_visible()


# ---------------------------------------------------------------------- 1, 2: a run that goes on (last, as it takes the machine)


def test_complaint_1_closing_the_tab_leaves_the_run_going(chromium: Browser, app: App, long_run: str) -> None:
    page = new_profile(chromium).new_page()
    page.goto(app.url)  # another browser, and no address: the run is found and shown
    expect(page).to_have_url(re.compile(long_run))
    expect(status(page, "running")).to_be_visible()
    expect(page.locator('[data-stage="distill"].stage-now')).to_be_visible()
    page.context.close()


POINTS = """() => [...document.querySelectorAll('#curve-loss .mark-line path')]
  .reduce((sum, path) => sum + (path.getAttribute('d').match(/[ML]/g) || []).length, 0)"""


def test_complaint_2_a_reload_keeps_log_and_curve(page: Page, app: App, long_run: str) -> None:
    page.goto(f"{app.url}/?run={long_run}")
    with (app.data / "jobs" / long_run / "log").open("a", encoding="utf-8") as log:
        log.write("said by a library\n")  # a run that goes well may say nothing by itself
    page.wait_for_function(f"({POINTS})() >= 4")
    app.hold(long_run)  # it has got as far as anybody looks at
    before = page.evaluate(POINTS)
    steps.open_accordion(page, "run-details")
    expect(page.locator("#run-recipe")).to_contain_text("epochs: 1000")
    page.reload()
    page.wait_for_function(f"({POINTS})() >= {before}")
    steps.open_accordion(page, "run-details")
    expect(page.locator("#run-recipe")).to_contain_text("epochs: 1000")
    expect(page.locator("#run-log")).to_contain_text("said by a library")


def test_a_run_that_goes_on_is_shown_first_and_new_run_brings_the_form_back(
    page: Page, app: App, long_run: str
) -> None:
    page.locator("#new-run").click()
    half_filled(page)
    page.goto(app.url)
    expect(status(page, "running")).to_be_visible()
    expect(page.locator("#start")).to_be_hidden()
    page.locator("#new-run").click()
    as_it_was(page)


def test_a_waiting_run_says_its_place_and_a_cancelled_one_opens_to_be_changed(page: Page, long_run: str) -> None:
    page.locator("#new-run").click()
    half_filled(page)
    page.locator("#start").click()
    expect(status(page, "queued")).to_contain_text(re.compile("umber 1 in the queue"))
    expect(page).to_have_url(re.compile("run=[0-9a-f]{32}"))
    waiting = page.url.split("run=")[1][:32]
    steps.tab(page, "Runs")
    expect(page.locator("#runs-list label").first).to_contain_text("waiting, number 1")
    steps.tab(page, "Compress")
    page.locator("#cancel").click()
    expect(status(page, "cancelled")).to_be_visible()
    page.locator("#change").click()
    expect(page.locator("#form-note-said")).to_contain_text("This is the recipe of “demo · tiny”")
    expect(page.locator('#student-size input[value="tiny"]')).to_be_checked()
    expect(page.locator("#advanced-limit input")).to_have_value("200")
    page.locator("#student-size").get_by_label("mini").check()
    page.locator("#start").click()
    expect(status(page, "queued")).to_be_visible()
    expect(page.locator("#run-head")).to_contain_text("mini")
    assert waiting not in page.url
    page.locator("#cancel").click()
    expect(status(page, "cancelled")).to_be_visible()
