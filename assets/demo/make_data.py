"""Write the demo's data: train.csv, validation.csv and test.csv, columns `text` and `label`.

    python assets/demo/make_data.py [FOLDER]

Messages to the customer support of a made-up shop, from a grammar. The label is what the writer wants now; about one message
in six also mentions something that the writer does *not* want (any more). A few labels are wrong and a few messages ask for two things, as in
data labelled by people. Standard library only; the same rows on every machine, since only `Random.random()` is drawn from,
whose sequence Python promises to keep.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent))
import phrases

ROWS = {"train": 4800, "validation": 600, "test": 1000}
SEED = 20
WORDS = (8, 40)
LABELS = tuple(phrases.WANTS)
# Shares of what the core of a message is; the rest is of MIXED.
SHARE_PLAIN, SHARE_FACT, SHARE_BOTH = 0.36, 0.46, 0.02
LABEL_NOISE = 0.025

T = TypeVar("T")


class Dice:
    """Choices made from `Random.random()` alone."""

    def __init__(self, seed: int):
        self.random = Random(seed).random

    def pick(self, among: Sequence[T]) -> T:
        return among[int(self.random() * len(among))]

    def chance(self, share: float) -> bool:
        return self.random() < share


def gerund(want: str) -> str:
    """`cancel my order` → `cancelling my order`."""
    verb, _, rest = want.partition(" ")
    form = phrases.GERUNDS.get(verb) or (verb[:-1] + "ing" if verb.endswith("e") else verb + "ing")
    return f"{form} {rest}"


def sentence(text: str) -> str:
    """With a capital at the start and after every full stop, and a stop at the end."""
    text = re.sub(
        r"(^|[.?!:] )([a-z])", lambda m: m[1] + (m[2] if m[1].startswith(":") else m[2].upper()), text.strip()
    )
    return text if text[-1] in ".?!" else text + "."


def core(dice: Dice, label: str) -> tuple[str, str]:
    """The request itself, slots still open, and the label that it gets."""
    others = [x for x in LABELS if x != label]
    b = dice.pick(others)
    c = dice.pick([x for x in others if x != b])
    parts = {}
    for name, of in (("a", label), ("b", b), ("c", c)):
        want = dice.pick(phrases.WANTS[of])
        parts |= {name: want, name + "g": gerund(want), name + "f": dice.pick(phrases.FACTS[of])}
    roll = dice.random()
    if roll < SHARE_PLAIN:
        frame = dice.pick(phrases.PLAIN)
    elif roll < SHARE_PLAIN + SHARE_FACT:
        frame = "{af}."
    elif roll < SHARE_PLAIN + SHARE_FACT + SHARE_BOTH:
        frame = dice.pick(phrases.BOTH)
        label = label if dice.chance(0.7) else b
    else:
        frame = dice.pick(phrases.MIXED[dice.pick(tuple(phrases.MIXED))])
    for name, text in parts.items():
        frame = frame.replace("{" + name + "}", text)
    return frame, label


def slots(dice: Dice) -> dict[str, str]:
    """One value for every slot, for a whole message."""
    chosen = {name: dice.pick(values) for name, values in phrases.SLOTS.items()}
    chosen["item"], chosen["item2"] = (dice.pick((chosen["device"], chosen["wear"], chosen["home"])) for _ in range(2))
    while chosen["item2"] == chosen["item"]:
        chosen["item2"] = dice.pick(phrases.SLOTS["home"])
    chosen["no"] = str(1000 + int(dice.random() * 9000))
    chosen["amount"] = f"{dice.pick('$£€')}{5 + int(dice.random() * 195)}"
    return chosen


def message(dice: Dice, label: str) -> tuple[str, str]:
    """A whole message and its label."""
    request, label = core(dice, label)
    pieces = [sentence(request)]
    for _ in range(int(dice.random() * 2.2)):
        extra = sentence(dice.pick(phrases.CONTEXT))
        pieces.insert(0 if dice.chance(0.6) else len(pieces), extra)
    if dice.chance(0.45):
        pieces.insert(0, dice.pick(phrases.GREETINGS))
    if dice.chance(0.45):
        pieces.append(dice.pick(phrases.CLOSINGS))
    text = " ".join(dict.fromkeys(pieces))
    for name, value in slots(dice).items():
        text = text.replace("{" + name + "}", value)
    text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
    return worn(dice, text), label


def worn(dice: Dice, text: str) -> str:
    """The text as people type it: contractions, lower case, chat spelling, slips."""
    if dice.chance(0.7):
        for long, short in phrases.CONTRACTIONS:
            text = re.sub(rf"\b{long}\b", short, text)
            text = re.sub(rf"\b{long.capitalize()}\b", short.capitalize(), text)
    style = dice.random()
    if style < 0.05:
        text = text.upper()
    elif style < 0.25:
        text = text.lower()
        if dice.chance(0.5):
            text = re.sub(r"[.,']", "", text)
        if dice.chance(0.4):
            for long, short in phrases.CHAT:
                text = re.sub(rf"\b{long}\b", short, text)
    for _ in range(int(dice.random() * 3.5) if dice.chance(0.35) else 0):
        text = slip(dice, text)
    return text


def slip(dice: Dice, text: str) -> str:
    """One slip of the finger in a word of five letters or more."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long:
        return text
    at = dice.pick(long)
    word, spot = words[at], 1 + int(dice.random() * (len(words[at]) - 3))
    kind = dice.random()
    if kind < 0.4:
        word = word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :]  # swapped letters
    elif kind < 0.75:
        word = word[:spot] + word[spot + 1 :]  # one left out
    else:
        word = word[:spot] + word[spot] + word[spot:]  # one twice
    words[at] = word
    return " ".join(words)


def bare(text: str) -> str:
    """What is compared to tell whether two texts are the same."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def rows(count: int, seed: int, without: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Distinct messages, none of them among `without`; the labels in turn (before the noise), in random order."""
    dice, seen = Dice(seed), {bare(text) for text in without}
    found: list[tuple[str, str]] = []
    while len(found) < count:
        text, label = message(dice, LABELS[len(found) % len(LABELS)])
        if bare(text) in seen or not WORDS[0] <= len(text.split()) <= WORDS[1]:
            continue
        seen.add(bare(text))
        found.append((text, dice.pick(phrases.MISTAKEN[label]) if dice.chance(LABEL_NOISE) else label))
    return sorted(found, key=lambda _: dice.random())


def main(folder: Path) -> None:
    """Write the three files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    left = rows(sum(ROWS.values()), SEED)
    for split, count in ROWS.items():
        part, left = left[:count], left[count:]
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("text", "label"))
            writer.writerows(part)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
