"""What of a run may leave this machine: the recipe without the places of local files."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from compressor.errors import HubError
from compressor.hub import LocalModel, parse_reference
from compressor.recipe import Files, Recipe
from compressor.untrusted.paths import is_file, is_folder


def shared_recipe(recipe: Recipe, teacher: LocalModel) -> Recipe:
    """The recipe as it may be shown to others: of local files and folders only the names, not where they lie."""
    update: dict[str, Any] = {} if teacher.id or recipe.teacher == "demo" else {"teacher": file_name(recipe.teacher)}
    if recipe.data is not None:
        source = recipe.data.source
        if isinstance(source, Files):
            source = Files(**{k: file_name(v) for k, v in source.model_dump().items() if v})
        elif source != "demo" and hub_id(source) is None:
            source = file_name(source)
        unlabelled = file_name(recipe.data.unlabelled) if recipe.data.unlabelled else None
        update["data"] = recipe.data.model_copy(update={"source": source, "unlabelled": unlabelled})
    if recipe.student is not None and recipe.student.model and hub_id(recipe.student.model) is None:
        update["student"] = recipe.student.model_copy(update={"model": file_name(recipe.student.model)})
    return recipe.model_copy(update=update)


def hub_id(reference: str) -> str | None:
    """The Hub's id in what a recipe names; None for the demo, and for a file or folder that is there."""
    if reference == "demo" or is_file(Path(reference)) or is_folder(Path(reference)):
        return None
    try:
        return parse_reference(reference)
    except HubError:
        return None


def file_name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name or path
