"""Where a model that somebody names is: the demo's, a local folder, or the Hub. Answers with a vetted local folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.errors import ModelError
from compressor.events import Progress, silent
from compressor.settings import ASSETS, Settings

if TYPE_CHECKING:
    from compressor.hub import Hub, LocalModel

DEMO = "demo"
DEMO_TEACHER = ASSETS / "demo" / "teacher"


def local_folder(reference: str, settings: Settings) -> Path | None:
    """The folder that a reference means, or None where it means a repo on the Hub.

    Only what looks like a path is one (`./mine`, `/data/mine`, `~/mine`, `runs/a/variants/b`): a folder that happens to
    be called like a repo id never stands in for it.

    Raises:
        ModelError: a path in hosted mode, or one that leads nowhere.
    """
    if reference == DEMO:
        return DEMO_TEACHER
    path = Path(reference).expanduser()
    looks_local = reference.startswith((".", "/", "~", "\\")) or path.is_absolute() or len(path.parts) > 2
    if not looks_local or reference.startswith(("http://", "https://")):
        return None
    if settings.hosted:
        raise ModelError("Folders of the server are not open to visitors. Give a model's id on the Hub instead.")
    if not path.is_dir():
        raise ModelError(f"There is no folder at {path}. Check the path, or give a model's id on the Hub.")
    return path.resolve()


def resolve(
    reference: str, *, settings: Settings, hub: Hub, revision: str | None = None, progress: Progress = silent
) -> LocalModel:
    """The model's files on this disk, downloaded first where they are on the Hub.

    Raises:
        ModelError, HubError: it is not there, or cannot be used; the sentence says why.
    """
    from compressor.hub import LocalModel

    folder = local_folder(reference, settings)
    if folder is None:
        return hub.fetch_model(reference, revision=revision, progress=progress)
    license_ = "apache-2.0" if reference == DEMO else None
    return LocalModel(folder=folder, id=None, sha=None, license=license_, languages=("en",) if license_ else ())
