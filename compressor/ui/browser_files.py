"""What lets a browser run a model by itself, as the page's server hands it out: fixed public files under fixed names, with the
types that a browser asks of modules (gradio's own route serves everything as a download). No run's file is among them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from compressor import browser
from compressor.settings import Settings

PATH = "/in-browser/"
WORKER = "worker.js"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
YEAR = 31_536_000


def address() -> str:
    """Where the files are, from the page's root. The version is part of it, so that browsers may keep them for good."""
    return f"{PATH.lstrip('/')}{browser.version()}/"


def route(settings: Settings) -> Route:
    """The route, to stand before the page's own."""

    def answer(request: Request) -> Response:
        name, number = request.path_params["name"], request.path_params["version"]
        if number != browser.version() or name not in (*browser.FILES, WORKER):
            return PlainTextResponse("Not found", 404)
        path = (browser.OWN if name == WORKER else browser.folder(settings)) / name
        if not path.is_file():
            return PlainTextResponse("Not installed", 404)
        # The worker is this project's own, and changes without the version.
        keep = "no-cache" if name == WORKER else f"public, max-age={YEAR}, immutable"
        headers = {"Cache-Control": keep, "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)

    return Route(f"{PATH}{{version}}/{{name}}", answer, methods=["GET"], name="in-browser")
