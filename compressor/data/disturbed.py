"""Test rows as hurried people write them: with slips of the finger, in capitals, cut short. A smaller model copes with that worse
before it does worse on tidy rows, and a person's own rows are seldom tidy.

After the perturbations of CheckList (Ribeiro et al. 2020, arXiv 2005.04118); the labels are taken to stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from compressor.data.augment import slip, writes_no_spaces

if TYPE_CHECKING:
    from datasets import Dataset

ROWS = 500
"""Rows of each kind, at the most."""
TYPOS = 0.1
"""Share of a text's words with a slip; one at the least."""
SHORT = 0.6
"""Share of a text that is left of it."""
FEW = 0.05
"""Where fewer rows than this change at all (capitals in Chinese), a kind says nothing."""


def disturbed(rows: Dataset, seed: int = 0) -> tuple[list[int], dict[str, Dataset]]:
    """(indices of the rows that were taken, {kind: those rows disturbed}): `typos`, `case` and `shortened`, with all columns."""
    random = np.random.default_rng([seed, 0xD157])
    chosen = sorted(random.permutation(len(rows))[:ROWS].tolist())
    plain = rows.select(chosen)
    columns = [name for name in ("text", "text_pair") if name in rows.column_names]
    kinds: dict[str, Callable[[str], str]] = {
        "typos": lambda text: with_typos(text, random),
        "case": lambda text: text.upper() if text != text.upper() else text.lower(),
        "shortened": shortened,
    }
    found = {}
    for kind, change in kinds.items():
        changed = {name: [change(str(text)) for text in plain[name]] for name in columns}
        same = sum(all(changed[name][i] == plain[name][i] for name in columns) for i in range(len(plain)))
        if len(plain) and same <= (1 - FEW) * len(plain):
            table = plain
            for name in columns:
                table = table.remove_columns(name).add_column(name, changed[name])
            found[kind] = table
    return chosen, found


def with_typos(text: str, random: np.random.Generator) -> str:
    """Slips in a tenth of the words, in one at the least; without spaces between them, in a tenth of the pairs of characters."""
    if writes_no_spaces(text):
        for _ in range(max(1, round(TYPOS * len(text) / 2))):
            text = slip(text, random, text)
        return text
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 1]
    for i in random.permutation(long)[: max(1, round(TYPOS * len(words)))]:
        words[i] = slip(words[i], random, text)
    return " ".join(words)


def shortened(text: str) -> str:
    """The first part of a text, in whole words where there are spaces."""
    words = text.split(" ")
    if len(words) > 2:
        return " ".join(words[: max(1, round(SHORT * len(words)))])
    return text[: max(1, round(SHORT * len(text)))]
