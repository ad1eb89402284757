"""What a recipe says and the form has no field for: a few lines of YAML that go along with the form, in sight. Knows nothing of
gradio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from compressor.errors import RecipeError
from compressor.ui.words import t
from compressor.untrusted.plain import AliasError, read_yaml

MOST = 20_000
"""Characters. A map of many labels is the longest that there is."""
OWN_FIELD = (("teacher",), ("data", "source"))
"""What only its own field may set: who may name which model or file is checked there."""


def read(text: str | None) -> dict[str, Any]:
    """Those lines as plain data; empty where there are none.

    Raises:
        RecipeError: they are no YAML, or set what has a field of its own.
    """
    if not isinstance(text, str) or not text.strip():
        return {}
    if len(text) > MOST:
        raise RecipeError(t("more.long", most=f"{MOST:,}"))
    try:
        found = read_yaml(text)
    except AliasError:
        raise RecipeError(t("more.alias")) from None
    except ValueError:
        raise RecipeError(t("more.not_yaml")) from None
    if not isinstance(found, Mapping):
        raise RecipeError(t("more.not_yaml"))
    own = [".".join(path) for path in OWN_FIELD if _has(found, path)]
    if own:
        raise RecipeError(t("more.own_field", name=own[0]))
    return dict(found)


def write(paths: Mapping[tuple[str, ...], Any]) -> str:
    """Values by their path as those lines: `{("data", "revision"): "v1"}` is `data: {revision: v1}`."""
    nested: dict[str, Any] = {}
    for path, value in paths.items():
        here = nested
        for part in path[:-1]:
            here = here.setdefault(part, {})
        here[path[-1]] = value
    return yaml.safe_dump(nested, sort_keys=False, allow_unicode=True) if nested else ""


def merged(raw: Any, extra: Any) -> Any:
    """`raw` with `extra` laid over it, key by key."""
    if not isinstance(raw, Mapping) or not isinstance(extra, Mapping):
        return extra
    return {**raw, **{key: merged(raw[key], value) if key in raw else value for key, value in extra.items()}}


def leaves(raw: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of nested mappings with its path. An empty mapping is a value."""
    for key, value in raw.items():
        here = (*path, str(key))
        if isinstance(value, Mapping) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def _has(raw: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    here: Any = raw
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True
