"""Who a visitor is: the account behind a token as the Hub says, else the browser's key, else nobody who could own a thing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.context import LocalContext

from compressor.errors import AccessDeniedError, HubUnreachableError, RunError
from compressor.hub import Account
from compressor.recipe import Recipe
from compressor.settings import Settings
from compressor.ui.handlers import visitor
from compressor.ui.limits import Limits
from compressor.ui.services import Services
from compressor.ui.visitors import FAILED, FRESH, LOCAL, STALE, People, Visitor, browser_owner
from tests.hub_server import HubServer

KEY, OTHER = "k" * 32, "o" * 32
ASKED = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}})


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A Hub that answers, refuses or is away."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None

    def __call__(self, token: str) -> Account | None:
        self.asked.append(token)
        if self.error:
            raise self.error
        return Account(token.removeprefix("hf_"), (), True, ())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def people(settings: Settings, clock: Clock, desk: Desk) -> People:
    return People(desk, Limits(replace(settings, hosted=True)), clock=clock)


def test_a_page_that_ticks_asks_the_hub_now_and_then(people: People, clock: Clock, desk: Desk) -> None:
    assert [people.name("hf_alice") for _ in range(100)] == ["alice"] * 100
    assert len(desk.asked) == 1
    clock.now += FRESH + 1
    assert people.name("hf_alice") == "alice"
    assert len(desk.asked) == 2
    assert "hf_alice" not in repr(vars(people)["_known"])


def test_a_hub_that_fails_leaves_what_was_known_and_gives_nobody_a_name(
    people: People, clock: Clock, desk: Desk
) -> None:
    people.name("hf_alice")
    desk.error = HubUnreachableError("No network.")
    clock.now += FRESH + 1
    assert people.name("hf_alice") == "alice"
    assert people.name("hf_bob") is None
    before = len(desk.asked)
    people.name("hf_alice"), people.name("hf_bob")
    assert len(desk.asked) == before  # not again at once
    clock.now += FAILED + 1
    assert (people.name("hf_alice"), len(desk.asked)) == ("alice", before + 1)
    clock.now += STALE
    assert people.name("hf_alice") is None
    desk.error = None
    clock.now += FAILED + 1
    assert (people.name("hf_alice"), people.name("hf_bob")) == ("alice", "bob")


def test_a_token_that_was_taken_back_names_nobody(people: People, clock: Clock, desk: Desk) -> None:
    people.name("hf_alice")
    desk.error = AccessDeniedError("No such token.")
    clock.now += FRESH + 1
    assert people.name("hf_alice") is None


def test_a_hub_that_hangs_holds_up_nobody_for_long_and_is_asked_once(settings: Settings) -> None:
    answer, asked = threading.Event(), []

    def slow(token: str) -> Account:
        asked.append(token)
        answer.wait(240)
        return Account("alice", (), True, ())

    people = People(slow, Limits(settings), patience=0.05)
    assert [people.name("hf_alice") for _ in range(5)] == [None] * 5
    answer.set()
    people._pool.shutdown(wait=True)
    assert people.name("hf_alice") == "alice"
    assert len(asked) == 1


def test_made_up_tokens_of_one_address_are_not_all_asked_about(people: People, desk: Desk) -> None:
    desk.error = AccessDeniedError("No such token.")
    for n in range(500):
        people.name(f"hf_{n}", "9.9.9.9")
    assert len(desk.asked) <= 60


# ---------------------------------------------------------------------- the request


@contextmanager
def request(session: dict[str, Any] | None = None, **headers: str) -> Iterator[None]:
    """As if gradio answered a request with that session."""
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    raw = SimpleNamespace(
        scope={"session": session or {}}, headers=names, client=SimpleNamespace(host="10.0.0.1"), session=session
    )
    mark = LocalContext.request.set(SimpleNamespace(request=raw))
    try:
        yield
    finally:
        LocalContext.request.reset(mark)


@pytest.fixture
def hosted(hub_settings: Settings) -> Settings:
    return replace(hub_settings, oauth=True, behind_proxy=True)


def signed_in(token: str, name: str = "") -> dict[str, Any]:
    return {"oauth_info": {"access_token": token, "userinfo": {"preferred_username": name}}}


def test_the_account_comes_from_the_hub_and_not_from_the_cookie(hosted: Settings) -> None:
    with request(signed_in("hf_bob", name="alice"), x_forwarded_for="1.1.1.1, 9.9.9.9"):
        found = visitor(hosted, KEY, None)
    assert found == Visitor(("account:bob", f"browser:{KEY}"), "hf_bob", "9.9.9.9")
    with request(signed_in("mock-oauth-token-for-local-dev", name="alice")):
        assert visitor(hosted, KEY, None).owners == (f"browser:{KEY}",)
    with request(signed_in("hf_alice")):
        assert visitor(replace(hosted, oauth=False), KEY, None).owners == (f"browser:{KEY}",)
    with request(signed_in("hf_alice") | {"oauth_info": {"access_token": "hf_alice", "expires_at": 1.0}}):
        assert visitor(hosted, KEY, None).owners == (f"browser:{KEY}",)


def test_a_token_in_the_box_says_who_it_is_too(hosted: Settings) -> None:
    assert visitor(hosted, KEY, " hf_alice ").owners == ("account:alice", f"browser:{KEY}")
    assert visitor(hosted, KEY, "x" * 5000).token is None
    assert visitor(hosted, KEY, {"a": 1}).token is None


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example", "host": "me.hf.space"},
        {"origin": "null", "host": "me.hf.space"},
    ],
)
def test_another_sites_page_finds_nobody_signed_in(hosted: Settings, headers: dict[str, str]) -> None:
    with request(signed_in("hf_alice"), **headers):
        assert visitor(hosted, None, None) == Visitor((), None, "10.0.0.1")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin", "origin": "https://me.hf.space"},
        {"origin": "https://me.hf.space", "host": "10.0.0.9", "x_forwarded_host": "me.hf.space"},
        {},
    ],
)
def test_the_pages_own_requests_are_signed_in(hosted: Settings, headers: dict[str, str]) -> None:
    with request(signed_in("hf_alice"), **headers):
        assert visitor(hosted, None, None).owners == ("account:alice",)


@pytest.mark.parametrize(
    "key",
    ["", None, "x", "short-key-of-21-chars", "a" * 65, {"owner": LOCAL}, LOCAL, "account:a" * 3, "k" * 31 + "\n"],
)
def test_nobody_owns_nothing_and_starts_nothing(hosted: Settings, key: Any) -> None:
    services = Services(hosted)
    mine = services.store.create(f"browser:{KEY}", ASKED)
    nobody = visitor(hosted, key, "")
    assert nobody.owners == ()
    assert services.jobs(nobody) == []
    with pytest.raises(RunError, match="no run with this address"):
        services.job(mine.id, nobody)
    with pytest.raises(RunError, match="Reload it"):
        services.start(ASKED, "", nobody)
    with pytest.raises(RunError, match="Reload it"):
        services.hub(nobody)
    assert len(list(hosted.jobs_dir.iterdir())) == 1
    services.store.close()


def test_what_was_started_before_signing_in_stays_in_sight_and_what_is_new_is_the_accounts(hosted: Settings) -> None:
    services = Services(hosted)
    before, alice = visitor(hosted, KEY, ""), visitor(hosted, KEY, "hf_alice")
    old = services.store.create(before.owner, ASKED)
    new = services.store.create(alice.owner, ASKED)
    assert [job.id for job in services.jobs(alice)] == [new.id, old.id]
    assert [job.id for job in services.jobs(before)] == [old.id]  # signed out again
    assert [job.id for job in services.jobs(visitor(hosted, OTHER, "hf_alice"))] == [new.id]  # another browser
    assert services.jobs(visitor(hosted, OTHER, "hf_bob")) == []
    services.store.close()


def test_security_1_downloads_and_predictors_stay_with_the_owner(hosted: Settings, hub_server: HubServer) -> None:
    services = Services(hosted)
    owners = [visitor(hosted, KEY, ""), visitor(hosted, KEY, "hf_alice"), visitor(hosted, KEY, "hf_bob")]
    assert len({services.hub(who).cache for who in owners}) == 3
    assert services.hub(owners[1]).cache == services.hub(visitor(hosted, OTHER, "hf_alice")).cache
    job = services.store.create(owners[0].owner, ASKED)
    asked: dict[str, Any] = {}
    services.__dict__["helper"] = SimpleNamespace(request=lambda *a, **more: asked.update(more) or {"answers": []})
    services.predict(job, ["a"], owners[1])
    assert asked["owner"] == job.owner  # the models that are loaded are the run's owner's
    services.store.close()


def test_a_key_is_never_mistaken_for_an_account() -> None:
    assert browser_owner(KEY) == f"browser:{KEY}"
    assert KEY not in repr(Visitor((f"browser:{KEY}",), "hf_x")) and "hf_x" not in repr(Visitor((), "hf_x"))
