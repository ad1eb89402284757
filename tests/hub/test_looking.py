"""Search, look and list against the loopback Hub with the real client."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compressor.errors import AccessDeniedError, GatedRepoError, ModelError, RepoNotFoundError
from compressor.hub import Hub
from compressor.planning.inspecting import inspect
from compressor.settings import Settings
from tests.hub_fixture import MODEL

CARD = b"---\nlicense: cc-by-4.0\nconfigs:\n- config_name: plain\n  data_files:\n  - split: train\n    path: rows.csv\n---\n"


def test_who_somebody_is(hub_as):
    assert hub_as().account() is None
    alice = hub_as("hf_alice").account()
    assert (alice.name, alice.can_write, alice.namespaces) == ("alice", True, ("alice", "acme"))
    assert not hub_as("hf_alice_reads").account().can_write
    assert hub_as("hf_alice_fine").account().namespaces == ("acme",)
    with pytest.raises(AccessDeniedError, match="does not accept this token"):
        hub_as("hf_nobody").account()


def test_a_token_that_no_header_can_hold_is_refused_without_quoting_it(hub_as):
    for token in ("hf_se cret", "hf_secret\nX: y", "hf_secr\u00e9t"):
        with pytest.raises(AccessDeniedError) as caught:
            hub_as(token)
        assert "secr" not in str(caught.value)


def test_nobody_else_gets_the_machines_token(hub_server, hub_settings, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    hub_server.add("alice/m", MODEL)
    hosted = Hub(replace(hub_settings, token="hf_alice"))
    hosted.model("alice/m")
    hosted.search("m", "model")
    assert {r.token for r in hub_server.log} == {None}
    own = Hub(replace(hub_settings, token="hf_alice", hosted=False))
    assert own.account().name == "alice"
    assert Hub(replace(hub_settings, token="hf_alice", hosted=False), "").account() is None


def test_the_token_is_in_no_repr(hub_as):
    hub = hub_as("hf_alice")
    assert "hf_alice" not in repr(hub) + str(hub) + repr(hub.repos)


def test_search_finds_loadable_models_of_the_task_by_downloads(hub_server, hub_as):
    hub_server.add("x/bert-small", MODEL, downloads=5)
    hub_server.add("y/bert-large", MODEL, downloads=50)
    hub_server.add("z/bert-pickle", {k: v for k, v in MODEL.items() if k != "model.safetensors"}, downloads=500)
    hub_server.add("z/bert-other", {**MODEL, "README.md": b"---\npipeline_tag: fill-mask\n---\n"}, downloads=500)
    hub_server.add("alice/bert-mine", MODEL, private=True)
    found = hub_as().search("bert", "model", "text-classification")
    assert [(f.id, f.downloads) for f in found] == [("y/bert-large", 50), ("x/bert-small", 5)]
    mine = hub_as("hf_alice").search("bert", "model", "text-classification")
    assert next((f.id, f.private) for f in mine) == ("alice/bert-mine", True)
    assert [f.id for f in hub_as("hf_bob").search("bert", "model", "text-classification")] == [f.id for f in found]
    assert len(hub_as().search("bert", "model", "text-classification", limit=1)) == 1


def test_search_finds_data_sets(hub_server, hub_as):
    hub_server.add("x/reviews", {"a.csv": b"text\n"}, "dataset", downloads=2)
    hub_server.add("x/tagged", {"README.md": b"---\ntags: ['task_categories:text-classification']\n---\n"}, "dataset")
    assert [f.id for f in hub_as().search("rev", "dataset", "text-classification")] == ["x/reviews"]
    assert [f.id for f in hub_as().search("", "dataset", "text-classification")] == ["x/tagged"]


def test_looks_at_a_model_without_its_weights(hub_server, hub_as):
    repo = hub_server.add("x/m", MODEL)
    found = hub_as().model("https://huggingface.co/x/m")
    assert (found.id, found.sha, found.license, found.languages) == ("x/m", repo.refs["main"], "mit", ("en",))
    assert (found.parameters, found.weight_bytes) == (10, len(MODEL["model.safetensors"]))
    assert found.config["id2label"] == {"0": "bad", "1": "good"}
    assert found.has_safetensors and found.has_tokenizer and not found.gated
    assert not any("safetensors" in path or "_lfs" in path for path in hub_server.paths("GET"))


def test_counts_parameters_from_the_header_where_the_hub_has_not(hub_server, hub_as):
    hub_server.add("x/m", MODEL, counted=False)
    assert hub_as().model("x/m").parameters == 10


def test_a_gated_model_is_shown_before_access_is_granted(hub_server, hub_as):
    hub_server.add("x/m", MODEL, gated=True)
    found = hub_as("hf_bob").model("x/m")
    assert found.gated
    assert found.config == {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


def test_of_a_gated_model_that_nobody_may_read_nothing_is_invented(hub_server, hub_as, hub_settings):
    hub_server.add("x/m", MODEL, gated=True)
    with pytest.raises(GatedRepoError, match="accept the conditions and try"):
        inspect("x/m", settings=hub_settings, hub=hub_as("hf_bob"))


def test_a_broken_config_is_a_sentence(hub_server, hub_as):
    hub_server.add("x/m", {**MODEL, "config.json": b"{"})
    with pytest.raises(ModelError, match=r"config\.json of x/m"):
        hub_as().model("x/m")


def test_a_misspelt_name_brings_the_right_one_to_mind(hub_server, hub_as):
    hub_server.add("distilbert/distilbert-base-sst-2", MODEL)
    for wrong in ("distilbert/distilbert-base-sst2", "distillbert/distilbert-base-sst-2"):
        with pytest.raises(RepoNotFoundError, match="Did you mean distilbert/distilbert-base-sst-2"):
            hub_as().model(wrong)
    with pytest.raises(RepoNotFoundError) as caught:
        hub_as().model("nobody/nothing-like-it")
    assert "mean" not in str(caught.value)


def test_lists_a_data_set(hub_server, hub_as):
    repo = hub_server.add("x/d", {"README.md": CARD, "rows.csv": b"text\nhi\n", "other.csv": b"x\n"}, "dataset")
    found = hub_as().dataset("https://huggingface.co/datasets/x/d")
    assert (found.sha, found.license, found.configs) == (
        repo.refs["main"],
        "cc-by-4.0",
        {"plain": {"train": ["rows.csv"]}},
    )
    assert ("rows.csv", 8) in found.files


def test_a_data_set_of_another_kind_is_read_from_the_hubs_conversion(hub_server, hub_as):
    repo = hub_server.add("x/d", {"README.md": CARD, "script.py": b""}, "dataset")
    assert hub_as().dataset("x/d").configs == {}
    sha = repo.put({"plain/train/0000.parquet": b"PAR1"}, "refs/convert/parquet")
    found = hub_as().dataset("x/d")
    assert (found.sha, found.configs) == (sha, {"plain": {"train": ["plain/train/0000.parquet"]}})
    files = hub_as().fetch_files("x/d", "dataset", ["plain/train/0000.parquet"], found.sha)
    assert files[0].read_bytes() == b"PAR1"


def test_works_with_settings_from_the_environment(hub_server, tmp_path):
    hub_server.add("x/m", MODEL)
    environ = {"COMPRESSOR_DATA": str(tmp_path), "HF_ENDPOINT": hub_server.url, "HF_TOKEN": "hf_alice"}
    hub = Hub(Settings.from_environ(environ))
    assert hub.account().name == "alice"
    assert json.loads((hub.fetch_config("x/m") / "config.json").read_bytes())["model_type"] == "bert"
