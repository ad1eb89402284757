"""A Hub that refuses, stalls, breaks off or is not there: few tries, short waits, and a sentence."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from compressor.errors import (
    AccessDeniedError,
    HubBusyError,
    HubError,
    HubUnreachableError,
    RepoNotFoundError,
)
from compressor.hub import Hub, Patience
from compressor.hub.calls import BRIEF
from tests.hub_fixture import HASTY, MODEL
from tests.hub_server import HANGUP
from tests.jobs.conftest import SOON

SENTENCE = r"^[A-Z].{20,}\.$"


@pytest.mark.parametrize("kind", [429, 500, 502, 503, HANGUP])
@pytest.mark.parametrize("path", ["/api/models/x/m$", "/resolve/.*config", "/_lfs/"])
def test_what_passes_is_tried_again(hub_server, hub_as, kind, path):
    hub_server.add("x/m", MODEL)
    hub_server.fail(path, kind)
    assert (hub_as().fetch_model("x/m").folder / "model.safetensors").exists()


@pytest.mark.parametrize("path", ["/api/models/x/m$", "/resolve/.*config"])
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (404, RepoNotFoundError),
        (418, HubError),
        (429, HubBusyError),
        (503, HubBusyError),
        (HANGUP, HubUnreachableError),
    ],
)
def test_what_does_not_pass_is_a_sentence(hub_server, hub_as, kind, error, path):
    hub_server.add("x/m", MODEL)
    hub_server.fail(path, kind, times=1e9)
    started = time.monotonic()
    with pytest.raises(error, match=SENTENCE) as caught:
        hub_as("hf_alice").fetch_model("x/m")
    assert type(caught.value) is error
    assert time.monotonic() - started < SOON
    assert "hf_alice" not in str(caught.value)


def test_refusals_are_not_repeated_and_failures_boundedly(hub_server, hub_as):
    for kind, tries in ((403, 1), (404, 1), (503, HASTY.tries)):
        hub_server.forget()
        hub_server.fail("/api/models/x/m$", kind, times=1e9)
        with pytest.raises(HubError):
            hub_as().fetch_config("x/m")
        assert hub_server.paths().count("GET /api/models/x/m") == tries


def test_waits_as_long_as_the_hub_asks_and_no_longer_than_it_may(hub_server, hub_as):
    hub_server.add("x/m", MODEL)
    hub_server.fail("/api/models/x/m$", 429, Retry_After="1")
    started = time.monotonic()
    hub_as(patience=Patience(tries=2, first_wait=0.01, total=2)).fetch_config("x/m")
    assert 1.0 <= time.monotonic() - started < SOON
    hub_server.fail("/api/models/x/m$", 429, times=1e9, Retry_After="3600")
    started = time.monotonic()
    with pytest.raises(HubBusyError, match="in about 60 minutes"):
        hub_as().fetch_config("x/m")
    assert time.monotonic() - started < SOON


def test_a_search_gives_up_soon(hub_server, hub_as):
    hub_server.fail("/api/models", HANGUP, times=1e9)
    with pytest.raises(HubUnreachableError):
        hub_as(patience=Patience(tries=9, total=600)).search("bert", "model")
    assert len([path for path in hub_server.paths() if "/api/models" in path]) == BRIEF.tries


def test_waits_grow_and_differ():
    patience = Patience(first_wait=1.0, longest_wait=4.0)
    waits = [[patience.wait(attempt, None) for _ in range(50)] for attempt in (1, 2, 3, 9)]
    for longest, some in zip((1.0, 2.0, 4.0, 4.0), waits, strict=True):
        assert longest / 2 <= min(some) < max(some) <= longest


def test_no_network_is_a_sentence(hub_settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    hub = Hub(replace(hub_settings, hub_endpoint=nowhere), "hf_alice", patience=HASTY)
    for call in (hub.account, lambda: hub.search("x", "model"), lambda: hub.model("x/m"), lambda: hub.dataset("x/d")):
        with pytest.raises(HubUnreachableError, match=r"Check the network.*demo"):
            call()


def test_offline_mode_is_a_sentence(hub_as, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for call in (lambda h: h.model("x/m"), lambda h: h.search("x", "model"), lambda h: h.fetch_model("x/m")):
        with pytest.raises(HubUnreachableError, match="HF_HUB_OFFLINE"):
            call(hub_as())


def test_something_else_that_answers_is_a_sentence(hub_server, hub_as, monkeypatch):
    from starlette.responses import HTMLResponse

    from compressor.hub.calls import install

    install()
    monkeypatch.setattr(hub_server, "_router", HTMLResponse("<html>Please log in</html>"))
    with pytest.raises(HubError, match="is not the Hub"):
        hub_as().model("x/m")


def test_the_token_is_in_no_error_and_no_log(hub_server, hub_as, caplog):
    caplog.set_level(0)
    hub_server.add("x/m", MODEL)
    for kind in (401, 403, 500, HANGUP):
        hub_server.forget()
        hub_server.fail(".*", kind, times=1e9)
        with pytest.raises(HubError) as caught:
            hub_as("hf_alice").model("x/m")
        chain, error = [], caught.value
        while error is not None:
            chain.append(f"{error!r} {error}")
            error = error.__cause__ or error.__context__
        assert "hf_alice" not in " ".join(chain)
    assert "hf_alice" not in caplog.text


def test_a_token_that_has_expired_is_not_a_model_that_is_missing(hub_server, hub_as):
    """The Hub answers so whatever the repo; its client takes a 401 for a repo that is not there."""
    hub_server.add("x/m", MODEL)
    hub_server.fail("/api/models/x/m$|/resolve/", 401, times=1e9, **{"X-Error-Code": "RepoNotFound"})
    with pytest.raises(AccessDeniedError, match=r"does not accept this token.*has expired"):
        hub_as("hf_alice").fetch_model("x/m")
