"""Columns that hold more than a text: chats, instructions with their answers, objects. What is told of them before any is read as
if it were plain text."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from compressor.data.cells import LABELLED, normalised, some

Head = Mapping[str, Sequence[str | None]]

CHATS = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat")
"""What columns of chats are called."""
TURNS = (("role", "content"), ("from", "value"))
"""The names in a turn of a chat: OpenAI's, and ShareGPT's."""
INSTRUCTIONS = (
    (("instruction",), ("output", "response", "answer", "completion")),
    (("prompt",), ("completion", "response", "answer", "output", "chosen", "rejected")),
    (("question",), ("answer", "response")),
    (("chosen",), ("rejected",)),
    (("input",), ("output",)),
    (("query",), ("response", "answer")),
    (("problem",), ("solution",)),
)
"""Names of a request's column, and of the answer's beside it."""
SHOWN = 200
"""Cells that are looked at."""


def of_chats(cells: Sequence[str | None]) -> bool:
    """Whether most cells are chats: lists of turns, each with a role and a content, as JSON or as Python writes them."""
    filled = [cell for cell in cells if cell and cell.strip()][:SHOWN]
    return bool(filled) and sum(_is_chat(cell) for cell in filled) * 2 > len(filled)


def _is_chat(cell: str) -> bool:
    cell = cell.strip()
    if not cell.startswith("["):
        return False
    if (turns := _parsed(cell)) is None:  # cut short: its beginning says what it is
        start = cell[:400].replace("'", '"')
        return any(f'"{who}"' in start and f'"{what}"' in start for who, what in TURNS)
    return bool(turns) and all(
        isinstance(turn, dict) and any(who in turn and what in turn for who, what in TURNS) for turn in turns
    )


def _parsed(cell: str) -> list[Any] | None:
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(cell)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list) else None
    return None


def misread(head: Head, columns: Mapping[str, str], asked: Mapping[str, str], running: bool, nested: Collection[str],
            file: str) -> list[str]:  # fmt: skip
    """What is wrong with reading the chosen columns as plain text; a sentence each.

    Args:
        columns: role → column, as they were chosen.
        asked: those that the person named.
        running: the texts are run through as they stand, by a language model.
        nested: columns whose values are objects, or lists of them.
    """
    text = columns.get("text")
    if running and (form := _form(head, text, "text" in asked)) is not None:
        return [
            f"{file} holds {form}. A language model is measured on plain running text, and these are not put into its own form "
            "yet. Write each as one text, as the model is used (with its chat template), in a column of its own, and name that "
            "one with `data.columns` ({text: …})."
        ]
    found = []
    for role in ("text", "text_pair", "label"):
        name = columns.get(role)
        if name is None:
            continue
        if name in nested or (role != "label" and of_chats(head.get(name, ()))):
            what = "as text" if role != "label" else "as labels"
            found.append(
                f"The column {name!r} of {file} holds objects or lists of them ({_shown(head[name])}), which cannot be read "
                f"{what}. Write what is meant in a column of its own, one value a row, and name it with `data.columns`."
            )
        elif role == "text" and _is_fasttext(head.get(name, ())):
            found.append(
                f"The texts of the column {name!r} of {file} begin with labels as fastText writes them ({LABELLED}…). Save the "
                "lines as a .txt file, or write the labels in a column of their own."
            )
    return found


def _form(head: Head, text: str | None, asked: bool) -> str | None:
    """What the rows are, where they are no plain texts. A column of plain text that the person named themselves is one."""
    chats = [name for name, cells in head.items() if of_chats(cells)]
    chats += [name for name in head if normalised(name) in CHATS and name not in chats and _is_list(head[name])]
    if chats and (not asked or text in chats):
        return f"chats (the column {chats[0]!r}: a list of turns)"
    if asked:
        return None
    names = {normalised(name): name for name in head}
    for requests, answers in INSTRUCTIONS:
        request = next((names[name] for name in requests if name in names), None)
        answer = next((names[name] for name in answers if name in names), None)
        if request is not None and answer is not None and not ("text" in names and text == names["text"]):
            more = [
                names[name]
                for name in ("input", "context", "system")
                if name in names and names[name] not in (request, answer)
            ]
            return f"requests with their answers (the columns {some([request, *more, answer])})"
    return None


def _is_list(cells: Sequence[str | None]) -> bool:
    filled = [cell.strip() for cell in cells if cell and cell.strip()][:SHOWN]
    return bool(filled) and all(cell.startswith("[") for cell in filled)


def _is_fasttext(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell and cell.strip()][:SHOWN]
    return bool(filled) and sum(cell.lstrip().startswith(LABELLED) for cell in filled) * 2 > len(filled)


def _shown(cells: Sequence[str | None]) -> str:
    first = next((cell for cell in cells if cell), "")
    return first if len(first) <= 60 else first[:59] + "…"
