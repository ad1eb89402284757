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


def sentences(error: ValidationError, known: KnownKeys) -> list[str]:
    """pydantic's findings as sentences with the key, the value and the way out; duplicates from unions dropped."""
    found: dict[str, None] = {}
    for item in error.errors()[:MOST]:
        found.setdefault(_sentence(item, known))
    return list(found)


def _sentence(item: Mapping[str, Any], known: KnownKeys) -> str:
    where = _cut(".".join(str(p) for p in item["loc"] if not (isinstance(p, str) and p in ("str", "Files"))))
    kind, context, value = item["type"], item.get("ctx", {}), item.get("input")
    shown = _cut(repr(value)) if not isinstance(value, (dict, list)) else "that"
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
    if kind in ("float_parsing", "float_type", "int_parsing", "int_type", "int_from_float"):
        hint = " (YAML reads 1e-4 as text: write 1.0e-4)" if isinstance(value, str) and "e" in value.lower() else ""
        return f"`{where}` is {shown}; it has to be a number{hint}."
    return f"`{where}` is {shown}: {item['msg'][0].lower()}{item['msg'][1:]}."


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"
