"""The form that a browser keeps, and a run's recipe in the form: as plain values, without a browser."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from compressor.errors import RecipeError, RunError
from compressor.recipe import Recipe
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.ui import keeping, run_done, run_panel, run_view, runs_tab
from compressor.ui.form import NONE, Form
from compressor.ui.page import build
from compressor.ui.run_state import RunState
from compressor.ui.services import Services
from tests.ui.sample import report

ALICE, BOB = "alice-key-0123456789abcdef", "bob-key-0123456789abcdef"
LEFT = Form(teacher="a/b", size="tiny", source="c/d", text="t", labels=(("pos", "positive"),), limit=200, new_head=True)


def stored(form: Form = LEFT, **more: Any) -> dict[str, Any]:
    """What the page's script keeps of a form."""
    return {"version": 2, "form": {**asdict(form), "labels": [list(pair) for pair in form.labels], **more}}


def test_what_was_kept_is_the_form_without_its_files() -> None:
    assert keeping.read(stored()) == (LEFT, {})
    assert keeping.read(stored(train="mine.csv")) == (LEFT, {"train": "mine.csv"})


@pytest.mark.parametrize(
    "raw", [None, "", [], 7, {}, {"form": None}, {"form": []}, {"form": {}}, stored(more="x" * 300_000)]
)
def test_what_is_no_form_is_nothing(raw: Any) -> None:
    assert keeping.read(raw) is None


@pytest.mark.parametrize(("alpha", "shown"), [(None, ""), ("", ""), (0.0, 0.0), (0.35, 0.35)])
def test_what_the_labels_weigh_comes_back_as_one_of_the_choices(alpha: Any, shown: Any) -> None:
    found = keeping.read(stored(replace(LEFT, alpha=alpha)))
    assert found is not None
    assert dict(zip(keeping.NAMES, keeping.values(found[0], None)))["alpha"] == shown


def test_what_the_first_version_kept_of_every_form_was_not_said() -> None:
    old = stored(replace(LEFT, alpha=0.5)) | {"version": 1}
    found = keeping.read(old)
    assert found is not None and not found[0].weighs_labels
    found = keeping.read(old | {"version": 2})
    assert found is not None and found[0].alpha == 0.5
    found = keeping.read(stored(replace(LEFT, alpha=0.3)) | {"version": 1})
    assert found is not None and found[0].alpha == 0.3


def test_a_value_that_does_not_fit_is_left_out_alone() -> None:
    bad = stored(epochs="many", labels=[["a"], 7, ["x", None]], budget={"a": 1}, of_a_later_version=1)
    assert keeping.read(bad) == (replace(LEFT, labels=(("x", ""),)), {})


def test_a_form_that_was_begun_and_a_run_go_before_what_was_kept(settings: Settings) -> None:
    act = keeping.Handlers(Services(settings))
    pristine = [getattr(Form(), name) for name in keeping.NAMES]
    begun = [getattr(Form(teacher="x/y"), name) for name in keeping.NAMES]
    restored = act.restore("", stored(), *pristine)
    assert dict(zip(keeping.NAMES, restored))["limit"]["value"] == 200
    assert dict(zip(keeping.NAMES, restored))["size"]["value"] == "tiny"
    for shown in (
        act.restore("a" * 32, stored(), *pristine),
        act.restore("", stored(), *begun),
        act.restore("", None, *pristine),
    ):
        assert shown == gr.skip()


def test_a_runs_recipe_opens_with_copies_of_its_files(settings: Settings, tmp_path: Path) -> None:
    services = Services(replace(settings, hosted=True))
    act = keeping.Handlers(services)
    upload = tmp_path / "mine.csv"
    upload.write_text("text,label\na,b\n", encoding="utf-8")
    who = keeping.visitor(services.settings, ALICE, "")
    files = services.keep({"train": services.share_file(upload, "mine.csv")}, who)
    asked = {
        "teacher": "demo",
        "data": {"source": files, "columns": {"text": "text"}},
        "student": {"cut": {"kv_heads": 2}},
    }
    job = services.store.create(who.owner, Recipe.parse(asked), title="mine")
    shown = dict(zip(keeping.NAMES, act.open(job.id, ALICE, "")))
    assert Path(shown["train"]).read_text(encoding="utf-8") == upload.read_text(encoding="utf-8")
    assert not Path(shown["train"]).is_relative_to(settings.jobs_dir)  # the runs' folder is never served
    assert services.keep({"train": shown["train"]}, who)  # Start takes it as any other upload
    assert (shown["size"]["value"], shown["text"]["value"]) == (NONE, "text")
    assert "kv_heads: 2" in shown["more"]["value"] and shown["more"]["visible"]
    with pytest.raises(RunError):
        act.open(job.id, BOB, "")
    (job.folder / "data" / "train.csv").unlink()
    again = act.open(job.id, ALICE, "")
    assert "Choose the train file again" in again[len(keeping.NAMES) + 1]
    with pytest.raises(RecipeError):  # what goes along names a stranger's file
        other = {**asked, "data": {"source": "demo", "unlabelled": "/etc/hostname"}}
        services.store.create(who.owner, Recipe.parse(other), title="")


# ---------------------------------------------------------------------- the run's panel and list


def test_a_waiting_run_says_when_its_turn_may_come() -> None:
    said = run_view.progress("queued", RunState(), [], place=2, wait=360)
    assert "Number 2 in the queue, starts in about 6 min (an estimate)." in said
    assert "starts in a moment" in run_view.progress("queued", RunState(), [], place=1, wait=3)
    assert "number 2 in the queue" in run_view.progress("queued", RunState(), [], place=2)


def test_the_list_of_runs_says_it_too(settings: Settings) -> None:
    store = Services(settings).store
    job = store.create("me", Recipe.parse({"teacher": "demo", "data": {"source": "demo"}}), title="one")
    assert "one (waiting, number 1, starts in about 6 min, " in runs_tab.label(replace(job, place=1, wait=360))
    assert "one (waiting, number 1, just now)" in runs_tab.label(replace(job, place=1, wait=None))
    assert "teacher: demo" in run_panel.recipe_of(job)  # before it has begun, too
    assert run_panel.recipe_of(replace(job, view=True)) == ""
    assert "one (cancelled, " in runs_tab.label(replace(job, status="cancelled"))


def test_the_last_three_retries_are_shown() -> None:
    found = RunState()
    found.take([{"event": "retried", "reason": f"Memory ran out <{n}>."} for n in range(5)] + [{"event": "retried"}])
    said = run_view.progress("running", found, ["distill"])
    assert [f"&lt;{n}&gt;" in said for n in range(5)] == [False, False, True, True, True]


def test_complaint_6_where_the_model_is(settings: Settings) -> None:
    services = Services(settings)
    job = services.store.create("me", Recipe.parse({"teacher": "demo", "data": {"source": "demo"}}), title="one")
    found = report()
    made = [v.model_copy(update={"path": v.path if n else "/elsewhere/teacher"}) for n, v in enumerate(found.variants)]
    RunFolder(job.folder).finish(found.model_copy(update={"variants": tuple(made)}))
    job = replace(job, status="finished")
    column, _, folder, load = run_done.shown(job, settings, mine=True)
    assert column["visible"] and folder["value"].startswith(str(job.folder / "variants" / "student"))
    assert load["value"] == "print(1)"
    hosted = run_done.shown(job, replace(settings, hosted=True), mine=True)
    assert "Publish it, or download it" in hosted[1] and "teacher" not in hosted[1]
    assert not hosted[2]["visible"] and str(job.folder) not in str(hosted)  # no folder of the server
    for nothing in (
        run_done.shown(job, settings, mine=False),
        run_done.shown(replace(job, status="failed"), settings, mine=True),
    ):
        assert nothing[0]["visible"] is False


def test_the_browser_keeps_the_form_by_itself(settings: Settings) -> None:
    page = build(Services(settings))
    writes = [f for f in page.fns.values() if f.js == keeping.KEEP]
    assert [f.fn for f in writes] == [None]  # no request, so nothing to wait for
    assert len(writes[0].targets) == len(keeping.NAMES)
    kept = {block.elem_id for block in writes[0].inputs}
    assert "token" not in kept and "browser" not in kept
