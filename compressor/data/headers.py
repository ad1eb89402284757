"""Whether the first line of a table names its columns, or is a row like the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
OF_TEXTS = frozenset(
    {"text", "sentence", "comment", "comment_text", "review", "content", "message", "tweet", "question"}
)
"""Names of columns of texts, of which none is a text itself where the others are longer."""
ROWS = 500
"""Rows after the first that are looked at."""
REPEATED = 0.02
"""Share of the rows that say what the first line says in the same column, from which on it is one of them."""
SINGLE = 0.02
"""Share of the rows whose value stands in no other, up to which a column's values count as all known."""
ENOUGH = 20
"""Rows from which on a column's values can be known."""


def names_columns(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether `first` holds names rather than a row.

    A number is no name (but for 0, 1, 2 as pandas numbers columns without any), and no name stands among the values of its own
    column (but for another column that is called as columns of texts are, and holds them). Something that is no number over a
    column of numbers, or that is none of a column's few values, is one, however long: a form's questions. Where the rows do not
    tell, a sentence is a row.

    Args:
        rows: some of those that follow, cells as they stand.
    """
    filled = [(at, cell.strip()) for at, cell in enumerate(first) if cell.strip()]
    of_texts = [cell for at, cell in filled if _are_texts([row[at] for row in rows if at < len(row)])]
    if of_texts and [cell.strip() for cell in first] == [str(at) for at in range(len(first))]:
        return True
    if any(cell.casefold() in OF_TEXTS for cell in of_texts):
        return True
    if any(_NUMBER.fullmatch(cell) for _, cell in filled):
        return False
    others = [row for row in rows if [c.strip() for c in row] != [c.strip() for c in first]]  # tables put end to end
    columns = [(cell, [row[at].strip() for row in others if at < len(row) and row[at].strip()]) for at, cell in filled]
    if any(_is_value(cell, values) for cell, values in columns):
        return False
    if any(_stands_out(values) for _, values in columns):
        return True
    return not any(len(cell) > 80 or len(cell.split()) >= 6 for _, cell in filled)


def _are_texts(cells: Sequence[str]) -> bool:
    """Whether most of a column's cells have several words."""
    return len(cells) > 2 and sum(len(cell.split()) > 2 for cell in cells) > len(cells) / 2


def _is_value(cell: str, values: Sequence[str]) -> bool:
    return values.count(cell) > REPEATED * len(values) and len(set(values)) < len(values)


def _stands_out(values: Sequence[str]) -> bool:
    """Of a column whose first cell is neither a number nor among these."""
    if len(values) > 2 and all(_NUMBER.fullmatch(value) for value in values):
        return True
    counts = Counter(values)
    return len(values) >= ENOUGH and sum(n == 1 for n in counts.values()) <= SINGLE * len(values)
