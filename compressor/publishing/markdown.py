"""Text that people and the Hub gave, as Markdown that shows it literally; and numbers for reading."""

from __future__ import annotations

import re

from compressor.hub import is_id


def escape(text: str) -> str:
    """Text as Markdown and HTML show it literally, on one line."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", flat)


def fenced(text: str, language: str) -> str:
    """A code block that nothing in `text` can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def linked(repo: str, prefix: str = "") -> str:
    return f"[{escape(repo)}](https://huggingface.co/{prefix}{repo})" if is_id(repo) else escape(repo)


def size(count: int) -> str:
    return (
        f"{count / 1e9:.2f} GB"
        if count >= 1e9
        else f"{count / 1e6:.1f} MB"
        if count >= 1e5
        else f"{count / 1e3:.0f} kB"
    )


def count(number: int) -> str:
    """A number of parameters."""
    return (
        f"{number / 1e9:.2f} B"
        if number >= 1e9
        else f"{number / 1e6:.1f} M"
        if number >= 1e5
        else f"{number / 1e3:.0f} k"
    )


def share(value: float | None) -> str:
    return f"{value:.1%}" if value is not None else ""
