"""Runs as one visitor may start them: how long they take is foreseen, and one address does not fill the queue."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from compressor.backends.local import LocalBackend
from compressor.errors import DataError, RunError
from compressor.jobs import verbs
from compressor.jobs.job import Job
from compressor.recipe import Recipe
from compressor.report import Report
from compressor.runfolder import FAILED
from compressor.settings import Settings
from compressor.system import processes
from compressor.ui.services import Services, Visitor
from tests import run_folder
from tests.jobs.conftest import asks, until
from tests.ui.test_strangers import ANNE, ASKED, BERT


def test_how_long_a_run_on_uploaded_files_takes_is_foreseen_and_only_for_its_own(services: Services) -> None:
    def uploaded(who: Visitor) -> Job:
        folder = services.settings.uploads_dir / who.owner[-1]
        folder.mkdir(parents=True)
        rows = "".join(f"look at case {i},{('billing', 'refund')[i % 2]}\n" for i in range(60))
        (folder / "train.csv").write_text("text,label\n" + rows)
        data = {"source": {"train": str(folder / "train.csv")}}
        return services.store.create(who.owner, Recipe.parse({"teacher": "demo", "data": data}))

    mine, theirs = uploaded(ANNE), uploaded(BERT)
    ask = services.__dict__["helper"] = SimpleNamespace(
        request=lambda verb, timeout, **payload: verbs.call(verbs.find(verb), payload, services.settings)
    )
    del services.__dict__["_foresee"]
    services._foresee(mine, ANNE)
    assert (services.store.row(mine.id).seconds or 0) > 1  # type: ignore[union-attr]
    asked = theirs.asked()
    for job in ({"job": mine.id}, {}):
        with pytest.raises(DataError, match="not a file that was uploaded here"):
            ask.request("tokens", 60, reference="demo", data=asked["data"], owner=ANNE.owner, **job)


def test_many_keys_of_one_address_do_not_get_the_whole_queue(services: Services) -> None:
    def somebody(number: int, address: str) -> Visitor:
        return Visitor((f"browser:{number:032d}",), address=address)

    for number in range(5):
        services.start(ASKED, "", somebody(number, "8.8.8.8"))
    with pytest.raises(RunError, match="from your network are waiting already"):
        services.start(ASKED, "", somebody(5, "8.8.8.8"))
    assert services.start(ASKED, "", somebody(6, "9.9.9.9"))
    signed_in = Visitor(("account:alice", "browser:x"), "hf_alice", address="8.8.8.8")
    assert services.start(ASKED, "", signed_in)
    first = services.store.rows("queued")[0]
    services.store.settle(first, FAILED, "No.")
    assert services.start(ASKED, "", somebody(7, "8.8.8.8"))


def test_a_finished_run_is_deleted_though_its_process_lingers(services: Services) -> None:
    backend = LocalBackend(services.settings, services.store, module="tests.jobs.fake_worker", every=0.05)
    services.__dict__["backend"] = backend
    try:
        job = services.store.create(ANNE.owner, asks("lingers"), kind="test")
        backend.start(job)
        until(lambda: services.store.get(job.id, ANNE.owner).status == "finished")
        row = services.store.row(job.id)
        assert row is not None and row.status == "running"
        services.delete(services.store.get(job.id, ANNE.owner), ANNE)
        assert services.store.row(job.id) is None and not job.folder.exists()
        assert row.worker is None or not processes.alive(row.worker)
    finally:
        backend.close()


def test_on_a_server_nobody_is_told_its_folders(services: Services, settings: Settings) -> None:
    """A snippet that loads from there works for nobody else."""
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    gone = json.loads((job.folder / "report.json").read_text())
    for one in gone["variants"]:
        one["load"] = f"load({str(job.folder / one['path'])!r})"
    gone["variants"][0] |= {"path": "/somewhere/of/alice/teacher", "load": "load('x/teacher')"}
    (job.folder / "report.json").write_text(json.dumps(gone))
    found = services.report(job.id, ANNE)
    assert found is not None and [v.load for v in found[0].variants] == ["load('x/teacher')", "", "", ""]
    path = services.report_file(job)
    assert path is not None
    text = Path(path).read_text()
    assert str(job.folder) not in text and "/somewhere" not in text and "x/teacher" in text
    assert len(Report.model_validate_json(text).variants) == 4

    services.settings = replace(services.settings, hosted=False)
    found = services.report(job.id, ANNE)
    assert found is not None and all(v.load for v in found[0].variants)


def test_a_comparison_of_ones_own_versions_names_no_folder_either(services: Services) -> None:
    job = services.store.create(ANNE.owner, ASKED)
    run_folder.make(job.folder)
    raw = json.loads((job.folder / "report.json").read_text()) | {"teacher": "/data/jobs/0123/variants/student"}
    (job.folder / "report.json").write_text(json.dumps(raw))
    path = services.report_file(job)
    assert path is not None and Report.model_validate_json(Path(path).read_text()).teacher == "student"
    (job.folder / "report.json").write_text('{"schema": 99}')  # of another version
    assert services.report_file(job) is None


def test_paths_are_relative_to_where_the_app_was_started(services: Services, tmp_path: Path, monkeypatch) -> None:
    """The helper and the runs work in folders of their own."""
    asked: list[dict[str, Any]] = []
    services.settings = replace(services.settings, hosted=False)
    services.__dict__["helper"] = SimpleNamespace(request=lambda verb, timeout, **payload: asked.append(payload) or {})
    monkeypatch.chdir(tmp_path)
    services.ask("inspect", 1, ANNE, reference="./my-model")
    services.ask("estimate", 1, ANNE, recipe={"teacher": "./my-model", "data": {"source": {"train": "a.csv"}}})
    services.ask("inspect", 1, ANNE, reference="x/y")
    assert asked[0]["reference"] == str(tmp_path / "my-model") == asked[1]["recipe"]["teacher"]
    assert asked[1]["recipe"]["data"]["source"]["train"] == str(tmp_path / "a.csv") and asked[2]["reference"] == "x/y"
    job = services.compare(["./my-model", "demo"], None, None, visitor=ANNE)
    assert job.asked()["models"] == [str(tmp_path / "my-model"), "demo"]
