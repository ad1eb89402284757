"""Where each row of the files went: into a split, or left out and why, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from compressor.report import Rows

TOO_MANY_CELLS = "with more cells than there are columns"
REJECTED = "rejected or skipped in the annotation tool"
NOT_HELD = "beyond what is held in memory"
EMPTY = "without text"
NO_LABEL = "without a label"
HIDDEN = "of a split without labels"
OTHER_SPLIT = "of a split that is not measured on"
NOT_REACHED = "behind the part of the text that is measured on"
IN_TWO_SPLITS = "that stand in another split too"
REPEATED = "that repeat a text set aside for validation or test"
NOT_DRAWN = "beyond what a split is judged by"
LIMITED = "beyond `data.limit`"
NOT_LEARNED = "of raw texts, where nothing is trained"

SPLITS = {"train": "training", "validation": "validation", "test": "test", "unlabelled": "raw texts"}


@dataclass
class Ledger:
    """Rows that were read of all files, and those that were left out, by reason."""

    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def leave_out(self, reason: str, rows: int) -> None:
        if rows:
            self.left_out[reason] += rows

    def closed(self, used: Mapping[str, int]) -> Rows:
        """What the report says, with the rows of each split."""
        return Rows(read=self.read, used={k: n for k, n in used.items() if n}, left_out=dict(self.left_out))


def sentence(rows: Rows) -> str | None:
    """What became of the rows; None where each of them is used."""
    if not rows.left_out:
        return None
    used = ", ".join(f"{n:,} {SPLITS.get(split, split)}" for split, n in rows.used.items())
    why = "; ".join(f"{n:,} {reason}" for reason, n in rows.left_out.items())
    total = sum(rows.left_out.values())
    return f"Of {rows.read:,} rows that were read, {sum(rows.used.values()):,} are used ({used}) and {total:,} left out: {why}."
