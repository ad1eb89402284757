"""Labels: their kind, and which of the teacher's each is."""

from collections import Counter

import pytest

from compressor.data import labels
from compressor.data.cells import index, items, joined, number
from compressor.data.labels import LabelSpace, label, normalised
from compressor.data.matching import Asked


def found(cells, names=None, kind=None, **asked):
    return label(Counter(cells), "mood", Asked(names, kind, **asked))


def codes(cells, names, kind="single", **asked):
    result = found(cells, names, kind, **asked)
    assert not result.problems, result.problems
    return [result.codes.get(cell) for cell in cells]


# ---------------------------------------------------------------------- one label of the teacher's


@pytest.mark.parametrize(
    ("cells", "names", "expected"),
    [
        (["positive", "Negative"], ["NEGATIVE", "POSITIVE"], [1, 0]),
        (["not entailment", "Entailment"], ["entailment", "not_entailment"], [1, 0]),
        (["b", "a"], ["a", "b"], [1, 0]),  # order aside: by name, never by place
        (["0", "1"], ["NEGATIVE", "POSITIVE"], [0, 1]),
        (["1.0", "0.0"], ["NEGATIVE", "POSITIVE"], [1, 0]),
        (["LABEL_1", "label 0"], ["NEGATIVE", "POSITIVE"], [1, 0]),
        (["true", "false"], ["ham", "spam"], [1, 0]),
        (["5", "1"], ["1", "2", "3", "4", "5"], [4, 0]),  # names that are numbers are names first
        (["+", "-"], ["-", "+"], [1, 0]),
        (["好评", "差评"], ["差评", "好评"], [1, 0]),
        (["Sci/Tech", "World"], ["world", "sports", "business", "sci-tech"], [3, 0]),
        (['["joy"]', '["fear"]'], ["fear", "joy"], [1, 0]),
    ],
)
def test_single(cells, names, expected):
    assert codes(cells, names) == expected


def test_the_hubs_own_names_count_before_its_numbers():
    # The data set counts entailment as 0, the teacher as 1.
    assert codes(["0", "1"], ["contradiction", "entailment"], class_names=["entailment", "contradiction"]) == [1, 0]
    assert codes(["0", "1"], ["LABEL_0", "LABEL_1"], class_names=["entailment", "contradiction"]) == [0, 1]
    assert codes(["0", "-1"], ["a", "b"], class_names=["a", "b"]) == [0, None]
    assert found(["0", "1"], ["good", "bad"], "single", class_names=["a", "b"]).problems


@pytest.mark.parametrize(
    ("cells", "names", "said"),
    [
        (["great", "negative"], ["NEGATIVE", "POSITIVE"], "lacks the label 'great'"),
        (["great", "0"], ["NEGATIVE", "POSITIVE"], "lacks the labels 'great', '0'"),
        (["1", "2", "3", "4", "5"], ["a", "b", "c", "d", "e"], "run from 1 to 5"),
        (["-1", "0", "1"], ["a", "b", "c"], "run from -1 to 1"),
        (["spam", "ham"], ["LABEL_0", "LABEL_1"], "lacks the labels 'spam', 'ham'"),
    ],
)
def test_names_that_the_teacher_lacks_name_both_ways_out(cells, names, said):
    problem = found(cells, names, "single").problems[0]
    assert said in problem
    assert "`data.labels`" in problem
    assert "`teacher_head: new`" in problem


def test_a_map_of_the_persons_own():
    given = {"great": "positive", "awful": "LABEL_0"}
    assert codes(["great", "awful", "negative"], ["NEGATIVE", "POSITIVE"], given=given) == [1, 0, 0]
    assert codes(["1", "2", "3"], ["a", "b", "c"], given={"1": "a", "2": "b", "3": "c"}) == [0, 1, 2]
    wrong = found(["great", "bad"], ["NEGATIVE", "POSITIVE"], "single", given={"great": "good", "bad": "negative"})
    assert "maps 'great' to 'good', which the teacher lacks" in wrong.problems[0]
    typo = found(["great", "bad"], ["bad", "good"], "single", given={"grate": "good"})
    assert "'grate', which no row of the data has" in typo.notes[0]


def test_pairs_show_what_is_lost():
    assert found(["a", "x"], ["A", "B"], "single").pairs == [("a", "A"), ("x", None)]


def test_spellings_that_two_labels_share_match_exactly_only():
    assert codes(["c", "c++"], ["c++", "c"]) == [1, 0]
    result = found(["C", "c++"], ["c#", "c++"], "single")
    assert result.codes == {"c++": 1}


def test_several_labels_a_row_for_a_teacher_of_one():
    assert "several labels" in found(['["a", "b"]', '["a"]'], ["a", "b"], "single").problems[0]


def test_a_column_of_texts_is_not_a_label():
    cells = [f"text {i}" for i in range(100)]
    assert "does not look like a label" in found(cells, None).problems[0]


# ---------------------------------------------------------------------- labels of the data's own


def test_a_new_head_takes_the_datas_labels_in_a_stable_order():
    assert found(["b", "a", "c"]).space == LabelSpace("single", ("a", "b", "c"))
    assert found(["10", "9", "2"]).space.names == ("2", "9", "10")
    assert found(["0", "1"], class_names=["zebra", "ant"]).space.names == ("zebra", "ant")
    merged = found(["good", "great", "bad"], given={"great": "good"})
    assert merged.space.names == ("bad", "good")
    assert merged.codes == {"good": 1, "great": 1, "bad": 0}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0.5", "1.25", "3"], "regression"),
        (["0,5", "1,25", "3"], "regression"),
        ([str(i) for i in range(300)], "regression"),
        (["1", "2", "3"], "single"),
        (["joy|anger", "joy", "anger"], "multi"),
        (["joy, anger", "joy", "anger"], "multi"),
        (["Sports, Leisure", "Politics"], "single"),
        (['["a", "b"]', '["a"]'], "multi"),
        (["['a', 'b']", "['a']"], "multi"),
        (['["a"]', '["b"]'], "single"),
    ],
)
def test_the_kind_that_data_has(cells, kind):
    result = found(cells)
    assert result.space.kind == kind
    assert not result.problems


def test_many_whole_numbers_are_classes_where_they_count_and_it_is_told():
    """150 intents by their numbers became a regression without a word."""
    intents = found([str(i) for i in range(150)] * 4)
    assert (intents.space.kind, len(intents.space.names), intents.codes["17"]) == ("single", 150, 17)
    assert "each is taken for a class" in intents.notes[0]
    for cells in (
        [str(i) for i in range(0, 300, 2)] * 4,
        [str(i) for i in range(150)] * 2,
        [str(i) for i in range(40, 190)] * 4,
    ):
        scores = found(cells)
        assert scores.space.kind == "regression"
        assert "so a number is predicted. If they stand for classes" in scores.notes[0]
    assert found(["1", "2", "3"]).notes == []
    assert found([f"{i}.5" for i in range(150)]).notes == []


def test_yes_or_no_is_no_answer_for_a_teacher_of_several_labels():
    """It was read as the places of the first two labels."""
    names = ["toxic", "threat", "insult"]
    for cells in (["0", "1"], ["True", "False"], ["true"], ["0.0", "1.0"]):
        assert "says yes or no, and the teacher predicts several labels" in found(cells, names, "multi").problems[0]
    assert codes(["0", "1", "2"], names, "multi") == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert codes(["1", "0"], names, "multi", given={"1": "toxic", "0": "insult"}) == [[1, 0, 0], [0, 0, 1]]
    assert codes(["yes", "no"], ["yes", "no"], "multi") == [[1, 0], [0, 1]]


# ---------------------------------------------------------------------- several labels, one number


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (['["joy", "fear"]', "[]"], [[0, 1, 1], [0, 0, 0]]),
        (["[2, 1]", "[0]"], [[0, 1, 1], [1, 0, 0]]),
        (["[1, 0, 1]", "[0, 0, 0]"], [[1, 0, 1], [0, 0, 0]]),
        (["[1 0 1]", "[0 1 0]"], [[1, 0, 1], [0, 1, 0]]),
        (["Joy;anger", "fear"], [[1, 0, 1], [0, 1, 0]]),
        (["fear", "joy"], [[0, 1, 0], [0, 0, 1]]),
    ],
)
def test_multi(cells, expected):
    assert codes(cells, ["anger", "fear", "joy"], "multi") == expected


def test_multi_with_names_that_the_teacher_lacks():
    assert "lacks the label 'hope'" in found(['["joy", "hope"]', '["joy"]'], ["anger", "joy"], "multi").problems[0]


def test_regression():
    assert codes(["4.5", " 3 ", "0,5", "[2.0]"], ["LABEL_0"], "regression") == [4.5, 3.0, 0.5, 2.0]
    assert "predicts one number" in found(["good", "3"], ["LABEL_0"], "regression").problems[0]
    assert "same number" in found(["3", "3.0"], ["LABEL_0"], "regression").problems[0]


# ---------------------------------------------------------------------- cells


def test_spellings():
    assert normalised("Not_Entailment ") == normalised("not-entailment") == "notentailment"
    assert normalised("ＡＢ") == "ab"
    assert normalised("+") != normalised("-")


@pytest.mark.parametrize("cell", ["nan", "inf", "1_000", "0x10", "", "1e400", "--3", "1,000,000"])
def test_what_is_no_number(cell):
    assert number(cell) is None


def test_lists_of_hostile_depth_are_no_lists():
    assert items("[" * 9000 + "]" * 9000) is None
    assert items("[[1], [2]]") is None
    assert items("[1, None, 'a']") == ["1", "a"]


def test_joined_names_explain_more_than_they_cost():
    assert joined(["a|b", "a", "b"]) == "|"
    assert joined(["a|b", "c"]) is None
    assert joined(["a||b", "a", "b", "c"]) is None


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("[{[]: 1}]", None),
        ("[0x" + "f" * 5000 + "]", ["…"]),
        ("[" + "-" * 9000 + "1]", None),
        ("[" * 9000 + "]" * 9000, None),
        ("[1e999, 1]", ["inf", "1"]),
        ("['a' 'b']", ["ab"]),
    ],
)
def test_lists_made_to_hurt(cell, said):
    if said is None:
        items(cell)
    else:
        assert items(cell) == said


def test_numbers_beyond_all_measure_are_names():
    assert number("1e999") is None and number("9" * 400 + ",5") is None and number("1,5") == 1.5
    assert index("label_" + "1" * 5000) is None and index("LABEL_12") == 12


def test_long_names_do_not_make_long_sentences():
    result = found(["x" * 50_000, "b"], ["yes", "no"], "single", given={"y" * 50_000: "z" * 50_000})
    assert result.problems and all(len(p) < 1000 for p in result.problems)


def test_more_combinations_of_labels_than_fit_into_memory(monkeypatch):
    cells = [f"a{i % 40}|b{i // 40}" for i in range(400)]
    assert not found(cells).problems
    monkeypatch.setattr(labels, "MAX_MARKS", 19_999)
    assert "400 different combinations of 50 labels" in found(cells).problems[0]
