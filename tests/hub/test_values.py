"""References as people paste them, and files as repos name them: no network."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from compressor.errors import HubError, ModelError
from compressor.hub import LocalModel, parse_reference
from compressor.hub.download import card_of, folder_name
from compressor.hub.layout import check_index, check_weights, subsets, weight_files
from compressor.hub.values import Terms, account_from, is_id, license_of, terms_of

GOOD = {
    "gpt2": "gpt2",
    " user/name ": "user/name",
    "https://huggingface.co/user/na.me-1_x": "user/na.me-1_x",
    "https://huggingface.co/user/name/tree/main?x=1": "user/name",
    "https://huggingface.co/gpt2/blob/main/config.json": "gpt2",
    "huggingface.co/user/name/": "user/name",
    "https://hf.co/datasets/stanfordnlp/sst2/viewer": "stanfordnlp/sst2",
    "hf://datasets/user/name": "user/name",
    "http://hub.example:8080/user/name": "user/name",
}
BAD = ["", "a/b/c", "../etc", "user/..", "user/na me", "a--b", "user/-x", "user/name.git", "ü/x", "x" * 97,
       "https://example.com/user/name", "https://huggingface.co/spaces/user/name", "https://huggingface.co/"]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_reads_what_people_paste(text):
    assert parse_reference(text, "http://hub.example:8080") == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_refuses_with_a_sentence_what_is_no_reference(text):
    with pytest.raises(HubError, match=r"[A-Z].*\.$"):
        parse_reference(text)


def test_owners_never_share_a_folder():
    owners = ["local", "LOCAL", "alice", "Alice", "a/../local", "o-", ""]
    assert len({folder_name(o).lower() for o in owners}) == len(owners)
    assert all("/" not in folder_name(o) and not folder_name(o).startswith(".") for o in owners)


def test_takes_the_whole_model_and_nothing_beside_it():
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = "model.safetensors.index.json"
    assert weight_files(["model.safetensors", "model.fp16.safetensors", "onnx/model.safetensors"]) == [
        "model.safetensors"
    ]
    assert weight_files([*reversed(shards), index, "consolidated.safetensors"]) == [index, *shards]
    assert weight_files(shards) == []


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["pytorch_model.bin", "config.json"], "pickle"),
        (["adapter_model.safetensors"], "adapter"),
        (["q4.gguf"], "GGUF"),
        (["config.json"], "no weights"),
    ],
)
def test_says_why_a_repo_has_no_weights_to_load(names, word):
    with pytest.raises(ModelError, match=word):
        check_weights("a/b", names)


@pytest.mark.parametrize(
    "index", [{"weight_map": {"w": "../../other/model.safetensors"}}, {"weight_map": {}}, [], None]
)
def test_an_index_leads_nowhere_but_to_its_own_shards(index):
    with pytest.raises(ModelError, match="does not fit"):
        check_index("a/b", index, ["model-00001-of-00001.safetensors"])
    check_index("a/b", {"weight_map": {"w": "model-00001-of-00001.safetensors"}}, ["model-00001-of-00001.safetensors"])


def test_splits_from_the_card():
    files = ["mrpc/train-0.parquet", "mrpc/validation-0.parquet", "cola/train-0.parquet", "cola/test.csv"]
    card = {
        "configs": [
            {
                "config_name": "mrpc",
                "data_files": [
                    {"split": "train", "path": "mrpc/train-*"},
                    {"split": "dev", "path": ["mrpc/validation-*", "http://127.0.0.1/x.csv", "../secret.csv"]},
                ],
            },
            {"config_name": "cola", "data_dir": "cola", "data_files": {"test": "**.csv"}},
            "nonsense",
        ]
    }
    assert subsets(files, card) == {
        "mrpc": {"train": ["mrpc/train-0.parquet"], "validation": ["mrpc/validation-0.parquet"]},
        "cola": {"test": ["cola/test.csv"]},
    }


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (["train", "test", "eval"], ["train", "test", "validation"]),
        (["train", "eval", "dev", "test"], ["train", "eval", "validation", "test"]),
        (["eval", "Test", "validation"], ["eval", "test", "validation"]),
        (["train", "dev", "validation", "unsupervised"], ["train", "dev", "validation", "unsupervised"]),
        (["training", "val"], ["train", "validation"]),
    ],
)
def test_no_two_splits_of_a_card_become_one(stated, expected):
    files = [f"{name}-0.parquet" for name in stated]
    pairs = [{"split": name, "path": file} for name, file in zip(stated, files, strict=True)]
    found = subsets(files, {"configs": [{"config_name": "all", "data_files": pairs}]})["all"]
    assert {file: split for split, (file,) in found.items()} == dict(zip(files, expected, strict=True))


def test_a_split_without_files_takes_no_name_from_another():
    stated = [{"split": "validation", "path": "gone-*"}, {"split": "dev", "path": "dev-*"}]
    assert subsets(["dev-0.csv"], {"configs": [{"config_name": "all", "data_files": stated}]}) == {
        "all": {"validation": ["dev-0.csv"]}
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["data.csv", "README.txt", "LICENSE.txt", ".x/y.csv"], {"default": {"train": ["data.csv"]}}),
        (
            ["data/test-0.parquet", "data/train-0.parquet", "data/train-1.parquet", "data/unsupervised-0.parquet"],
            {"default": {"train": ["data/train-0.parquet", "data/train-1.parquet"], "test": ["data/test-0.parquet"]}},
        ),
        (["train/a.csv", "dev/a.csv"], {"default": {"train": ["train/a.csv"], "validation": ["dev/a.csv"]}}),
        (
            ["en/train/0.parquet", "de/test/0.parquet"],
            {"de": {"test": ["de/test/0.parquet"]}, "en": {"train": ["en/train/0.parquet"]}},
        ),
        (["a_train.csv", "a_train.jsonl"], {"default": {"train": ["a_train.csv"]}}),
        (["script.py", "x.zip"], {}),
        (["train-0.csv", "training-more.csv"], {"default": {"train": ["train-0.csv", "training-more.csv"]}}),
        (["train.csv", "eval.csv"], {"default": {"train": ["train.csv"], "test": ["eval.csv"]}}),
        (
            ["train.csv", "eval.csv", "test.csv"],
            {"default": {"train": ["train.csv"], "validation": ["eval.csv"], "test": ["test.csv"]}},
        ),
        (
            ["train.csv", "dev.csv", "validation.csv"],
            {"default": {"train": ["train.csv"], "validation": ["validation.csv"]}},
        ),
    ],
)
def test_splits_from_names(files, expected):
    assert subsets(files) == expected


def test_an_account_may_write_where_its_token_may():
    orgs = [{"name": "acme", "roleInOrg": "write"}, {"name": "club", "roleInOrg": "read"}]
    assert account_from({"name": "a", "orgs": orgs, "auth": {"type": "oauth"}}).namespaces == ("a", "acme")
    reading = account_from({"name": "a", "orgs": orgs, "auth": {"accessToken": {"role": "read"}}})
    assert (reading.can_write, reading.namespaces, reading.orgs) == (False, (), ("acme", "club"))


@pytest.mark.parametrize(
    "text", ["http://[::1", "https://[x]/a/b", "http://℀.com/a", "https://hf.co:x/a" + "b" * 50_000]
)
def test_an_address_that_is_none_is_a_sentence(text):
    with pytest.raises(HubError) as caught:
        parse_reference(text)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("data/*.csv", {"data/a.csv", "data/b.csv"}),
        ("**/*.csv", {"data/a.csv", "data/b.csv", "data/en/a.csv", "top.csv"}),
        ("data/**", {"data/a.csv", "data/b.csv", "data/en/a.csv"}),
        ("data/**/a.csv", {"data/a.csv", "data/en/a.csv"}),
        ("d*a/?.csv", {"data/a.csv", "data/b.csv"}),
        ("**a.csv", {"data/a.csv", "data/en/a.csv"}),
        ("*", {"top.csv"}),
        ("*.cs", set()),
        ("[dt]*.csv", set()),
    ],
)
def test_patterns_of_a_card(pattern, found):
    names = ["data/a.csv", "data/b.csv", "data/en/a.csv", "top.csv"]
    card = {"configs": [{"config_name": "x", "data_files": {"train": pattern}}]}
    assert set(subsets(names, card).get("x", {}).get("train", ())) == found


@pytest.mark.parametrize(
    "pattern", ["**/" * 30 + "x.csv", "*a" * 40 + "b", "**a" * 40 + "b", "**/*a" * 20 + "b", "?*" * 60]
)
def test_no_pattern_of_a_card_takes_for_ever(pattern):
    names = ["a/" * 120 + "y.csv", "a" * 240 + ".csv", "a/aaaa" * 40 + ".csv"]
    started = time.process_time()
    subsets(names, {"configs": [{"data_files": pattern}]})
    assert time.process_time() - started < 2


def test_a_licence_of_its_own_keeps_its_name_and_link():
    card = {
        "license": "other",
        "license_name": "llama3.2",
        "license_link": "LICENSE",
        "tags": [
            "finance",
            "pytorch",
            "region:us",
            "transformers",
            "finance",
            3,
            "x" * 99,
            "text-embeddings-inference",
        ],
    }
    terms = terms_of(card, "x/m")
    assert (terms.license_name, terms.license_link) == ("llama3.2", "https://huggingface.co/x/m/blob/main/LICENSE")
    assert terms.tags == ("finance", "text-embeddings-inference")
    assert terms_of(card | {"license_link": "https://a.b/c"}, None).license_link == "https://a.b/c"
    assert terms_of(card, None).license_link is None
    assert terms_of({"license_name": 3, "license_link": ["x"], "tags": {"a": 1}}, "x/m") == Terms()
    kept = LocalModel(Path("x"), "x/m", "1", "other", ("en",), terms)
    assert LocalModel.from_json(kept.to_json(), Path("x")) == kept


def test_a_note_of_a_model_that_is_damaged_claims_nothing():
    raw = {"id": 3, "sha": ["x"], "license": "mit", "languages": 7}
    model = LocalModel.from_json(raw, Path("x"))
    assert (model.id, model.sha, model.license, model.languages) == (None, None, "mit", ())


@pytest.mark.parametrize("name", [1 << 20_000, 3, None, ["model-00001-of-00001.safetensors"]], ids=range(4))
def test_an_index_that_names_no_files_is_refused(name):
    with pytest.raises(ModelError, match="does not fit"):
        check_index("user/name", {"weight_map": {"a": name}}, ["model-00001-of-00001.safetensors"])


def test_a_card_that_cannot_be_held_says_nothing():
    def card(said):
        return card_of(SimpleNamespace(card_data=SimpleNamespace(to_dict=lambda: said)))

    assert card({"license": "mit"}) == {"license": "mit"}
    assert card({"license": 1 << 20_000}) == card({"configs": [{"config_name": "\ud800"}]}) == {}
    assert card_of(SimpleNamespace(card_data=None)) == {}


def test_of_several_licences_none_is_claimed():
    assert [license_of({"license": said}) for said in ("mit", ["mit"], ["mit", "cc-by-nc-4.0"], [], None)] == [
        "mit", "mit", "other", None, None,
    ]  # fmt: skip


def test_a_long_name_is_no_matter_of_who_owns_it():
    assert is_id(f"an-organization/{'m' * 96}") and not is_id(f"a/{'m' * 97}") and not is_id("m" * 97)
