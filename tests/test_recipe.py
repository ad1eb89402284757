"""Recipes: defaults, overrides, and every problem in a sentence at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.errors import RecipeError
from compressor.recipe import Files, Recipe, Student
from compressor.runfolder import RunFolder

MINIMAL = {"teacher": "a/b", "data": {"source": "c/d"}}


def problems(raw) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        Recipe.parse(raw)
    return caught.value.problems


def test_defaults_are_filled_in_by_task_and_budget():
    full = Recipe.parse(MINIMAL).resolved("text-classification", Student(size="half"), ("8bit", "4bit"))
    assert (full.student.size, full.formats, full.distill.epochs) == ("half", ("8bit", "4bit"), 3.0)
    quick = Recipe.parse(MINIMAL | {"budget": "quick"}).resolved("text-classification", Student(size="half"), ())
    assert (quick.distill.epochs, quick.formats) == (1.0, ())
    said = Recipe.parse(MINIMAL | {"budget": "quick", "distill": {"epochs": 7}})
    assert said.resolved("text-classification", Student(size="half"), ()).distill.epochs == 7
    rates = [
        Recipe.parse(MINIMAL | {"student": {"size": size}})
        .resolved("text-classification", None, ())
        .distill.learning_rate
        for size in ("half", "small", "tiny")
    ]
    assert rates == [1e-4, 5e-4, 1e-3]
    generation = Recipe.parse({"teacher": "a/b"}).resolved("text-generation", None, ("8bit", "4bit"))
    assert (generation.student, generation.distill, generation.task) == (None, None, "text-generation")


def test_no_student_is_something_else_than_a_student_left_out():
    none = Recipe.parse(MINIMAL | {"student": None}).resolved("text-classification", Student(size="half"), ("8bit",))
    assert none.student is None


def test_a_resolved_recipe_reads_back_as_itself():
    full = Recipe.parse(MINIMAL).resolved("text-classification", Student(size="half"), ("8bit", "4bit"))
    assert Recipe.parse(full.to_yaml()) == full
    assert Recipe.parse(json.loads(json.dumps(full.model_dump(mode="json")))) == full
    assert full.to_yaml().startswith("schema: 1\nteacher: a/b\n")


def test_paths_are_relative_to_the_recipe(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("teacher: demo\ndata:\n  source: {train: a.csv, test: /data/t.csv}\n  unlabelled: raw.txt\n")
    data = Recipe.load(path).data
    assert data.source == Files(train=str(tmp_path / "a.csv"), test="/data/t.csv")
    assert data.unlabelled == str(tmp_path / "raw.txt")
    path.write_text("teacher: demo\ndata: {source: rows.jsonl}\n")
    assert Recipe.load(path).data.source == Files(train=str(tmp_path / "rows.jsonl"))


def test_models_beside_the_recipe_are_found_from_anywhere(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("teacher: ./models/own\ndata: {source: demo}\nstudent: {model: ../small}\n")
    recipe = Recipe.load(path)
    assert recipe.teacher == str(tmp_path / "models" / "own")
    assert recipe.student.model == str(tmp_path.parent / "small")
    path.write_text("teacher: some/model\ndata: {source: demo}\n")
    assert Recipe.load(path).teacher == "some/model"


def test_names_may_look_like_numbers_and_a_role_may_have_no_column():
    data = {"source": "demo", "labels": {"neg": 0, "pos": 1, True: "yes"}, "columns": {"text": "a", "label": None}}
    found = Recipe.parse({"teacher": "demo", "data": data}).data
    assert found.labels == {"neg": "0", "pos": "1", "true": "yes"}
    assert found.columns == {"text": "a", "label": ""}


def test_overrides_reach_into_the_recipe(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("teacher: demo\ndata: {source: demo}\n")
    recipe = Recipe.load(path, ["data.limit=2000", "distill.epochs=2", "student={size: tiny}", "formats=[]"])
    assert (recipe.data.limit, recipe.distill.epochs, recipe.student.size, recipe.formats) == (2000, 2, "tiny", ())
    assert Recipe.load(path, ["student=null"]).student is None
    with pytest.raises(RecipeError, match="key=value"):
        Recipe.load(path, ["data.limit"])


def test_all_problems_are_reported_at_once():
    found = problems(
        {
            "techer": "a/b",
            "data": {"source": "c/d", "limt": 5, "limit": 0},
            "student": {"size": "huge"},
            "distill": {"learning_rate": "1e-4x", "alpha": 3},
            "formats": ["16bit"],
        }
    )
    text = "\n".join(found)
    for expected in (
        "`techer` is not a key of a recipe. Did you mean `teacher`?",
        "`teacher` is missing",
        "Did you mean `limit`?",
        "`data.limit` is 0",
        "`student.size` is 'huge'; it can be 'half', 'slim', 'third'",
        "`distill.learning_rate` is '1e-4x'",
        "`distill.alpha` is 3",
        "'16bit'",
    ):
        assert expected in text


def test_numbers_that_yaml_reads_as_text_are_taken_or_explained():
    assert (
        Recipe.parse("teacher: a/b\ndata: {source: c/d}\ndistill: {learning_rate: 1e-4}").distill.learning_rate == 1e-4
    )


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"teacher": "a/b", "student": {"size": "half"}}, "needs data to learn from"),
        ({"teacher": "a/b", "data": {"source": {"test": "/t.csv"}}, "student": {"size": "half"}}, "no `train` file"),
        ({"teacher": "a/b", "data": {"source": {}}}, "names no file"),
        ({"teacher": "a/b", "student": {"size": "half", "model": "x/y"}}, "exactly one"),
        ({"teacher": "a/b", "student": None, "formats": []}, "nothing to do"),
        (MINIMAL | {"student": {"low_rank": {"weights": 0.5, "energy": 0.9}}}, "exactly one of `energy` and `weights`"),
        (MINIMAL | {"student": {"low_rank": {}}}, "exactly one of `energy` and `weights`"),
        (MINIMAL | {"student": {"low_rank": {"weights": 1.0}}}, "student.low_rank.weights"),
        (MINIMAL | {"student": {"low_rank": {"weights": 0.5}}, "formats": ["8bit", "onnx"]}, "cannot become 8bit"),
        (MINIMAL | {"student": {"low_rank": {"weights": 0.5}}, "formats": []}, "add onnx"),
        (MINIMAL | {"formats": ["8bit", "8bit"]}, "twice"),
        (MINIMAL | {"schema": 2}, "`schema` is 2"),
        (MINIMAL | {"target": {"min_retained": 97}}, "is 97; it is a share: write 0.97 for 97 %."),
        (
            MINIMAL | {"student": {"vocabulary": "dat"}},
            "`student.vocabulary` is 'dat'; it can be 'data' or a whole number.",
        ),
        (MINIMAL | {"distill": {"augment": -1}}, "it can be 'auto', 'none' or a number greater than 0."),
        (MINIMAL | {"distill": {"control": "maybe"}}, "`distill.control` is 'maybe'; it has to be true or false."),
        ("- a\n- b", "`key: value` lines"),
        ("a: [", "not valid YAML"),
        (None, "`key: value` lines"),
    ],
)
def test_what_cannot_be_is_a_sentence(raw, says):
    assert says in "\n".join(problems(raw))


def test_a_recipe_file_that_cannot_be_read(tmp_path):
    with pytest.raises(RecipeError, match="no recipe at"):
        Recipe.load(tmp_path / "missing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80\x81")
    with pytest.raises(RecipeError, match="not a text file"):
        Recipe.load(tmp_path / "binary.yaml")
    with pytest.raises(RecipeError, match="cannot be read"):
        Recipe.load(Path(tmp_path))


def test_a_narrow_students_rate_is_not_its_teachers():
    asked = {"teacher": "x", "teacher_head": "new", "data": {"source": "demo"}, "student": {"size": "tiny"}}

    def rates(**distill):
        full = Recipe.parse(asked | {"distill": distill}).resolved("text-classification", None, ())
        return full.distill.learning_rate, full.teacher_rate

    assert rates() == (1e-3, 1e-4)
    assert rates(learning_rate=3e-5) == (3e-5, 3e-5)
    wide = Recipe.parse(asked | {"student": {"size": "half"}})
    for width, rate in ((384, 2e-4), (768, 1e-4)):
        full = wide.resolved("text-classification", None, (), width)
        assert (full.distill.learning_rate, full.teacher_rate) == (rate, 1e-4)
    only_formats = Recipe.parse(asked | {"student": None}).resolved("text-classification", None, ("8bit",))
    assert only_formats.teacher_rate == 1e-4


def test_a_cut_that_names_the_teachers_width_is_none():
    def learning(**cut):
        full = Recipe.parse(MINIMAL | {"student": {"cut": cut}}).resolved("text-classification", None, (), 384)
        return full.student, full.distill

    assert learning(layers=3, hidden=384) == learning(layers=3)
    student, distill = learning(layers=3, hidden=192)
    assert student.cut.hidden == 192 and distill.objective == "relations"


def test_students_that_keep_a_thin_teachers_width_take_larger_steps():
    def rate(width, **student):
        asked = Recipe.parse(MINIMAL | ({"student": student} if student else {}))
        return asked.resolved("text-classification", Student(size="half"), (), width).distill.learning_rate

    assert [rate(width) for width in (None, 0, 256, 512, 768)] == [1e-4, 1e-4, 2e-4, 2e-4, 1e-4]
    assert rate(384, size="mini") == rate(768, size="mini") == 1e-3
    assert rate(384, model="some/other") == 1e-4
    said = Recipe.parse(MINIMAL | {"distill": {"learning_rate": 3e-5}})
    assert said.resolved("text-classification", Student(size="half"), (), 384).distill.learning_rate == 3e-5


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
MERGES = "b: &b {x: 1}\n" + "".join(
    f"c{i}: &c{i} {{<<: [{', '.join([f'*c{i - 1}' if i else '*b'] * 9)}]}}\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "alias"),
        (MERGES, "alias"),
        ("&a {teacher: demo, data: *a}", "alias"),
        ("teacher: demo\nseed: 1\nteacher: other", "the key `teacher` twice (line 3)"),
        ("seed: !!bool x", "not valid YAML"),
        ("seed: !!int ''", "not valid YAML"),
        ("teacher: !!timestamp x", "not valid YAML"),
        ("- " * 20_000, "nested too deeply"),
        ("teacher: demo\nx: " + "[" * 60 + "]" * 60, "nested too deeply, in `x"),
        ("teacher: " + "x" * 300_000, "300,009 characters"),
        ('teacher: "a\\0b"', "no text has (NUL, or half of one), in `teacher`"),
        ('teacher: demo\ndata: {source: "\\ud83d.csv"}', "in `data.source`"),
        ("teacher: demo\ndata: {limit: 0x" + "f" * 5000 + "}", "too large to be meant, in `data.limit`"),
        ("teacher: demo\nseed: " + "9" * 5000, "not valid YAML"),
        ("{" + ", ".join(f"k{i}: {i}" for i in range(60_000)) + "}", "characters"),
    ],
)
def test_yaml_made_to_hurt_is_a_sentence(text, says):
    assert says in "\n".join(problems(text))


@pytest.mark.parametrize("raw", [{("a", "b"): 1}, {None: 1, True: 2, 3: 4}, {float("nan"): 1}])
def test_data_that_is_no_json_is_a_sentence(raw):
    assert problems(raw)


def test_so_are_values_of_set():
    for value in (LAUGHS, "!!bool x", '"\\0"', "[" * 2000):
        with pytest.raises(RecipeError, match=r"The value of `--set data\.limit`"):
            Recipe.parse({"teacher": "demo"}, overrides=[f"data.limit={value}"])
    with pytest.raises(RecipeError) as caught:
        Recipe.parse({"teacher": "demo"}, overrides=["x" * 100_000])
    assert len(str(caught.value)) < 2000 and str(caught.value).endswith("`--set data.limit=2000`.")


def test_a_home_that_nobody_has_is_a_path_of_nothing(tmp_path):
    raw = {"teacher": "x", "data": {"source": "~nosuchuser/a.csv", "unlabelled": "~nosuchuser/b.txt"}}
    data = Recipe.parse(raw, base=tmp_path).data
    assert data.source.train == str(tmp_path / "~nosuchuser/a.csv")
    assert data.unlabelled == str(tmp_path / "~nosuchuser/b.txt")


def test_thousands_of_problems_are_as_many_as_one_can_read():
    found = problems({"teacher": "demo", **{f"key{i}": i for i in range(3000)}, "k" * 10_000: 1})
    assert 3 < len(found) < 40 and "more problems" in found[-1]
    assert len("\n".join(found)) <= 2000


def test_a_vocabulary_stands_beside_a_size_or_in_a_cut():
    asked = {"teacher": "t", "data": {"source": "d"}}
    beside = Recipe.parse(asked | {"student": {"size": "half", "vocabulary": "data"}})
    assert (beside.student.vocabulary, beside.student.size, beside.own_tokens) == ("data", "half", True)
    inside = Recipe.parse(asked | {"student": {"cut": {"layers": 2, "vocabulary": 900}}})
    assert (inside.student.vocabulary, inside.student.cut.layers) == (900, 2)
    alone = Recipe.parse(asked | {"student": {"cut": {"vocabulary": 900}}})
    assert alone.student.cut is None and alone == Recipe.parse(asked | {"student": {"vocabulary": 900}})
    assert not Recipe.parse(asked | {"student": {"size": "half"}}).own_tokens
    for wrong in (
        {"vocabulary": "all"},
        {"vocabulary": 0},
        {"size": "half", "cut": {"vocabulary": 5}, "vocabulary": 6},
    ):
        with pytest.raises(RecipeError, match="vocabulary"):
            Recipe.parse(asked | {"student": wrong})


def test_a_control_needs_a_student_that_learns_from_a_teacher():
    asked = {"teacher": "t", "data": {"source": "d"}, "distill": {"control": True}}
    assert Recipe.parse(asked).distill.control
    alone = problems(asked | {"distill": {"control": True, "alpha": 1}})
    assert "is its own control" in alone[0] and len(alone) == 1
    thin = problems(asked | {"student": {"size": "half", "low_rank": {"weights": 0.5}}})
    assert "has no control yet" in thin[0]


@pytest.mark.parametrize(
    "asked",
    [
        {"teacher": "./mine", "data": {"source": {"train": "a.csv", "test": "~/b.csv"}, "unlabelled": "c.txt"}},
        {"teacher": "demo", "data": {"source": "rows.csv"}, "student": {"model": "../m"}},
        {"teacher": "x/y", "data": {"source": "/somewhere/rows.csv"}, "student": {"size": "mini"}},
        {"teacher": "x/y", "data": {"source": "stanfordnlp/sst2", "subset": "a"}, "student": None, "formats": ["8bit"]},
    ],
)
def test_a_recipe_is_the_same_when_it_is_read_again_from_its_runs_folder(asked, tmp_path):
    """Where it was begun with paths that were relative to another place."""
    recipe = Recipe.parse(asked).at(tmp_path / "here")
    folder = RunFolder(tmp_path / "out")
    folder.path.mkdir()
    folder.save_recipe(recipe)
    assert folder.recipe() == recipe
    assert recipe.at(tmp_path / "elsewhere") == recipe
    assert recipe.model_fields_set == Recipe.parse(asked).model_fields_set
