"""A few runs that are killed, at random and at renames; `tests/benchmarks/kills.py` does it hundreds of times."""

from __future__ import annotations

import subprocess
import sys

import pytest

from compressor.system import processes

pytestmark = pytest.mark.training


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.timeout(1800)
def test_security_13_14_a_run_that_is_killed_goes_on_to_the_same_files():
    command = [sys.executable, "-m", "tests.benchmarks.kills", "3", "--renames", "4"]
    done = subprocess.run(command, cwd=processes.ROOT, check=False, capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = done.stdout.splitlines()[-1].split()
    assert counted[0] == counted[2] and int(counted[0]) >= 11  # `11 of 11 survived`
