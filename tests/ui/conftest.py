"""The page's services, as strangers share them, without a browser and without runs that go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compressor.settings import Settings
from compressor.ui.services import Services


@pytest.fixture
def services(hub_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    made = Services(hub_settings)
    made.__dict__.update(backend=Idle(), _foresee=lambda job, visitor: None)
    yield made
    made.store.close()


class Idle:
    """A backend that only notes what it is given."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str | None]] = []

    def start(self, job: Any, token: str | None) -> None:
        self.started.append((job.id, token))
