"""What an environment says that holds other signs than digits."""

from __future__ import annotations

import pytest

from compressor.errors import CompressorError
from compressor.settings import Settings


@pytest.mark.parametrize("said", ["²", "१²", "-1", "1.5", "many", " ", "", "9" * 5000], ids=range(8))
def test_a_number_that_is_none_is_as_good_as_unset(said):
    assert Settings.from_environ({"GRADIO_SERVER_PORT": said}).server_port is None


@pytest.mark.parametrize("said", ["²", "१²", "-1", "many", "9" * 5000, "nan"])
def test_a_limit_that_is_no_number_is_refused(said):
    with pytest.raises(CompressorError, match="Write a number, or none for no limit"):
        Settings.from_environ({"COMPRESSOR_MAX_RUN_MINUTES": said})


@pytest.mark.parametrize(
    ("hosted", "said", "seconds"),
    [("", "", None), ("1", "", 6 * 3600), ("1", "none", None), ("1", "2.5", 150), ("", "10", 600)],
)
def test_how_long_a_run_may_take(hosted, said, seconds):
    found = Settings.from_environ({"COMPRESSOR_HOSTED": hosted, "COMPRESSOR_MAX_RUN_MINUTES": said})
    assert found.max_run_seconds == seconds


def test_a_number_is_read():
    found = Settings.from_environ({"GRADIO_SERVER_PORT": "7861", "COMPRESSOR_MAX_RUN_MINUTES": "5"})
    assert (found.server_port, found.max_run_seconds) == (7861, 300)
