"""A job's own copies of uploaded files: an upload's place is temporary, a run may be resumed next week."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from compressor.errors import DataError, DiskFullError, RecipeError
from compressor.failures import as_ours
from compressor.jobs.job import Comparison
from compressor.recipe import Data, Files, Recipe
from compressor.settings import Settings

NO_FOLDERS = "Folders of the server are not open to visitors. Give a model's id on the Hub instead."
NO_FILES = "Files of the server are not open to visitors. Upload your file instead."


def paths_of(data: Data) -> dict[str, str]:
    """The files that are named, by split; raw texts as `unlabelled`."""
    named: dict[str, str | None] = {"unlabelled": data.unlabelled}
    if isinstance(data.source, Files):
        named |= {split: getattr(data.source, split) for split in Files.model_fields}
    return {role: path for role, path in named.items() if path}


def keep_files(asked: Recipe | Comparison, into: Path, later: Path, settings: Settings) -> Recipe | Comparison:
    """What is asked, with the uploads that it names moved into the job.

    A person's own files stay where they are; on a server that is open to strangers nothing but uploads may be named.

    Args:
        into: where the copies are made now.
        later: where they will be found.

    Raises:
        RecipeError: it names a file of the server in hosted mode.
        DataError: an upload is gone.
        DiskFullError: there is no room for the copies.
    """
    data = asked.data
    if data is None:
        return asked
    moved = {role: _keep(Path(path), role, into, later, settings) for role, path in paths_of(data).items()}
    return asked.model_copy(update={"data": _with(data, moved)}) if moved else asked


def _keep(path: Path, role: str, into: Path, later: Path, settings: Settings) -> str:
    upload = any(path.resolve().is_relative_to(p.resolve()) for p in (settings.uploads_dir, settings.jobs_dir))
    if not upload:
        if settings.hosted:
            raise RecipeError(NO_FILES)
        return str(path)
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = into / f"{role}{path.suffix.lower()}"
    try:
        _link_or_copy(path.resolve(), target)
    except FileNotFoundError:
        raise DataError(f"The uploaded file {path.name} is no longer there. Upload it again.") from None
    except OSError as error:
        if isinstance(ours := as_ours(error), DiskFullError):
            raise ours from error
        raise DataError(f"The uploaded file {path.name} cannot be read ({error.strerror}). Upload it again.") from error
    return str(later / target.name)


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same file costs nothing; where the disk cannot do that, a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _with(data: Data, moved: dict[str, str]) -> Data:
    values = data.model_dump(exclude_unset=True)
    if isinstance(data.source, Files):
        values["source"] = data.source.model_dump(exclude_unset=True) | {
            k: v for k, v in moved.items() if k != "unlabelled"
        }
    if "unlabelled" in moved:
        values["unlabelled"] = moved["unlabelled"]
    return Data.model_validate(values)
