"""Vetted downloads: what comes, what never comes, and for whom."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from compressor.errors import (
    DiskFullError,
    GatedRepoError,
    HubError,
    HubUnreachableError,
    ModelError,
    RepoNotFoundError,
    RunCancelledError,
)
from compressor.hub import Hub
from tests.hub_fixture import HASTY, MODEL
from tests.hub_server import HALF
from tests.hub_store import tiny_safetensors

SHARDS = {f"model-0000{i}-of-00002.safetensors": tiny_safetensors(i) for i in (1, 2)}
INDEX = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}


def sharded(index: object) -> dict[str, bytes]:
    plain = {k: v for k, v in MODEL.items() if k != "model.safetensors"}
    return {**plain, **SHARDS, "model.safetensors.index.json": json.dumps(index).encode()}


def test_takes_the_harmless_files_of_one_commit_and_no_others(hub_server, hub_as):
    repo = hub_server.add("x/m", MODEL)
    seen = []
    model = hub_as().fetch_model("x/m", progress=lambda stage, done=0, total=0, **_: seen.append((stage, done, total)))
    assert sorted(p.name for p in model.folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (model.folder / "model.safetensors").read_bytes() == MODEL["model.safetensors"]
    assert (model.id, model.sha, model.license, model.languages) == ("x/m", repo.refs["main"], "mit", ("en",))
    assert model.folder.is_absolute()
    total = sum(len(MODEL[n]) for n in ("config.json", "model.safetensors", "tokenizer.json"))
    assert seen[-1] == ("download", total, total)


def test_an_older_commit_and_a_repeat(hub_server, hub_as):
    repo = hub_server.add("x/m", MODEL)
    old = repo.refs["main"]
    repo.put({"config.json": b'{"model_type": "new"}'})
    hub = hub_as()
    assert json.loads((hub.fetch_model("x/m", old).folder / "config.json").read_bytes())["model_type"] == "bert"
    assert json.loads((hub.fetch_model("x/m").folder / "config.json").read_bytes())["model_type"] == "new"
    hub_server.forget()
    hub.fetch_model("x/m")
    assert hub_server.paths() == ["GET /api/models/x/m"]
    with pytest.raises(RepoNotFoundError, match="no such revision"):
        hub.fetch_model("x/m", "v9")


def test_fetches_shards_that_the_index_names(hub_server, hub_as):
    hub_server.add("x/m", sharded(INDEX))
    assert set(SHARDS) <= {p.name for p in hub_as().fetch_model("x/m").folder.iterdir()}
    hub_server.add("x/evil", sharded({"weight_map": {"a": "../../../o-other/model.safetensors"}}))
    with pytest.raises(ModelError, match="does not fit"):
        hub_as().fetch_model("x/evil")
    assert not any("/x/evil/resolve" in p and "-of-" in p for p in hub_server.paths())


def test_config_comes_without_weights(hub_server, hub_as):
    hub_server.add("x/m", MODEL)
    hub = hub_as()
    assert sorted(p.name for p in hub.fetch_config("x/m").iterdir()) == ["config.json", "tokenizer.json"]
    assert not hub.is_cached("x/m")
    hub.fetch_model("x/m")
    assert hub.is_cached("x/m")
    assert not hub_as(owner="somebody else").is_cached("x/m")


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({k: v for k, v in MODEL.items() if k != "model.safetensors"}, "pickle"),
        ({k: v for k, v in MODEL.items() if k != "config.json"}, "config.json"),
    ],
)
def test_refuses_before_anything_is_downloaded(hub_server, hub_as, files, word):
    hub_server.add("x/m", files)
    with pytest.raises(ModelError, match=word):
        hub_as().fetch_model("x/m")
    assert hub_server.paths() == ["GET /api/models/x/m"]


def test_refuses_what_is_too_big_for_this_place(hub_server, hub_settings, monkeypatch):
    hub_server.add("x/m", MODEL)
    small = Hub(replace(hub_settings, max_model_bytes=50), patience=HASTY)
    with pytest.raises(ModelError, match="at most"):
        small.fetch_model("x/m")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(DiskFullError, match="Make room"):
        Hub(hub_settings, patience=HASTY).fetch_model("x/m")
    assert not any("resolve" in p for p in hub_server.paths())


def test_a_private_model_never_comes_out_of_a_cache(hub_server, hub_as):
    hub_server.add("alice/secret", MODEL, private=True)
    folder = hub_as("hf_alice").fetch_model("alice/secret").folder
    for other in (hub_as("hf_bob"), hub_as(), hub_as("hf_bob", owner="hf_alice")):
        for fetch in (other.fetch_model, other.fetch_config, other.model):
            with pytest.raises(RepoNotFoundError):
                fetch("alice/secret")
        with pytest.raises(RepoNotFoundError):
            other.fetch_files("alice/secret", "model", ["config.json"])
    assert hub_as("hf_bob").cache not in folder.parents and hub_as("hf_alice").cache in folder.parents


def test_where_strangers_share_a_process_nothing_is_given_out_without_the_hubs_word(hub_server, hub_as, hub_settings):
    hub_server.add("x/m", MODEL)
    hub = hub_as()
    hub.fetch_model("x/m")
    own = Hub(replace(hub_settings, hosted=False), "", patience=HASTY)
    folder = own.fetch_model("x/m").folder
    hub_server.__exit__()
    with pytest.raises(HubUnreachableError):
        hub.fetch_model("x/m")
    again = own.fetch_model("x/m")  # one's own machine, one's own download
    assert (again.folder, again.license, again.id) == (folder, "mit", "x/m")
    assert own.fetch_model("x/m", again.sha).folder == folder, (
        "a run that goes on asks for the commit that it began with"
    )
    for ref, revision in (("x/other", None), ("x/m", "0" * 40)):
        with pytest.raises(HubUnreachableError):
            own.fetch_model(ref, revision)


def test_a_gated_model_says_what_to_do(hub_server, hub_as):
    hub_server.add("x/m", MODEL, gated=True)
    with pytest.raises(GatedRepoError, match=r"/x/m, accept the conditions and try"):
        hub_as("hf_bob").fetch_model("x/m")
    with pytest.raises(GatedRepoError, match="sign in"):
        hub_as().fetch_model("x/m")


def test_a_transfer_that_breaks_off_is_resumed(hub_server, hub_as):
    big = tiny_safetensors(100_000)
    hub_server.add("x/m", {**MODEL, "model.safetensors": big})
    hub_server.fail("/_lfs/", HALF, method="GET")
    model = hub_as().fetch_model("x/m")
    assert (model.folder / "model.safetensors").read_bytes() == big
    assert len([p for p in hub_server.paths("GET") if "/_lfs/" in p]) == 2


def test_a_file_that_was_cut_short_on_this_disk_is_fetched_again(hub_server, hub_as):
    hub_server.add("x/m", MODEL)
    weights = hub_as().fetch_model("x/m").folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:7])
    assert (hub_as().fetch_model("x/m").folder / "model.safetensors").read_bytes() == MODEL["model.safetensors"]


@pytest.mark.parametrize("name", ["modeling_custom.py", "training_args.bin", "../config.json", "missing.json"])
def test_single_files_are_of_harmless_kinds(hub_server, hub_as, name):
    hub_server.add("x/m", MODEL)
    hub_server.add("x/d", {**MODEL, "a.csv": b"text\n"}, "dataset")
    for kind in ("model", "dataset"):
        with pytest.raises(HubError, match=r"has no file|not downloaded"):
            hub_as().fetch_files("x/m" if kind == "model" else "x/d", kind, [name])
    assert [p.read_bytes() for p in hub_as().fetch_files("x/d", "dataset", ["a.csv"])] == [b"text\n"]


def test_a_download_can_be_cancelled(hub_server, hub_as):
    hub_server.add("x/m", MODEL)

    def stop(stage, done=0, total=0, **_):
        raise RunCancelledError("stopped")

    with pytest.raises(RunCancelledError):
        hub_as().fetch_model("x/m", progress=stop)
