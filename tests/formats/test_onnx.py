"""ONNX, in 32 and in 8 bits: it answers as the model does, takes any batch and length, and runs without this project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compressor import models, tasks
from compressor.errors import ModelError
from compressor.formats import get, onnx_
from compressor.formats.stored import stored_format
from compressor.measure import bytes_on_disk
from tests import tiny
from tests.formats.conftest import KINDS, shallow

ROOT = Path(__file__).resolve().parents[2]
CLASSIFY, GENERATE = tasks.get("text-classification"), tasks.get("text-generation")
BOTH = pytest.mark.parametrize("name", ["onnx", "onnx-int8"])


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    here = tmp_path_factory.mktemp("made")
    for name in ("onnx", "onnx-int8"):
        assert get(name).make(source, here / name, CLASSIFY) == []
    return here


def batch(rows: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = np.ones((rows, length), np.int64)
    mask[0, max(1, length // 2) :] = 0  # a text has a token at least
    ids = random.integers(5, 150, (rows, length)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (1, 32), (7, 5), (32, 128)])
def test_it_answers_as_the_float_model_at_any_batch_and_length(made, source, name, shape):
    runner, theirs = get(name).load(made / name, CLASSIFY), models.load_model(source, CLASSIFY, dtype=torch.float32)
    given = batch(*shape)
    with torch.inference_mode():
        expected = theirs(**{k: torch.from_numpy(v) for k, v in given.items()}).logits.numpy()
    found = runner.predict(given)
    assert found.dtype == np.float32 and found.shape == expected.shape
    spread = expected.std() if len(expected) > 1 else 1.0
    assert np.abs(found - expected).max() < (1e-3 if name == "onnx" else 0.5 * spread)


def test_it_says_what_it_is(made, source):
    whole = sum(p.numel() for p in models.load_model(source, CLASSIFY).parameters())
    for name, dtype in (("onnx", "float32"), ("onnx-int8", "int8")):
        runner = get(name).load(made / name, CLASSIFY, threads=1)
        assert (runner.parameters, runner.dtype, runner.device, runner.threads) == (whole, dtype, "cpu", 1)
        assert stored_format(made / name) == name
        runner.close()
        with pytest.raises(RuntimeError):
            runner.predict(batch(1, 4))


def test_bytes_are_those_of_the_file_and_as_predicted(made, source):
    graph = 200_000  # what is no weight, at most
    whole = sum(p.numel() for p in models.load_model(source, CLASSIFY).parameters())
    for name in ("onnx", "onnx-int8"):
        assert bytes_on_disk(made / name) == (made / name / get(name).weights(made / name)[0]).stat().st_size
        assert abs(bytes_on_disk(made / name) - get(name).bytes(whole, 0)) < graph


@BOTH
def test_nothing_in_it_tells_of_this_machine(made, name):
    written = (made / name / get(name).weights(made / name)[0]).read_bytes()
    for place in (b"site-packages", b"compressor", str(made).encode(), b".py"):
        assert place not in written
    properties = onnx.load_from_string(written).metadata_props
    assert [p.key for p in properties if p.key == "parameters"] == ["parameters"]


def test_embeddings_and_layers_are_in_8_bits(made):
    graph = onnx.load(made / "onnx-int8" / "onnx" / "model_quantized.onnx").graph
    large = [t for t in graph.initializer if np.prod(t.dims) > 10_000]
    assert {t.data_type for t in large} <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    assert len(large) >= 3 * 4 + 1


def test_the_float_one_is_a_standard_graph(made):
    model = onnx.load(made / "onnx" / "onnx" / "model.onnx")
    onnx.checker.check_model(model)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}


@BOTH
def test_its_snippet_runs_without_this_project(made, name):
    code = get(name).snippet(str(made / name), CLASSIFY)
    script = f"import sys\n{code}\nassert not any(m.split('.')[0] == 'compressor' for m in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LABEL_") == 3


@pytest.mark.parametrize("kind", KINDS)
def test_other_architectures(tmp_path, kind):
    shallow(kind, tmp_path / "m")
    for name in ("onnx", "onnx-int8"):
        assert get(name).make(tmp_path / "m", tmp_path / name, CLASSIFY) == []


def test_refusals_are_sentences(tmp_path, made, source, monkeypatch):
    for at, task, says in (
        (tiny.llama(tmp_path / "llama"), GENERATE, "text classification models only"),
        (made / "onnx", CLASSIFY, "stored as onnx"),
    ):
        with pytest.raises(ModelError, match=says):
            get("onnx-int8").make(at, tmp_path / "out", task)
    with pytest.raises(ModelError, match="not as onnx-int8"):
        get("onnx-int8").load(made / "onnx", CLASSIFY)
    monkeypatch.setattr(onnx_, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match="at most 2 GB"):
        get("onnx").make(source, tmp_path / "out", CLASSIFY)
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_a_sentence(tmp_path, made):
    folder = tmp_path / "onnx" / "onnx"
    folder.mkdir(parents=True)
    (tmp_path / "onnx" / "config.json").write_text((made / "onnx" / "config.json").read_text())
    (folder / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded by ONNX Runtime"):
        get("onnx").load(tmp_path / "onnx", CLASSIFY)


def test_what_answers_otherwise_does_not_count_as_made(tmp_path, telling, monkeypatch):
    def other(self, folder, task, device="cpu", threads=None):
        runner = real(self, folder, task, device, threads)
        predict = runner.predict
        runner.predict = lambda given: predict(given) + 1
        return runner

    real = onnx_.Onnx.load
    monkeypatch.setattr(onnx_.Onnx, "load", other)
    with pytest.raises(ModelError, match="answers otherwise than the model"):
        get("onnx").make(telling, tmp_path / "out", CLASSIFY)
    assert list(tmp_path.iterdir()) == []


def test_the_config_beside_it_says_nothing_of_16_bits(made):
    assert json.loads((made / "onnx" / "config.json").read_text())["dtype"] == "float32"


def test_nobody_is_told_that_a_model_ran(made, tmp_path):
    """ONNX Runtime reports to its makers where nothing forbids it: it then keeps a number for this machine in the home."""
    script = (
        "from compressor.settings import prepare_environ; prepare_environ()\n"
        "from pathlib import Path\n"
        "from compressor import tasks\n"
        "from compressor.formats import get\n"
        f"get('onnx-int8').load(Path({str(made / 'onnx-int8')!r}), tasks.get('text-classification')).close()\n"
    )
    environ = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI")}
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environ | {"HOME": str(home)}, timeout=600)
    assert not [path for path in home.rglob("*") if "onnxruntime" in str(path).lower()]
