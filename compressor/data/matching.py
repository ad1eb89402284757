"""Finding each label of the data among the teacher's: as the person says, by name, or by number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from compressor.data.cells import index, integer, normalised, some
from compressor.recipe import Data

_GENERIC = re.compile(r"(label[\W_]*)?\d+", re.IGNORECASE)
WAYS_OUT = (
    "Say which is which with `data.labels` ({{{example}: <a label of the teacher>}}), or train a new head on the data's own "
    "labels with `teacher_head: new`."
)


KINDS: dict[str, Literal["single", "multi", "regression"]] = {
    "one": "single",
    "several": "multi",
    "number": "regression",
}
"""`data.label_kind` → what it is here."""


@dataclass(frozen=True)
class Asked:
    """What the labels have to fit.

    Attributes:
        names: the teacher's labels in the order of its outputs; None: a new head, so the data says.
        kind: the teacher's kind; None: not known, or the data says.
        given: the person's own map, a label of the data → one of the teacher's (or a new name for it).
        label_kind: what the person says that a cell holds: `one` label, `several`, or a `number`; None: it is found out.
        no_label: values of the label column that say that a row has none; None: it is found out.
        score: numbers have to lie between 0 and 1.
        class_names: what the data set itself calls its integer classes; () where it says nothing.
    """

    names: Sequence[str] | None = None
    kind: str | None = None
    given: Mapping[str, str] | None = None
    class_names: Sequence[str] = ()
    label_kind: str | None = None
    no_label: Sequence[str] | None = None
    score: bool = False


def asked_of(spec: Data, names: Sequence[str] | None, kind: str | None) -> Asked:
    """What a recipe's data and a teacher with these labels ask of the labels."""
    score = kind == "score"
    kind = "regression" if score else kind
    return Asked(names, kind, spec.labels, label_kind=spec.label_kind, no_label=spec.no_label, score=score)


def matched_by_place(pairs: Sequence[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    """Those of the matched labels that are numbers and stand for a name: nothing but their place says so."""
    return tuple(
        (mine, theirs)
        for mine, theirs in pairs
        if theirs is not None and integer(mine) is not None and not any(c.isdecimal() for c in theirs)
    )


def told_of_places(pairs: Sequence[tuple[str, str]], column: str) -> str:
    """What was matched by place, a pair each."""
    shown = ", ".join(f"{mine} is {theirs!r}" for mine, theirs in pairs[:20]) + (
        " and so on" if len(pairs) > 20 else ""
    )
    return (
        f"The numbers of the column `{column}` were matched to the teacher's labels by their place: {shown}. `data.labels` "
        "changes that."
    )


def match_names(
    seen: Sequence[str], names: Sequence[str], asked: Asked, column: str
) -> tuple[dict[str, int | None], list[str], list[str]]:
    """Find each label of the data among the teacher's: as the person said; else all by name; else all by number.

    Numbers count places only where every label is one: a mixture would match by accident.

    Returns:
        (label of the data → place among `names`, or None; problems; notes)
    """
    places, problems, notes = _as_given(seen, names, asked.given)
    rest = [name for name in seen if name not in places]
    lookup = _lookup(names)
    by_name = {name: _find(name, lookup) for name in rest}
    if any(place is None for place in by_name.values()) and (told := _by_their_numbers(rest, names)) is not None:
        by_name = told
    if any(place is None for place in by_name.values()):
        generic = all(_GENERIC.fullmatch(name.strip()) for name in names)
        own = {name: i for i, name in enumerate(asked.class_names)} if generic else {}
        by_index = {name: own.get(name, index(name)) for name in rest}
        if any(i is None or not 0 <= i < len(names) for i in by_index.values()):
            problems.append(_unknown([n for n, p in by_name.items() if p is None], names, by_index, column))
        elif not generic and not places and _count_from_one(rest):
            problems.append(_from_one(rest, names, column))
        else:
            by_name = by_index
    return {**places, **by_name}, problems, notes


def _by_their_numbers(seen: Sequence[str], names: Sequence[str]) -> dict[str, int | None] | None:
    """Whole numbers as those in the teacher's names (`1 star` to `5 stars`), where each of these holds one, another each; None
    where that does not explain all."""
    held = [re.findall(r"\d+", name) for name in names]
    if any(len(one) != 1 for one in held) or all(_GENERIC.fullmatch(name.strip()) for name in names):
        return None
    places = {int(one[0][:18]): i for i, one in enumerate(held)}
    found = {name: places.get(number) if (number := integer(name)) is not None else None for name in seen}
    return found if len(places) == len(names) and None not in found.values() else None


def _count_from_one(seen: Sequence[str]) -> bool:
    """Whether plain numbers are 1, 2 and so on: counted from 1, as people count, or from 0, and the first one is missing."""
    numbers = [integer(name) for name in seen]
    return len(numbers) > 1 and {n for n in numbers if n is not None} == set(range(1, len(numbers) + 1))


def _from_one(seen: Sequence[str], names: Sequence[str], column: str) -> str:
    return (
        f"The labels of the column `{column}` run from 1 to {len(seen)}, and it is not certain which of the teacher's "
        f"{len(names)} labels ({some(names)}) a 1 stands for. {WAYS_OUT.format(example=1)}"
    )


def _as_given(
    seen: Sequence[str], names: Sequence[str], given: Mapping[str, str] | None
) -> tuple[dict[str, int | None], list[str], list[str]]:
    places: dict[str, int | None] = {}
    problems, absent = [], []
    ours, theirs = _lookup(seen), _lookup(names)
    for mine, wanted in (given or {}).items():
        if not wanted.strip():
            continue
        place = _find(wanted, theirs)
        if place is None and (i := index(wanted)) is not None and 0 <= i < len(names):
            place = i
        if place is None:
            problems.append(
                f"`data.labels` maps {some([mine])} to {some([wanted])}, which the teacher lacks. It has {some(names, 20)}."
            )
        if (at := _find(mine, ours)) is None:
            absent.append(mine)
        else:
            places[seen[at]] = place
    notes = [f"`data.labels` names {some(absent)}, which no row of the data has."] if absent else []
    return places, problems, notes


def _lookup(names: Sequence[str]) -> dict[str, int]:
    """Spellings → place. A spelling that two names share finds neither."""
    loose = Counter(normalised(name) for name in names)
    found = {normalised(name): i for i, name in enumerate(names) if loose[normalised(name)] == 1}
    exact = Counter(names)
    found.update({"=" + name: i for i, name in enumerate(names) if exact[name] == 1})
    return found


def _find(name: str, lookup: Mapping[str, int]) -> int | None:
    return lookup.get("=" + name, lookup.get(normalised(name)))


def _unknown(lost: Sequence[str], names: Sequence[str], by_index: Mapping[str, int | None], column: str) -> str:
    example = lost[0] if len(lost[0]) <= 40 else "…"
    numbers = [i for i in by_index.values() if i is not None]
    if numbers and len(numbers) == len(by_index):
        what = (
            f"The labels of the column `{column}` run from {min(numbers)} to {max(numbers)}, and the teacher's {len(names)} "
            f"labels are counted from 0 to {len(names) - 1} ({some(names)})."
        )
    else:
        plural = "s" if len(lost) > 1 else ""
        what = f"The teacher lacks the label{plural} {some(lost)} of the column `{column}`; it has {some(names)}."
    return f"{what} {WAYS_OUT.format(example=example)}"
