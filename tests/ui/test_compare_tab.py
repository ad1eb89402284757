"""The Compare tab's answers: what it shows for a run, and what the choice of a place changes."""

from __future__ import annotations

from compressor.settings import Settings
from compressor.ui import place_panel, suiting_view
from compressor.ui.compare_tab import Handlers
from compressor.ui.page import build
from compressor.ui.services import SAMPLE_ID, Services
from compressor.ui.words import t


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
    shows = [f for f in page.fns.values() if f.name in ("show", "suit") and f.fn and "compare_tab" in f.fn.__module__]
    wanted = {
        "show": Handlers(services).show(SAMPLE_ID, None, "", "b", ""),
        "suit": Handlers(services).suit(SAMPLE_ID, "", "", "b", ""),
    }
    assert sorted(f.name for f in shows) == ["show"] * 4 + ["suit"]  # the tab, the list, a comparison, a run's button
    assert all(len(f.outputs) == len(wanted[f.name]) and len(f.inputs) == 5 for f in shows)


def test_what_a_browser_kept_comes_back_only_where_it_is_a_place() -> None:
    assert place_panel.restore("web")["value"] == "web"
    for kept in (None, "the moon", ["web"], {"a": 1}, 3):
        assert "value" not in place_panel.restore(kept)
