"""The test rows of a report, as every variant decided them: where they part ways, and how each class changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.results.flips import NUMBERS, flipped
from compressor.results.tables import FIXED
from compressor.ui.text import clip, esc, percent
from compressor.ui.words import t

ALL, LOST, WON = "all", "lost", "won"
SHOWN = 500
"""At most so many differing rows on the page; the file has all of them."""


@dataclass(frozen=True)
class Rows:
    """Columns of `predictions.parquet`; `names` are the variants, the teacher first."""

    texts: list[str]
    pairs: list[str] | None
    labels: list[str | None]
    said: dict[str, list[str]]
    gap: float | None = None
    """Where predictions are numbers: from which difference on they count as different."""

    @property
    def names(self) -> list[str]:
        return list(self.said)

    @property
    def labelled(self) -> bool:
        return any(label is not None for label in self.labels)

    def __len__(self) -> int:
        return len(self.texts)


def load(folder: Path) -> Rows | None:
    """The rows of a run's folder; None where it has none (text generation, or no test rows)."""
    path = folder / "predictions.parquet"
    if not path.is_file():
        return None
    from pyarrow import parquet

    read = parquet.read_table(path)
    table: dict[str, list[Any]] = read.to_pydict()
    said = {name: values for name, values in table.items() if name not in FIXED and not name.endswith(":score")}
    texts = table.get("text") or []
    if not said or not texts:
        return None
    gap = (read.schema.metadata or {}).get(NUMBERS)
    labels = table.get("label") or [None] * len(texts)
    return Rows(texts, table.get("text_pair"), labels, said, float(gap) if gap is not None else None)


def differing(rows: Rows, name: str, which: str = ALL) -> list[int]:
    """Indexes of the rows that `name` decides differently from the teacher; `lost` where only the teacher was right (of numbers:
    where it was nearer), `won` where only `name` was."""
    teacher, other = rows.said[rows.names[0]], rows.said[name]
    every = flipped(teacher, other, rows.gap)
    if which == ALL:
        return every
    good, bad = (teacher, other) if which == LOST else (other, teacher)
    return [i for i in every if _better(good[i], bad[i], rows.labels[i], numbers=rows.gap is not None)]


def _better(good: str, bad: str, label: str | None, *, numbers: bool) -> bool:
    """Whether the one is right where the other is not, or nearer to what is right."""
    if label is None:
        return False
    return abs(float(good) - float(label)) < abs(float(bad) - float(label)) if numbers else good == label


def table(rows: Rows, name: str, which: str) -> str:
    """The differing rows as an HTML table; empty where there are none."""
    found = differing(rows, name, which)
    if not found:
        return ""
    teacher, other = rows.said[rows.names[0]], rows.said[name]
    keys = [
        "row",
        "text",
        *(["text_pair"] if rows.pairs else []),
        *(["truth"] if rows.labelled else []),
        "teacher",
        "other",
    ]
    body = []
    for index in found[:SHOWN]:
        texts = [clip(rows.texts[index], 400), *([clip(rows.pairs[index], 400)] if rows.pairs else [])]
        said = [*([rows.labels[index]] if rows.labelled else []), teacher[index], other[index]]
        cells = "".join(f"<td>{esc(text)}</td>" for text in texts) + "".join(_label(label) for label in said)
        body.append(f"<tr><td>{index}</td>{cells}</tr>")
    head = "".join(f'<th scope="col">{esc(t(f"flips.{key}"))}</th>' for key in keys)
    more = f'<p class="small">{esc(t("flips.more", shown=SHOWN))}</p>' if len(found) > SHOWN else ""
    return (
        f'<div class="scroll scroll-tall" tabindex="0" role="region" aria-label="{esc(t("flips.title"))}">'
        f'<table class="rows flips"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>{more}'
    )


def _label(label: str | None) -> str:
    return f'<td><span class="chip">{esc(clip(label, 40))}</span></td>' if label is not None else "<td></td>"


def count_line(rows: Rows, name: str) -> str:
    """How many rows differ, and which way."""
    every = len(differing(rows, name))
    of = {"flips": f"{every:,}", "rows": f"{len(rows):,}", "share": percent(every / len(rows))}
    numbers = rows.gap is not None
    line = t("flips.count_numbers", gap=f"{rows.gap:.2g}", **of) if numbers else t("flips.count", **of)
    if rows.labelled:
        lost, won = (f"{len(differing(rows, name, which)):,}" for which in (LOST, WON))
        line += " " + t("flips.nearer" if numbers else "flips.lost_won", lost=lost, won=won)
    return line


@dataclass(frozen=True)
class ClassChange:
    """Of the rows with this label, the shares that the teacher and the variant got right."""

    label: str
    rows: int
    teacher: float
    other: float


def by_class(rows: Rows, name: str) -> list[ClassChange]:
    """Per label of the data, the largest loss first; empty without labels, or with numbers for labels."""
    totals: Counter[str] = Counter()
    teacher: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for label, a, b in _labelled(rows, name):
        totals[label] += 1
        teacher[label] += a == label
        other[label] += b == label
    if rows.gap is not None or len(totals) > 200:
        return []
    found = [ClassChange(k, n, teacher[k] / n, other[k] / n) for k, n in totals.items()]
    return sorted(found, key=lambda c: (c.other - c.teacher, c.label))


def _labelled(rows: Rows, name: str) -> Iterator[tuple[str, str, str]]:
    for label, a, b in zip(rows.labels, rows.said[rows.names[0]], rows.said[name]):
        if label is not None:
            yield label, a, b


def classes_table(changes: Sequence[ClassChange]) -> str:
    """Per-class change as an HTML table."""
    if not changes:
        return ""
    keys = ("class", "rows", "teacher", "other", "change")
    head = "".join(f'<th scope="col">{esc(t(f"classes.{key}"))}</th>' for key in keys)
    body = "".join(
        f'<tr><th scope="row">{esc(clip(c.label, 60))}</th><td>{c.rows:,}</td><td>{percent(c.teacher)}</td>'
        f"<td>{percent(c.other)}</td>{_change(c.other - c.teacher)}</tr>"
        for c in changes
    )
    return (
        f'<h3 class="under-title">{esc(t("classes.title"))}</h3><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{esc(t("classes.title"))}"><table class="plain"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _change(points: float) -> str:
    way = "up" if points > 0.0005 else "down" if points < -0.0005 else "same"
    sign = "+" if way == "up" else "−" if way == "down" else "±"
    return f'<td class="{way}">{sign}{abs(points) * 100:.1f}</td>'


def examples(rows: Rows | None, most: int = 4) -> list[str]:
    """Short texts to try: first those on which the versions part ways."""
    if rows is None or rows.pairs:
        return []
    order = list(
        dict.fromkeys([*(i for n in rows.names[1:] for i in differing(rows, n)[:2]), *range(min(len(rows), 40))])
    )
    short = [" ".join(rows.texts[i].split()) for i in order if 8 <= len(rows.texts[i]) <= 140]
    return list(dict.fromkeys(short))[:most]
