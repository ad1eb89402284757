"""Answers side by side: what is a share and what is a number, and who decides differently."""

from __future__ import annotations

from typing import Any

from compressor import tasks
from compressor.ui import answers
from compressor.ui.words import t
from tests import tiny


def said(decided: list[str] | None, **scores: float) -> dict[str, Any]:
    one: dict[str, Any] = {"labels": [{"label": name, "score": score} for name, score in scores.items()], "ms": 1.0}
    return one if decided is None else one | {"decided": decided}


def differ(*predictions: dict[str, Any]) -> list[bool]:
    html = answers.render({f"v{i}": one for i, one in enumerate(predictions)})
    return [t("try.differs") in part for part in html.split("<section")[1:]]


def test_a_number_is_no_share_wherever_it_lies() -> None:
    html = answers.render({"teacher": said(None, LABEL_0=1.2), "student": said(None, LABEL_0=0.8)})
    assert "1.2" in html and "0.8" in html
    assert "%" not in html and 'class="bar"' not in html and t("try.differs") not in html
    assert "80.0 %" in answers.render({"teacher": said(["a"], a=0.8, b=0.2)})


def test_of_several_labels_all_that_are_decided_for_count() -> None:
    both, one = said(["toxic", "insult"], toxic=0.97, insult=0.9), said(["toxic"], toxic=0.97, insult=0.02)
    assert differ(both, one, said(["insult", "toxic"], insult=0.95, toxic=0.9)) == [False, True, False]
    assert differ(said([], toxic=0.04, insult=0.03), said([], insult=0.04, toxic=0.03)) == [False, False]


def test_one_that_could_not_be_loaded_decides_nothing() -> None:
    assert differ(said(["a"], a=0.9, b=0.1), {"error": "It is gone."}) == [False, False]
    assert differ({"error": "It is gone."}, said(["a"], a=0.9, b=0.1)) == [False, False]


def test_a_task_says_what_it_decides_for(tmp_path) -> None:
    from compressor import models
    from compressor.formats import get

    folder = tiny.bert(tmp_path / "bert")
    tokenizer, found = models.load_tokenizer(folder), {}
    for kind in ("single", "multi", "regression"):
        task = tasks.get(f"text-classification/{kind}")
        (one,) = task.predict(get("float").load(folder, task), tokenizer, ["a", "b"], ["good"])
        found[kind] = one.to_json()
    assert found["single"]["decided"] == [found["single"]["labels"][0]["label"]]
    assert found["multi"]["decided"] == [x["label"] for x in found["multi"]["labels"] if x["score"] > 0.5]
    assert "decided" not in found["regression"]
