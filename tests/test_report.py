"""A report that is damaged."""

from __future__ import annotations

import pytest

from compressor.errors import RunError
from compressor.report import Report


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"{",
        b"[" * 50_000,
        b"{}",
        b'{"schema": 1, "task": "a", "teacher": "b", "hardware": {"x": ' + b"[" * 5000,
    ],
)
def test_is_a_sentence(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(RunError, match="cannot be read as a report"):
        Report.load(tmp_path)


def test_that_is_a_folder_too(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(RunError, match="cannot be read as a report"):
        Report.load(tmp_path)
