"""What pydantic found wrong with a form, as sentences for the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

MOST = 40
"""Findings that become sentences: nobody reads more of them, and each takes time."""

KnownKeys = Callable[[Sequence[Any]], list[str]]
"""The keys that may stand at a place of the form."""


WHOLE = ("int_parsing", "int_type", "int_from_float")
NUMBER = ("float_parsing", "float_type", *WHOLE)
BOUND = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
SHARES = ("target.min_retained",)
"""What people may write in percent."""


def sentences(error: ValidationError, known: KnownKeys) -> list[str]:
    """pydantic's findings as sentences with the key, the value and the way out; those of one value in one."""
    by_place: dict[str, list[Mapping[str, Any]]] = {}
    for item in error.errors()[:MOST]:
        by_place.setdefault(_where(item), []).append(item)
    found: dict[str, None] = {}
    for where, items in by_place.items():
        ways = list(dict.fromkeys(way for item in items if (way := _way(item)) is not None))
        if len(items) > 1 and ways:  # it may be this or that, and is neither
            found.setdefault(f"`{where}` is {_shown(items[0])}; it can be {' or '.join(ways)}.")
            continue
        for one in items:
            found.setdefault(_sentence(where, one, known))
    return list(found)


def _where(item: Mapping[str, Any]) -> str:
    """The key's path without pydantic's names for the branches of a union."""
    return _cut(".".join(str(p) for p in item["loc"] if not (isinstance(p, str) and _is_branch(p))))


def _is_branch(part: str) -> bool:
    return part in ("str", "int", "float", "Files") or part.startswith(("constrained-", "literal["))


def _way(item: Mapping[str, Any]) -> str | None:
    """What one branch of a union would take."""
    kind = item["type"]
    if kind == "literal_error":
        return str(item.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
    if kind in NUMBER:
        return "a whole number" if kind in WHOLE else "a number"
    if kind in BOUND:
        return f"a number {str(item['msg']).removeprefix('Input should be ')}"
    return None


def _shown(item: Mapping[str, Any]) -> str:
    value = item.get("input")
    return _cut(repr(value)) if not isinstance(value, (dict, list)) else "that"


def _sentence(where: str, item: Mapping[str, Any], known: KnownKeys) -> str:
    kind, context, value, shown = item["type"], item.get("ctx", {}), item.get("input"), _shown(item)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1])[:80], known(item["loc"][:-1]), n=1)
        hint = f" Did you mean `{near[0]}`?" if near else f" Known keys: {', '.join(known(item['loc'][:-1]))}."
        return f"`{where}` is not a key of a recipe.{hint}"
    if kind == "missing":
        return f"`{where}` is missing: every recipe needs it."
    if kind == "literal_error":
        return f"`{where}` is {shown}; it can be {context.get('expected', '')}."
    if kind == "value_error":
        return str(context.get("error", item["msg"])).rstrip(".") + "."
    if kind in NUMBER:
        hint = " (YAML reads 1e-4 as text: write 1.0e-4)" if isinstance(value, str) and "e" in value.lower() else ""
        return f"`{where}` is {shown}; it has to be a {'whole ' * (kind in WHOLE)}number{hint}."
    if kind in ("bool_parsing", "bool_type"):
        return f"`{where}` is {shown}; it has to be true or false."
    if where in SHARES and isinstance(value, int | float) and 1 < value <= 100:
        return f"`{where}` is {shown}; it is a share: write {value / 100:g} for {value:g} %."
    return f"`{where}` is {shown}: {item['msg'][0].lower()}{item['msg'][1:]}."


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"
