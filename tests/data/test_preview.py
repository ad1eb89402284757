"""What the page shows of the data before a run."""

from compressor.data import study
from compressor.data.prepare import prepare
from compressor.data.preview import preview
from compressor.recipe import Data, Files
from tests.data.files import NAMES, RUNNING, SETTINGS, TASK, sentences, write_csv


def look(path, names=NAMES, kind="single", task=TASK, **spec):
    data = Data(source=Files(train=str(path)), **spec)
    return preview(data, task, None, names, kind, SETTINGS)


def test_a_look_says_what_a_run_would_do(tmp_path):
    rows = [[text, label, i] for i, (text, label) in enumerate(sentences(200))]
    path = write_csv(tmp_path / "a.csv", rows, ("review", "mood", "id"))
    found = look(path)
    assert found.columns == ("review", "mood", "id")
    assert found.roles == {"text": "review", "label": "mood"}
    assert found.rows[0] == {"review": rows[0][0], "mood": "negative", "id": "0"}
    assert len(found.rows) == 5
    assert found.labels == (("negative", "NEGATIVE"), ("positive", "POSITIVE"))
    assert (found.kind, found.made, found.complete, found.problems) == ("single", ("validation", "test"), True, ())
    run = prepare(Data(source=Files(train=str(path))), TASK, None, NAMES, "single", SETTINGS)
    assert found.splits == {"train": len(run.train), "validation": len(run.validation), "test": len(run.test)}
    assert found.notes == run.notes


def test_labels_that_do_not_match_still_show_the_rest(tmp_path):
    found = look(write_csv(tmp_path / "a.csv", sentences(50, ("positive", "neutral"))))
    assert found.labels == (("neutral", None), ("positive", "POSITIVE"))
    assert "`teacher_head: new`" in found.problems[0]
    assert found.rows
    assert found.splits == {"train": 50}


def test_problems_are_sentences_not_exceptions(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    assert look(tmp_path / "a.csv").problems == ("a.csv is empty: there is no row to read. Check the file.",)
    assert "does not exist" in look(tmp_path / "gone.csv").problems[0]
    wrong = look(write_csv(tmp_path / "b.csv", [[1.5, 2]] * 9, ("width", "height")))
    assert (wrong.columns, wrong.roles) == (("width", "height"), {})
    assert "role `text`" in wrong.problems[0]


def test_without_a_teacher_yet_and_with_a_new_head(tmp_path):
    path = write_csv(tmp_path / "a.csv", sentences(50, ("x", "y")))
    assert look(path, [], None).labels == (("x", "x"), ("y", "y"))
    bare = write_csv(tmp_path / "b.csv", [[r[0]] for r in sentences(50)], ("text",))
    assert look(bare, [], None).problems == ()
    assert "A new head learns from labels" in look(bare, None, None).problems[0]


def test_only_the_beginning_of_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "LOOK_BYTES", 50_000)
    # Its second class begins where a look does not reach.
    rows = sorted(sentences(9000), key=lambda row: row[1])
    found = look(write_csv(tmp_path / "a.csv", rows))
    assert not found.complete
    assert found.problems == ()
    assert found.splits["train"] < 3000
    assert any("were looked at here; a run reads all" in note for note in found.notes)


def test_long_cells_are_cut_for_the_page(tmp_path):
    found = look(write_csv(tmp_path / "a.csv", [[f"{i} " + "long " * 2000, "positive"] for i in range(9)]))
    assert len(found.rows[0]["text"]) == 400


def test_running_text(tmp_path):
    (tmp_path / "a.txt").write_text("One.\nTwo.\n", encoding="utf-8")
    found = look(tmp_path / "a.txt", [], None, RUNNING)
    assert (found.roles, found.splits, found.problems, found.made) == ({"text": "text"}, {"test": 1}, (), ())
