"""Labels written in ways that could be taken for something else: signs, thousands, counts from one, several spellings, marks."""

from collections import Counter

import pytest

from compressor.data.cells import alike, normalised, numbers
from compressor.data.labels import label
from compressor.data.matching import Asked
from compressor.errors import DataError
from tests.data.files import run, sentences, write_csv, write_jsonl

STARS = ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]
MOODS = ["negative", "neutral", "positive"]


def found(cells, names=None, kind=None, **asked):
    return label(Counter(cells), "mood", Asked(names, kind, **asked))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("-1", "1", False),
        ("1.0", "1", True),
        ("10", "1.0", False),
        ("C++", "C", False),
        ("C#", "C", False),
        ("Sci/Tech", "sci-tech", True),
        ("not_entailment", "not entailment", True),
    ],
)
def test_what_counts_as_the_same_name(one, other, same):
    assert (normalised(one) == normalised(other)) is same


def test_minus_one_is_not_one():
    result = found(["-1", "0", "1"], ["0", "1", "2"], "single")
    assert "run from -1 to 1" in result.problems[0]
    given = {"-1": "negative", "0": "neutral", "1": "positive"}
    result = found(["-1", "0", "1"], given=given)
    assert not result.problems and set(result.space.names) == set(MOODS)
    assert {cell: result.space.names[code] for cell, code in result.codes.items()} == given


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,251", "83", "958"], [1251, 83, 958]),
        (["1,251", "2.5"], [1251, 2.5]),
        (["1,251,000", "12,000"], [1_251_000, 12_000]),
        (["0,5", "1,251", "3"], [0.5, 1.251, 3]),
        (["0,125", "3"], [0.125, 3]),
        (["1,251", "2,718"], [1.251, 2.718]),  # nothing says otherwise
        (["1,251", "2000"], [1.251, 2000]),
        (["-1,251", "7"], [-1251, 7]),
        (["1,251", "x"], [1.251, None]),
    ],
)
def test_commas_are_thousands_where_the_column_says_so(cells, expected):
    assert list(numbers(cells).values()) == expected


def test_numbers_with_thousands_are_learned_as_such():
    cells = [f"{n:,}" for n in range(5, 4000, 13)]
    assert found(cells).codes["1,006"] == 1006.0
    assert found(cells, ["score"], "regression").codes["1,006"] == 1006.0


def test_ratings_are_found_by_the_numbers_in_the_teachers_names():
    result = found(["1", "2", "3", "4"], STARS, "single")
    assert not result.problems and [result.codes[c] for c in "1234"] == [0, 1, 2, 3]
    assert found(["0", "1", "4"], STARS, "single").codes == {"0": 0, "1": 1, "4": 4}, "counted from 0: places"


def test_of_labels_counted_from_one_it_is_asked_what_they_are():
    asked = found(["1", "2"], MOODS, "single")
    assert (
        "it is not certain which of the teacher's 3 labels" in asked.problems[0] and "data.labels" in asked.problems[0]
    )
    said = found(["1", "2"], MOODS, "single", given={"1": "negative", "2": "positive"})
    assert not said.problems and said.codes == {"1": 0, "2": 2}
    assert found(["1", "2"], ["LABEL_0", "LABEL_1", "LABEL_2"], "single").codes == {"1": 1, "2": 2}
    assert found(["1"], ["ham", "spam"], "single").codes == {"1": 1}, "of one label nothing can be counted"


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["Positive"] * 3 + ["positive", "Negative", "negative", "negative"], ("Positive", "negative")),
        (["1.0", "0.0", "1", "0", "1", "0"], ("0", "1")),
        (["true", "True", "False", "false", "false"], ("false", "true")),
        (["A", "a", "B"], ("A", "B", "a")),  # single letters are what they are
    ],
)
def test_spellings_of_one_class_are_one_class(cells, names):
    result = found(cells)
    assert sorted(result.space.names) == sorted(names)
    assert any("in several ways" in note for note in result.notes) is (len(set(cells)) > len(names))
    for cell in cells:
        assert alike(result.space.names[result.codes[cell]]) == alike(cell)


def test_a_row_of_two_marks_is_one_label():
    result = found(["[1, 0]", "[0, 1]"])
    assert (result.space.kind, result.space.names) == ("multi", ("LABEL_0", "LABEL_1"))
    assert result.codes == {"[1, 0]": [1.0, 0.0], "[0, 1]": [0.0, 1.0]}
    result = found(["1;0;1", "0;1;0", "0;0;0", "1;1;1"])
    assert result.codes["1;0;1"] == [1.0, 0.0, 1.0] and result.codes["0;0;0"] == [0.0, 0.0, 0.0]
    assert found(["[0, 1]", "[0]", "[1]"]).codes["[0, 1]"] == [1.0, 1.0], "places, as many as there are"


@pytest.mark.parametrize("blank", [-1, ""])
def test_rows_on_which_no_column_says_anything_have_no_label(tmp_path, blank):
    rows = [[f"Comment number {i} here", i % 2, int(i % 3 == 0)] for i in range(80)]
    test = [[f"Test comment {i}", *((blank, blank) if i >= 40 else (i % 2, i % 4 // 2))] for i in range(100)]
    columns = ("comment", "toxic", "insult")
    files = [write_csv(tmp_path / f"{i}.csv", these, columns) for i, these in enumerate((rows, test))]
    made = run(files[0], test=files[1], names=["insult", "toxic"], kind="multi", columns={"label": "toxic, insult"})
    assert len(made.test) == 40
    assert made.test[3]["label"] == [1.0, 1.0]


def test_shares_are_no_yes_and_no_no(tmp_path):
    rows = [[f"Comment number {i} here", i / 80, 0.0] for i in range(80)]
    path = write_csv(tmp_path / "a.csv", rows, ("comment", "toxic", "insult"))
    with pytest.raises(DataError, match=r"`toxic` holds '0.0125', and each of several label columns says yes or no"):
        run(path, names=["insult", "toxic"], kind="multi", columns={"label": "toxic, insult"})


def test_a_class_with_the_fewest_rows_that_are_asked_for_is_split(tmp_path):
    rows = sentences(260, ["a", "b", "c", "d"]) + sentences(6, ["e"], start=1000)
    made = run(write_csv(tmp_path / "a.csv", rows), names=None, kind=None)
    for split in (made.train, made.validation, made.test):
        assert Counter(split["label"][:])[made.labels.names.index("e")] == 2


def test_two_labels_as_lists_of_marks_are_learned_as_two(tmp_path):
    rows = [{"text": f"Text number {i} here", "label": [i % 2, 1 - i % 2]} for i in range(80)]
    made = run(write_jsonl(tmp_path / "a.jsonl", rows), names=None, kind=None)
    assert {tuple(row["label"]) for row in made.train} == {(1.0, 0.0), (0.0, 1.0)}
