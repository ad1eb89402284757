"""Whatever fails while publishing, and wherever: the repo is whole or absent, and what was there before stays."""

from __future__ import annotations

import re

import pytest

from compressor.errors import (
    AccessDeniedError,
    CompressorError,
    HubError,
    PublishError,
    RepoExistsError,
    RunCancelledError,
)
from compressor.hub import Patience
from compressor.publishing.publish import publish
from tests import run_folder
from tests.hub_server import HANGUP, LOST
from tests.run_folder import is_whole


@pytest.fixture
def run(tmp_path):
    return run_folder.make(tmp_path / "run")


def test_every_fault_at_every_request_leaves_the_repo_whole_or_absent(hub_server, hub_as, run):
    """Each request of a good publish, spoilt in each way: once, and for good."""
    hub = hub_as("hf_alice")
    publish(run, "alice/m", hub=hub, public=True)
    requests = hub_server.paths()
    assert len(requests) > 10
    outcomes = {True: 0, False: 0}
    for number, request in enumerate(requests):
        method, path = request.split(" ", 1)
        for kind in (500, 403, HANGUP, LOST):
            for for_good in (False, True):
                hub_server.repos.clear()
                hub_server.objects.clear()
                hub_server.forget()
                if for_good:
                    hub_server.fail(f"^{re.escape(path)}$", kind, method=method, times=1e9)
                else:
                    hub_server.fail_request(number, kind)
                try:
                    done = publish(run, "alice/m", hub=hub, public=True)
                except CompressorError as error:
                    assert isinstance(error, (HubError, PublishError)) and str(error).endswith("."), error
                    done = []
                case = f"{request} {kind} {'for good' if for_good else 'once'}"
                repo = hub_server.repos.get(("model", "alice/m"))
                assert repo is None or is_whole(repo, run, "student-8bit"), case
                assert bool(done) == (repo is not None), case
                if done:
                    assert repo.private == bool(done[0].warnings), case
                if kind != 403 and not for_good:
                    assert done and not done[0].warnings, case
                if kind == LOST and path.endswith(("/create", "/commit/main", "/settings")):
                    assert done and not done[0].warnings, case  # it was done: only the answer never came
                outcomes[bool(done)] += 1
    assert min(outcomes.values()) > 10, outcomes


@pytest.mark.parametrize("path", ["/api/repos/create", "/commit/", "/settings"])
def test_what_was_done_though_its_only_answer_got_lost_is_found_to_be_done(hub_server, hub_as, run, path):
    hub_server.fail(path, LOST)
    done = publish(run, "alice/m", hub=hub_as("hf_alice", patience=Patience(tries=1)), public=True)
    repo = hub_server.repos["model", done[0].repo_id]
    assert is_whole(repo, run, "student-8bit") and not repo.private and not done[0].warnings


def test_a_repo_that_was_there_before_is_never_removed(hub_server, hub_as, run):
    repo = hub_server.add("alice/m", {"README.md": b"precious"})
    hub_server.fail("/commit/", 403)
    with pytest.raises(AccessDeniedError):
        publish(run, "alice/m", hub=hub_as("hf_alice"), overwrite=True)
    # Somebody else takes the name between the look and the creation.
    hub_server.fail("/api/models/alice/n$", 404, method="GET", times=2, X_Error_Code="RepoNotFound")
    other = hub_server.add("alice/n", {"README.md": b"precious"})
    with pytest.raises(RepoExistsError):
        publish(run, "alice/n", hub=hub_as("hf_alice"))
    assert repo.files == other.files == {"README.md": b"precious"}
    assert set(hub_server.repos) == {("model", "alice/m"), ("model", "alice/n")}


def test_what_the_hub_stored_wrongly_is_taken_back(hub_server, hub_as, run, monkeypatch):
    from tests import hub_store

    monkeypatch.setattr(hub_store.Blob, "sha256", property(lambda self: "0" * 64))
    with pytest.raises(PublishError, match=r"does not hold what was sent \(model.safetensors"):
        publish(run, "alice/m", hub=hub_as("hf_alice"))
    assert not hub_server.repos


def test_what_cannot_be_taken_back_is_said(hub_server, hub_as, run):
    hub_server.fail("/commit/", 403)
    hub_server.fail("/api/repos/delete", 503, times=1e9)
    with pytest.raises(AccessDeniedError, match=r"could not be removed either: delete it in .*/alice/m/settings"):
        publish(run, "alice/m", hub=hub_as("hf_alice"))


def test_a_failure_leaves_those_before_it_and_names_them(hub_server, hub_as, run):
    hub_server.fail("/alice/m-student-8bit/commit/", 403)
    with pytest.raises(AccessDeniedError, match=r"Nothing was left.*Published before it, and whole: alice/m-student\."):
        publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student", "student-8bit"])
    assert list(hub_server.repos) == [("model", "alice/m-student")]


def test_publishing_again_goes_on_where_it_failed(hub_server, hub_as, run):
    hub, both = hub_as("hf_alice"), ["student", "student-8bit"]
    hub_server.fail("/alice/m-student-8bit/commit/", 403)
    with pytest.raises(HubError, match="Published before it, and whole: alice/m-student"):
        publish(run, "alice/m", hub=hub, variants=both)
    first = hub_server.repos["model", "alice/m-student"]
    commits = list(first.commits)
    hub_server.forget()
    done = publish(run, "alice/m", hub=hub, variants=both, public=True)
    assert [p.repo_id for p in done] == ["alice/m-student", "alice/m-student-8bit"]
    assert list(first.commits) == commits and not first.private, "it is not sent again, and shown as asked"
    (again, _) = publish(run, "alice/m", hub=hub, variants=both)
    assert "everybody can see it" in again.warnings[0], "though it was to be private this time"
    other = {"student": "---\nlicense: mit\n---\n# Other words\n"}
    with pytest.raises(RepoExistsError, match="alice/m-student already"):
        publish(run, "alice/m", hub=hub, variants=both, card_text=other)
    assert list(first.commits) == commits


def test_a_stop_in_the_middle_leaves_nothing_half(hub_server, hub_as, run, monkeypatch):
    hub = hub_as("hf_alice")
    monkeypatch.setattr(type(hub.repos), "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        publish(run, "alice/m", hub=hub)
    assert not hub_server.repos

    def stop(stage, done=0, total=0, **_):
        raise RunCancelledError("The run was stopped.")

    with pytest.raises(RunCancelledError, match=r"^The run was stopped\.$"):
        publish(run, "alice/m", hub=hub, progress=stop)


def test_the_token_is_nowhere(hub_server, hub_as, run, caplog, capfd):
    caplog.set_level(0)
    hub_server.fail("/commit/", 403)
    with pytest.raises(AccessDeniedError) as caught:
        publish(run, "alice/m", hub=hub_as("hf_alice"))
    publish(run, "alice/m", hub=hub_as("hf_alice"))
    said = capfd.readouterr()
    files = b"".join(hub_server.repos["model", "alice/m"].files.values())
    for text in (repr(caught.value), caplog.text, said.out, said.err, files.decode("latin-1")):
        assert "hf_alice" not in text
