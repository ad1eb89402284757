"""The real helper process with verbs for tests, and without the seconds that importing torch takes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from compressor import errors
from compressor.jobs import helper_process, verbs
from compressor.jobs.verbs import Verb

held: list[str] = []


def echo(text: str, owner: str, settings) -> dict:
    return {"text": text, "owner": owner, "pid": os.getpid(), "data_dir": str(settings.data_dir), "argv": os.sys.argv}


def stray(text: str) -> dict:
    print("a stray print")
    os.write(1, b'{"id": 1, "answer": "forged"}\n')
    subprocess.run(["echo", "a child's print"], check=True)
    return {"text": text}


def fail(kind: str, problems: list[str]) -> None:
    cls = getattr(errors, kind)
    raise cls(problems if issubclass(cls, errors.ProblemsError) else problems[0])


def bug(token_again: str) -> None:
    raise ZeroDivisionError(f"details with {token_again}")


def die(code: int) -> None:
    os.kill(os.getpid(), code) if code else os._exit(7)
    time.sleep(600)  # the signal may reach another thread a moment later: nothing is answered before


def once(mark: str) -> dict:
    """Takes forever the first time."""
    first = not Path(mark).exists()
    Path(mark).touch()
    if first:
        time.sleep(600)
    return {"again": True}


def hold(seconds: float) -> dict:
    time.sleep(seconds)
    return {}


def wait(mark: str) -> dict:
    """Until there is such a file."""
    while not Path(mark).exists():
        time.sleep(0.02)
    return {}


def load() -> dict:
    held.append("a model")
    return {}


def loaded() -> dict:
    return {"held": list(held)}


verbs.warm = lambda: {}
verbs.RELEASE.append(held.clear)
helper_process.Answering._set_threads = lambda self, wanted: None
for name in ("echo", "stray", "fail", "bug", "die", "once", "hold", "wait", "loaded"):
    verbs.VERBS[name] = Verb(f"tests.jobs.fake_helper:{name}")
for name in ("load",):
    verbs.VERBS[name] = Verb(f"tests.jobs.fake_helper:{name}", heavy=True)

if __name__ == "__main__":
    import sys

    sys.modules["tests.jobs.fake_helper"] = sys.modules["__main__"]
    helper_process.main()
