"""Says in `build/tests-passed` which commit passed the tests: written by a run of `tests/run` that ends green, by no other."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "build" / "tests-passed"


def write(environ: Mapping[str, str], retried: Sequence[str], file: Path = FILE) -> bool:
    """Write the file, where all tests of a profile ran; whether they did.

    Args:
        environ: `tests/run` says there which profile it runs (`some` where it was given arguments) and when it began.
        retried: names of the tests that passed at their second try.
    """
    profile = environ.get("COMPRESSOR_TESTS_PROFILE")
    if profile not in ("whole", "quick"):
        return False
    changed = " and changes that are not committed" if git("status", "--porcelain") else ""
    lines = [
        f"commit: {git('rev-parse', 'HEAD')}{changed}",
        f"tests: {profile}",
        f"seconds: {time.time() - float(environ['COMPRESSOR_TESTS_BEGAN']):.0f}",
        f"retried: {' '.join(retried) or 'none'}",
    ]
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return True


def git(*arguments: str) -> str:
    """What git answers in this checkout; nothing where it is none."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
