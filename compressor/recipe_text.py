"""A recipe's text before it is a recipe: YAML as plain data, `--set key=value`, and paths made absolute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from compressor.errors import RecipeError
from compressor.recipe_parts import DATA_SUFFIXES
from compressor.untrusted.paths import at_home
from compressor.untrusted.plain import NotPlainError, plain, read_yaml


def from_yaml(text: str, name: str) -> Any:
    """YAML (or JSON) as plain data; `name` is what it is called in an error."""
    try:
        return read_yaml(text)
    except NotPlainError as error:
        raise RecipeError(f"{name} {error}.") from None


def as_plain(value: Any, name: str) -> Any:
    try:
        return plain(value)
    except NotPlainError as error:
        raise RecipeError(f"{name} {error}.") from None


def override(raw: dict[str, Any], said: str) -> None:
    """Put `key.path=value` into a recipe's data; the value is YAML."""
    key, sign, value = said.partition("=")
    if not sign or not key.strip():
        raise RecipeError(f"`--set {said}` is not of the form key=value, for example `--set data.limit=2000`.")
    *parents, last = key.strip().split(".")
    here = raw
    for parent in parents:
        here = (
            here.setdefault(parent, {})
            if isinstance(here.get(parent, {}), dict)
            else here.update({parent: {}}) or here[parent]
        )
    name = f"The value of `--set {key.strip()}`"
    here[last] = as_plain(from_yaml(value, name), name)


def make_absolute(raw: dict[str, Any], base: Path) -> None:
    """Paths of data and of models are relative to `base`."""
    student = raw.get("student")
    for holder, key in ((raw, "teacher"), (student, "model")):
        if isinstance(holder, dict) and isinstance(name := holder.get(key), str):
            holder[key] = model_at(name, base)
    data = raw.get("data")
    if not isinstance(data, dict):
        return
    if isinstance(data.get("source"), dict):
        data["source"] = {k: _join(base, v) for k, v in data["source"].items()}
    elif isinstance(data.get("source"), str) and data["source"].lower().endswith(DATA_SUFFIXES):
        data["source"] = {"train": _join(base, data["source"])}
    if data.get("unlabelled"):
        data["unlabelled"] = _join(base, data["unlabelled"])


def model_at(reference: str, base: Path) -> str:
    """A model's folder that is relative to `base` by its whole path; any other reference as it is."""
    return os.path.normpath(base / reference) if reference.startswith(".") else reference


def _join(base: Path, value: Any) -> Any:
    return str(base / at_home(value)) if isinstance(value, str) and value else value
