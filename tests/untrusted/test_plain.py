"""What strangers wrote, as plain data: the bounds that no caller has to think of."""

from __future__ import annotations

import datetime
import json

import pytest

from compressor.untrusted.plain import NotPlainError, plain, read_json, read_json_file, read_yaml


def test_plain_is_what_json_would_make_of_it():
    made = plain({1: (1, 2.5), None: {True: "é"}, "day": datetime.date(2020, 1, 2)})
    assert made == {"1": [1, 2.5], "null": {"true": "é"}, "day": "2020-01-02"}


def test_plain_is_a_copy():
    inner = [1]
    made = plain({"a": inner})
    inner.append(2)
    assert made == {"a": [1]}


def test_a_ring_has_an_end():
    ring: list[object] = []
    ring.append(ring)
    with pytest.raises(NotPlainError, match="too deeply"):
        plain(ring)


def test_values_are_counted():
    assert plain([0] * 10, most=11) == [0] * 10
    with pytest.raises(NotPlainError, match="more than 10 values"):
        plain([0] * 10, most=10)


def test_yaml_of_real_recipes_is_read():
    text = "\ufeff# a comment\nlabels:\n" + "".join(f"  label {i}: name {i}\n" for i in range(2000))
    assert len(read_yaml(text.lstrip("\ufeff"))["labels"]) == 2000
    assert read_yaml("a: {b: 1}\nc: {b: 1}\n") == {"a": {"b": 1}, "c": {"b": 1}}  # twice, but not in one map


def test_yes_and_no_are_words_and_true_and_false_are_not():
    assert read_yaml("labels: {yes: positive, no: negative, on: x}\ncontrol: true\nb: FALSE\nc: trueish") == {
        "labels": {"yes": "positive", "no": "negative", "on": "x"}, "control": True, "b": False, "c": "trueish",
    }  # fmt: skip


def test_json_is_read_as_json():
    text = json.dumps({"teacher": "demo", "data": {"labels": {"😀": "positive"}}}, indent="\t")
    assert "\t" in text and "\\ud83d" in text
    assert read_yaml(text) == json.loads(text)
    assert read_yaml("{teacher: demo, data: null}") == {"teacher": "demo", "data": None}  # YAML's own braces
    for wrong, says in (
        ('{"a": 1, "a": 2}', "has the key `a` twice"), ('{"a": ' + "[" * 90_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "too large"), ('{"a": 1', "not valid YAML"),
    ):  # fmt: skip
        with pytest.raises(NotPlainError, match=says):
            read_yaml(wrong)


def test_json_that_is_too_deep_or_too_long_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="too deeply"):
        read_json("[" * 100_000)
    (tmp_path / "a.json").write_text("[" + "1," * 100 + "1]", encoding="utf-8")
    assert len(read_json_file(tmp_path / "a.json", 203)) == 101
    with pytest.raises(ValueError, match="more than 202 bytes"):
        read_json_file(tmp_path / "a.json", 202)
