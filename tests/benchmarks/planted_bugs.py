"""Breaks one line at a time in a copy of the project, and shows which test goes red. A bug that none notices fails the script.

    python -m tests.benchmarks.planted_bugs [WORD]     only those whose name has WORD in it

The bugs stand in `plants_*.py` beside this file, in a list PLANTS each: (name, file, the line as it is, the line broken, the
tests that are to notice). Their tests run twice, as the line is (they have to be green) and with it broken. A row whose line is
no longer there, or there twice, fails the script too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "runs", "shared")
LIMIT = 300
"""Seconds for one row's tests: a broken line may make them wait for ever, which is noticed too."""

Plant = tuple[str, str, str, str, str]


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    wrong = count = 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        warm(Path(scratch))
        for name, file, line, broken, tests in plants(word):
            started = time.monotonic()
            became, said = planted(copy, file, line, broken, tests)
            count, wrong = count + 1, wrong + (became != "caught")
            print(f"{became:6}  {name}: {said} ({time.monotonic() - started:.0f} s)", flush=True)
    print(f"{count - wrong} of {count} caught")
    sys.exit(1 if wrong else 0)


def plants(word: str) -> Iterator[Plant]:
    """The rows of all lists whose name has the word in it."""
    for path in sorted(Path(__file__).parent.glob("plants_*.py")):
        for plant in import_module(f"tests.benchmarks.{path.stem}").PLANTS:
            if word in plant[0]:
                yield plant


def planted(copy: Path, file: str, line: str, broken: str, tests: str) -> tuple[str, str]:
    """(`caught`, `MISSED`, `STALE` or `RED`, the first test that goes red or what is wrong with the row)."""
    path = copy / file
    good = path.read_text(encoding="utf-8")
    if good.count(line) != 1:
        return "STALE", f"{file} has {good.count(line)} times {line!r}: bring the list up to date"
    code, said = run_tests(copy, tests)
    if code:
        return "RED", f"without any bug: {_first_red(said)}"
    path.write_text(good.replace(line, broken), encoding="utf-8")
    try:
        code, said = run_tests(copy, tests)
    finally:
        path.write_text(good, encoding="utf-8")
    return ("caught", _first_red(said)) if code else ("MISSED", "no test went red")


def _first_red(said: str) -> str:
    lines = said.strip().splitlines() or ["nothing was said"]
    return next((x for x in lines if x.startswith(("FAILED", "ERROR"))), lines[-1]).split(" - ")[0]


# ---------------------------------------------------------------------- running tests


def warm(scratch: Path) -> None:
    """Import the libraries, and nothing of the project, so that each run of a test needs not do it again."""
    sys.dont_write_bytecode = True  # two versions of a file within a second look alike to Python's cache
    os.environ.update(
        PYTHONDONTWRITEBYTECODE="1", HF_HOME=str(scratch / "hf"), HF_HUB_DISABLE_XET="1", TOKENIZERS_PARALLELISM="false",
        HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1",
    )  # fmt: skip
    if hasattr(os, "fork"):
        for library in (
            "torch",
            "transformers",
            "datasets",
            "pytest",
            "pydantic",
            "pyarrow.parquet",
            "huggingface_hub",
        ):
            import_module(library)


def run_tests(copy: Path, tests: str) -> tuple[int, str]:
    """(what pytest ends with, its output); forked where that can be, 124 where it does not end in time."""
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests.split()]
    log = copy.with_name("output")
    with log.open("w", encoding="utf-8") as output:
        if not hasattr(os, "fork"):
            command = [sys.executable, "-m", "pytest", *arguments]
            return subprocess.run(command, cwd=copy, stdout=output, check=False).returncode, log.read_text()
        pid = os.fork()
        if not pid:
            _child(copy, arguments, output.fileno())
    code = _wait(pid)
    return code, log.read_text(encoding="utf-8")


def _child(copy: Path, arguments: list[str], output: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(copy)
        for name in [n for n in sys.modules if n.split(".")[0] in ("tests", "compressor")]:
            del sys.modules[name]  # the copy's are meant
        sys.path[:] = [str(copy), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
        code = int(import_module("pytest").main(arguments))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _wait(pid: int) -> int:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 124


if __name__ == "__main__":
    main()
