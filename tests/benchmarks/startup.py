"""From `python app.py` to the first answered request, beside a one-line gradio app, interleaved in one run.

    python -m tests.benchmarks.startup [--rounds 5]

Prints each round and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONE_LINE = "import gradio as gr; gr.Interface(lambda x: x, 'text', 'text').launch(server_port={port})"


def first_answer(command: list[str], port: int, environ: dict[str, str]) -> float:
    """Seconds from the start of a process to its first answer on `port`; the process is ended.

    Raises:
        RuntimeError: it ended by itself, or did not answer within a minute.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while time.perf_counter() - start < 60:
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    answer.read()
                    return time.perf_counter() - start
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        raise RuntimeError(f"{command} did not answer")
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def measure(rounds: int) -> tuple[list[float], list[float]]:
    """(ours, one-line app's) seconds, interleaved; the first round of each warms the disk cache and is left out."""
    ours, plain = [], []
    with tempfile.TemporaryDirectory() as data:
        for i in range(rounds + 1):
            port = free_port()
            environ = os.environ | {
                "COMPRESSOR_DATA": data,
                "GRADIO_ANALYTICS_ENABLED": "False",
                "PYTHONPATH": str(ROOT),
            }
            a = first_answer([sys.executable, "app.py"], port, environ | {"GRADIO_SERVER_PORT": str(port)})
            port = free_port()
            b = first_answer([sys.executable, "-c", ONE_LINE.format(port=port)], port, environ)
            if i:
                ours.append(a)
                plain.append(b)
    return ours, plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    ours, plain = measure(parser.parse_args().rounds)
    for a, b in zip(ours, plain, strict=True):
        print(f"app.py {a:.2f} s   one line {b:.2f} s")
    a, b = statistics.median(ours), statistics.median(plain)
    print(f"median: app.py {a:.2f} s, one line {b:.2f} s, ratio {a / b:.2f}")


if __name__ == "__main__":
    main()
