"""Texts made from a person's own, for the teacher to label: a small student learns more from them than from more passes over the
same rows.

After Tang et al. 2019 (arXiv 1903.12136): words replaced by others of the data or left out, spans taken out of a text, and two
texts joined; besides, words with a slip of the finger. Nothing is meant to stay what it was: the teacher says what it is now.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

SPAN, JOINED, SLIPS, SWAPPED = 0.5, 0.25, 0.15, 0.3
"""How often a text is cut to a span, joined with a span of another, given a slip, and (of pairs) one side taken from another."""
CHANGED = (0.0, 0.1, 0.2, 0.3)
"""Shares of a text's words that are replaced or left out, each as often as the others."""
LEFT_OUT = 0.2
"""Of the changed words, those that are left out."""
LONG_WORD = 12
"""Characters between two spaces, on average, from which on a language is taken for one that writes none."""
POOL, OF_EACH = 5000, 100
"""Texts whose words stand in for others, and how many words of each, drawn at random: enough to be as frequent among them as in
all, and little to keep in memory."""


def made_up(rows: Dataset, count: int, seed: int) -> Dataset:
    """`count` texts (or pairs) made from those of `rows`, with their text columns alone. The same for the same seed."""
    from datasets import Dataset as Table

    random = np.random.default_rng([seed, 0xA06])
    columns = [name for name in ("text", "text_pair") if name in rows.column_names]
    texts = {name: [str(text) for text in rows[name][:]] for name in columns}
    makers = {name: _Maker(texts[name], random) for name in columns}
    made: dict[str, list[str]] = {name: [] for name in columns}
    for _ in range(count):
        row = int(random.integers(len(rows)))
        changed = columns[int(random.integers(len(columns)))]
        for name in columns:
            own = texts[name][row]
            if name == changed:
                other = len(columns) > 1 and random.random() < SWAPPED
                own = texts[name][int(random.integers(len(rows)))] if other else makers[name].make(row)
            made[name].append(own)
    return Table.from_dict(made)


class _Maker:
    """Makes texts of one column."""

    def __init__(self, texts: Sequence[str], random: np.random.Generator):
        some = [texts[i] for i in random.permutation(len(texts))[:POOL].tolist()]
        self.space = "" if writes_no_spaces("\n".join(some)) else " "
        self.texts = texts
        self.random = random
        self.words = [word for text in some for word in self._some(text)] or [""]

    def _split(self, text: str) -> list[str]:
        return text.split() if self.space else list(text)

    def _some(self, text: str) -> list[str]:
        words = self._split(text)
        if len(words) <= OF_EACH:
            return words
        return [words[i] for i in self.random.choice(len(words), OF_EACH, replace=False).tolist()]

    def make(self, row: int) -> str:
        random = self.random
        words = self._split(self.texts[row])
        if len(words) > 4 and random.random() < SPAN:
            words = self._span(words, max(2, len(words) // 4))
        if random.random() < JOINED:
            other = self._split(self.texts[int(random.integers(len(self.texts)))])
            words += self._span(other, 1) if other else []
        words = self._changed(words, CHANGED[int(random.integers(len(CHANGED)))])
        if words and random.random() < SLIPS:
            words = slipped(words, random)
        return self.space.join(words) or self.texts[row]

    def _span(self, words: Sequence[str], least: int) -> list[str]:
        length = int(self.random.integers(least, len(words) + 1))
        start = int(self.random.integers(0, len(words) - length + 1))
        return list(words[start : start + length])

    def _changed(self, words: Sequence[str], share: float) -> list[str]:
        found = []
        for word in words:
            if self.random.random() >= share:
                found.append(word)
            elif self.random.random() >= LEFT_OUT:
                found.append(self.words[int(self.random.integers(len(self.words)))])
        return found


def writes_no_spaces(text: str) -> bool:
    """Whether a text is in a language that puts no spaces between its words."""
    return len(text) / max(1, len(text.split())) >= LONG_WORD


def slipped(words: list[str], random: np.random.Generator) -> list[str]:
    """Words of which one has a slip; of single characters one is missing, doubled or another one."""
    at, letters = int(random.integers(len(words))), "".join(words)
    if max(map(len, words)) > 1:
        return [*words[:at], slip(words[at], random, letters), *words[at + 1 :]]
    return list(slip(letters, random, letters))


def slip(word: str, random: np.random.Generator, letters: str = "") -> str:
    """A word as hurried fingers type it: a letter missing, doubled, swapped with the next, or another in its place, which is one
    of these `letters` that is written alike (capital or small), or else of the English ones."""
    if len(word) < 2:
        return word
    at, kind = int(random.integers(len(word))), int(random.integers(4))
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2:
        at = min(at, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    old = word[at]
    alike = sorted({c for c in letters if c.isalpha() and (c.isupper() == old.isupper() or not old.isalpha())} - {old})
    alike = alike or list(string.ascii_uppercase if old.isupper() else string.ascii_lowercase)
    return word[:at] + alike[int(random.integers(len(alike)))] + word[at + 1 :]
