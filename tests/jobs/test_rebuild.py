"""Folders of jobs that are damaged: none keeps the app from starting, or the others from being found."""

from __future__ import annotations

import json

import pytest

from compressor.errors import RunError
from compressor.jobs.job import read_card
from compressor.jobs.rebuild import reconcile
from compressor.jobs.table import Table
from compressor.runfolder import RunFolder

ID, OTHER = "0" * 32, "1" * 32
CARD = {
    "id": ID,
    "owner": "anna",
    "kind": "run",
    "title": "x",
    "share_key": "k",
    "created": 1.7e9,
    "asked": {"teacher": "demo"},
}


@pytest.fixture
def table(tmp_path):
    made = Table(tmp_path / "jobs.sqlite")
    yield made
    made.close()


def job(folder, id_, card, state="{}"):
    (folder / id_).mkdir(parents=True)
    (folder / id_ / "job.json").write_text(card, encoding="utf-8")
    (folder / id_ / "state.json").write_text(state, encoding="utf-8")
    return folder / id_


@pytest.mark.parametrize(
    "state",
    [
        '{"status": "failed", "started": [1], "updated": {"a": 1}, "error": ["x"]}',
        '{"status": "running", "pid": 1e300, "process": {"a": 1}, "started": "yesterday"}',
        '{"status": "running", "pid": ' + "9" * 30 + "}",
        '{"status": "failed", "started": NaN, "updated": Infinity, "error": "\\ud800"}',
        '{"status": ["failed"]}',
        "[" * 50_000,
        '{"status": "failed", "updated": ' + "9" * 400 + "}",
    ],
    ids=range(7),
)
def test_a_state_made_of_other_things_is_an_interrupted_or_a_failed_run(tmp_path, table, state):
    jobs = tmp_path / "jobs"
    job(jobs, ID, json.dumps(CARD), state)
    job(jobs, OTHER, json.dumps(CARD | {"id": OTHER}))
    reconcile(table, jobs)
    assert {row.id for row in table.rows()} == {ID, OTHER}
    assert isinstance(RunFolder(jobs / ID).state(), dict)


@pytest.mark.parametrize(
    "change",
    [{"created": float("nan")}, {"created": float("inf")}, {"created": 10**400}, {"created": -1}, {"title": "\ud800"},
     {"owner": "a\0b"}, {"asked": [1]}, {"created": "now"}, {"id": OTHER}],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_card_is_a_sentence_and_the_others_are_found(tmp_path, table, change):
    jobs = tmp_path / "jobs"
    folder = job(jobs, ID, json.dumps(CARD | change))
    job(jobs, OTHER, json.dumps(CARD | {"id": OTHER}))
    with pytest.raises(RunError, match="gone or damaged"):
        read_card(folder)
    reconcile(table, jobs)
    assert [row.id for row in table.rows()] == [OTHER]


def test_a_card_that_is_nested_without_end(tmp_path):
    with pytest.raises(RunError, match="gone or damaged"):
        read_card(job(tmp_path, ID, '{"asked": ' + '{"a":' * 50_000))
