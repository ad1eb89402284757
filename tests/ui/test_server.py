"""The page's server: it is up when it says so, whatever the machine is busy with, and what it cannot do is a sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compressor.errors import CompressorError
from compressor.settings import Settings
from compressor.ui.server import PORTS, address, listening, serve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def any_port(settings: Settings) -> Settings:
    return replace(settings, server_port=0)


def small() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        box, sent = gr.Textbox(max_length=100), gr.File()
        box.submit(lambda said: said.upper(), box, box, queue=False)
        sent.upload(lambda path: Path(path).read_text(encoding="utf-8"), sent, box, queue=False)
        box.change(lambda said: said, box, box)  # through the queue
    return page


@pytest.fixture(name="web")
def served_page(any_port: Settings) -> Iterator[httpx2.Client]:
    with serve(small(), any_port) as server, httpx2.Client(base_url=server.url, timeout=600) as client:
        yield client


def event(web: httpx2.Client, number: int, value: object) -> httpx2.Response:
    asked = {"data": [value], "fn_index": number, "session_hash": "one"}
    return web.post("/gradio_api/run/predict", json=asked)


def test_the_page_and_its_events_answer(web: httpx2.Client) -> None:
    assert web.get("/").status_code == 200 and web.get("/config").json()["title"]
    assert event(web, 0, "word").json()["data"] == ["WORD"]
    joined = web.post("/gradio_api/queue/join", json={"data": ["queued"], "fn_index": 2, "session_hash": "two"})
    assert joined.status_code == 200
    with web.stream("GET", "/gradio_api/queue/data", params={"session_hash": "two"}) as stream:
        said = "".join(stream.iter_text())
    assert '"process_completed"' in said and "queued" in said


def test_a_path_that_is_no_upload_is_not_read(web: httpx2.Client, tmp_path: Path) -> None:
    """Gradio looks at that only where it believes the page to be launched."""
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody's business", encoding="utf-8")
    for path in (str(secret), "/etc/passwd", str(ROOT / "README.md")):
        value = {"path": path, "meta": {"_type": "gradio.FileData"}}
        answer = event(web, 1, value)
        assert answer.status_code == 500 and "business" not in answer.text and "root:" not in answer.text
    drawing = tmp_path / "secret.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    event(web, 1, {"path": str(drawing), "meta": {"_type": "gradio.FileData"}})
    assert web.get(f"/gradio_api/file={drawing}").status_code == 403
    sent = web.post("/gradio_api/upload", files={"files": ("mine.txt", b"my own")}).json()[0]
    assert event(web, 1, {"path": sent, "meta": {"_type": "gradio.FileData"}}).json()["data"] == ["my own"]


def test_it_does_not_ask_itself_whether_it_is_there(any_port: Settings) -> None:
    """A machine so busy that the first answers take long: `launch` gave up there."""
    late = threading.Event()

    def slow(request: Request) -> Response:
        late.wait(60)
        return Response("late")

    with serve(small(), any_port, routes=[Route("/", slow), Route("/startup-events", slow)]) as server:
        with httpx2.Client(base_url=server.url, timeout=600) as web:
            assert web.get("/config").status_code == 200
        late.set()


def test_where_it_can_be_reached(any_port: Settings) -> None:
    assert address("127.0.0.1", 7860) == "http://127.0.0.1:7860/"
    assert address("0.0.0.0", 80) == address("::", 80) == "http://localhost:80/"
    assert address("::1", 80) == address("[::1]", 80) == "http://[::1]:80/"
    with serve(small(), replace(any_port, server_name="0.0.0.0")) as server:
        port = server.url.rstrip("/").rpartition(":")[2]
        assert httpx2.get(f"http://127.0.0.1:{port}/config", timeout=600).status_code == 200


def test_a_proxys_own_path(any_port: Settings) -> None:
    with serve(small(), replace(any_port, root_path="/deep/down")) as server:
        assert httpx2.get(f"{server.url}config", timeout=600).json()["root"].endswith("/deep/down")


def test_what_another_program_writes_into_x_forwarded_for_is_not_believed(any_port: Settings) -> None:
    def peer(request: Request) -> Response:
        return Response(request.client.host if request.client else "")

    forged = {"X-Forwarded-For": "203.0.113.9"}
    with serve(small(), any_port, routes=[Route("/peer", peer)]) as server:
        assert httpx2.get(f"{server.url}peer", headers=forged, timeout=600).text == "127.0.0.1"


def test_a_port_in_use_is_a_sentence_and_the_next_one_is_taken_where_none_was_asked_for() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CompressorError, match=f"Port {port} cannot be used on 127.0.0.1"):
            listening("127.0.0.1", port)
    with listening("127.0.0.1", None) as one, listening("127.0.0.1", None) as other:
        assert {one.getsockname()[1], other.getsockname()[1]} <= set(PORTS)
        assert one.getsockname()[1] != other.getsockname()[1]


def test_no_free_port_and_no_such_address_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("compressor.ui.server.PORTS", range(port, port + 1))
        with pytest.raises(CompressorError, match=f"No port from {port} to {port} can be used"):
            listening("127.0.0.1", None)
    with pytest.raises(CompressorError, match=r"GRADIO_SERVER_NAME is 'no\.such\.invalid'"):
        listening("no.such.invalid", None)
    with pytest.raises(CompressorError, match="Port 99999 cannot be used"):
        listening("127.0.0.1", 99_999)


def test_an_app_that_does_not_start_is_said(any_port: Settings) -> None:
    page = small()

    def fails() -> None:
        raise RuntimeError("no")

    page.run_startup_events = fails  # type: ignore[method-assign]
    with pytest.raises(CompressorError, match="did not start"), serve(page, any_port):
        pass


def test_streams_of_open_pages_do_not_hold_it_up(any_port: Settings) -> None:
    with serve(small(), any_port) as server, httpx2.Client(base_url=server.url, timeout=600) as web:
        stream = web.stream("GET", "/gradio_api/heartbeat/someone")
        stream.__enter__()
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < 30
        with pytest.raises(OSError, match=r".+"):
            socket.create_connection(("127.0.0.1", int(server.url.rstrip("/").rpartition(":")[2])), 5)


class Interrupted(Exception):
    pass


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_who_interrupts_the_wait_closes_what_still_serves(any_port: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted

    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    before, others = signal.signal(signal.SIGUSR1, interrupt), set(threading.enumerate())
    try:
        with serve(small(), any_port) as server:
            threads = [one for one in threading.enumerate() if one.name == "server" and one not in others]
            with pytest.raises(Interrupted):
                threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
                server.wait()
            assert httpx2.get(server.url, timeout=600).status_code == 200
    finally:
        signal.signal(signal.SIGUSR1, before)
    for one in threads:
        one.join(60)
    assert len(threads) == 1 and not threads[0].is_alive() and not failed


APP = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_path('app.py', run_name='__main__')"
)
"""`python app.py` that heeds Ctrl+C: shells start what runs in the background, these tests among them, with it ignored."""


@pytest.mark.skipif(sys.platform == "win32", reason="ends processes otherwise")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_app_py_says_where_it_is_and_ends_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    own = {"COMPRESSOR_DATA": str(tmp_path), "GRADIO_SERVER_PORT": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", APP], cwd=ROOT, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("Compressor is at ")
            assert json.loads(httpx2.get(f"{url}healthz", timeout=600).text)["status"] == "ok"
            process.send_signal(how)
            said, trace = process.communicate(timeout=600)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "") and "Traceback" not in trace


def test_app_py_on_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with listening("127.0.0.1", 0) as taken:
        own = {"COMPRESSOR_DATA": str(tmp_path), "GRADIO_SERVER_PORT": str(taken.getsockname()[1])}
        done = subprocess.run(
            [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
    assert done.returncode == 1 and "Set GRADIO_SERVER_PORT to a free one." in done.stderr
    assert "Traceback" not in done.stderr
