"""What strangers' models, files and questions may not do. The numbers are those of the list that `benchmarks/plants_security.py`
goes through; what stands there and not here is tested beside the code that it is about.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from compressor import formats, models, tasks
from compressor.data import jsonfile, sources
from compressor.errors import DataError, HubError, ModelError, PublishError, RecipeError, RunError
from compressor.hub import Hub
from compressor.jobs import verbs
from compressor.jobs.files import keep_files
from compressor.jobs.job import Comparison
from compressor.jobs.store import JobStore
from compressor.planning.checking import label_check
from compressor.planning.inspecting import inspect
from compressor.publishing import packing
from compressor.recipe import Data, Recipe
from compressor.results import comparing, predicting
from compressor.settings import ASSETS, Settings
from compressor.teachers import local_folder, resolve
from compressor.ui import server
from compressor.ui.page import build
from compressor.ui.services import Services
from compressor.untrusted import caps
from tests import tiny
from tests.hub_fixture import HASTY, MODEL

ROOT = Path(__file__).resolve().parents[1]
TASK = tasks.get("text-classification")
TRILLIONS = {"hidden_size": 4_000_000, "num_attention_heads": 4, "vocab_size": 500_000}
"""Two million million parameters."""


@pytest.fixture
def folder(tmp_path):
    return tiny.bert(tmp_path / "bert")


def change(folder, file="config.json", **values):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def as_repo(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def hole(path, size):
    """A file of that size that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


# ---------------------------------------------------------------------- 4: whose folder a name means


def test_security_4_a_folder_never_stands_in_for_a_repo(hub_server, hub_settings, folder, tmp_path, monkeypatch):
    hub_server.add("x/evil", as_repo(folder))
    monkeypatch.chdir(tmp_path)
    for name in ("evil", "x/evil"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "config.json").write_text("{}")
        for hosted in (False, True):
            assert local_folder(name, replace(hub_settings, hosted=hosted)) is None
    own = replace(hub_settings, hosted=False)
    hub = Hub(own, "", patience=HASTY)
    found = resolve("x/evil", settings=own, hub=hub).folder
    assert found.is_absolute() and found.is_relative_to(own.hub_dir)
    assert models.load_model(found, TASK).config.hidden_size == 64


def test_security_4_where_strangers_share_the_server_no_folder_of_it_is_open(hub_settings, tmp_path):
    (tmp_path / "mine").mkdir()
    for path in (str(tmp_path / "mine"), "./mine", "~/mine", "../x", "/etc"):
        with pytest.raises(ModelError, match="not open to visitors"):
            local_folder(path, hub_settings)


def test_security_4_nothing_but_uploads_moves_into_a_run(hub_settings, tmp_path):
    (tmp_path / "secret.csv").write_text("text,label\n")
    asked = Recipe.parse({"teacher": "x/m", "data": {"source": {"train": str(tmp_path / "secret.csv")}}})
    with pytest.raises(RecipeError, match="not open to visitors"):
        keep_files(asked, tmp_path / "into", tmp_path / "later", hub_settings)
    assert not (tmp_path / "into").exists()


# ---------------------------------------------------------------------- 5: what steers a loader


def test_security_5_code_from_elsewhere_is_no_dependency():
    """transformers downloads and runs attention kernels by name where that package is there."""
    for file in ("requirements.txt", "pyproject.toml"):
        assert not re.search(r"^[\"' ]*kernels\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("method", ["gptq", "fp8", "somebody-elses"])
def test_security_5_a_quantizer_that_a_config_names_is_not_called(settings, folder, tmp_path, method):
    change(folder, quantization_config={"quant_method": method, "bits": 4})
    for use in (
        lambda: inspect(str(folder), settings=settings, hub=Hub(settings, "")),
        lambda: label_check(str(folder), {"source": "demo"}, settings=settings, hub=Hub(settings, "")),
        lambda: comparing.compare([str(folder)] * 2, None, tmp_path / "out", settings=settings, hub=Hub(settings, "")),
    ):
        with pytest.raises(ModelError, match="quantized already"):
            use()


# ---------------------------------------------------------------------- 6: what a config promises


BOMBS = {
    "labels": ({"num_labels": 10**9}, "num_labels = 1,000,000,000"),
    "more-labels": ({"num_labels": 1e300}, "num_labels"),
    "layers": ({"model_type": "qwen3", "num_hidden_layers": 10**9}, "num_hidden_layers = 1,000,000,000"),
    "endless": ({"num_hidden_layers": float("inf")}, "num_hidden_layers = inf"),
    "gpt2": ({"model_type": "gpt2", "n_layer": 10**8}, "n_layer"),
    "positions": ({"max_position_embeddings": 10**10}, "max_position_embeddings"),
    "nested": ({"text_config": {"num_hidden_layers": 10**9}}, "num_hidden_layers"),
}


@pytest.mark.parametrize(("values", "says"), BOMBS.values(), ids=BOMBS)
def test_security_6_numbers_that_become_lists_are_refused_at_once(settings, folder, values, says):
    models.load_config(folder)  # the imports are not what is measured
    change(folder, **values)
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(ModelError, match=says):
            inspect(str(folder), settings=settings, hub=Hub(settings, ""))
        with pytest.raises(ModelError, match=says):
            models.load_config(folder)
        assert tracemalloc.get_traced_memory()[1] < 20e6 and time.process_time() - started < 2
    finally:
        tracemalloc.stop()


def test_security_6_a_config_of_trillions_is_refused_wherever_a_model_is_named(
    hub_server, hub_settings, folder, tmp_path
):
    change(folder, **TRILLIONS)
    hub_server.add("x/bomb", as_repo(folder))
    hub = Hub(hub_settings, "", patience=HASTY)
    for use in (
        lambda: inspect("x/bomb", settings=hub_settings, hub=hub),
        lambda: resolve("x/bomb", settings=hub_settings, hub=hub),  # every run begins so
        lambda: label_check("x/bomb", {"source": "demo"}, settings=hub_settings, hub=hub),
        lambda: comparing.compare(["x/bomb"] * 2, None, tmp_path / "out", settings=hub_settings, hub=hub),
    ):
        with pytest.raises(ModelError, match="billion parameters, more than this machine"):
            use()


def test_security_6_a_config_that_does_not_describe_its_file_is_refused(hub_server, hub_settings, folder):
    change(folder, num_hidden_layers=40)
    hub_server.add("x/other", as_repo(folder))
    hub = Hub(hub_settings, "", patience=HASTY)
    for use in (inspect, resolve):
        with pytest.raises(ModelError, match="do not belong together"):
            use("x/other", settings=hub_settings, hub=hub)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_security_6_variants_are_no_bombs(settings, folder, tmp_path, name):
    made = tmp_path / name
    formats.get(name).make(folder, made, TASK, tiny.rows())
    assert resolve(str(made), settings=settings, hub=Hub(settings, "")).folder == made


def test_security_6_a_header_without_end_is_not_read(settings, folder):
    path = folder / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", caps.HEADER_BYTES + 1) + b"{")
        file.truncate(caps.HEADER_BYTES * 2)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=r"not a valid safetensors file"):
            inspect(str(folder), settings=settings, hub=Hub(settings, ""))
        assert tracemalloc.get_traced_memory()[1] < caps.HEADER_BYTES // 2
    finally:
        tracemalloc.stop()


def test_security_6_endless_configs_and_vocabularies_are_not_read(folder):
    hole(folder / "tokenizer.json", caps.VOCABULARY_BYTES + 1)
    with pytest.raises(ModelError, match=r"tokenizer\.json has 134 MB"):
        models.load_tokenizer(folder)
    hole(folder / "config.json", caps.JSON_BYTES + 1)
    with pytest.raises(ModelError, match=r"config\.json has 17 MB"):
        models.read_config(folder)


@pytest.mark.parametrize(("name", "cap"), [("config.json", "JSON_BYTES"), ("tokenizer.json", "VOCABULARY_BYTES")])
def test_security_6_endless_configs_and_vocabularies_are_not_downloaded(hub_server, hub_as, monkeypatch, name, cap):
    hub_server.add("x/m", MODEL | {name: b"{" + b" " * 5000 + b"}"})
    monkeypatch.setattr(caps, cap, 4000)
    with pytest.raises(HubError, match="more than is taken here"):
        hub_as().fetch_model("x/m")
    assert not any("resolve" in path for path in hub_server.paths())


# ---------------------------------------------------------------------- 7: pickles, and code of a model's own


def test_security_7_a_pickle_beside_other_weights_is_not_loaded(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(ModelError, match="cannot be loaded"):
        models.load_model(folder, TASK)


def test_security_7_code_of_a_tokenizers_own_is_not_run(folder):
    (folder / "tok.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\nclass Evil: pass\n")
    change(
        folder, "tokenizer_config.json", tokenizer_class="Evil", auto_map={"AutoTokenizer": ["tok.Evil", "tok.Evil"]}
    )
    with contextlib.suppress(ModelError):
        models.load_tokenizer(folder)
    assert not (folder / "ran").exists()


def test_security_7_nothing_is_converted_from_pickles_by_the_hub():
    code = (
        "from compressor.settings import prepare_environ; prepare_environ(); import os;"
        "print(os.environ['DISABLE_SAFETENSORS_CONVERSION'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "1"


# ---------------------------------------------------------------------- 8: how much may be asked


def test_security_8_so_many_models_are_compared(settings, tmp_path):
    class NotAsked:
        def __getattr__(self, name):
            raise AssertionError("the Hub was asked")

    models_ = ["x/m"] * (comparing.MOST_MODELS + 1)
    with pytest.raises(RecipeError, match="13 models are too many for one comparison: at most 12"):
        comparing.compare(models_, None, tmp_path / "out", settings=settings, hub=NotAsked())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["x"] * 1001, "1,001 texts are too many"),
        (["x" * 100_001], "100,001 characters is too long"),
        ([["short", "x" * 100_001]], "100,001 characters is too long"),
        (["x" * 90_000] * 23, "2,070,000 characters together"),
        ([{"text": "x"}], "Only texts"),
        ([["a", "b", "c"]], "Only texts"),
        ([7], "Only texts"),
        ([["a", None]], "Only texts"),
    ],
)
def test_security_8_so_many_texts_are_predicted_and_so_long_ones(settings, texts, says):
    """Through the helper's own door, whatever the page's boxes let in."""
    payload = {"folder": str(ASSETS / "demo" / "result"), "texts": texts, "owner": "anybody"}
    with pytest.raises(DataError, match=says):
        verbs.call(verbs.find("predict"), payload, settings)


def test_security_8_what_fits_is_predicted():
    predicting.check_texts(["x"] * 1000)
    predicting.check_texts([("a", "b"), ["x" * 100_000, ""], "c"])


def test_security_8_so_many_files_of_a_data_set_are_fetched(hub_server, hub_as, hub_settings, monkeypatch):
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    hub_server.add("x/d", {f"data/train-{i}.csv": b"text,label\na,b\n" for i in range(9)}, "dataset")
    found = sources.locate(Data(source="x/d"), hub_as(), hub_settings, lambda *_, **__: None)
    assert len(found.splits["train"]) == 3 and found.partial == {"train"}
    assert any("Only the first 3 of 9 files" in note for note in found.notes)


def test_security_8_an_item_without_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "MAX_CELL", 100_000)
    path = tmp_path / "a.json"
    path.write_text('["' + "words " * 5_000_000, encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        file.read(1)
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="not valid JSON"):
                list(jsonfile.stream_array(file, path))
            assert tracemalloc.get_traced_memory()[1] < 15e6
        finally:
            tracemalloc.stop()


def test_security_8_a_card_has_an_end():
    assert packing.checked_card("x" * packing.MOST_CARD, "student")
    with pytest.raises(PublishError, match="200,001 characters: at most 200,000"):
        packing.checked_card("x" * (packing.MOST_CARD + 1), "student")


# ---------------------------------------------------------------------- 10: whose run


def test_security_10_anothers_run_is_no_teacher(hub_settings):
    store = JobStore(hub_settings)
    try:
        theirs = store.create("anna", Recipe.parse({"teacher": "x/m", "student": None}))
        model = str(theirs.folder / "variants" / "student")
        student = {"teacher": "x/m", "data": {"source": "demo"}, "student": {"model": model}}
        for asked in (
            Recipe.parse({"teacher": model, "student": None}),
            Recipe.parse(student),
            Comparison(models=("x/m", model)),
        ):
            with pytest.raises(RunError, match="no run with this address"):
                store.create("bert", asked)
        assert len(store.list("bert")) == 0
        store.cancel(theirs.id, "anna")
        assert store.create("anna", Recipe.parse({"teacher": model, "student": None})).status == "queued"
    finally:
        store.close()


# ---------------------------------------------------------------------- 16: how the page is served


def test_security_16_gradio_is_one_whose_holes_are_mended():
    import gradio

    pinned = re.search(
        r"^gradio\S*==(\d+)\.(\d+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert pinned and tuple(map(int, pinned.groups())) >= (6, 31)
    assert tuple(map(int, gradio.__version__.split(".")[:2])) >= (6, 31)


def test_security_16_no_folder_is_served_and_nothing_is_shared(settings):
    for one in (settings, replace(settings, hosted=True)):
        page = build(Services(one))
        server.app(page, one)
        assert page.allowed_paths == [] and page.auth is None and page.mcp_server_obj is None
        assert page.has_launched, "else gradio hands out any file whose path is sent to it"
    read = "".join(
        path.read_text(encoding="utf-8") for path in [*(ROOT / "compressor/ui").glob("*.py"), ROOT / "app.py"]
    )
    assert "allowed_paths" not in read and "set_static_paths" not in read and "share=True" not in read


def test_security_16_runs_lie_outside_the_working_and_the_temporary_folder():
    found = Settings.from_environ({})
    for place in (Path.cwd(), ROOT, Path(tempfile.gettempdir())):
        assert not found.jobs_dir.resolve().is_relative_to(place.resolve())
