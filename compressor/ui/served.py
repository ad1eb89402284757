"""Files that come from the browser and go to it. They pass through gradio's own folder, each under a name that nobody can guess:
the data folder itself is never served."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from compressor.errors import RecipeError
from compressor.settings import Settings
from compressor.ui.once import once
from compressor.ui.visitors import Visitor
from compressor.ui.words import t


def upload_folder() -> Path:
    """Gradio's folder: what comes in as an upload, and what may be downloaded by whoever knows its name."""
    from gradio.utils import get_upload_folder

    return Path(get_upload_folder()).resolve()


LENT = 1800.0
"""Seconds for which a model's files are lent to a browser: enough to download them on a slow line."""


class Served:
    def __init__(self, settings: Settings):
        self.settings, self._secret = settings, secrets.token_bytes(32)
        self._lent: dict[Path, threading.Timer] = {}
        self._lending = threading.Lock()

    @once
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

    def lend(self, files: Mapping[str, Path], *to: object) -> dict[str, Path]:
        """Files, for a while, where nobody finds them who is not told; `to` whom. Asking again gets the same place, and more
        time. They take no room of their own where the disk can give a file two names."""
        folder = self.place(next(iter(files.values())), *to)
        lent = {name: folder / name for name in files}
        for name, path in files.items():
            target = lent[name]
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if target.exists() and target.stat().st_size == path.stat().st_size:
                continue
            try:
                os.link(path, target)
            except OSError:  # another disk, one that knows no such thing, or another request was first
                shutil.copyfile(path, target)
        timer = threading.Timer(LENT, self._take_back, (folder,))
        timer.daemon = True
        with self._lending:
            if (before := self._lent.get(folder)) is not None:
                before.cancel()
            self._lent[folder] = timer
        timer.start()
        return lent

    def _take_back(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        with self._lending:
            self._lent.pop(folder, None)

    def take_all_back(self) -> None:
        """Remove whatever is still lent."""
        with self._lending:
            timers = dict(self._lent)
        for folder, timer in timers.items():
            timer.cancel()
            self._take_back(folder)
