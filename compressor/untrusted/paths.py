"""Paths that somebody typed: `pathlib` raises for those that no file can have, which are as good as paths of nothing."""

from __future__ import annotations

from pathlib import Path


def at_home(text: str) -> Path:
    """`Path(text)` with `~` as the home folder. `~somebody` who has none here stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def resolved(text: str) -> Path | None:
    """The absolute path, links followed; None where no file can be called so (NUL, links in a ring)."""
    try:
        return at_home(text).resolve()
    except (OSError, ValueError, RuntimeError):
        return None


def is_file(path: Path) -> bool:
    """Whether a file is there that this process may see."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name of more characters than names have, a folder that may not be entered
        return False


def is_folder(path: Path) -> bool:
    """Likewise for a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
