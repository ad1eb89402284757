"""Columns are found by name and by what stands in them; the person's own choice stands over every guess."""

import pytest

from compressor.data.columns import choose
from tests.data.files import NAMES, TASK

LONG = [f"This is review number {i}, and it goes on for quite a while." for i in range(60)]
SHORT = [f"Title {i}" for i in range(60)]
BINARY = [str(i % 2) for i in range(60)]
FLOATS = [f"{i / 7:.3f}" for i in range(60)]
IDS = [str(i) for i in range(60)]
MOODS = [("positive", "negative")[i % 2] for i in range(60)]


def chosen(columns, asked=None, teacher=None, kind=None):
    return choose(columns, TASK, asked, "train.csv", teacher, kind)


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ({"label": BINARY, "review": LONG}, {"text": "review", "label": "label"}),
        ({"idx": IDS, "sentence": LONG, "label": BINARY}, {"text": "sentence", "label": "label"}),
        ({"Title": SHORT, "Plot": LONG, "Genre": MOODS}, {"text": "Plot", "label": "Genre"}),
        ({"text": LONG, "coarse_label": BINARY, "id": BINARY}, {"text": "text", "label": "coarse_label"}),
        ({"a": LONG, "b": MOODS, "c": IDS}, {"text": "a", "label": "b"}),
        ({"sentence1": LONG, "sentence2": LONG[::-1], "score": FLOATS},
         {"text": "sentence1", "text_pair": "sentence2", "label": "score"}),
        ({"premise": LONG, "hypothesis": SHORT, "label": BINARY},
         {"text": "premise", "text_pair": "hypothesis", "label": "label"}),
        ({"question": SHORT, "sentence": LONG, "label": BINARY, "idx": IDS},
         {"text": "question", "text_pair": "sentence", "label": "label"}),
        ({"text": LONG}, {"text": "text"}),
        ({"文本": [f"这家酒店第{i}次来住" for i in range(60)], "类别": MOODS}, {"text": "文本", "label": "类别"}),
        ({"text": LONG, "user_id": BINARY}, {"text": "text"}),
        ({"text": LONG, "answer": MOODS, "label": BINARY}, {"text": "text", "label": "label"}),
    ],
)  # fmt: skip
def test_guesses(columns, roles):
    found = chosen(columns)
    assert not found.problems
    assert found.columns == roles


def test_a_label_found_by_content_alone_is_said():
    assert "'b' was taken for it" in chosen({"a": LONG, "b": MOODS}).notes[0]
    assert not chosen({"a": LONG, "label": MOODS}).notes


def test_of_several_the_label_is_what_holds_the_teachers_names():
    columns = {"text": LONG, "topic": BINARY, "mood": MOODS, "source": ["web"] * 30 + ["book"] * 30}
    assert chosen(columns).columns["label"] == "topic"
    assert chosen(columns, teacher=NAMES).columns["label"] == "topic"  # its name says so
    del columns["topic"]
    assert chosen(columns, teacher=NAMES).columns["label"] == "mood"


def test_fractions_are_labels_for_a_number_only():
    columns = {"text": LONG, "score": FLOATS}
    assert chosen(columns, kind="regression").columns["label"] == "score"
    assert "label" not in chosen(columns, teacher=NAMES, kind="single").columns


@pytest.mark.parametrize("written", [("True", "False"), ("TRUE", "FALSE"), ("1.0", "0.0"), ("yes", "no")])
def test_flags_are_flags_however_they_are_written(written):
    flags = [written[cell == "0"] for cell in BINARY]
    found = chosen({"comment": LONG, "toxic": flags, "insult": flags[::-1], "threat": flags, "id": IDS})
    assert found.columns["label"] == "toxic, insult, threat"


def test_columns_of_zeros_and_ones_are_one_label():
    columns = {"comment": LONG, "toxic": BINARY, "insult": BINARY[::-1], "threat": BINARY, "id": IDS}
    assert chosen(columns).columns["label"] == "toxic, insult, threat"
    teacher = chosen(columns, teacher=["Insult", "Toxic", "obscene"], kind="multi")
    assert teacher.columns["label"] == "toxic, insult"
    assert chosen(columns, {"text": "comment", "label": "insult, threat"}).columns["label"] == "insult, threat"


def test_the_persons_choice_stands():
    columns = {"text": LONG, "sentence": SHORT, "label": BINARY, "mood": MOODS}
    assert chosen(columns, {"text": "sentence", "label": "mood"}).columns == {"text": "sentence", "label": "mood"}
    assert chosen(columns, {"label": ""}).columns == {"text": "text"}
    pair = {"sentence1": LONG, "sentence2": LONG[::-1], "label": BINARY}
    assert chosen(pair, {"text": "sentence1"}).columns == {"text": "sentence1", "label": "label"}
    assert chosen(pair, {"text_pair": ""}).columns["text"] == "sentence1"


def test_wrong_choices_are_all_said_with_what_there_is():
    found = chosen({"body": LONG, "kind": BINARY}, {"text": "bodi", "label": "sentiment", "image": "x"})
    assert len(found.problems) == 3
    said = " ".join(found.problems)
    assert "no column 'bodi'" in said
    assert "Did you mean 'body'?" in said
    assert "'body', 'kind'" in said
    assert "text, text_pair, label" in said
    assert "two roles" in chosen({"a": LONG, "b": MOODS}, {"text": "a", "label": "a"}).problems[0]
    assert "needs a column" in chosen({"a": LONG}, {"text": " "}).problems[0]


def test_a_role_that_cannot_be_found_lists_the_columns():
    found = chosen({"width": FLOATS, "height": IDS})
    assert found.problems == (
        "No column of train.csv looks like the role `text`. It has the columns 'width', 'height'. Say which with "
        "`data.columns` ({text: <a column>}).",
    )
