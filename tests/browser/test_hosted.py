"""Strangers on one server, as a Space runs it: two who sign in through the Hub and one who does not. Nobody sees, cancels,
downloads, predicts with or publishes another's run, by page or by raw HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from itsdangerous import TimestampSigner
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.raw import API, Raw
from tests.browser.town import NAMES, SECRET, TELLTALE, Town, payload, ready, serve_space, settle_town  # noqa: F401

CHANGES = {"cancel", "cancel_1", "resume", "again", "delete", "publish", "publish_anyway", "start", "start_1"}
"""Events that leave something behind."""


# ---------------------------------------------------------------------- by page


def test_each_page_shows_its_own_runs_and_no_others(town: Town) -> None:
    assert [town.people[name].owner for name in NAMES] == [
        f"browser:{town.people['carol'].raw.key}",
        "account:alice",
        "account:bob",
    ]
    for person in town.people.values():
        page = person.page
        page.goto(town.app.url)
        expect(page.locator("#try-demo, #new-run").first).to_be_enabled()
        for tab, box in (("Runs", "#runs-list label"), ("Compare", "#compare-pick"), ("Publish", "#publish-pick")):
            steps.tab(page, tab)
            if tab == "Runs":
                expect(page.locator(box)).to_have_count(2)
                shown = page.locator("#runs-list").inner_text()
            else:
                expect(page.locator(f"{box} input")).to_have_value(re.compile("title-of"))
                page.locator(f"{box} input").click()
                shown = " ".join(page.get_by_role("option").all_inner_texts())
                page.keyboard.press("Escape")
            assert set(TELLTALE.findall(shown)) == {person.name}
        page.goto("about:blank")


def test_the_address_of_anothers_run_shows_nothing_and_its_link_shows_it_read_only(town: Town) -> None:
    alice, bob = town.people["alice"], town.people["bob"]
    page = bob.page.context.new_page()
    for run_id in (alice.live, alice.done):
        page.goto(f"{town.app.url}/?run={run_id}")
        expect(page.locator("#run-head .say-problem")).to_contain_text("no run with this address")
    key = town.store.share_key(alice.done, alice.owner)
    page.goto(f"{town.app.url}/?run={alice.done}&share={key}")
    expect(page.locator("#run-head")).to_contain_text("title-of-alice")
    expect(page.locator("#run-head")).to_contain_text("read-only")
    for button in ("#cancel", "#resume", "#share", "#open-publish", "#change"):
        expect(page.locator(button)).to_be_hidden()
    page.locator("#open-compare").click()
    expect(page.locator("#compare-result .outcome-from")).to_contain_text("somebody else's run")
    expect(page.locator("#compare-table")).to_contain_text("student")
    expect(page.locator("#flips")).to_be_hidden()
    expect(page.locator("#predict")).to_be_disabled()
    page.goto(f"{town.app.url}/?run={alice.live}&share={key}")  # one run, and nothing else
    expect(page.locator("#run-head .say-problem")).to_contain_text("no run with this address")
    page.close()


# ---------------------------------------------------------------------- by raw HTTP


def test_security_10_nobody_reaches_anothers_run_by_raw_http(town: Town) -> None:
    before, repos = town.runs(), set(town.app.hub.repos)
    seen_by_owners = 0
    theirs = {name: replace(person.raw, session=f"session-{name}") for name, person in town.people.items()}
    for whose in town.people.values():  # what an owner's own script is shown: the telltales would be seen
        ready(theirs[whose.name], whose)
        for event in naming(whose.raw):
            if event["api_name"] not in CHANGES:
                seen_by_owners += whose.name in TELLTALE.findall(theirs[whose.name].call(event, payload(whose)))
    assert seen_by_owners >= 3 * 15
    for who, whose in town.pairs:
        own, borrowed = replace(who.raw, session=f"own-{who.name}"), replace(who.raw, session=f"session-{whose.name}")
        for event in naming(who.raw):
            for raw in (own, borrowed):
                said = raw.call(event, payload(whose))
                assert whose.name not in TELLTALE.findall(said), (who.name, event["api_name"], said)
    for who, whose in town.pairs:  # the runs that go on
        for event in naming(who.raw):
            if event["api_name"] in ("cancel", "cancel_1", "delete", "again", "resume"):
                for session in (f"own-{who.name}", f"session-{whose.name}"):
                    live = dict.fromkeys(("run-id", "runs-list", "quick-job"), whose.live)
                    replace(who.raw, session=session).call(event, payload(whose) | live)
    assert town.runs() == before
    assert all(before[person.live][1] == "going" for person in town.people.values())  # or there was nothing to cancel
    assert set(town.app.hub.repos) == repos
    assert all((town.app.data / "jobs" / person.done / "report.json").is_file() for person in town.people.values())


def naming(raw: Raw) -> list[dict[str, Any]]:
    """The events that take a run's id, or the key of an upload, or a model's folder."""
    boxes = {"run-id", "compare-pick", "publish-pick", "runs-list", "quick-job", "publish-work", "quick-models"}
    found = [event for event in raw.events if boxes & set(raw.names(event))]
    assert len(found) >= 40
    return found


def test_a_share_key_only_shows_and_only_that_run(town: Town) -> None:
    alice, bob = town.people["alice"], town.people["bob"]
    share = {"share-key": town.store.share_key(alice.done, alice.owner)}
    shown = bob.raw.call(bob.raw.named("show"), payload(alice) | share)
    assert "title-of-alice" in shown and "log-of-alice" in bob.raw.call(
        bob.raw.named("details"), payload(alice) | share
    )
    assert "no run with this address" in bob.raw.call(
        bob.raw.named("show"), payload(alice) | share | {"run-id": alice.live}
    )
    before = town.runs()
    for event in naming(bob.raw):
        if "share-key" not in bob.raw.names(event):
            assert "of-alice" not in bob.raw.call(event, payload(alice) | share)
    assert town.runs() == before


def test_security_4_no_path_of_the_server_is_read_for_a_visitor(town: Town) -> None:
    alice, bob = town.people["alice"], town.people["bob"]
    folder, raw = town.app.data / "jobs" / alice.done, replace(bob.raw, session="paths")
    stolen, before = str(folder / "data" / "train.csv"), town.runs()
    model = str(folder / "variants" / "student")
    upload = {"path": stolen, "orig_name": "train.csv", "meta": {"_type": "gradio.FileData"}}
    tries: list[dict[str, Any]] = [
        {"data-source": stolen, "quick-data": stolen},
        {"data-file": upload, "quick-file": upload, "test-file": upload},
        {"data-file": {"path": stolen}, "quick-file": {"path": stolen}},
        {"teacher": model, "data-source": "demo"},
        {"teacher": "demo", "data-source": "demo", "more": f"student: {{model: {model}}}"},
        {"teacher": "demo", "data-source": "demo", "more": f"data: {{unlabelled: {stolen}}}"},
        {"quick-models": ["demo", model]},
        {"quick-models": ["demo", str(town.app.data / "jobs" / bob.done / ".." / alice.done / "variants" / "student")]},
        {"quick-models": ["demo"] * 13, "quick-data": "demo"},
    ]  # fmt: skip
    for values in tries:
        for name in ("look", "weigh", "check", "start", "start_1"):
            said = raw.call(
                raw.named(name), {"teacher": "demo", "quick-models": ["demo", "demo/x"], "token": ""} | values
            )
            assert "row-of-alice" not in said, (name, values)
    assert town.runs() == before


def test_security_16_files_of_the_data_folder_are_not_served(town: Town) -> None:
    alice, bob = town.people["alice"], town.people["bob"]
    own = town.app.data / "jobs" / bob.done
    wanted = [
        town.app.data / "jobs" / alice.done / "report.json", own / "report.json", own / "log", town.app.data / "browser.key",
        town.app.data / "jobs.sqlite", town.app.data.parent / "app.log", Path("/etc/passwd"), Path("/proc/self/environ"),
    ]  # fmt: skip
    served = town.app.data.parent / "gradio"
    for path in (*wanted, served / ".." / "data" / "browser.key", served):
        for raw in (alice.raw, bob.raw):
            assert raw.http.get(f"{API}/file={path}").status_code == 403, path
            assert raw.http.get(f"{API}/file/{path}").status_code in (403, 404), path
    for closed in (
        "deep_link?session_hash=session-alice",
        "file=http://example.com/a.txt",
        "proxy=https://a.hf.space/x",
    ):
        assert bob.raw.http.get(f"{API}/{closed}").status_code == 403, closed
    alice.raw.session = "downloads"
    ready(alice.raw, alice)
    said = alice.raw.call(alice.raw.named("make"), payload(alice))
    link = re.search(r'"path":\s*"([^"]+\.zip)"', said)
    assert link and re.search(r"/gradio/[0-9a-f]{40}/student\.zip$", link[1])  # 160 bits that she alone was told
    assert alice.raw.http.get(f"{API}/file={link[1]}").content.startswith(b"PK")


def test_cookies_that_are_forged_name_nobody(town: Town) -> None:
    def cookie(secret: str, token: str) -> str:
        session = {"oauth_info": {"access_token": token, "expires_at": time.time() + 999,
                                  "userinfo": {"preferred_username": "alice", "name": "Alice"}}}  # fmt: skip
        signer = TimestampSigner(hashlib.sha256(secret.encode()).hexdigest())
        return signer.sign(base64.b64encode(json.dumps(session).encode())).decode()

    def runs(raw: Raw) -> set[str]:
        return set(TELLTALE.findall(raw.call(raw.named("refresh_2"), {})))

    url, alice = town.app.url, town.people["alice"]
    assert runs(Raw(url, alice.raw.cookie)) == {"alice"}
    assert runs(Raw(url, cookie("-v4", "hf_alice"))) == set()  # the constant of every server without a secret
    assert runs(Raw(url, cookie(f"{SECRET}-v4", "mock-oauth-token-for-local-dev"))) == set()
    assert runs(Raw(url, cookie(f"{SECRET}-v4", "hf_bob"))) == {"bob"}  # whatever name the cookie holds
    assert runs(Raw(url, alice.raw.cookie, headers={"sec-fetch-site": "cross-site"})) == set()  # another site's page
    assert runs(Raw(url, alice.raw.cookie, headers={"origin": "https://evil.example"})) == set()


def test_too_much_text_is_refused_before_it_is_read(town: Town) -> None:
    raw = town.people["carol"].raw
    long = raw.call(raw.named("predict"), payload(town.people["carol"]) | {"try-text": "x" * 10_001})
    assert "at most 10,000 characters" in long
    assert raw.http.post(f"{API}/queue/join", content=b"[" + b"0," * 3_000_000 + b"0]").status_code == 413
    assert raw.http.post(f"{API}/queue/join", content=b"[" * 100_000).status_code == 400


def test_too_many_predictions_are_a_sentence(town: Town) -> None:
    carol = town.people["carol"]
    raw = replace(carol.raw, session="often")
    ready(raw, carol)
    for _ in range(60):
        said = raw.call(raw.named("predict"), payload(carol))
        if "many predictions" in said:
            break
    assert re.search(r"You have asked for many predictions in a short time\. Try again in \d+ seconds\.", said)
    bob = town.people["bob"]
    ready(bob.raw, bob)
    assert "label-of-bob" in bob.raw.call(bob.raw.named("predict"), payload(bob))


def test_each_cancels_their_own_on_the_page(town: Town) -> None:
    town.app.let_go_on(town.people["carol"].live)
    for person in reversed(town.people.values()):
        page = person.page
        page.goto(f"{town.app.url}/?run={person.live}")
        over = page.locator('#run-progress .run-status[data-status="cancelled"]')
        going = page.locator("#cancel")
        expect(over.or_(going).or_(page.locator('#run-progress [data-status="finished"]')).first).to_be_visible()
        if going.is_visible():
            going.click()
            expect(over).to_be_visible()
    until = time.monotonic() + 240
    while any(town.runs()[person.live][1] == "going" for person in town.people.values()):
        assert time.monotonic() < until
        time.sleep(0.2)
