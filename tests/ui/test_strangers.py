"""What one visitor may do with another's runs, files and time, asked of the page's own parts without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from compressor.errors import RecipeError, RunError, TooOftenError
from compressor.recipe import Data, Recipe
from compressor.runfolder import FAILED, FINISHED
from compressor.settings import ASSETS, child_environ
from compressor.system import processes
from compressor.ui import data_section, quick_panel, teacher_section
from compressor.ui.background import Background, Work
from compressor.ui.compare_tab import Handlers as Comparing
from compressor.ui.form import Form
from compressor.ui.publishing import Handlers as Publishing
from compressor.ui.services import Services, Visitor
from tests import run_folder
from tests.hub_server import HubServer
from tests.ui.conftest import Idle

ALICE, BOB = "a" * 32, "b" * 32
ANNE, BERT = Visitor((f"browser:{ALICE}",)), Visitor((f"browser:{BOB}",))
ASKED = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}})


# ---------------------------------------------------------------------- runs


def test_what_somebody_signed_in_started_does_not_go_on_without_signing_in(services: Services) -> None:
    alice = Visitor(("account:alice", f"browser:{ALICE}"), "hf_alice")
    job = services.start(ASKED, "", Visitor((f"browser:{ALICE}",), "hf_alice"))  # the Hub did not answer then
    services.store.ready(job, token=True)
    services.store.settle(services.store.row(job.id), FAILED, "No.")  # type: ignore[arg-type]
    before = list(services.backend.started)  # type: ignore[attr-defined]
    for act in (services.resume, services.again):
        with pytest.raises(RunError, match="Sign in on the Publish tab"):
            act(services.job(job.id, ANNE), ANNE)
    assert services.backend.started == before  # type: ignore[attr-defined]
    again = services.again(services.job(job.id, alice), alice)
    assert again.owner == "account:alice"  # what is new is the account's
    services.resume(services.job(job.id, alice), alice)
    assert services.backend.started[-2:] == [(again.id, "hf_alice"), (job.id, "hf_alice")]  # type: ignore[attr-defined]


def test_a_run_seen_through_its_link_is_only_seen(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    seen = services.job(job.id, BERT, services.share_key(job, ANNE))
    for act in (
        lambda: services.share_key(seen, BERT),
        lambda: services.delete(replace(seen, status="finished"), BERT),
        lambda: services.resume(seen, BERT),
        lambda: services.again(seen, BERT),
        lambda: services.predict(seen, ["a"], BERT),
    ):
        with pytest.raises(RunError, match="only shows"):
            act()


def test_a_link_shows_what_was_measured_and_neither_rows_nor_models(services: Services) -> None:
    """On the Compare tab as on the run's own: it showed the visitor's own run in its place."""
    job = services.store.create(ANNE.owner, ASKED, title="anne's")
    run_folder.make(job.folder)
    shutil.copy(ASSETS / "demo" / "result" / "predictions.parquet", job.folder)
    services.store.settle(services.store.row(job.id), FINISHED)  # type: ignore[arg-type]
    key, act = services.share_key(job, ANNE), Comparing(services)
    listed = act.refresh(job.id, job.id, key, BOB, "")
    assert listed["value"] == job.id and "anne's" in listed["choices"][-1][0]
    shown = act.show(job.id, "", key, BOB, "")
    assert "somebody else" in shown[0] and "student-4bit" in shown[4]
    assert shown[5:] == act.show("0" * 32, "", key, BOB, "")[5:]  # as where there is nothing: no rows, no text to try
    assert "student-4bit" in act.suit(job.id, "server-cpu", key, BOB, "")[2]
    own = act.show(job.id, "", key, ALICE, "")  # its owner, through the same link
    assert "somebody else" not in own[0] and own[5:] != shown[5:]
    other = services.store.create(ANNE.owner, ASKED)
    assert act.refresh(other.id, other.id, key, BOB, "")["value"] != other.id
    assert "no run with this address" in act.show(other.id, "", key, BOB, "")[0]
    assert "no run with this address" in act.show(job.id, "", "", BOB, "")[0]


def test_a_comparison_names_own_models_and_not_too_many(services: Services) -> None:
    mine, theirs = (services.store.create(who.owner, ASKED) for who in (ANNE, BERT))
    for reference, says in (
        (str(theirs.folder / "variants" / "student"), "no run with this address"),
        (str(mine.folder / ".." / theirs.id / "variants" / "student"), "no run with this address"),
        ("/etc/passwd/x", "not open to visitors"),
        ("~/models/x", "not open to visitors"),
        (str(services.settings.hub_dir / "o-x" / "models"), "not open to visitors"),
    ):
        with pytest.raises((RunError, RecipeError), match=says):
            services.compare(["demo", reference], None, None, visitor=ANNE)
    with pytest.raises(RunError, match="At most 12"):
        services.compare(["demo"] * 13, None, None, visitor=ANNE)
    assert services.compare(["demo", str(mine.folder / "variants" / "student")], None, None, visitor=ANNE)


def test_a_run_names_no_files_but_uploads_and_ones_own(services: Services) -> None:
    mine, theirs = (services.store.create(who.owner, ASKED) for who in (ANNE, BERT))
    for job in (mine, theirs):
        (job.folder / "data").mkdir()
        (job.folder / "data" / "train.csv").write_text("text,label\na,b\n")
    for data, says in (
        ({"source": {"train": str(theirs.folder / "data" / "train.csv")}}, "no run with this address"),
        ({"source": "demo", "unlabelled": str(theirs.folder / "data" / "train.csv")}, "no run with this address"),
        ({"source": str(theirs.folder / "data" / "train.csv")}, "not open to visitors"),
        ({"source": str(mine.folder / "data" / "train.csv")}, "not open to visitors"),  # a path in one word
        ({"source": {"train": "/etc/hosts.csv"}}, "not open to visitors"),
    ):
        with pytest.raises((RunError, RecipeError), match=says):
            services.start(Recipe.parse({"teacher": "demo", "data": data}), "", ANNE)
    own = Recipe.parse({"teacher": "demo", "data": {"source": {"train": str(mine.folder / "data" / "train.csv")}}})
    signed_in = Visitor(("account:alice", *ANNE.owners), "hf_alice")
    assert services.start(own, "", signed_in).owner == "account:alice"


def test_a_file_that_was_never_uploaded_is_not_kept(services: Services, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\n")
    (services.served / "u").mkdir(parents=True)
    (services.served / "u" / "link.csv").symlink_to(secret)
    for path in (secret, services.served / "u" / "link.csv", services.served / ".." / "secret.csv"):
        with pytest.raises(RecipeError, match="not uploaded here"):
            services.keep({"train": str(path)}, ANNE)
    upload = services.served / "u" / "mine.csv"
    upload.write_text("text,label\n")
    assert Path(services.keep({"train": str(upload)}, ANNE)["train"]).read_text() == "text,label\n"


def test_files_to_download_lie_under_names_that_nobody_guesses_and_fill_the_disk_once(
    services: Services, tmp_path: Path
) -> None:
    made = tmp_path / "flips.csv"
    made.write_text("a\n")
    first = Path(services.share_file(made, "flips.csv"))
    assert first == Path(services.share_file(made, "flips.csv"))
    assert len(first.parent.name) == 40 and first.parent.parent == services.served
    other = Services(services.settings)
    assert Path(other.share_file(made, "flips.csv")) != first  # the name hangs on a secret
    made.write_text("b\nc\n")
    assert Path(services.share_file(made, "flips.csv")).read_text() == "b\nc\n"


# ---------------------------------------------------------------------- uploads to the Hub


def test_an_upload_is_looked_at_by_its_owner_alone(services: Services) -> None:
    background = Background()
    key = background.start(ANNE.owner, lambda say: "done")
    assert background.get(key, BERT.owners) is None
    assert background.get(key, ()) is None
    assert background.get(key, ("account:alice", *ANNE.owners)) is not None


def test_one_person_has_two_uploads_at_a_time(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    act = Publishing(services)
    values = (job.id, ["student"], "alice", "mine", False, 95, "{}", "", ALICE, "")
    act.background.going = lambda owners: [Work(ANNE.owner)] * 2  # type: ignore[method-assign]
    assert "still going" in act.publish(*values)[0]


# ---------------------------------------------------------------------- limits


@pytest.fixture
def strict(services: Services) -> Services:
    """One of everything."""
    rates = dict.fromkeys(
        ("searches_per_minute", "looks_per_minute", "checks_per_minute", "predictions_per_minute", "starts_per_hour",
         "publishes_per_hour", "downloads_per_hour"), 1,
    )  # fmt: skip
    made = Services(replace(services.settings, **rates))  # type: ignore[arg-type]
    made.__dict__.update(store=services.store, backend=Idle(), _foresee=lambda job, visitor: None, asked=[])
    made.__dict__["helper"] = SimpleNamespace(
        request=lambda *a, **more: made.__dict__["asked"].append(a) or {"answers": []}
    )
    return made


@pytest.mark.parametrize("kind", ["search", "look", "preview", "check", "predict", "start", "again", "compare"])
def test_over_the_limit_no_work_is_done(strict: Services, hub_server: HubServer, kind: str) -> None:
    job = strict.store.create(ANNE.owner, ASKED)
    acts = {
        "search": lambda: strict.search("bert", "model", None, ANNE),
        "look": lambda: strict.inspect("a/b", replace(ANNE, token=str(len(strict.__dict__["asked"])))),
        "preview": lambda: strict.preview(Data(source="demo"), {}, ANNE),
        "check": lambda: strict.ask("label_check", 1, ANNE),
        "predict": lambda: strict.predict(job, ["a"], ANNE),
        "start": lambda: strict.start(ASKED, "", ANNE),
        "again": lambda: strict.again(job, ANNE),
        "compare": lambda: strict.compare(["demo", "demo"], None, None, visitor=ANNE),
    }
    acts[kind]()
    asked, seen, runs = len(strict.__dict__["asked"]), hub_server.seen, len(strict.jobs(ANNE))
    for _ in range(3):
        with pytest.raises(TooOftenError, match="Try again in"):
            acts[kind]()
    assert (len(strict.__dict__["asked"]), hub_server.seen, len(strict.jobs(ANNE))) == (asked, seen, runs)
    if kind in ("search", "predict"):
        strict.search("bert", "model", None, BERT)  # others are not kept waiting


def test_a_limit_is_told_where_other_errors_are_quiet(strict: Services) -> None:
    form = Form(teacher="a/b", source="demo")
    strict.count("look", ANNE)
    assert "Try again in" in data_section.check(strict, form, ANNE)
    strict.count("search", ANNE)
    with pytest.raises(TooOftenError):
        teacher_section.found_choices(strict, "bert", "model", None, ANNE)


def test_a_quick_comparison_over_the_limit_is_a_sentence_on_the_page(strict: Services) -> None:
    from compressor.ui.handlers import guarded

    act = guarded(quick_panel.Handlers(strict).start)
    act(["demo", "demo"], None, None, ALICE, "")
    with pytest.raises(gr.Error, match="many runs"):
        act(["demo", "demo"], None, None, ALICE, "")


# ---------------------------------------------------------------------- tokens


PROCESSES = {
    "the page": "import compressor.settings as s; s.prepare_environ(); import gradio",
    "a worker": "from compressor.jobs import worker, kinds; from compressor.settings import prepare_environ as p; p()",
    "the helper": "from compressor.jobs import helper_process; from compressor.settings import prepare_environ as p; p()",
    "measuring": "from compressor.measure import child; from compressor.settings import prepare_environ as p; p()",
}
SENDS = """
import json, sys
from huggingface_hub import constants, HfApi
from huggingface_hub.utils import build_hf_headers
print(json.dumps([constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, "authorization" in build_hf_headers()]))
"""


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("hosted", [True, False])
def test_security_2_the_machines_own_login_is_sent_by_no_process(process: str, hosted: bool, tmp_path: Path) -> None:
    login = tmp_path / "hf" / "token"
    login.parent.mkdir()
    login.write_text("hf_the_servers_own")
    environ = {k: v for k, v in child_environ().items() if not k.startswith("HF_HUB_DISABLE_IMPLICIT")}
    environ |= {"HF_HOME": str(login.parent), "COMPRESSOR_HOSTED": "1" if hosted else "0"}
    if process == "the page":
        environ |= {"HF_TOKEN": "hf_the_servers_own", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}  # whatever else is set
    done = subprocess.run(
        [sys.executable, "-c", f"{PROCESSES[process]}\n{SENDS}"], env=environ, capture_output=True, text=True,
        check=True, timeout=600,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [hosted, not hosted]


def test_security_2_children_are_told_in_their_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from compressor.settings import prepare_environ

    monkeypatch.setenv("SPACE_ID", "me/space")
    monkeypatch.setenv("HF_TOKEN", "hf_the_servers_own")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")
    prepare_environ()
    code = "import json, os; print(json.dumps([os.environ.get('HF_HUB_DISABLE_IMPLICIT_TOKEN'), 'HF_TOKEN' in os.environ]))"
    (tmp_path / "told.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log = tmp_path / "log"
    child = processes.start_detached(processes.python("told"), folder=tmp_path, log=log, line="{}")
    assert child.wait(240) == 0
    assert json.loads(log.read_text().splitlines()[-1]) == ["1", False]
