"""What a cell of a label column says: a number, a list, several names in one. Text in, plain values out; knows no teacher."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_NUMBERED = re.compile(r"label[\W_]*(\d{1,18})", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d?(\d?(,\d{3})+|(,\d{2})+,\d{3})(\.\d+)?")
"""1,234,567.8, or 12,34,567 as in India."""
_CHOICES = re.compile(r"""\{\s*["']choices["']\s*:\s*(\[[^\[\]{}]*\])\s*\}""")
"""How Label Studio writes several choices in one cell."""
_SEPARATORS = re.compile(r"[^\w+#]+|_+")
"""`+` and `#` are none: C, C++ and C# are three languages."""
LABELLED = "__label__"
"""What fastText writes before a label."""
JOINS = ("|", ";", "\n", "#", ",")
"""Signs between several labels of one cell."""
MAX_LIST = 20_000


def normalised(name: str) -> str:
    """A label's name without what people write differently: case, width, and the signs between its words; of a number its value
    (`1.0` is 1, `-1` is not). Names made of signs only (`+`, `-`) stay as they are."""
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    if _NUMBER.fullmatch(plain) and len(plain) <= 15:
        value = float(plain)
        return str(int(value)) if value.is_integer() else str(value)
    return _SEPARATORS.sub("", plain) or plain


def alike(name: str) -> str:
    """What two spellings of one class share: `Positive` and `positive `, `1` and `1.0`. A single letter is itself: A may stand
    beside a."""
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    if (number := integer(plain)) is not None:
        return str(number)
    return plain.casefold() if len(plain) > 1 else plain


def missing(cell: str | None) -> bool:
    return cell is None or not cell.strip() or cell.strip().lower() == "nan"


def number(cell: str) -> float | None:
    """`3`, `0.5`, `1e-3`, and `0,5` as half of the world writes it; None for anything else."""
    cell = cell.strip()
    if _COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    elif not _NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    return value if abs(value) < 1e30 else None


def numbers(cells: Iterable[str]) -> dict[str, float | None]:
    """The `number` of each cell of a column. `1,251` is a thousand where the column says so: no comma in it can stand before
    decimals alone (`0,5`, `12,50`), and some cell has a point, or two commas, or is a smaller number without any."""
    cells = list(cells)
    with_comma = [cell.strip() for cell in cells if "," in cell]
    plain = [value for cell in cells if "," not in cell and (value := number(cell)) is not None]
    if with_comma and all(_THOUSANDS.fullmatch(cell) for cell in with_comma):
        pointed = any("." in cell for cell in cells) or any(cell.count(",") > 1 for cell in with_comma)
        if pointed or any(abs(value) < 1000 for value in plain):
            return {cell: number(cell.replace(",", "")) for cell in cells}
    return {cell: number(cell) for cell in cells}


def integer(cell: str) -> int | None:
    """The whole number that a cell holds, `3.0` included (a column with gaps is often written so)."""
    value = number(cell)
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e9 else None


def index(name: str) -> int | None:
    """The place in a list of labels that a name stands for: `2`, `LABEL_2`, `true`; None where it is a name proper."""
    if (found := _NUMBERED.fullmatch(name.strip())) is not None:
        return int(found.group(1))
    if name.strip().lower() in ("true", "false"):
        return int(name.strip().lower() == "true")
    return integer(name)


def bit(cell: str | None) -> int | None:
    """The yes or no that a cell says: 0 or 1, `0.0`, `True` as pandas writes it, `TRUE` as Excel does; None for others."""
    if (said := (cell or "").strip().lower()) in ("true", "yes", "false", "no"):
        return int(said in ("true", "yes"))
    value = integer(said)
    return value if value in (0, 1) else None


def items(cell: str) -> list[str] | None:
    """The items of a list, as JSON, Python or numpy write it; None where the cell is none."""
    cell = cell.strip()
    if (chosen := _CHOICES.fullmatch(cell)) is not None:
        cell = chosen.group(1)
    if not (cell.startswith("[") and cell.endswith("]")) or len(cell) > MAX_LIST:
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(cell)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            if "[" in cell[1:]:
                return None
            found = cell[1:-1].replace(",", " ").split()
    if not isinstance(found, list) or any(isinstance(x, (list, dict, tuple)) for x in found):
        return None
    return [_plain(x) for x in found if x is not None]


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    try:
        return str(value)
    except ValueError:
        return "…"  # a number of more digits than Python writes


def joined(cells: Iterable[str]) -> str | None:
    """The sign that joins several names in a cell (`joy|anger`), where that explains the column better than taking each
    cell for one name: there are fewer names than different cells."""
    different = set(cells)
    for sign in JOINS:
        if any(sign in cell for cell in different):
            parts = {part.strip() for cell in different for part in cell.split(sign)}
            if len(parts) < len(different) and "" not in parts:
                return sign
    if several_numbers(different):
        return ","
    if any(" " in cell.strip() for cell in different):
        numbered = [cell.split() for cell in different]
        parts = {part for cell in numbered for part in cell}
        if len(parts) < len(different) and all(part.isdecimal() for part in parts):
            return " "
    return None


def several_numbers(cells: Iterable[str]) -> bool:
    """Whether whole numbers with commas between them are several labels (`0,3`), and no decimal commas (`3,5`).

    Three in a row, or a space behind a comma, say so. Two look the same either way: labels are named once each and in order, with
    different ones behind the comma, and at least half of them also stand alone somewhere.
    """
    cells = [cell.strip() for cell in cells]
    split = [[part.strip() for part in cell.split(",")] for cell in cells if "," in cell]
    if not split or not all(part.isdecimal() for parts in split for part in parts):
        return False
    if all(_THOUSANDS.fullmatch(cell) for cell in cells if "," in cell):
        return False
    if any(len(parts) > 2 for parts in split) or any(", " in cell for cell in cells):
        return True
    pairs = [(int(a[:18]), int(b[:18])) for a, b in split]
    if any(b != str(second) for (_, b), (_, second) in zip(split, pairs, strict=True)):
        return False  # 05 are five hundredths
    alone = {cell for cell in cells if "," not in cell}
    if any(len(b) > 1 and b not in alone and not any(a == b for a, _ in split) for _, b in split):
        return False  # 1,25 and 1,75 are quarters
    names = {part for parts in split for part in parts} | alone
    ordered = all(a < b for a, b in pairs) or all(a > b for a, b in pairs)
    return ordered and len({b for _, b in pairs}) > 1 and len(alone) * 2 >= len(names)


def names_sorted(names: Iterable[str]) -> list[str]:
    """A stable order: whole numbers by value, otherwise by their letters."""
    different = sorted(set(names))
    if all(integer(name) is not None for name in different):
        return sorted(different, key=lambda name: (integer(name), name))
    return different


def some(names: Iterable[str], shown: int = 8) -> str:
    """`'a', 'b' and 3 more`, each cut to what a sentence can hold."""
    names = list(names)
    cut = [repr(n if len(n) <= 40 else n[:39] + "…") for n in names[:shown]]
    return ", ".join(cut) + (f" and {len(names) - shown} more" if len(names) > shown else "")
