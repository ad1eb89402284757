"""A loopback Hugging Face Hub: enough of the HTTP API for the real `huggingface_hub` client (Xet off).

    with HubServer({"hf_alice": User("alice")}) as hub:      # hub.url -> http://127.0.0.1:PORT
        HfApi(endpoint=hub.url, token="hf_alice").create_repo("alice/m")

Everything lives in memory. `hub.log` records every request, `hub.fail(…)` injects faults.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from tests import hub_oauth, hub_routes
from tests.hub_store import Repo, User

HANGUP, LOST, HALF = "hangup", "lost", "half"
"""Faults that are no status: nothing done and no answer; all done and no answer; half of the answer's body."""


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str | None = None, **headers: str):
        self.status, self.message, self.headers = status, message, dict(headers)
        self.headers["X-Error-Message"] = message
        if code:
            self.headers["X-Error-Code"] = code


@dataclass
class Fault:
    matches: Callable[[Request, int], bool]
    kind: int | str
    times: float
    headers: dict[str, str]
    delay: float


@dataclass(frozen=True)
class Logged:
    method: str
    path: str
    query: str
    status: int
    token: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' + self.query if self.query else ''} -> {self.status}"


class HubServer:
    def __init__(self, users: dict[str, User] | None = None, page_size: int = 1000):
        self.users = users or {}
        self.page_size = page_size
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.log: list[Logged] = []
        self.faults: list[Fault] = []
        self.seen = 0
        self.login_as: str | None = None  # the token of whoever is signed in on the Hub's own site
        self.codes: dict[str, dict[str, str]] = {}
        answers = [*hub_oauth.ROUTES, *hub_routes.ROUTES]
        routes = [Route(path, self._wrap(answer), methods=methods) for path, answer, methods in answers]
        self._router = Router(routes)

    # ------------------------------------------------------------------ life

    def __enter__(self) -> HubServer:
        # With the protocol said, asyncio turns Nagle's algorithm off: 40 ms less for every answer.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        # A second host name, as the Hub's CDN: the client stops its HEAD there and drops the token.
        self.cdn = f"http://localhost:{port}"
        config = uvicorn.Config(self._app, interface="asgi3", log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [sock]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(5)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's own object, before anything wraps it: the way to drop a connection.
        scope["transport"] = send.__self__.transport  # type: ignore[attr-defined]
        await self._router(scope, receive, send)

    # ------------------------------------------------------------------ what tests do to it

    def add(self, repo_id: str, files: dict[str, bytes], kind: str = "model", **options: Any) -> Repo:
        """A repo that is there already."""
        repo = self.repos[kind, repo_id] = Repo(repo_id, kind, **options)
        repo.put({".gitattributes": b"*.safetensors filter=lfs\n", **files})
        return repo

    def fail(
        self, path: str, kind: int | str, *, method: str = "*", times: float = 1, delay: float = 0, **headers: str
    ) -> None:
        """Spoil the next `times` requests whose path matches the regex. `kind` is a status, 0 (only `delay`), or one of
        HANGUP, LOST and HALF."""
        pattern = re.compile(path)

        def matches(request: Request, _: int) -> bool:
            return method in ("*", request.method) and bool(pattern.search(request.url.path))

        self.faults.append(Fault(matches, kind, times, headers, delay))

    def fail_request(self, number: int, kind: int | str) -> None:
        """Spoil the request of that number, counted from the last `forget`."""
        self.faults.append(Fault(lambda _, n: n == number, kind, 1, {}, 0))

    def forget(self) -> None:
        """An empty log, no faults, and counting from 0."""
        self.log.clear()
        self.faults.clear()
        self.seen = 0

    def paths(self, method: str = "") -> list[str]:
        return [f"{r.method} {r.path}" for r in self.log if method in ("", r.method)]

    # ------------------------------------------------------------------ plumbing

    def _wrap(self, answer: Callable[[HubServer, Request, bytes], Response]) -> Callable[[Request], Any]:
        def work(request: Request, body: bytes, fault: Fault | None) -> Response:
            if fault is not None:
                time.sleep(fault.delay)
            try:
                if fault is not None and fault.kind == HANGUP:
                    return Silence()
                if fault is not None and isinstance(fault.kind, int) and fault.kind:
                    raise Refusal(fault.kind, "Injected fault", **fault.headers)
                response = answer(self, request, body)
            except Refusal as refused:
                headers = {k.replace("_", "-"): v for k, v in refused.headers.items()}
                content = b"" if request.method == "HEAD" else json.dumps({"error": refused.message}).encode()
                return Response(content, refused.status, headers, "application/json")
            if fault is not None and fault.kind == LOST:
                return Silence()
            return Half(response) if fault is not None and fault.kind == HALF else response

        async def handler(request: Request) -> Response:
            body = await request.body()
            number, self.seen = self.seen, self.seen + 1
            fault = next((f for f in self.faults if f.times >= 1 and f.matches(request, number)), None)
            if fault is not None:
                fault.times -= 1
            response = await run_in_threadpool(work, request, body, fault)
            token = (request.headers.get("authorization") or "").removeprefix("Bearer ") or None
            self.log.append(
                Logged(request.method, request.url.path, str(request.url.query), response.status_code, token)
            )
            return response

        return handler

    # ------------------------------------------------------------------ who may what

    def user(self, request: Request, required: bool = True) -> User | None:
        header = request.headers.get("authorization")
        if not header:
            if required:
                raise Refusal(401, "Invalid username or password.")
            return None
        if user := self.users.get(header.removeprefix("Bearer ")):
            return user
        raise Refusal(401, "Invalid credentials in Authorization header")

    def repo(self, request: Request, write: bool = False) -> Repo:
        """The repo of the URL; a private one of somebody else does not exist (401 anonymous, 404 logged in)."""
        params = request.path_params
        kind = params.get("kind", "models").removesuffix("s")
        user = self.user(request, required=False)
        repo = self.repos.get((kind, f"{params['ns']}/{params['name']}"))
        namespace = params["ns"]
        mine = bool(user and namespace in (user.name, *user.orgs))
        if repo is None or (repo.private and not mine):
            raise Refusal(404 if user else 401, "Repository not found", "RepoNotFound")
        if write and not (user and user.writes(namespace)):
            raise Refusal(403 if user else 401, "You don't have the rights to write to this repo")
        if repo.gated and not mine and "resolve" in request.url.path:
            raise Refusal(403 if user else 401, f"Access to model {repo.id} is restricted.", "GatedRepo")
        return repo


class Silence(Response):
    """The connection ends without a word."""

    def __init__(self) -> None:
        super().__init__(status_code=599)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["transport"].abort()


class Half(Response):
    """Another response's head, and the first half of its body."""

    def __init__(self, whole: Response):
        super().__init__(status_code=whole.status_code)
        self.whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.whole.body)
        await send({"type": "http.response.start", "status": self.whole.status_code, "headers": self.whole.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        scope["transport"].close()
