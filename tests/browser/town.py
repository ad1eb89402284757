"""Three people in three browsers on one server, as a Space runs it, each with a run that goes on and one that is finished."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from compressor.jobs.store import JobStore
from compressor.recipe import Recipe
from compressor.runfolder import FINISHED
from compressor.settings import ASSETS, Settings
from tests import run_folder
from tests.browser import steps
from tests.browser.conftest import App, new_profile, serve
from tests.browser.raw import Raw

NAMES = ("carol", "alice", "bob")
"""Carol never signs in."""
SECRET = "the-client-secret"
TELLTALE = re.compile(r"of-(carol|alice|bob)")
"""In everything that one of their finished runs says: its title, recipe, log, rows, versions, repo."""
SPACE = {
    "SPACE_ID": "me/compressor", "SYSTEM": "spaces", "OAUTH_CLIENT_ID": "client", "OAUTH_CLIENT_SECRET": SECRET,
    "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": "{hub}", "GRADIO_SERVER_NAME": "127.0.0.1",
    "COMPRESSOR_MIN_FREE_PERCENT": "none",
}  # fmt: skip


@dataclass
class Person:
    name: str
    page: Page
    raw: Raw
    owner: str = ""
    live: str = ""
    """The run that was started on the page; it runs or waits."""
    done: str = ""
    """A finished run."""
    work: str = ""
    """An upload to the Hub."""


@dataclass
class Town:
    app: App
    store: JobStore
    people: dict[str, Person]

    @property
    def pairs(self) -> list[tuple[Person, Person]]:
        """(who tries, whose it is)"""
        return [(a, b) for a in self.people.values() for b in self.people.values() if a is not b]

    def runs(self) -> dict[str, tuple[str, str]]:
        """What there is: whose, and whether it is over."""
        known = self.store.rows("queued", "running", "finished", "failed", "cancelled", "interrupted")
        return {row.id: (row.owner, "going" if row.status in ("queued", "running") else row.status) for row in known}


@pytest.fixture(scope="module", name="space")
def serve_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("space")
    with serve(folder / "data", GRADIO_TEMP_DIR=str(folder / "gradio"), **SPACE) as served:
        yield served


@pytest.fixture(scope="module", name="town")
def settle_town(space: App, chromium: Browser) -> Iterator[Town]:
    """All three at once: each with a run of the demo that was started on the page, and a finished one."""
    store = JobStore(Settings(data_dir=space.data, hosted=True))
    people = {name: enter(chromium, space, name) for name in NAMES}
    for person in people.values():
        steps.tab(person.page, "Compress")
        steps.choose_demo(person.page)
    # Carol's takes minutes and is held where it stands, so that it goes on and theirs wait until the last test.
    people["carol"].page.locator("#budget").get_by_label("thorough").check()
    for name in ("alice", "bob"):
        steps.small(people[name].page)
    for person in people.values():
        person.live = steps.start(person.page)
    space.hold(people["carol"].live)
    for person in people.values():
        person.owner = str(store.row(person.live).owner)  # type: ignore[union-attr]
        person.done = finished(store, person)
        person.work = uploading(person) if person.name != "carol" else ""
        person.page.goto("about:blank")  # a page on a run asks for it every second, and most tests need none
    yield Town(space, store, people)
    store.close()
    for person in people.values():
        person.page.context.close()


def enter(chromium: Browser, space: App, name: str) -> Person:
    """A browser of one's own; signed in through the Hub's button, but for Carol."""
    page = new_profile(chromium).new_page()
    page.goto(space.url)
    expect(page.locator("#try-demo")).to_be_enabled()
    if name != "carol":
        space.hub.login_as = f"hf_{name}"
        steps.tab(page, "Publish")
        with page.expect_response(re.compile("/login/callback")):
            page.locator("#login").click()
        expect(page.locator("#try-demo")).to_be_enabled()
        steps.tab(page, "Publish")
        expect(page.locator("#account")).to_contain_text(f"Signed in as {name}")
    page.wait_for_function("localStorage.getItem('compressor-browser')")
    # The page's own tick names the browser; it comes soon after the tab opens, not at once.
    with page.expect_request(lambda request: bool(named_browser(request))) as tick:
        steps.tab(page, "Runs")
    expect(page.locator("#run-summary")).to_contain_text("No runs yet")
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}  # type: ignore[typeddict-item]
    return Person(name, page, Raw(space.url, cookies.get("session", ""), named_browser(tick.value)))


def named_browser(request: Request) -> str:
    """The browser's key, where a request of the page says [browser, token]; else nothing."""
    if "/run/predict" not in request.url:
        return ""
    data = json.loads(request.post_data or "{}").get("data", [])
    return str(data[0] or "") if len(data) == 2 and isinstance(data[0], str) else ""


def finished(store: JobStore, person: Person) -> str:
    """A finished run of that person's, as a worker leaves it, with a model that answers."""
    asked = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}})
    job = store.create(person.owner, asked, title=f"title-of-{person.name}")
    kept = (run_folder.VARIANTS[0], run_folder.variant("student", "teacher", "float", 4_000_000, 0.98))
    run_folder.make(job.folder, kept, {"teacher": f"x/teacher-of-{person.name}"}, teacher=None)
    model = job.folder / "variants" / "student"
    shutil.copytree(ASSETS / "demo" / "teacher", model, dirs_exist_ok=True)
    config = (model / "config.json").read_text(encoding="utf-8")
    (model / "config.json").write_text(config.replace("billing", f"label-of-{person.name}"), encoding="utf-8")
    (job.folder / "log").write_text(f"log-of-{person.name}\n", encoding="utf-8")
    shutil.copy(ASSETS / "demo" / "result" / "predictions.parquet", job.folder)
    row = f"row,text\n1,row-of-{person.name}\n"
    for path in (job.folder / "flips.csv", job.folder / "data" / "train.csv"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(row, encoding="utf-8")
    store.settle(store.row(job.id), FINISHED)  # type: ignore[arg-type]
    return job.id


def uploading(person: Person) -> str:
    """The key of a publish of that person's own run."""
    values = payload(person) | {"namespace": person.name, "repo-name": f"repo-of-{person.name}"}
    ready(person.raw, person)
    said = person.raw.call(person.raw.named("publish"), values)
    found = re.search(r'"([0-9a-f]{32})"', said.partition('"data":[')[2])
    assert found, said
    until = time.monotonic() + 240
    while "published" not in said:
        said = person.raw.call(person.raw.named("tick_2"), {"publish-work": found[1], "token": ""})
        assert time.monotonic() < until and "say-problem" not in said, said
        time.sleep(0.3)
    return found[1]


def payload(whose: Person) -> dict[str, Any]:
    """Every box that can name something of theirs, naming it."""
    return {
        **dict.fromkeys(("run-id", "compare-pick", "publish-pick", "runs-list", "quick-job", "quick-opened"), whose.done),
        **dict.fromkeys(("card-of", "zip-variant", "flips-variant"), "student"),
        "publish-variants": ["student"],
        "publish-work": whose.work,
        "cards-edited": "{}",
        "try-text": "where is my parcel",
        "try-pair": "",
        "flips-filter": "all",
        "token": "",
    }  # fmt: skip


def ready(raw: Raw, whose: Person) -> None:
    """Open every tab in that session, so that its lists offer what that person has."""
    for name in ("refresh", "refresh_1", "refresh_2", "account"):
        raw.call(raw.named(name), {"token": ""})
    for name in ("open_1", "show_2"):
        raw.call(raw.named(name), payload(whose))
