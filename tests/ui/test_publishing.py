"""The Publish tab: what goes on stays in sight, and what was written follows the names."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest

from compressor.errors import PublishError
from compressor.ui.background import Work
from compressor.ui.card_panel import MOST_NAMES, read_cards
from compressor.ui.card_panel import Handlers as Cards
from compressor.ui.outgoing import Edited, _refuse_absent
from compressor.ui.publishing import Handlers as Publishing
from compressor.ui.services import Services
from tests import run_folder
from tests.jobs.conftest import until
from tests.ui.test_strangers import ALICE, ANNE, ASKED, BOB


def test_an_upload_stays_in_sight_whatever_is_pressed_next(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    act, goes_on = Publishing(services), threading.Event()
    act.outgoing.publish = lambda *_: goes_on.wait(240) and []  # type: ignore[method-assign, assignment, return-value]

    def press(variants: list[str], name: str, work: str, floor: int = 95) -> tuple[Any, ...]:
        return act.publish(job.id, variants, "alice", name, False, floor, "{}", work, ALICE, "")

    _, said, first, timer, _ = press(["student"], "mine", "")
    assert "Publishing…" in said and timer.active
    for variants, name, floor, why in (
        (["student"], "mine", 95, "being published already"), ([], "mine", 95, "at least one version"),
        (["student-4bit"], "other", 99, "under your floor"),
    ):  # fmt: skip
        notice, *rest, _ = press(variants, name, first, floor)
        assert why in notice and rest == [gr.skip()] * 3
    _, said, both, _, _ = press(["student"], "other", first)
    assert said.count("Publishing…") == 2 and both.split()[0] == first
    goes_on.set()
    until(lambda: not act.background.going(ANNE.owners))
    said, timer = act.tick(both, ALICE, "")
    assert said.count("Published.") == 2 and not timer.active
    assert act.tick(both, BOB, "")[0] == gr.skip()


def test_pressed_in_several_tabs_in_one_instant_it_starts_once(services: Services, monkeypatch) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    act, uploads, over = Publishing(services), [], threading.Event()
    real = act.background.going

    def slow(owners: Sequence[str]) -> list[Work]:
        found = real(owners)
        time.sleep(0.2)  # so that all of them would have looked before any has begun
        return found

    monkeypatch.setattr(act.background, "going", slow)
    monkeypatch.setattr(act.outgoing, "publish", lambda *_: uploads.append(1) or over.wait(240))
    values = (job.id, ["student"], "alice", "mine", False, 0, "{}", "", ALICE, "")
    with ThreadPoolExecutor(4) as tabs:
        said = [one.result()[0] for one in [tabs.submit(act.publish, *values) for _ in range(4)]]
    over.set()
    assert sorted("already" in sentence for sentence in said) == [False, True, True, True], said
    assert uploads == [1]


def test_names_that_cannot_be_and_runs_without_versions_are_told(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder, run_folder.VARIANTS[:1])
    act = Publishing(services)
    assert "cannot be a repo" in act.repos(job.id, ["student"], "alice", "two--dashes", False, 95, ALICE, "")
    opened = act.open(job.id, 95, ALICE, "")
    assert opened[0] == job.id and opened[1]["choices"] == [] and not opened[-1]["interactive"]


def test_an_edited_card_follows_the_name_of_its_repo(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    act, edit = Cards(services), Cards.edit
    text, _, names = act.show(job.id, ["student"], None, "", False, 95, "student", "{}", ALICE, "")
    assert "# model\n" in text and "you/model" in text
    edited, _ = edit("student", text + "\nMy own words on you/model-2.\n", names, "{}")
    again, _, names = act.show(
        job.id, ["student", "student-8bit"], "alice", "mine", False, 95, "student", edited, ALICE, ""
    )
    assert "# mine-student\n" in again and 'from_pretrained("alice/mine-student")' in again
    assert "you/model-2" in again and "you/model" not in again.replace("you/model-2", "")
    (card,) = read_cards(edited).values()
    assert Publishing(services).outgoing.renamed(card, {"student": "bob/x"}).count("bob/x") == text.count("you/model")


def test_a_card_that_names_a_version_that_is_not_published_is_not_sent(services: Services) -> None:
    names = {"student": "alice/mine-student", "student-8bit": "alice/mine-student-8bit"}
    for text, refused in (("base_model: alice/mine-student\n", True), ("Made from alice/mine-student.", True),
                          ("alice/mine-student-8bit", False)):  # fmt: skip
        cards = {"student-8bit": Edited(text, names)}
        if refused:
            with pytest.raises(PublishError, match="names alice/mine-student"):
                _refuse_absent(cards, {"student-8bit": "alice/mine"})
        else:
            _refuse_absent(cards, {"student-8bit": "alice/mine"})
        _refuse_absent(cards, names)
    card = Edited("See alice/mine-student. It is small.", names)
    assert Publishing(services).outgoing.renamed(card, {"student": "bob/x"}) == "See bob/x. It is small."


def test_a_box_of_names_costs_no_time() -> None:
    box = json.dumps({"a": {"text": "x/y " * 10_000, "names": {str(i): f"x/y{i}" for i in range(10_000)}}})
    assert len(read_cards(box)["a"].names) == MOST_NAMES
    odd = json.dumps({"a": {"text": "", "names": {"s": "a" * 5000, "t": "(a|", "u": "ok/name", "v": 7}}})
    assert read_cards(odd)["a"].names == {"u": "ok/name"}
