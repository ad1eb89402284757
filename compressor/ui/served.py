"""Files that come from the browser and go to it. They pass through gradio's own folder, each under a name that nobody can guess:
the data folder itself is never served."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from compressor.errors import RecipeError
from compressor.settings import Settings
from compressor.ui.visitors import Visitor
from compressor.ui.words import t


def upload_folder() -> Path:
    """Gradio's folder: what comes in as an upload, and what may be downloaded by whoever knows its name."""
    from gradio.utils import get_upload_folder

    return Path(get_upload_folder()).resolve()


class Served:
    def __init__(self, settings: Settings):
        self.settings, self._secret = settings, secrets.token_bytes(32)

    @cached_property
    def served(self) -> Path:
        return upload_folder()

    def keep(self, files: Mapping[str, str], visitor: Visitor) -> dict[str, str]:
        """Uploaded files, copied to where they stay for the run (an upload's own place is temporary).

        Raises:
            RecipeError: one of them is no upload.
        """
        if self.settings.hosted and not all(
            Path(path).resolve().is_relative_to(self.served) for path in files.values()
        ):
            raise RecipeError(t("who.no_upload"))
        folder = self.settings.uploads_dir / secrets.token_hex(16)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = {}
        for split, path in files.items():
            target = folder / f"{split}{Path(path).suffix.lower()}"
            shutil.copyfile(path, target)
            kept[split] = str(target)
        return kept

    def let_go(self, files: Mapping[str, str] | None) -> None:
        """Remove what `keep` copied."""
        for folder in {Path(path).parent for path in (files or {}).values()}:
            shutil.rmtree(folder, ignore_errors=True)

    def share_file(self, path: Path, name: str) -> str:
        """A copy of a result's file in gradio's own folder for downloads: the runs' folder itself is never served."""
        target = self.place(path) / name
        if not target.exists() or target.stat().st_size != path.stat().st_size:
            shutil.copyfile(path, target)
        return str(target)

    def place(self, *of: object) -> Path:
        """A folder for downloads that nobody can guess; the same for the same thing, so that asking again fills no disk."""
        path = of[0]
        changed = path.stat().st_mtime_ns if isinstance(path, Path) else 0
        name = hmac.new(self._secret, repr((*map(str, of), changed)).encode(), hashlib.sha256).hexdigest()
        folder = self.served / name[:40]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder
