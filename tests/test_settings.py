"""What an environment says that holds other signs than digits."""

from __future__ import annotations

import pytest

from compressor.settings import Settings


@pytest.mark.parametrize("said", ["²", "१²", "-1", "1.5", "many", " ", "", "9" * 5000], ids=range(8))
def test_a_number_that_is_none_is_as_good_as_unset(said):
    found = Settings.from_environ({"GRADIO_SERVER_PORT": said, "COMPRESSOR_MAX_RUN_MINUTES": said})
    assert found.server_port is None and found.max_run_seconds is None


def test_a_number_is_read():
    found = Settings.from_environ({"GRADIO_SERVER_PORT": "7861", "COMPRESSOR_MAX_RUN_MINUTES": "5"})
    assert (found.server_port, found.max_run_seconds) == (7861, 300)
