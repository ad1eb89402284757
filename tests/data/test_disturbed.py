"""Test rows as hurried people write them."""

from __future__ import annotations

import numpy as np
from datasets import Dataset

from compressor.data.disturbed import ROWS, disturbed, shortened, with_typos


def rows(count: int = 40) -> Dataset:
    return Dataset.from_dict(
        {"text": [f"The film number {i} was not at all what anybody had hoped for" for i in range(count)],
         "label": [i % 2 for i in range(count)]}
    )  # fmt: skip


def test_each_kind_disturbs_the_same_rows_and_keeps_their_labels():
    data = rows()
    taken, found = disturbed(data)
    assert set(found) == {"typos", "case", "shortened"} and taken == list(range(40))
    for table in found.values():
        assert table["label"][:] == data["label"][:] and set(table.column_names) == {"text", "label"}
        assert all(a != b for a, b in zip(table["text"], data["text"], strict=True))
    assert all(text == text.upper() for text in found["case"]["text"])
    assert all(a.startswith(b) for a, b in zip(data["text"], found["shortened"]["text"], strict=True))


def test_long_test_sets_are_sampled_the_same_way_each_time():
    data = rows(1200)
    taken, found = disturbed(data, 3)
    assert len(taken) == ROWS == len(found["typos"]) and taken == sorted(set(taken))
    assert disturbed(data, 3)[1]["typos"]["text"][:] == found["typos"]["text"][:]
    assert found["case"]["label"][:] == [data["label"][i] for i in taken]


def test_a_kind_that_changes_nothing_is_left_out():
    chinese = Dataset.from_dict({"text": ["这家酒店的房间又小又旧"] * 30, "label": [0] * 30})
    assert "case" not in disturbed(chinese)[1]
    pairs = Dataset.from_dict({"text": ["a question here"] * 9, "text_pair": ["an answer there"] * 9, "label": [0] * 9})
    _, found = disturbed(pairs)
    assert all(set(t.column_names) == {"text", "text_pair", "label"} for t in found.values())
    assert disturbed(Dataset.from_dict({"text": [], "label": []}))[1] == {}


def test_typos_are_few_and_small():
    random = np.random.default_rng(0)
    text = "what anybody had hoped for in a film of this kind is something else entirely"
    for _ in range(50):
        changed = with_typos(text, random).split(" ")
        different = [(a, b) for a, b in zip(text.split(" "), changed, strict=True) if a != b]
        assert len(different) <= 2 and all(abs(len(a) - len(b)) <= 1 for a, b in different)
    assert with_typos("", random) == ""
    chinese = "这家酒店的房间又小又旧不推荐给任何人因为早餐也很差而且服务员不理人"
    many = [sum(a != b for a, b in zip(chinese, with_typos(chinese, random), strict=False)) for _ in range(50)]
    assert np.median(many) >= 2, "one slip in a long text would be nothing"
    assert shortened("one two three four five") == "one two three"
    assert shortened("字" * 10) == "字" * 6
