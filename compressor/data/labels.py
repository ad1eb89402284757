"""What kind of labels a column holds, and which of the teacher's each of them is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from compressor.data.cells import (
    JOINS,
    LABELLED,
    alike,
    bit,
    index,
    integer,
    items,
    joined,
    missing,
    names_sorted,
    normalised,
    numbers,
    several_numbers,
    some,
)
from compressor.data.matching import KINDS, Asked, match_names
from compressor.data.silent import without_label

__all__ = ["LabelSpace", "Labelling", "label", "normalised"]

Kind = Literal["single", "multi", "regression", "none"]
MAX_CLASSES = 2000
MANY = 100
"""Different whole numbers, up to which they are taken for classes whatever they are."""
MAX_MARKS = 30_000_000
"""Zeros and ones, one a label, for all different cells of several labels."""


@dataclass(frozen=True)
class LabelSpace:
    """What a model predicts: `names` in the order of its outputs."""

    kind: Kind
    names: tuple[str, ...]


@dataclass
class Labelling:
    """How cells become labels. `codes` maps a cell to an int, a list of 0.0 and 1.0, or a float; a cell that is not in it
    has no label. `pairs`: a label of the data, and which of the teacher's it is (None: none)."""

    space: LabelSpace
    codes: dict[str, Any] = field(default_factory=dict)
    pairs: list[tuple[str, str | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def label(cells: Mapping[str, int], column: str, asked: Asked) -> Labelling:
    """Work out a label column from its different cells and how often each stands there (in all splits together)."""
    held = {cell: count for cell, count in cells.items() if not missing(cell)}
    silent = without_label(held, asked)
    if silent.problem is not None:
        return Labelling(LabelSpace("none", ()), problems=[silent.problem])
    held = {cell: count for cell, count in held.items() if cell not in silent.cells}
    spelled = {cell: _spell(cell, asked.class_names, negative=asked.no_label is not None) for cell in held}
    kind = _kind(held, spelled, asked)
    if asked.names and asked.label_kind and KINDS[asked.label_kind] != kind:
        problem = _another_kind(asked.label_kind, kind)
        return Labelling(LabelSpace("none", ()), problems=[problem])
    if kind == "regression":
        found = _numbers(held, column, asked)
    elif kind == "multi":
        found = _several(spelled, held, column, asked)
    else:
        found = _one(spelled, held, column, asked)
    found.notes += [silent.note] if silent.note else []
    if not asked.names and asked.label_kind is None:
        found.notes += _said_of_commas(kind, held, column)
    if not asked.names and asked.kind is None and len(held) > MANY and all(integer(cell) is not None for cell in held):
        found.notes.append(_taken_as(kind, len(held), column))
    return found


def _another_kind(asked: str, kind: Kind) -> str:
    says = {"one": "one label a row", "several": "several labels a row", "number": "a number"}
    has = {"single": "one label a row", "multi": "several labels at once", "regression": "a number"}
    return (
        f"`data.label_kind` says {says[asked]}, and the teacher predicts {has.get(kind, kind)}. Leave it out, or train a new "
        "head on the data's own labels with `teacher_head: new`."
    )


def _said_of_commas(kind: Kind, held: Mapping[str, int], column: str) -> list[str]:
    """What whole numbers with commas between them were taken for, and how to have the other."""
    cells = [cell for cell in held if items(cell) is None]
    example = next((cell for cell in cells if re.fullmatch(r"\s*\d+,\s*\d+\s*", cell)), None)
    if example is None or any(re.search(r"[^\d,\s]", cell) for cell in cells):
        return []
    if kind == "multi":
        return [
            f"The column `{column}` holds whole numbers with commas between them ({example}), which were taken for several "
            "labels each. Where a comma stands before decimals, say `data.label_kind: number`."
        ]
    if kind == "regression":
        decimal = example.strip().replace(",", ".")
        return [
            f"A comma in the column `{column}` was taken for a decimal one ({example} is {decimal}), so a number is predicted. "
            "Where it stands between several labels, say `data.label_kind: several`."
        ]
    return []


def _taken_as(kind: Kind, different: int, column: str) -> str:
    """What many whole numbers were taken for, and how to have the other."""
    has = f"The column `{column}` has {different:,} different whole numbers"
    if kind == "regression":
        return f"{has}, so a number is predicted. If they stand for classes, write them as words (such as c17)."
    return (
        f"{has}, from the first to the last without a gap, so each is taken for a class. If they are amounts, divide them (by "
        "100, say), so that they are no whole numbers."
    )


def _spell(cell: str, class_names: Sequence[str], negative: bool = False) -> list[str] | None:
    """The names in a cell, integer classes by the name that the data set gives them; None for a class of -1, which is how
    data sets of the Hub write a label that they keep to themselves, unless the person says that it is a class (`negative`)."""
    names = items(cell)
    if not class_names:
        return [name.strip().removeprefix(LABELLED) for name in ([cell] if names is None else names)]
    found = []
    for name in [cell] if names is None else names:
        place = integer(name)
        if place is not None and place < 0 and not negative:
            return None
        found.append(class_names[place] if place is not None and 0 <= place < len(class_names) else name.strip())
    return found


def _kind(held: Mapping[str, int], spelled: Mapping[str, list[str] | None], asked: Asked) -> Kind:
    if asked.names and asked.kind in ("single", "multi", "regression"):
        return asked.kind  # type: ignore[return-value]
    if asked.names:
        return "regression" if len(asked.names) == 1 else "single"
    if asked.label_kind is not None:
        return KINDS[asked.label_kind]
    if any(items(cell) is not None for cell in held):
        return "single" if all(s is None or len(s) == 1 for s in spelled.values()) else "multi"
    if asked.class_names:
        return "single"
    values = list(numbers(held).values())
    numeric = all(v is not None for v in values)
    if joined(held) and (not numeric or several_numbers(held)):  # 0,5 is a number, not two names
        return "multi"
    if values and numeric:
        fractions = any(v is not None and not v.is_integer() for v in values)
        if fractions or asked.kind == "regression" or (len(held) > MANY and not _counted(values, held)):
            return "regression"
    return "single"


def _counted(values: Sequence[float | None], held: Mapping[str, int]) -> bool:
    """Whether whole numbers count classes: from 0 or 1 on without a gap, each several times. A score seldom does all that."""
    places = {value for value in values if value is not None}
    first, last = min(places, default=0), max(places, default=0)
    return first in (0, 1) and last == first + len(places) - 1 and min(held.values()) >= 3


# ---------------------------------------------------------------------- one number


def _numbers(held: Mapping[str, int], column: str, asked: Asked) -> Labelling:
    name = asked.names[0] if asked.names else "score"
    found = Labelling(LabelSpace("regression", (name,)))
    odd = []
    plain = {cell: single[0] if (single := items(cell)) and len(single) == 1 else cell for cell in held}
    values = numbers(plain.values())
    for cell in held:
        if (value := values[plain[cell]]) is None:
            odd.append(cell)
        else:
            found.codes[cell] = value
    if odd:
        found.problems.append(
            f"The teacher predicts one number, and the column `{column}` holds {some(odd)}. Choose another label column, or "
            "train a new head on these labels with `teacher_head: new`."
        )
    elif asked.score and not all(0 <= value <= 1 for value in found.codes.values()):
        low, high = min(found.codes.values()), max(found.codes.values())
        found.problems.append(
            f"The teacher gives a score between 0 and 1, and the numbers of the column `{column}` run from {low:g} to {high:g}. "
            "Bring them to this range (stars of 1 to 5: take 1 off and divide by 4)."
        )
    elif len(set(found.codes.values())) < 2:
        found.problems.append(
            f"Every row has the same number in the column `{column}`: there is nothing to learn from it."
        )
    return found


# ---------------------------------------------------------------------- one label of several


def _one(spelled: Mapping[str, list[str] | None], held: Mapping[str, int], column: str, asked: Asked) -> Labelling:
    found = Labelling(LabelSpace("single", tuple(asked.names or ())))
    many = [cell for cell, names in spelled.items() if names is not None and len(names) != 1]
    if many:
        found.problems.append(
            f"Rows of the column `{column}` have several labels ({some(many, 2)}), and the teacher predicts one a row. Choose "
            "another label column, or train a new head on these labels with `teacher_head: new`."
        )
        return found
    seen = {names[0]: None for names in spelled.values() if names}
    rows = sum(held.values())
    if len(seen) > MAX_CLASSES or (len(seen) > 20 and len(seen) > rows / 2):
        found.problems.append(
            f"The column `{column}` has {len(seen):,} different values in {rows:,} rows, so it does not look like a label. "
            "Choose the label column with `data.columns` ({label: …})."
        )
        return found
    spelled = _in_one_spelling(found, spelled, held, column, asked)
    seen = {names[0]: None for names in spelled.values() if names}
    places = _resolve(found, list(seen), column, asked)
    found.codes = {c: places[n[0]] for c, n in spelled.items() if n and places.get(n[0]) is not None}
    return found


def _in_one_spelling(
    found: Labelling, named: Mapping[str, list[str] | None], held: Mapping[str, int], column: str, asked: Asked
) -> dict[str, list[str] | None]:
    """The names of each cell, for a new head: those that differ in how they are written alone are one class, by its commonest
    spelling, and it is told. A teacher's own labels are found by the looser rules of `match_names`."""
    if asked.names:
        return dict(named)
    counts: dict[str, Counter[str]] = {}
    for cell, names in named.items():
        for name in names or ():
            counts.setdefault(alike(name), Counter())[name] += held[cell]
    taken = {key: max(names, key=lambda name: (names[name], name)) for key, names in counts.items()}
    if several := [taken[key] for key, names in counts.items() if len(names) > 1]:
        found.notes.append(
            f"The column `{column}` writes {some(several)} in several ways; each of them counts as one label."
        )
    return {cell: None if names is None else [taken[alike(n)] for n in names] for cell, names in named.items()}


def _resolve(found: Labelling, seen: list[str], column: str, asked: Asked) -> dict[str, int | None]:
    """The place of each name in the label space, which is settled here where the data says it; pairs, problems noted."""
    names = asked.names or _own_names(seen, asked)
    found.space = LabelSpace(found.space.kind, tuple(names))
    places, problems, notes = match_names(seen, names, asked, column)
    found.problems += problems
    found.notes += notes
    ordered = names_sorted(seen)
    found.pairs = [(name, None if (p := places.get(name)) is None else names[p]) for name in ordered]
    return places


def _own_names(seen: Sequence[str], asked: Asked) -> list[str]:
    """The labels of a new head: the data set's own order where it has one, else sorted; renamed as the person asked."""
    known = [name for name in asked.class_names if name in seen]
    ordered = known if len(known) == len(seen) else names_sorted(seen)
    given = asked.given or {}
    loose = {normalised(a): b for a, b in given.items()}
    return list(dict.fromkeys(given.get(name, loose.get(normalised(name), name)) for name in ordered))


# ---------------------------------------------------------------------- several labels at once


def _several(spelled: Mapping[str, list[str] | None], held: Mapping[str, int], column: str, asked: Asked) -> Labelling:
    found = Labelling(LabelSpace("multi", tuple(asked.names or ())))
    alike_named = _in_one_spelling(
        found, _sets(spelled, asked.names, asked.label_kind == "several"), held, column, asked
    )
    sets = {cell: names for cell, names in alike_named.items() if names is not None}
    seen = list(dict.fromkeys(name for names in sets.values() for name in names))
    if asked.names and not asked.given and _says_yes_or_no(seen, asked.names):
        found.problems.append(
            f"The column `{column}` says yes or no, and the teacher predicts several labels at once ({some(asked.names)}). "
            'Name a column of zeros and ones for each (`data.columns: {label: "one, another"}`), or a column with the labels of '
            "each row, or train a new head with `teacher_head: new`."
        )
        return found
    if len(seen) > MAX_CLASSES:
        found.problems.append(
            f"The column `{column}` holds {len(seen):,} different labels, so it does not look like one of labels. Choose the "
            "label column with `data.columns` ({label: …})."
        )
        return found
    places = _resolve(found, seen, column, asked)
    size = len(found.space.names)
    if len(sets) * size > MAX_MARKS:
        found.problems.append(
            f"The column `{column}` holds {len(sets):,} different combinations of {size:,} labels, more than fit into memory. "
            "Join labels with `data.labels`, or give fewer rows."
        )
        return found
    for cell, names in sets.items():
        on = [place for name in names if (place := places.get(name)) is not None]
        found.codes[cell] = [1.0 if i in on else 0.0 for i in range(size)]
    if size < 2 and not found.problems:
        found.problems.append(f"The column `{column}` holds one label only: there is nothing to tell apart.")
    return found


def _says_yes_or_no(seen: Sequence[str], names: Sequence[str]) -> bool:
    own = {normalised(name) for name in names}
    return bool(seen) and all(bit(name) is not None and normalised(name) not in own for name in seen)


def _all_known(cells: Sequence[str], sign: str, known: Collection[str], labels: int) -> bool:
    """Whether each part of the cells is one of the teacher's labels, or (of some that have several) a place among them."""
    parts = {part for cell in cells for part in cell.split(sign)}
    if known and all(normalised(part) in known for part in parts):
        return True
    return any(sign in cell for cell in cells) and all(
        (place := index(part)) is not None and 0 <= place < labels for part in parts
    )


def _sets(
    spelled: Mapping[str, list[str] | None], names: Sequence[str] | None, asked_several: bool = False
) -> dict[str, list[str]]:
    """The names that each cell says: of a list, of joined names, or of a row of zeros and ones (a place each)."""
    lists = {cell: found for cell, found in spelled.items() if found is not None}
    if (marked := _marks(lists, names)) is not None:
        return marked
    plain = [found[0] for cell, found in lists.items() if items(cell) is None and found]
    known = {normalised(name) for name in names or ()}
    sign = joined(plain) or next((s for s in JOINS if plain and _all_known(plain, s, known, len(names or ()))), None)
    sign = sign or next((s for s in JOINS if asked_several and any(s in cell for cell in plain)), None)
    if sign is None:
        return lists
    parted = {
        cell: [part.strip() for name in found for part in name.split(sign) if part.strip()]
        if items(cell) is None
        else found
        for cell, found in lists.items()
    }
    return _marks(parted, names) or parted


def _marks(lists: Mapping[str, list[str]], names: Sequence[str] | None) -> dict[str, list[str]] | None:
    """Rows of zeros and ones, all of one width, as the names whose place is marked; None where they are something else. A list of
    places never says one twice, and has no two orders."""
    widths = {len(found) for found in lists.values()}
    if len(widths) != 1 or (width := widths.pop()) < 2 or any(bit(x) is None for f in lists.values() for x in f):
        return None
    different = {tuple(map(bit, found)) for found in lists.values()}
    if all(len(set(one)) == width for one in different) and len(different) < 2:
        return None
    called = list(names) if names and len(names) == width else [f"LABEL_{i}" for i in range(width)]
    return {cell: [called[i] for i, x in enumerate(found) if bit(x)] for cell, found in lists.items()}
