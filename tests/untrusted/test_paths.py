"""Paths that no file can have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compressor.data.readers import open_reader
from compressor.errors import DataError, ModelError
from compressor.publishing.sharing import hub_id
from compressor.teachers import local_folder, looks_local
from compressor.untrusted.paths import is_file, is_folder, resolved
from tests.data.files import CAPS

IMPOSSIBLE = ("./a\0b", "./" + "x" * 5000, "~nosuchuser/x", "/" + "y/" * 5000 + "z")


@pytest.mark.parametrize("text", IMPOSSIBLE, ids=["NUL", "long", "no home", "deep"])
def test_is_nothing_and_no_trace(text, settings):
    assert not is_file(Path(text)) and not is_folder(Path(text))
    assert hub_id(text) is None
    assert looks_local(text)
    with pytest.raises(ModelError, match="no folder"):
        local_folder(text, settings)
    with pytest.raises(ModelError, match="not open to visitors"):
        local_folder(text, replace(settings, hosted=True))
    with pytest.raises(DataError, match="does not exist"):
        open_reader(Path(f"{text}.csv"), CAPS)


def test_links_in_a_ring(tmp_path, settings):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert not is_file(tmp_path / "a")
    resolved(str(tmp_path / "a"))
    with pytest.raises(ModelError, match="no folder"):
        local_folder(str(tmp_path / "a"), settings)
