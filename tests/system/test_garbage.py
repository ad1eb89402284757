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


@pytest.mark.parametrize(
    ("first", "most"),
    [("import app", 0), ("from compressor.system.garbage import collect_rarely; collect_rarely()", 0)],
)
def test_importing_the_libraries_looks_through_everything_never(first: str, most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(first=first)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) <= most


def test_python_alone_would_have_looked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(first="")], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) > 0
