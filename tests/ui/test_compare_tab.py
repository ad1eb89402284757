"""The Compare tab's answers: what it shows for a run, and what the choice of a place changes."""

from __future__ import annotations

import os

import gradio as gr

from compressor.settings import Settings
from compressor.ui import compare_tab, place_panel, suiting_view
from compressor.ui.compare_tab import Handlers
from compressor.ui.page import build
from compressor.ui.services import SAMPLE_ID, Services
from compressor.ui.words import t
from tests.ui.sample import report, variant


def test_the_sample_is_shown_with_the_question_and_nothing_marked(services: Services) -> None:
    shown = Handlers(services).show(SAMPLE_ID, suiting_view.NONE, "", "browser", "")
    assert shown[1]["visible"] is True
    assert shown[2] == ""
    assert "trade-off" in shown[3] and "compare" in shown[4]
    assert "suits" not in shown[4] and "ring" not in shown[3]


def test_a_place_is_marked_in_the_sentence_the_plots_and_the_table(services: Services) -> None:
    act = Handlers(services)
    said, drawn, table = act.suit(SAMPLE_ID, "server-cpu", "", "browser", "")
    assert "student" in said and 'role="status"' in said
    assert 'class="ring' in drawn
    assert t("suits.server-cpu") in table
    assert act.show(SAMPLE_ID, "server-cpu", "", "browser", "")[2:5] == (said, drawn, table)


def test_a_place_that_is_none_marks_nothing(services: Services) -> None:
    said, drawn, table = Handlers(services).suit(SAMPLE_ID, "<img>", "", "browser", "")
    assert said == "" and "ring" not in drawn and "<img" not in table


def test_a_run_that_is_not_there_asks_for_no_place(services: Services) -> None:
    shown = Handlers(services).show("0" * 32, "server-cpu", "", "browser", "")
    assert "say-problem" in shown[0]
    assert shown[1]["visible"] is False
    assert shown[2:5] == ("", "", "")


def test_as_many_answers_as_boxes(settings: Settings, services: Services) -> None:
    page = build(Services(settings))
    wanted = {
        "show": (5, Handlers(services).show(SAMPLE_ID, None, "", "b", "")),
        "suit": (5, Handlers(services).suit(SAMPLE_ID, "", "", "b", "")),
        "visit": (6, Handlers(services).visit(SAMPLE_ID, None, "", "", "b", "")),
    }
    shows = [f for f in page.fns.values() if f.name in wanted and f.fn and "compare_tab" in f.fn.__module__]
    assert sorted(f.name for f in shows) == ["show"] * 3 + ["suit", "visit"]  # the list, a comparison, a run's button
    assert all((len(f.inputs), len(f.outputs)) == (wanted[f.name][0], len(wanted[f.name][1])) for f in shows)


def test_coming_back_leaves_what_was_typed_and_a_new_result_does_not(services: Services, tmp_path) -> None:
    act = Handlers(services)
    first = act.visit(SAMPLE_ID, None, "", "", "b", "")
    edition, used = first[7], slice(8, None)
    assert edition and first[:8] == act.show(SAMPLE_ID, None, "", "b", "")[:8]
    again = act.visit(SAMPLE_ID, None, "", edition, "b", "")
    assert again[:8] == first[:8]
    assert all(one == gr.skip() for one in again[used]) and not all(one == gr.skip() for one in first[used])
    assert act.visit(SAMPLE_ID, None, "", "another 1", "b", "")[used] == first[used]
    (tmp_path / "report.json").write_text("{}")
    before = compare_tab.edition(tmp_path)
    os.utime(tmp_path / "report.json", (1, 1))
    assert before and compare_tab.edition(tmp_path) not in ("", before)
    assert compare_tab.edition(tmp_path / "gone") == ""


def test_without_rows_nothing_was_measured_on_the_same_rows() -> None:
    bare = [variant(n, 100, 1, 1, 5, quality=None, agreement=None) for n in ("a", "b")]
    assert "no rows" in compare_tab.outcome(report(*bare)) and "same rows" not in compare_tab.outcome(report(*bare))
    assert "same rows" in compare_tab.outcome(report())


def test_what_was_asked_of_another_run_is_called_off(settings: Settings) -> None:
    """Its answer would stand under the name of the run that was chosen since."""
    fns = build(Services(settings)).fns
    off = {fns[number].name for f in fns.values() for number in f.cancels if any(e == "change" for _, e in f.targets)}
    assert {"predict", "make"} <= off


def test_the_last_question_is_answered_and_none_is_dropped(settings: Settings) -> None:
    """By itself gradio drops what is asked while an answer is under way."""
    fns = [f for f in build(Services(settings)).fns.values() if f.fn]
    modes = {
        name: {f.trigger_mode for f in fns if f.name == name and module in f.fn.__module__}
        for name, module in (
            ("predict", "try_panel"),
            ("suit", "compare_tab"),
            ("make", "zip_panel"),
            ("prepare", "browser"),
        )
    }
    assert modes == {
        "predict": {"always_last"},
        "suit": {"always_last"},
        "make": {"always_last"},
        "prepare": {"multiple"},
    }


def test_what_a_browser_kept_comes_back_only_where_it_is_a_place() -> None:
    assert place_panel.restore("web")["value"] == "web"
    for kept in (None, "the moon", ["web"], {"a": 1}, 3):
        assert "value" not in place_panel.restore(kept)
