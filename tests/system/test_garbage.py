"""Starting does not go by in looking for garbage among what the libraries keep."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNTED = """
import gc
{first}
looks = []
gc.callbacks.append(lambda phase, info: looks.append(info["generation"]) if phase == "stop" else None)
from transformers import Trainer
print(looks.count(2))
"""


def looks_at_everything(first: str) -> int:
    """How often Python looks through all objects while a process that began with this imports transformers' Trainer."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(first=first)], capture_output=True, text=True, check=True, timeout=600
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    "first", ["import app", "from compressor.system.garbage import collect_rarely; collect_rarely()"]
)
def test_importing_the_libraries_looks_through_everything_never(first: str) -> None:
    assert looks_at_everything(first) == 0


def test_python_alone_would_have_looked() -> None:
    assert looks_at_everything("") > 0
