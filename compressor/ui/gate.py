"""Before gradio's own routes: what this page never asks for is not answered, and what comes in is bounded.

Gradio's events can be called by anybody with any values, and the lengths that its components name are the browser's to keep.
Here they are kept for it. Whose run something is, is not looked at here: every handler does that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from compressor.errors import TooOftenError
from compressor.settings import Settings
from compressor.system import disk
from compressor.ui.limits import Limits, client_address
from compressor.ui.served import upload_folder
from compressor.ui.text import size
from compressor.ui.words import t

API = "/gradio_api/"
UPLOAD = f"{API}upload"
MOST_BYTES = 4 * 2**20
"""Of a request that is no upload."""
MOST_CHARACTERS = 20_000
"""Of a text, where its component names no length of its own."""
CLOSED = (
    f"{API}deep_link",  # another session's components, for whoever names the session
    f"{API}file=http",  # a proxy to the whole web
    f"{API}file/",  # the same, as it was written once
    f"{API}proxy=",
    f"{API}component_server",
    f"{API}process_recording",
    f"{API}stream/",
    f"{API}run-history",
    f"{API}runs",
    f"{API}dev/",
    f"{API}vibe",
    f"{API}undo-vibe",
    f"{API}profiling",
    "/monitoring",
)
"""Addresses of gradio's that this page has no use for."""


class _Refused(Exception):
    def __init__(self, status: int, sentence: str):
        self.status, self.sentence = status, sentence


class Gate:
    """ASGI middleware around the page's app."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app, self.settings, self.limits = app, settings, Limits(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            inner = await self._checked(scope, receive)
        except _Refused as refused:
            said = {"detail": refused.sentence, "error": refused.sentence}
            await JSONResponse(said, refused.status)(scope, receive, send)
            return
        await self.app(scope, inner, send)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        path = scope["path"]
        if path.lower().startswith(CLOSED):
            raise _Refused(403, t("gate.closed"))
        if scope["method"] != "POST" or not path.startswith(API):
            return receive
        if path.startswith(UPLOAD):
            self._count(scope)
            self._fits(Headers(scope=scope))
            return receive
        body = await _read(receive)
        _check(body, scope["app"])
        return _again(body, receive)

    def _fits(self, headers: Headers) -> None:
        """What comes in says how large it is, is no larger than a file may be, and leaves the runs their room."""
        if not self.settings.hosted:
            return
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > self.settings.max_upload_bytes + MOST_BYTES:
            raise _Refused(413, t("gate.upload", size=size(self.settings.max_upload_bytes)))
        for folder in (self.settings.data_dir, upload_folder()):
            if disk.room(folder)[0] - int(length) < disk.reserve(folder, self.settings.min_free_share):
                raise _Refused(507, t("gate.full"))

    def _count(self, scope: Scope) -> None:
        request = Request(scope)
        peer = request.client.host if request.client else ""
        forwarded = request.headers.get("x-forwarded-for", "")
        try:
            self.limits.take("download", (), client_address(peer, forwarded, self.settings.behind_proxy))
        except TooOftenError as error:
            raise _Refused(429, str(error)) from None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the other side has gone
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise _Refused(413, t("gate.big"))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out the body once more."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def inner() -> Message:
        return waiting.pop() if waiting else await receive()

    return inner


def _check(body: bytes, app: Any) -> None:
    try:
        said = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise _Refused(400, t("gate.unreadable")) from None
    if not isinstance(said, dict):
        raise _Refused(400, t("gate.unreadable"))
    boxes, data = _inputs(app, said.get("fn_index")), said.pop("data", None)
    values = [*(data if isinstance(data, list) else [data]), said]
    for place, value in enumerate(values):
        named = getattr(boxes[place], "max_length", None) if place < min(len(boxes), len(values) - 1) else None
        most = named if isinstance(named, int) else MOST_CHARACTERS
        for text, is_path in _texts(value):
            if len(text) > most:
                raise _Refused(413, t("gate.long", n=f"{most:,}"))
            if is_path and "://" in text:
                raise _Refused(400, t("gate.address"))


def _inputs(app: Any, number: Any) -> list[Any]:
    """The components whose values an event's data are."""
    fn = app.get_blocks().fns.get(number) if isinstance(number, int) else None
    return list(fn.inputs) if fn is not None else []


def _texts(value: Any) -> Iterator[tuple[str, bool]]:
    """Every text in plain data, and whether it stands where gradio looks for a file's place."""
    waiting = [(value, False)]
    while waiting:
        one, is_path = waiting.pop()
        if isinstance(one, str):
            yield one, is_path
        elif isinstance(one, dict):
            waiting += [(key, False) for key in one] + [(v, k == "path") for k, v in one.items()]
        elif isinstance(one, list):
            waiting += [(v, False) for v in one]
