"""Which values of a label column say that a row has no label: as the person says, or the -1 that stands beside classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compressor.data.cells import alike, integer, items, normalised
from compressor.data.matching import KINDS, Asked

LARGE = 0.2
"""Share of the rows from which on nobody leaves them out unasked."""


@dataclass(frozen=True)
class Silent:
    """The cells without a label. `problem`: it has to be asked. `note`: what was taken for no label."""

    cells: frozenset[str] = frozenset()
    note: str | None = None
    problem: str | None = None


def without_label(held: Mapping[str, int], asked: Asked) -> Silent:
    """The cells of a label column that say that their row has no label.

    Unless the person says which, that is -1 beside the classes 0, 1 and so on, as shared tasks and the Hub's data sets write it.
    -1 and 1, and -1, 0 and 1, are classes, but for a teacher of two.

    Args:
        held: cell → how often it stands there.
    """
    if asked.no_label is not None:
        wanted = {alike(name) for name in asked.no_label}
        return Silent(frozenset(c for c in held if {alike(name) for name in items(c) or [c]} <= wanted))
    if not _is_no_class(held, asked):
        return Silent()
    cells = frozenset(cell for cell in held if integer(cell) == -1)
    rows, of = sum(held[cell] for cell in cells), sum(held.values())
    if rows > LARGE * of:
        return Silent(
            problem=f"{rows:,} of {of:,} rows have the label -1, which often means that a row has none. Say which it is: "
            '`data.no_label: ["-1"]` leaves these rows out, `data.no_label: []` takes -1 for a class of its own.'
        )
    return Silent(
        cells,
        "The label -1 beside the classes 0, 1 and so on was taken for none (`data.no_label: []` makes it a class).",
    )


def says_nothing(cell: str, asked: Asked) -> bool:
    """Whether a cell that stands in all rows of a split keeps its labels secret: -1, or what the person says."""
    if asked.no_label is not None:
        return alike(cell) in {alike(name) for name in asked.no_label}
    return integer(cell) == -1


def _is_no_class(held: Mapping[str, int], asked: Asked) -> bool:
    kind = KINDS[asked.label_kind] if asked.label_kind else asked.kind
    if kind in ("regression", "multi") or any(name.strip() == "-1" for name in asked.given or {}):
        return False
    if any(normalised(name) == "-1" for name in asked.names or ()):
        return False
    found = {integer(cell) for cell in held}
    rest = found - {-1}
    if None in found or -1 not in found or len(rest) < 2:
        return False
    classes = {number for number in rest if number is not None}
    if asked.class_names:
        return classes <= set(range(len(asked.class_names)))
    if asked.names:
        # As many values as the teacher has labels may be these, counted from -1: that has to be asked.
        size = len(asked.names)
        return classes <= set(range(size)) and len(found) != size and (classes != {0, 1} or size == 2)
    return len(classes) > 2 and classes == set(range(len(classes)))
