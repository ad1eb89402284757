"""Exports of annotation tools (Label Studio, Prodigy, spaCy, doccano): rows as they nest them → rows of named values.

Rows that the tool marks as rejected or skipped are no rows to learn from. What marks places in a text (entities, spans) is
refused by the tool's name: it is no label of the whole text.

Forms: labelstud.io/guide/export (JSON and JSON-MIN), prodi.gy/docs/api-interfaces, spacy.io/api/data-formats, doccano's JSONL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from compressor.errors import DataError

Row = Mapping[str, Any]

LABEL = "label"
MARKS_PLACES = (
    "{file} is {tool}'s export of marks inside texts (entities, spans), and a label of each whole text is what is learned here. "
    "Export labels of whole texts (choices, categories), or write them in a column of their own."
)


@dataclass(frozen=True)
class Export:
    """A tool's form: `row` gives the named values of one row, None for one that was rejected or skipped."""

    tool: str
    row: Callable[[Row], dict[str, Any] | None]


def export_of(first: Iterable[Any], path: Path) -> Export | None:
    """The tool that wrote these rows; None for all other rows. None of them is held: one may be large.

    Args:
        first: the first rows of the file.

    Raises:
        DataError: it is an export of something that cannot be read as labels of texts.
    """
    rows, mine, marked, told = 0, Counter[str](), Counter[str](), Counter[str]()
    controls: set[str] = set()
    for row in first:
        if not isinstance(row, Mapping):
            continue
        rows += 1
        for tool, recognised, marks_places, read in TOOLS:
            if recognised(row):
                mine[tool] += 1
                marks = marks_places(row)
                marked[tool] += marks
                told[tool] += not marks and read is not None and LABEL in (read(row) or {})
        controls |= {
            _control(result) for one in _annotations(row) for result in _results(one) if _answer(result) is not None
        }
    for tool, _, _, read in TOOLS:
        if mine[tool] * 2 > rows:
            if marked[tool] > told[tool]:
                raise DataError(MARKS_PLACES.format(file=path.name, tool=tool))
            if read is _label_studio and len(controls) > 1:
                return Export(tool, partial(_label_studio, alone=False))
            return Export(tool, read) if read is not None else None
    return None


def pair_of_spacy(value: Any) -> dict[str, Any] | None:
    """`["text", {"cats": {…}}]`, as spaCy's older examples write a row, as an object; None for anything else."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)):
        return None
    return {"text": value[0], **value[1]} if {"cats", "entities"} & set(value[1]) else None


# ---------------------------------------------------------------------- Label Studio


def _is_label_studio(row: Row) -> bool:
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations", row.get("completions")), list)


def _annotations(row: Row) -> list[dict[str, Any]]:
    found = row.get("annotations", row.get("completions"))
    return [one for one in found or [] if isinstance(one, dict)]


def _results(annotation: Row) -> list[dict[str, Any]]:
    found = annotation.get("result")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _marks_label_studio(row: Row) -> bool:
    kinds = [str(result.get("type", "")) for one in _annotations(row) for result in _results(one)]
    return any(kind.endswith("labels") for kind in kinds) and "choices" not in kinds


def _control(result: Row) -> str:
    return str(result.get("from_name") or LABEL)


def _label_studio(row: Row, alone: bool = True) -> dict[str, Any] | None:
    """The task's own values, and a column for each control (`from_name`); one that is `alone` in the file is the label. Of
    several annotations the one that is marked as ground truth counts, else the commonest answer."""
    annotations = _annotations(row)
    valid = [one for one in annotations if not one.get("was_cancelled")]
    if annotations and not valid:
        return None
    trusted = [one for one in valid if one.get("ground_truth")] or valid
    said: dict[str, list[Any]] = {}
    for one in trusted:
        for result in _results(one):
            if (answer := _answer(result)) is not None:
                said.setdefault(_control(result), []).append(answer)
    own = {str(key): value for key, value in row["data"].items()}
    for name, answers in said.items():
        column = LABEL if alone and LABEL not in own else name
        commonest = Counter(map(repr, answers)).most_common(1)[0][0]
        own[column] = next(answer for answer in answers if repr(answer) == commonest)
    return own


def _answer(result: Row) -> Any:
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    choices = value.get("choices")
    if isinstance(choices, list) and choices:
        return choices[0] if len(choices) == 1 else choices
    return value.get("rating", value.get("number"))


# ---------------------------------------------------------------------- Prodigy

ANSWERS = ("accept", "reject", "ignore")


def _is_prodigy(row: Row) -> bool:
    return row.get("answer") in ANSWERS and ("_task_hash" in row or "_input_hash" in row)


def _marks_prodigy(row: Row) -> bool:
    return bool(row.get("spans")) and not row.get("label") and "accept" not in row


def _prodigy(row: Row) -> dict[str, Any] | None:
    if row["answer"] != "accept":
        return None
    own = {key: value for key, value in row.items() if key in ("text", LABEL, "meta") or not _prodigys_own(key)}
    chosen = row.get("accept")
    if isinstance(chosen, list):
        options = row.get("options")
        names = {
            str(one.get("id")): one.get("text") or one.get("id")
            for one in (options if isinstance(options, list) else [])
            if isinstance(one, dict)
        }
        labels = [names.get(str(choice), choice) for choice in chosen]
        own[LABEL] = labels[0] if len(labels) == 1 else labels or None
    return own


def _prodigys_own(key: str) -> bool:
    return key.startswith("_") or key in ("answer", "accept", "options", "config", "spans", "tokens", "style")


# ---------------------------------------------------------------------- spaCy


SPACYS = {"text", "ents", "entities", "tokens", "spans", "meta", "id"}
"""Names in a row of spaCy's that has no categories. Beside others, such as an intent, entities are a column among others."""


def _is_spacy(row: Row) -> bool:
    if not isinstance(row.get("text"), str):
        return False
    return isinstance(row.get("cats"), dict) or (
        set(row) <= SPACYS and any(_is_span(span) for key in ("ents", "entities") for span in _listed(row.get(key)))
    )


def _marks_spacy(row: Row) -> bool:
    return not isinstance(row.get("cats"), dict) and bool(row.get("ents") or row.get("entities"))


def _spacy(row: Row) -> dict[str, Any] | None:
    if not isinstance(cats := row.get("cats"), dict):
        return dict(row)
    labels = [name for name, score in cats.items() if isinstance(score, (int, float)) and score >= 0.5]
    label = labels[0] if len(labels) == 1 else labels if cats else None
    return {key: value for key, value in row.items() if key not in ("cats", "ents", "entities", "tokens", "spans")} | {
        LABEL: label
    }


def _is_spacy_2(row: Row) -> bool:
    paragraphs = row.get("paragraphs")
    return isinstance(paragraphs, list) and any(isinstance(one, dict) and "sentences" in one for one in paragraphs)


# ---------------------------------------------------------------------- doccano


def _is_doccano(row: Row) -> bool:
    return any(_is_span(span) for key in (LABEL, "labels") for span in _listed(row.get(key)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_span(value: Any) -> bool:
    """`[0, 5, "PER"]`, or the same with names."""
    if isinstance(value, dict):
        return {"start_offset", "end_offset"} <= set(value) or {"start", "end", "label"} <= set(value)
    return isinstance(value, list) and len(value) == 3 and all(isinstance(x, int) for x in value[:2])


TOOLS: tuple[
    tuple[str, Callable[[Row], bool], Callable[[Row], bool], Callable[[Row], dict[str, Any] | None] | None], ...
] = (
    ("Label Studio", _is_label_studio, _marks_label_studio, _label_studio),
    ("Prodigy", _is_prodigy, _marks_prodigy, _prodigy),
    ("spaCy 2", _is_spacy_2, _is_spacy_2, None),
    ("doccano", _is_doccano, _is_doccano, None),
    ("spaCy", _is_spacy, _marks_spacy, _spacy),
)
"""Tool, whether a row is its, whether that row marks places in a text, and how its row is read. Labels of doccano for whole texts
are plain lists, which need no reading of their own."""
