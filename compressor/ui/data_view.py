"""The data as the run will read it: first rows, columns, labels onto the teacher's, what looks wrong. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compressor.ui.text import clip, esc
from compressor.ui.words import t

ROWS, COLUMNS = 5, 6


def rows_table(rows: Sequence[Mapping[str, Any]], roles: Mapping[str, str]) -> str:
    """The first rows. `roles` maps a role to its column; columns with a role stand first and say so."""
    if not rows:
        return ""
    role_of = {column: role for role, column in roles.items()}
    names = list(dict.fromkeys([*(c for c in roles.values() if c in rows[0]), *rows[0].keys()]))[:COLUMNS]
    head = "".join(_head(name, role_of.get(name)) for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{esc(clip(row.get(name), 140))}</td>" for name in names) + "</tr>" for row in rows[:ROWS]
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(t("data.rows_caption"))}">'
        f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _head(name: str, role: str | None) -> str:
    taken = f'<span class="role">{esc(t(f"role.{role}"))}</span>' if role else ""
    return f'<th scope="col"{" class=used" if role else ""}>{esc(clip(name, 40))}{taken}</th>'


def splits_line(splits: Mapping[str, int | None], made: Sequence[str] = ()) -> str:
    """`6,920 rows to train on · 872 to validate · 1,821 to test`."""
    parts = []
    for split in ("train", "validation", "test"):
        if splits.get(split):
            parts.append(t(f"data.{split}_rows", n=f"{splits[split]:,}"))
        elif split in made:
            parts.append(t(f"data.{split}_made"))
    return f'<p class="splits">{esc(" · ".join(parts))}</p>' if parts else ""


def label_map(pairs: Sequence[tuple[str, str | None]], shown: int = 12) -> str:
    """Which label of the data is which of the teacher's."""
    if not pairs:
        return ""
    items = "".join(_pair(mine, theirs) for mine, theirs in pairs[:shown])
    more = len(pairs) - shown
    rest = f"<li>{esc(t('card.more', n=more))}</li>" if more > 0 else ""
    return f'<div class="label-map"><h4>{esc(t("data.labels"))}</h4><ul>{items}{rest}</ul></div>'


def _pair(mine: str, theirs: str | None) -> str:
    if theirs is None:
        return f'<li class="lost"><span class="chip">{esc(clip(mine, 40))}</span> {esc(t("data.label_lost"))}</li>'
    same = " ".join(mine.split()).casefold() == " ".join(str(theirs).split()).casefold()
    if same:
        return f'<li><span class="chip">{esc(clip(theirs, 40))}</span></li>'
    return (
        f'<li><span class="chip">{esc(clip(mine, 40))}</span> <span class="is">{esc(t("data.label_is"))}</span> '
        f'<span class="chip">{esc(clip(theirs, 40))}</span></li>'
    )
