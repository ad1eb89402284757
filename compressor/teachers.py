"""Where a model that somebody names is: the demo's, a local folder, or the Hub. Answers with a vetted local folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import models
from compressor.errors import ModelError
from compressor.events import Progress, silent
from compressor.settings import ASSETS, Settings
from compressor.untrusted.paths import at_home, is_folder, resolved

if TYPE_CHECKING:
    from compressor.hub import Hub, LocalModel

DEMO = "demo"
DEMO_TEACHER = ASSETS / "demo" / "teacher"


def looks_local(reference: str) -> bool:
    """Whether a reference means a path: only what looks like one does (`./mine`, `/data/mine`, `runs/a/variants/b`), so that
    a folder that happens to be called like a repo id never stands in for it."""
    if reference.startswith(("http://", "https://")):
        return False
    path = at_home(reference)
    return reference.startswith((".", "/", "~", "\\")) or path.is_absolute() or len(path.parts) > 2


def local_folder(reference: str, settings: Settings) -> Path | None:
    """The folder that a reference means, or None where it means a repo on the Hub.

    In hosted mode only variants of runs are open; that they are the visitor's own is checked where the job is made.

    Raises:
        ModelError: a path elsewhere in hosted mode, or one that leads nowhere.
    """
    if reference == DEMO:
        return DEMO_TEACHER
    if not looks_local(reference):
        return None
    path = resolved(reference)
    if settings.hosted and not (path and path.is_relative_to(settings.jobs_dir.resolve())):
        raise ModelError("Folders of the server are not open to visitors. Give a model's id on the Hub instead.")
    if path is None or not is_folder(path):
        raise ModelError(f"There is no folder at {path or reference}. Check the path, or give a model's id on the Hub.")
    return path


def resolve(
    reference: str, *, settings: Settings, hub: Hub, revision: str | None = None, progress: Progress = silent
) -> LocalModel:
    """The model's files on this disk, downloaded first where they are on the Hub.

    Raises:
        ModelError, HubError: it is not there, or cannot be used; the sentence says why.
    """
    from compressor.hub import LocalModel
    from compressor.planning.inspecting import vet

    folder = local_folder(reference, settings)
    if folder is None:
        model = hub.fetch_model(reference, revision=revision, progress=progress)
        vet(model.folder, reference, settings)
        return model
    vet(folder, reference, settings)
    license_ = "apache-2.0" if reference == DEMO else None
    return LocalModel(folder=folder, id=None, sha=None, license=license_, languages=("en",) if license_ else ())


def hidden_size(folder: Path) -> int | None:
    """How wide the model of a folder is; None where its config has no one number for it.

    Raises:
        ModelError: see `models.load_config`.
    """
    width = getattr(models.load_config(folder), "hidden_size", None)
    return width if isinstance(width, int) else None
