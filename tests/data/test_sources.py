"""Data sets of the Hub, over the real client and a loopback Hub."""

import io
from dataclasses import replace

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from compressor.data.prepare import prepare
from compressor.data.preview import preview
from compressor.data.sources import choose_splits, choose_subset, locate
from compressor.errors import DataError, RepoNotFoundError
from compressor.events import silent
from compressor.recipe import Data
from tests.data.files import NAMES, TASK, sentences


def csv_bytes(rows, header="sentence,label"):
    return "\n".join([header, *(f"{a},{b}" for a, b in rows)]).encode()


def parquet(rows, names):
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=names), "idx": Value("int32")})
    table = {"sentence": [r[0] for r in rows], "label": [r[1] for r in rows], "idx": list(range(len(rows)))}
    buffer = io.BytesIO()
    Dataset.from_dict(table, features=features).to_parquet(buffer)
    return buffer.getvalue()


CARD = b"""---
configs:
- config_name: sst2
  data_files:
  - {split: train, path: sst2/train-*}
  - {split: validation, path: sst2/validation-*}
  - {split: test, path: sst2/test-*}
- config_name: mrpc
  data_files:
  - {split: train, path: "http://127.0.0.1:9/x.csv"}
  - {split: train, path: mrpc/train.csv}
---
"""


@pytest.fixture
def glue(hub_server, hub_as):
    """A repo like GLUE: several subsets, shards, the test rows' labels kept secret, the classes counted another way than
    the teacher does."""
    rows = {s: sentences(n, labels, start) for s, n, labels, start in (
        ("train-0", 100, (0, 1), 0), ("train-1", 100, (0, 1), 200), ("validation-0", 40, (0, 1), 400), ("test-0", 30, (-1,), 600),
    )}  # fmt: skip
    files = {f"sst2/{name}.parquet": parquet(r, ["positive", "negative"]) for name, r in rows.items()}
    files["mrpc/train.csv"] = csv_bytes(sentences(30))
    hub_server.add("nyu/glue", {"README.md": CARD, "glue.py": b"raise SystemExit", **files}, "dataset")
    return hub_as()


def test_shards_classes_and_secret_labels(glue, hub_settings, hub_server):
    found = prepare(Data(source="nyu/glue", subset="sst2"), TASK, glue, NAMES, "single", hub_settings)
    assert found.columns == {"text": "sentence", "label": "label"}
    assert (len(found.test), len(found.validation), len(found.train)) == (40, 20, 180)
    assert any("have no labels, so its validation rows serve as test" in note for note in found.notes)
    # The data set's 0 is `positive`, the teacher's 1.
    assert found.test[0] == {"text": "Sentence 400 says something of its own.", "label": 1}
    assert not [path for path in hub_server.paths() if "glue.py" in path or "mrpc" in path]


def test_a_look_at_the_hub(glue, hub_settings):
    found = preview(Data(source="nyu/glue", subset="sst2"), TASK, glue, NAMES, "single", hub_settings)
    assert (found.subset, set(found.subsets)) == ("sst2", {"sst2", "mrpc"})
    assert found.labels == (("negative", "NEGATIVE"), ("positive", "POSITIVE"))
    assert found.splits == {"train": 180, "validation": 20, "test": 40}
    none = preview(Data(source="nyu/glue"), TASK, glue, NAMES, "single", hub_settings)
    assert none.problems == ("nyu/glue has several subsets: sst2, mrpc. Say which with `data.subset`.",)
    assert (none.subset, set(none.subsets)) == (None, {"sst2", "mrpc"})  # to choose from
    with pytest.raises(RepoNotFoundError, match="nobody/nothing"):
        preview(Data(source="nobody/nothing"), TASK, glue, NAMES, "single", hub_settings)


def test_an_address_in_a_card_is_never_asked(glue, hub_settings):
    found = prepare(Data(source="nyu/glue", subset="mrpc"), TASK, glue, NAMES, "single", hub_settings)
    assert (len(found.train), len(found.test)) == (22, 4)


def test_only_as_many_shards_as_the_cap_allows(glue, hub_settings):
    size = dict(glue.dataset("nyu/glue").files)["sst2/train-0.parquet"]
    small = replace(hub_settings, max_upload_bytes=int(size * 1.5))
    source = locate(Data(source="nyu/glue", subset="sst2"), glue, small, silent)
    assert len(source.splits["train"]) == 1
    assert "Only the first 1 of 2 files of `train` are read" in source.notes[0]
    with pytest.raises(DataError, match="Choose a smaller data set"):
        locate(Data(source="nyu/glue", subset="sst2"), glue, replace(hub_settings, max_upload_bytes=10), silent)


def test_what_is_not_there(glue, hub_settings, hub_server):
    with pytest.raises(DataError, match=r"no subset 'sst'\. Did you mean 'sst2'\? It has sst2, mrpc"):
        prepare(Data(source="nyu/glue", subset="sst"), TASK, glue, NAMES, "single", hub_settings)
    with pytest.raises(RepoNotFoundError):
        prepare(Data(source="nobody/nothing"), TASK, glue, NAMES, "single", hub_settings)
    hub_server.add("x/zipped", {"data.csv.gz": b"\x1f\x8b", "README.md": b""}, "dataset")
    with pytest.raises(DataError, match=r"no files of a kind that is read .* It has \.gz, \.md"):
        prepare(Data(source="x/zipped"), TASK, glue, NAMES, "single", hub_settings)
    with pytest.raises(DataError, match="the Hub is not at hand"):
        prepare(Data(source="nyu/glue"), TASK, None, NAMES, "single", hub_settings)


def test_splits_by_their_names():
    mnli = {
        "train": ["a.csv"],
        "validation_matched": ["b.csv"],
        "validation_mismatched": ["c.csv"],
        "test_matched": ["d.csv"],
    }
    found, notes = choose_splits("x/mnli", mnli)
    assert found == {"train": ["a.csv"], "validation": ["b.csv"], "test": ["d.csv"]}
    assert len(notes) == 2
    assert choose_splits("x/one", {"everything": ["a.csv"]})[0] == {"train": ["a.csv"]}
    with pytest.raises(DataError, match="it has red, blue"):
        choose_splits("x/two", {"red": ["a.csv"], "blue": ["b.csv"]})


def test_the_default_subset_is_taken_unasked(hub_server, hub_as):
    files = {"default/train.csv": b"a", "other/train.csv": b"b"}
    hub_server.add("x/two", files, "dataset")
    assert choose_subset(hub_as().dataset("x/two"), None) == "default"
