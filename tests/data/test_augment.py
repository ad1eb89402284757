"""Texts made from others: what they are made of, and that the same seed makes the same."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset

from compressor.data import augment
from compressor.data.augment import made_up, slip

ROWS = Dataset.from_dict(
    {"text": [f"the quick brown fox number {i} jumps over a lazy dog" for i in range(50)], "label": [0] * 50}
)


def test_made_up_texts_are_new_and_of_the_data_s_words():
    made = made_up(ROWS, 400, 0)
    assert made.column_names == ["text"] and len(made) == 400
    assert len(set(made["text"])) > 300 and len(set(made["text"]) - set(ROWS["text"])) > 300
    known = {word for text in ROWS["text"] for word in text.split()}
    words = [word for text in made["text"] for word in text.split()]
    assert 0 < sum(word not in known for word in words) / len(words) < 0.05, "a slip of the finger now and then"
    assert all(text.strip() for text in made["text"])


def test_the_same_seed_makes_the_same_and_another_one_others():
    assert made_up(ROWS, 50, 3)["text"][:] == made_up(ROWS, 50, 3)["text"][:]
    assert made_up(ROWS, 50, 3)["text"][:] != made_up(ROWS, 50, 4)["text"][:]


def test_languages_without_spaces_are_taken_apart_by_characters():
    rows = Dataset.from_dict({"text": ["今天天气很好我们去公园散步吧", "这家酒店的房间又小又旧不推荐"] * 10})
    made = made_up(rows, 200, 0)["text"][:]
    assert not any(" " in text for text in made)
    assert len(set(made)) > 100 and min(map(len, made)) < 10


@pytest.mark.parametrize("texts", [[""], ["a"], ["", "   ", "one"], ["word"] * 3, ["😀"], ["x" * 5000]])
def test_odd_texts_do_no_harm(texts):
    made = made_up(Dataset.from_dict({"text": texts}), 60, 0)
    assert len(made) == 60 and all(isinstance(text, str) for text in made["text"])


def test_of_pairs_one_side_changes_at_a_time():
    rows = Dataset.from_dict({"text": [f"question {i} about it" for i in range(30)],
                              "text_pair": [f"passage {i} that answers it" for i in range(30)]})  # fmt: skip
    made = made_up(rows, 300, 0)
    assert made.column_names == ["text", "text_pair"]
    first, second = set(rows["text"]), set(rows["text_pair"])
    for a, b in zip(made["text"], made["text_pair"], strict=True):
        assert a in first or b in second


def test_a_slip_is_one_letter():
    random = np.random.default_rng(0)
    for _ in range(200):
        slipped = slip("compression", random)
        assert abs(len(slipped) - 11) <= 1 and slipped[:1] in "compressionabcdefghijklmnopqrstuvwxyz"
    assert slip("a", random) == "a"


@pytest.mark.parametrize(
    "text", ["привет как дела сегодня", "CAPITALS EVERYWHERE HERE", "今天天气很好我们去公园散步吧"]
)
def test_a_slip_stays_in_its_script(text):
    random = np.random.default_rng(0)
    for _ in range(200):
        assert set(slip(text, random, text)) <= set(text)


def test_words_that_stand_in_for_others_are_few_however_long_the_texts():
    random = np.random.default_rng(0)
    long = [" ".join(f"word{n}" for n in random.integers(0, 5000, 3000)) for _ in range(40)]
    for texts in (long, ["".join(chr(0x4E00 + n) for n in random.integers(0, 5000, 20_000)) for _ in range(40)]):
        made = augment._Maker(texts, random)
        assert len(made.words) == 40 * augment.OF_EACH
        assert len(set(made.words)) > 1000, "from all over the texts"
