"""What the page hands to a process of its own, as one line on its standard input: the settings, and a token that must
not be seen in the command line, the environment or a file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from compressor.settings import Settings


def write(settings: Settings, **more: Any) -> str:
    """One line of JSON; the settings without the machine's own token."""
    values = dataclasses.asdict(dataclasses.replace(settings, token=None))
    return json.dumps({"settings": {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}, **more})


def read(line: str) -> tuple[Settings, dict[str, Any]]:
    """The settings, and whatever else was handed over."""
    order = json.loads(line)
    values = order.pop("settings")
    return Settings(**{**values, "data_dir": Path(values["data_dir"]), "readable": tuple(values["readable"])}), order
