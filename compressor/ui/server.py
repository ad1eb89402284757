"""The page's HTTP server: gradio's app, mounted in an app of ours, under a uvicorn that we start ourselves.

`Blocks.launch` asks its own address once it is served, and where a busy machine answers late it gives up with an advice to share
the page with the world. Here the socket is bound and listens before anything is said of it, so there is nothing to ask: a
request that comes early waits in the socket's backlog until it is answered.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from compressor.errors import CompressorError
from compressor.settings import Settings

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from compressor.ui.services import Services

PORTS = range(7860, 7960)
"""Tried in turn where no port is asked for; the first is gradio's own, which Spaces expect."""
KEEP_ALIVE_SECONDS = 20
"""A connection without a request is closed after this time: longer than the page's pauses, so that a tick needs no new one."""
GRACE_SECONDS = 2
"""Answers that are under way get so long when the server is closed: the streams of open pages never end by themselves."""
ANY_HOST = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def app(
    page: gr.Blocks, settings: Settings, services: Services | None = None, routes: Sequence[BaseRoute] = ()
) -> FastAPI:
    """The page as an ASGI app: no share link, no folders of the machine, no traces, nothing that is recorded in the browser.

    With the services, `/healthz` stands before the page's own routes, and so does what is given as `routes`.
    """
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware import Middleware

    from compressor.ui import browser_files, gate, health, theme

    own = [browser_files.route(settings), *([health.route(services)] if services else []), *routes]
    # Only `launch` says so, and only where it is said does gradio look whether a file that an event names is an upload: a page
    # that is merely mounted would copy any file of this machine to where it can be downloaded.
    page.has_launched = page.is_running = True
    return gr.mount_gradio_app(  # type: ignore[no-any-return]
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        app_kwargs={"routes": own, "middleware": [Middleware(gate.Gate, settings=settings)]},
        root_path=settings.root_path,
        theme=theme.make(),
        css_paths=[theme.CSS],
        max_file_size=settings.max_upload_bytes,
        show_error=False,
        run_history=False,
        footer_links=["settings"],
        ssr_mode=False,
        mcp_server=False,
    )


class Server:
    """A uvicorn in a thread of its own, on a socket that is bound when this is made.

    Raises:
        CompressorError: the address or the port cannot be had, or the app does not start.
    """

    def __init__(self, app: FastAPI, settings: Settings):
        self._socket = listening(settings.server_name, settings.server_port)
        self.url = address(settings.server_name, self._socket.getsockname()[1])
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                log_level="warning",
                # Else uvicorn believes what any program of this machine writes into `X-Forwarded-For`.
                proxy_headers=settings.behind_proxy,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        # Not the thread's own join: interrupted by Ctrl+C, Python 3.11 takes the thread for ended from then on.
        self._ended = threading.Event()
        threading.Thread(target=self._serve, name="server", daemon=True).start()
        self._uvicorn.settled.wait()
        if not self._uvicorn.started:
            self.close()
            raise CompressorError("The page's server did not start; the lines above say why.")

    def _serve(self) -> None:
        try:
            with suppress(SystemExit):  # which is how uvicorn ends where the app does not start
                self._uvicorn.run(sockets=[self._socket])
        finally:
            self._uvicorn.settled.set()
            self._ended.set()

    def wait(self) -> None:
        """Until the server is closed, or until the person interrupts."""
        while not self._ended.wait(1):  # on Windows a wait without an end hears no Ctrl+C
            pass

    def close(self) -> None:
        """End the server; calling it again does no harm."""
        self._uvicorn.should_exit = True
        self._ended.wait()
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    """Says when it serves, or that it never will."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()


@contextmanager
def serve(page: gr.Blocks, settings: Settings, services: Services | None = None, **more: Any) -> Iterator[Server]:
    """The page, served while the context lasts. `more` goes to `app`.

    Raises:
        CompressorError: see `Server`.
    """
    server = Server(app(page, settings, services, **more), settings)
    try:
        yield server
    finally:
        server.close()


def listening(host: str, port: int | None) -> socket.socket:
    """A socket bound to that address: to that port (0: any that is free), else to the first free one of `PORTS`.

    Raises:
        CompressorError: there is no such address here, or the port is taken.
    """
    bare = host.removeprefix("[").removesuffix("]")
    try:
        family = socket.getaddrinfo(bare, None, type=socket.SOCK_STREAM)[0][0]
    except OSError:
        raise CompressorError(f"GRADIO_SERVER_NAME is {host!r}, which is no address of this machine.") from None
    for one in PORTS if port is None else [port]:
        found = socket.socket(family)
        if sys.platform == "win32":  # there, to reuse an address is to share it with whoever listens already
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((bare, one))
            found.listen(2048)
        except (OSError, OverflowError):
            found.close()
            continue
        return found
    if port is None:
        raise CompressorError(
            f"No port from {PORTS.start} to {PORTS.stop - 1} can be used on {host}. Set GRADIO_SERVER_PORT to a free one."
        )
    raise CompressorError(
        f"Port {port} cannot be used on {host}: another program may listen there. Set GRADIO_SERVER_PORT to a free one."
    )


def address(host: str, port: int) -> str:
    """Where a browser of this machine finds the page."""
    bare = host.removeprefix("[").removesuffix("]")
    name = "localhost" if bare in ANY_HOST else f"[{bare}]" if ":" in bare else bare
    return f"http://{name}:{port}/"
