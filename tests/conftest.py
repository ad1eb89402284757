"""What all tests share: no network, no machine's login, one folder for everything that the app would keep."""

from __future__ import annotations

import os
import random
import tempfile
import zlib

# Read at import by the libraries: set before anything imports them.
_HOME = tempfile.mkdtemp(prefix="compressor-tests-")
os.environ.update(
    COMPRESSOR_DATA=os.path.join(_HOME, "data"),
    HF_HOME=os.path.join(_HOME, "hf"),
    HF_HUB_DISABLE_XET="1",  # the loopback Hub of the tests has none
    TOKENIZERS_PARALLELISM="false",
)
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "SPACE_ID", "COMPRESSOR_HOSTED"):
    os.environ.pop(name, None)

from compressor.settings import Settings, prepare_environ  # noqa: E402

prepare_environ()

import pytest  # noqa: E402

from tests import passed  # noqa: E402
from tests.hub_fixture import hub_as, hub_server, hub_settings  # noqa: E402, F401
from tests.nursery import measured_soon, shared_nursery  # noqa: E402, F401

BROWSER = "tests/browser"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings of a single-user machine with an empty data folder of its own."""
    return Settings.from_environ({"COMPRESSOR_DATA": str(tmp_path / "data")})


def pytest_sessionstart(session):
    """`tests/run --quick` leaves out what is marked `training`: a test that trains and is not marked fails there."""
    if os.environ.get("COMPRESSOR_TESTS_PROFILE") == "quick":
        from transformers import Trainer

        def train(self, *_, **__):
            raise AssertionError("A test that trains is marked `training`, for `tests/run --quick` to leave it out.")

        Trainer.train = train


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: not item.nodeid.startswith(BROWSER))  # the longest of the groups (below) begins
    try:
        import torch

        has_gpu = torch.cuda.is_available()
    except ImportError:
        has_gpu = False
    if not has_gpu:
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Models made from configs are the same in every run and in any order of tests: what fails once fails again."""
    import numpy as np
    import torch

    seed = zlib.crc32(item.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """For two processes at a time: a file's tests stay together, and so do all that share one app and one Chromium."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return BROWSER if file.startswith(BROWSER) else file

    return Groups(config, log)


def pytest_terminal_summary(terminalreporter, exitstatus):
    """Tests that passed at a second try are named: each has a defect, even where the whole is green."""
    retried = sorted({report.nodeid for report in terminalreporter.stats.get("rerun", ())})
    if retried:
        terminalreporter.section("retried, each one a defect to mend")
        for name in retried:
            terminalreporter.line(name)
    if exitstatus == 0:
        passed.write(os.environ, retried)
