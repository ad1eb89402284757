from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow
from pyarrow import parquet

from compressor.ui import flips_panel, rows
from tests.ui.sample import EVIL, report


def made(folder: Path, **columns: list[object]) -> rows.Rows:
    table = {
        "text": ["one good text", "two good texts", EVIL, "four good texts"],
        "label": ["a", "a", "b", "b"],
        "teacher": ["a", "a", "b", "a"],
        "teacher:score": [0.9] * 4,
        "student": ["a", "b", "a", "b"],
        "student:score": [0.8] * 4,
        **columns,
    }
    parquet.write_table(pyarrow.table(table), folder / "predictions.parquet")
    found = rows.load(folder)
    assert found is not None
    return found


def test_variants_are_the_columns_that_are_no_text_label_or_score(tmp_path: Path) -> None:
    assert made(tmp_path).names == ["teacher", "student"]
    assert rows.load(tmp_path / "nowhere") is None


def test_filters(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert rows.differing(found, "student") == [1, 2, 3]
    assert rows.differing(found, "student", rows.LOST) == [1, 2]
    assert rows.differing(found, "student", rows.WON) == [3]
    assert rows.count_line(found, "student") == "3 of 4 test rows are decided differently (75.0 %). 2 lost, 1 won."


def test_change_per_class_the_largest_loss_first(tmp_path: Path) -> None:
    changes = rows.by_class(made(tmp_path), "student")
    assert [(c.label, c.rows, c.teacher, c.other) for c in changes] == [("a", 2, 1.0, 0.5), ("b", 2, 0.5, 0.5)]
    assert "−50.0" in rows.classes_table(changes)


def test_without_labels_only_differences_remain(tmp_path: Path) -> None:
    found = made(tmp_path, label=[None] * 4)
    assert not found.labelled
    assert rows.by_class(found, "student") == []
    assert rows.differing(found, "student", rows.LOST) == []
    assert "<th" in rows.table(found, "student", rows.ALL)


def test_of_numbers_none_is_right_or_wrong(tmp_path: Path) -> None:
    columns = {"label": ["1.0", "2.0", "3.0", "4.0"], "teacher": ["1.0", "2.0", "3.0", "4.1"], "student": ["1.0"] * 4}
    found = replace(made(tmp_path, **columns), gap=0.5)
    assert rows.count_line(found, "student").endswith("The teacher is nearer to the label on 3 of them, this one on 0.")
    shown = flips_panel.filled(found, "student", rows.WON)[1]
    assert "noticeably apart" in shown and "decided" not in shown
    filters = [str(label) for label, _ in flips_panel.opened(report(), found)[2]["choices"]]
    assert not any("right" in label or "wrong" in label for label in filters)


def test_rows_are_escaped(tmp_path: Path) -> None:
    shown = rows.table(made(tmp_path), "student", rows.ALL)
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_examples_start_with_rows_that_differ(tmp_path: Path) -> None:
    assert rows.examples(made(tmp_path))[0] == "two good texts"
    assert rows.examples(made(tmp_path, text_pair=["x"] * 4)) == []
