"""What comes in is bounded before gradio reads it, and addresses that this page has no use for are closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from compressor.settings import Settings
from compressor.system import disk
from compressor.ui import server
from compressor.ui.gate import API, MOST_BYTES, MOST_CHARACTERS, Gate
from compressor.ui.page import build
from compressor.ui.services import Services


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> object:
    return build(Services(Settings(data_dir=tmp_path_factory.mktemp("gate"))))


@pytest.fixture
def client(settings: Settings, page: object) -> Iterator[TestClient]:
    strangers = replace(settings, hosted=True, behind_proxy=True, downloads_per_hour=2, min_free_share=0.1)
    inner = Starlette(
        routes=[Route("/{path:path}", echo, methods=["GET", "POST"])],
        middleware=[Middleware(Gate, settings=strangers)],
    )
    inner.get_blocks = lambda: page  # type: ignore[attr-defined]
    with TestClient(inner) as found:
        yield found


def number(page: object, function: str, box: str) -> tuple[int, int]:
    """(an event's number, the place of a box among its inputs)"""
    for fn in page.fns.values():  # type: ignore[attr-defined]
        names = [block.elem_id for block in fn.inputs]
        if fn.name == function and box in names:
            return fn._id, names.index(box)
    raise AssertionError(function)


@pytest.mark.parametrize(
    "path",
    [f"{API}deep_link?session_hash=x", f"{API}file=http://a.b/c", f"{API}FILE=HTTPS://a.b/c", f"{API}file/https://a.b/c",
     f"{API}proxy=https://a.hf.space",
     f"{API}component_server", f"{API}run-history/records", "/monitoring/summary", f"{API}vibe-code/", f"{API}dev/reload"],
)  # fmt: skip
def test_what_the_page_has_no_use_for_is_closed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 403
    assert client.post(path, json={}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/config", f"{API}queue/data?session_hash=x", f"{API}file=/tmp/a", "/healthz"])
def test_the_pages_own_addresses_are_open(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_request_has_an_end(client: TestClient) -> None:
    assert client.post(f"{API}queue/join", content=b" " * (MOST_BYTES + 1)).status_code == 413
    sent = (b" " * 2**20 for _ in range(64))  # says no length
    assert client.post(f"{API}run/predict", content=sent).status_code == 413
    fine = b'{"data": []}' + b" " * 1000
    assert client.post(f"{API}run/predict", content=fine).text == str(len(fine))  # it arrives whole


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b"[]", b"nonsense", b"\xff\xfe", b'{"data": ' + b"[" * 100_000, b"1" * 9999]
)
def test_what_is_no_event_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post(f"{API}queue/join", content=body).status_code == 400


@pytest.mark.parametrize(
    ("function", "box", "most"),
    [("predict", "try-text", 10_000), ("start", "teacher", MOST_CHARACTERS), ("publish", "repo-name", 96),
     ("edit", "card-text", 100_000), ("publish", "cards-edited", 1_000_000), ("show", "run-id", 2000)],
)  # fmt: skip
def test_texts_are_as_long_as_their_box_says(
    client: TestClient, page: object, function: str, box: str, most: int
) -> None:
    event, place = number(page, function, box)
    body = {"fn_index": event, "data": [None] * place + ["x" * most]}
    assert client.post(f"{API}queue/join", json=body).status_code == 200
    body["data"] = [None] * place + ["x" * (most + 1)]
    refused = client.post(f"{API}queue/join", json=body)
    assert refused.status_code == 413
    assert f"at most {most:,} characters" in refused.json()["error"]


@pytest.mark.parametrize(
    "value", [["x" * 20_001], {"data": [["a", "x" * 20_001]]}, {"x" * 20_001: 1}, [[[["x" * 20_001]]]]]
)
def test_texts_are_found_wherever_they_are(client: TestClient, value: object) -> None:
    assert client.post(f"{API}queue/join", json={"fn_index": 10**9, "data": [value]}).status_code == 413
    assert client.post(f"{API}queue/join", json={"fn_index": "x", "event_data": value}).status_code == 413


def test_no_file_is_fetched_from_an_address(client: TestClient) -> None:
    file = {"path": "http://example.com/huge.csv", "meta": {"_type": "gradio.FileData"}}
    for data in ([file], [[file]], [{"a": {"b": file}}]):
        assert client.post(f"{API}queue/join", json={"data": data}).status_code == 400
    assert client.post(f"{API}queue/join", json={"data": [{"path": "/tmp/gradio/x/a.csv"}]}).status_code == 200


def test_uploads_are_counted_by_address(client: TestClient) -> None:
    def upload(address: str) -> int:
        return client.post(
            f"{API}upload", content=b"x" * 9, headers={"x-forwarded-for": f"1.1.1.1, {address}"}
        ).status_code

    answers = [upload("9.9.9.9") for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert upload("9.9.9.8") == 200


def test_it_stands_before_the_page(settings: Settings) -> None:
    served = server.app(build(Services(settings)), settings).routes[-1].app  # type: ignore[attr-defined]
    assert served.user_middleware[-1].cls is Gate, (
        "the outermost but for what gradio adds: compression and its own checks"
    )
    assert SimpleNamespace(**served.user_middleware[-1].kwargs).settings is settings


def test_an_upload_says_its_size_and_leaves_the_runs_their_room(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post(f"{API}upload", content=b"x" * 100).status_code == 200
    assert client.post(f"{API}upload", content=(b"x" for _ in range(3))).status_code == 413  # says no length
    from_elsewhere = {"x-forwarded-for": "8.8.8.8"}
    large = {**from_elsewhere, "content-length": str(settings.max_upload_bytes + 2 * MOST_BYTES)}
    assert client.post(f"{API}upload", content=b"x", headers=large).status_code == 413
    monkeypatch.setattr(disk, "room", lambda folder: (9 * 10**9, 10**11))
    full = client.post(f"{API}upload", content=b"x" * 100, headers=from_elsewhere)
    assert full.status_code == 507 and "too full" in full.json()["detail"]
