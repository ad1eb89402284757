"""Which column is the text, which the second text, which the label: by name, then by what stands in them."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from compressor.data.cells import bit, index, items, missing, normalised, number, several_numbers, some
from compressor.data.structure import misread, of_chats
from compressor.tasks.base import Role, Task

FEW = 50
"""Different values that a label column found by content alone may have."""
_IDS = re.compile(
    r"(^|[\W_])(id|ids|idx|index|guid|uuid|uid|key|no|nr|number|url|link|path|date|time|timestamp)$", re.I
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
# Names that mean two texts to be judged together, the first and the second.
PARTNERS = (
    ("text", "text_pair"), ("sentence1", "sentence2"), ("sentence_a", "sentence_b"), ("premise", "hypothesis"),
    ("question1", "question2"), ("question", "sentence"), ("question", "passage"), ("question", "context"),
    ("question", "answer"), ("query", "passage"), ("query", "document"), ("text1", "text2"), ("text_a", "text_b"),
    ("s1", "s2"), ("first", "second"),
)  # fmt: skip
WEAK = ("title", "input", "query")
"""Hints that give way to a much longer text beside them."""


@dataclass(frozen=True)
class Profile:
    """What some rows of a column look like."""

    name: str
    filled: int
    different: int
    mean_length: float
    texts: float
    """Share of cells with words: a space between letters, or a script that writes none."""
    numbers: float
    fractions: bool
    lists: float
    binary: bool
    """Zeros and ones only."""
    nested: bool
    """Its values have structure: they are chats, objects, or lists of such."""
    values: tuple[str, ...]
    """The commonest different values."""

    @property
    def is_text(self) -> bool:
        return self.filled > 0 and self.numbers < 0.5 and self.lists < 0.5 and not self.nested

    @property
    def is_free_text(self) -> bool:
        return self.is_text and self.texts >= 0.3 and self.different > max(2, 0.3 * self.filled)

    def is_label(self, kind: str | None) -> bool:
        if not self.filled or self.nested:
            return False
        if self.fractions:
            return kind in (None, "regression")
        if self.lists > 0.5:
            return True
        few = self.different <= max(FEW, 0.2 * self.filled) or self.numbers == 1.0
        return few and not (self.is_free_text and self.mean_length > 60)


def profile(name: str, cells: Sequence[str | None], nested: bool = False) -> Profile:
    held = [c.strip() for c in cells if c is not None and not missing(c)]
    counts = Counter(held)
    looked = held[:500]
    total = max(1, len(looked))
    values = [number(c) for c in looked]
    return Profile(
        name=name,
        filled=len(held),
        different=len(counts),
        mean_length=sum(map(len, held)) / max(1, len(held)),
        texts=sum(" " in c or bool(_CJK.search(c)) for c in looked) / total,
        numbers=sum(v is not None for v in values) / total,
        fractions=not several_numbers(counts)
        and any(v is not None and not v.is_integer() for v in values)
        and all(v is not None for v in values),
        lists=sum(items(c) is not None for c in looked) / total,
        nested=nested,
        binary=bool(counts) and all(bit(cell) is not None for cell in counts),
        values=tuple(v for v, _ in counts.most_common(FEW)),
    )


@dataclass(frozen=True)
class Choice:
    """Role → column. A label may be several columns of zeros and ones: their names, joined by `, `."""

    columns: dict[str, str]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose(
    head: Mapping[str, Sequence[str | None]],
    task: Task,
    asked: Mapping[str, str] | None,
    file: str,
    teacher: Sequence[str] | None = None,
    kind: str | None = None,
    nested: Collection[str] = (),
) -> Choice:
    """Give each role of the task a column.

    Args:
        head: some rows: column → cells.
        asked: the person's own choice, role → column; an empty name says that there is none. It stands over every guess.
        file: what to call the data in a sentence.
        teacher: the teacher's labels: of several candidates the column that holds them is the label.
        kind: the teacher's kind of labels, which a column has to fit.
        nested: columns whose values are objects or lists of them, which are taken for nothing.
    """
    profiles = {name: profile(name, cells, name in nested or of_chats(cells)) for name, cells in head.items()}
    columns, problems = _asked(asked or {}, task, list(head), file)
    notes: list[str] = []
    roles = {role.name: role for role in task.roles}
    refused = {role for role, name in (asked or {}).items() if not name.strip()}
    open_roles = [r for r in roles if r not in columns and r not in refused and r not in (asked or {})]
    if "text" in columns and "text_pair" in open_roles:
        open_roles.remove("text_pair")  # who names the text and no second one wants none
    free = [n for n in profiles if n not in columns.values()]
    if "text" in open_roles:
        columns |= _texts(profiles, free, roles, "text_pair" in open_roles)
    free = [n for n in free if n not in columns.values()]
    if "label" in open_roles:
        found, note = _label([profiles[n] for n in free], roles["label"], teacher, kind)
        columns |= {"label": found} if found else {}
        notes += [note] if note else []
    odd = misread(head, columns, asked or {}, task.running_text, nested, file)
    problems += odd
    unnamed = [r.name for r in task.roles if r.required and r.name not in columns and r.name not in (asked or {})]
    lost = [] if odd else unnamed
    if "label" in open_roles and "label" not in columns:
        notes += [said] if (said := _nested_label(profiles, roles["label"])) else []
    for role in lost:
        problems.append(
            f"No column of {file} looks like the role `{role}`. It has {_listed(list(head))}"
            + (f", of which {some(inside)} hold objects or lists of them" if (inside := _nested(profiles)) else "")
            + f". Say which with `data.columns` ({{{role}: <a column>}})."
        )
    return Choice({r: columns[r] for r in roles if r in columns}, tuple(problems), tuple(notes))


def _nested_label(profiles: Mapping[str, Profile], role: Role) -> str | None:
    name = next((n for n, p in profiles.items() if p.nested and normalised(n) in map(normalised, role.hints)), None)
    return name and (
        f"The column {name!r} holds objects or lists of them, so it is not read as labels. Write one label, or a list of "
        "labels, a row in a column of their own."
    )


def _nested(profiles: Mapping[str, Profile]) -> list[str]:
    return [name for name, one in profiles.items() if one.nested]


def _asked(asked: Mapping[str, str], task: Task, names: list[str], file: str) -> tuple[dict[str, str], list[str]]:
    columns: dict[str, str] = {}
    problems: list[str] = []
    roles = [role.name for role in task.roles]
    loose = {normalised(name): name for name in names}
    for role, wanted in asked.items():
        if role not in roles:
            problems.append(
                f"`data.columns` names the role {some([role])}; {task.title.lower()} has {', '.join(roles)}."
            )
        elif not wanted.strip():
            if any(r.name == role and r.required for r in task.roles):
                problems.append(
                    f"The role `{role}` needs a column, and `data.columns` gives it none. There is {_listed(names)}."
                )
        elif wanted in names:
            columns[role] = wanted
        elif role == "label" and len(parts := label_columns(wanted)) > 1 and all(p in names for p in parts):
            columns[role] = ", ".join(parts)
        elif normalised(wanted) in loose:
            columns[role] = loose[normalised(wanted)]
        else:
            near = difflib.get_close_matches(wanted[:200], names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            problems.append(
                f"{file} has no column {some([wanted])} (for the role `{role}`).{hint} It has {_listed(names)}."
            )
    taken = Counter(columns.values())
    problems += [
        f"`data.columns` gives the column {c!r} two roles. Each needs its own." for c, n in taken.items() if n > 1
    ]
    return columns, problems


def label_columns(name: str) -> list[str]:
    """The columns that a label role names: one, or several of zeros and ones."""
    return [part.strip() for part in name.split(",") if part.strip()]


def _listed(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) != 1 else ''} {some(names, 20)}"


# ---------------------------------------------------------------------- texts


def _texts(
    profiles: Mapping[str, Profile], free: Sequence[str], roles: Mapping[str, Role], pair: bool
) -> dict[str, str]:
    texts = [n for n in free if profiles[n].is_text]
    by_name = {normalised(n): n for n in texts}
    if pair:
        for first, second in PARTNERS:
            one, two = by_name.get(normalised(first)), by_name.get(normalised(second))
            if one and two and not (profiles[two].different <= 20 and not profiles[two].is_free_text):
                return {"text": one, "text_pair": two}
    candidates = [p for n in texts if not _IDS.search(n) and (p := profiles[n]).is_free_text]
    longest = max((p.mean_length for p in candidates), default=0.0)
    hinted = [name for hint in roles["text"].hints if (name := by_name.get(normalised(hint))) and not _IDS.search(name)]
    hinted = [n for n in hinted if normalised(n) not in WEAK or profiles[n].mean_length * 3 > longest]
    if hinted:
        return {"text": next((n for n in hinted if profiles[n].is_free_text), hinted[0])}
    # No name says it: the longest free text. Single words serve where there is nothing longer.
    if not candidates:
        candidates = [
            p for n in texts if not _IDS.search(n) and (p := profiles[n]).different > 0.5 * p.filled and p.texts > 0
        ]
    if not candidates and len(profiles) == 1:
        candidates = [profiles[n] for n in texts]
    if not candidates:  # its name says it and it is empty: the reader of its rows says that
        candidates = [
            p for p in profiles.values() if not p.filled and normalised(p.name) in map(normalised, roles["text"].hints)
        ]
    best = max(candidates, key=lambda p: p.mean_length, default=None)
    return {"text": best.name} if best else {}


# ---------------------------------------------------------------------- labels


def _label(
    free: Sequence[Profile], role: Role, teacher: Sequence[str] | None, kind: str | None
) -> tuple[str | None, str | None]:
    """(the label column, a sentence where its name does not say so)."""
    usable = [p for p in free if p.is_label(kind) and not _IDS.search(p.name)]
    hints = [normalised(h) for h in role.hints]
    flags = _flags(usable, teacher, kind, hints)
    if flags:
        return flags, None
    named = sorted(
        (p for p in usable if _rank(p.name, hints) is not None),
        key=lambda p: (not _holds(p, teacher), _rank(p.name, hints)),
    )
    if named:
        return named[0].name, None
    holding = [p for p in usable if _holds(p, teacher)]
    few = [p for p in usable if 2 <= p.different <= 20 and not p.is_free_text and not p.fractions]
    best = min(holding or few, key=lambda p: p.different, default=None)
    if best is None:
        return None, None
    return best.name, (
        f"No column is called a label; {best.name!r} was taken for it, for its {best.different} different values. "
        "`data.columns` changes that."
    )


def _rank(name: str, hints: Sequence[str]) -> int | None:
    """Place of a column's name among the hints; names that hold a hint (`coarse_label`) come after those that are one."""
    plain = normalised(name)
    if plain in hints:
        return hints.index(plain)
    words = [normalised(w) for w in re.split(r"[\W_]+", name)]
    places = [hints.index(w) for w in words if len(w) > 1 and w in hints]
    return len(hints) + min(places) if places else None


def _holds(found: Profile, teacher: Sequence[str] | None) -> bool:
    """Whether the commonest values are labels of the teacher's, by name."""
    known = {normalised(name) for name in teacher or () if index(name) is None}
    return bool(known) and bool(found.values) and all(normalised(v) in known for v in found.values)


def _flags(
    usable: Sequence[Profile], teacher: Sequence[str] | None, kind: str | None, hints: Sequence[str]
) -> str | None:
    """Several columns of zeros and ones, one a label: those called like the teacher's labels, or three and more where
    no column is called a label."""
    binary = [p.name for p in usable if p.binary]
    if teacher is not None:
        known = {normalised(name) for name in teacher}
        found = [n for n in binary if normalised(n) in known]
        return ", ".join(found) if kind == "multi" and len(found) > 1 else None
    lone = any(_rank(p.name, hints) is not None for p in usable)
    clean = all("," not in n for n in binary)
    return ", ".join(binary) if len(binary) > 2 and not lone and clean and kind in (None, "multi") else None
