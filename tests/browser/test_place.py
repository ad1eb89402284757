"""Where will it run? The choice marks a version in the sentence, the table and the plots, and is there again after a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.runfolder import FINISHED
from compressor.settings import Settings
from tests.browser import steps
from tests.browser.conftest import App, new_profile, serve
from tests.ui.sample import EVIL, report, variant


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with one finished run, one of whose versions has a hostile name."""
    data = tmp_path_factory.mktemp("place") / "data"
    store = JobStore(Settings.from_environ({"COMPRESSOR_DATA": str(data)}))
    job = store.create("local", Recipe.parse({"teacher": "demo", "data": {"source": "demo"}}), title="mine")
    found = report(
        variant("teacher", 50_000_000, 0.90, 1.0, 11.3),
        variant("student-4bit", 9_000_000, 0.894, 0.985, 9.0, format="4bit"),
        variant("student-8bit", 10_000_000, 0.893, 0.98, 9.2, format="8bit"),
        variant(f"student {EVIL}", 12_000_000, 0.896, 0.989, 2.1, format="onnx-int8"),
        hardware={"cpu": EVIL},
    )
    (job.folder / "report.json").write_text(found.to_json(), encoding="utf-8")
    store.settle(store.row(job.id), FINISHED)
    store.close()
    with serve(data) as served:
        yield served


def compare(chromium: Browser, app: App, width: int) -> Page:
    page = new_profile(chromium, width).new_page()
    page.goto(app.url)
    expect(page.locator("#try-demo, #new-run").first).to_be_enabled()
    steps.tab(page, "Compare")
    expect(page.locator("#compare-table table")).to_be_visible()
    return page


@pytest.mark.parametrize("width", [1200, 380])
def test_a_place_is_chosen_and_its_version_is_marked(chromium: Browser, measured: App, width: int) -> None:
    page = compare(chromium, measured, width)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    expect(page.locator("#suits .say")).to_have_count(0)
    expect(page.locator("#compare-table .suits")).to_have_count(0)

    page.get_by_label("On a server without a graphics card").check()
    said = page.locator("#suits .say")
    expect(said).to_contain_text("5.4 times as fast as the teacher")
    expect(said).to_contain_text(f"student {EVIL}")
    expect(page.locator("#compare-table tbody.is-suited")).to_contain_text("suits a server")
    expect(page.locator("#compare-table tbody.is-suited")).to_contain_text("student <img")
    expect(page.locator("#trade-offs circle.ring")).to_have_count(2)

    page.get_by_label("Wherever memory is short").check()
    expect(page.locator("#compare-table tbody.is-suited")).to_contain_text("student-4bit")
    expect(page.locator("#compare-table .suits")).to_have_count(1)
    assert page.locator("#compare-result img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    page.context.close()


def test_the_place_is_there_again_after_a_reload_until_it_is_taken_back(chromium: Browser, measured: App) -> None:
    page = compare(chromium, measured, 1200)
    page.get_by_label("In a web page").check()
    expect(page.locator("#suits .say")).to_contain_text("In a web page")
    page.reload()
    expect(page.locator("#try-demo, #new-run").first).to_be_enabled()
    steps.tab(page, "Compare")
    expect(page.locator("#suits .say")).to_contain_text("In a web page")
    expect(page.get_by_label("In a web page")).to_be_checked()
    page.get_by_label("Not decided yet").check()
    expect(page.locator("#suits .say")).to_have_count(0)
    expect(page.locator("#trade-offs circle.ring")).to_have_count(0)
    page.context.close()


def test_names_in_the_plots_cover_each_other_nowhere(chromium: Browser, measured: App) -> None:
    """As the browser draws them, with its own fonts."""
    page = compare(chromium, measured, 1200)
    boxes = page.evaluate("""() => [...document.querySelectorAll('#trade-offs svg')].map((svg) =>
        [...svg.querySelectorAll('text.mark-name')].map((e) => { const b = e.getBoundingClientRect();
            return [b.left, b.top, b.right, b.bottom]; }))""")
    assert [len(found) for found in boxes] == [4, 4]
    for found in boxes:
        for i, a in enumerate(found):
            for b in found[i + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 2 or b[3] <= a[1] + 2, (a, b)
    page.context.close()
