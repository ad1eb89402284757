"""OpenVINO in 8 bits: it answers nearly as the model does, takes any batch and length, runs without this project."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import openvino
import pytest
import torch

from compressor import models, tasks
from compressor.errors import ModelError
from compressor.formats import get, openvino_runner
from compressor.formats.stored import OPENVINO, OPENVINO_WEIGHTS, stored_format
from compressor.measure import bytes_on_disk
from compressor.untrusted import caps
from tests import tiny
from tests.formats.conftest import KINDS, shallow

CLASSIFY, GENERATE = tasks.get("text-classification"), tasks.get("text-generation")
INT8 = get("openvino-int8")


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "int8"
    assert INT8.make(source, folder, CLASSIFY, tiny.rows(128, 32)) == []
    return folder


def batch(rows: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = np.ones((rows, length), np.int64)
    mask[0, length // 2 :] = 0
    ids = random.integers(5, 50, (rows, length)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def logits(source, given: dict[str, np.ndarray]) -> np.ndarray:
    """What the model itself answers, in torch."""
    model = models.load_model(source, CLASSIFY, dtype=torch.float32)
    with torch.inference_mode():
        return model(**{k: torch.from_numpy(v) for k, v in given.items()}).logits.numpy()


def test_it_answers_as_the_float_model_on_texts_of_their_kind(made, source):
    texts, _ = tiny.texts(64, seed=1)
    given = dict(tiny.wordpiece()(texts, padding=True, return_tensors="np"))
    found, expected = INT8.load(made, CLASSIFY).predict(given), logits(source, given)
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.2 * expected.std()
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 32), (7, 5), (32, 128)])
def test_it_takes_any_batch_and_length(made, source, shape):
    given = batch(*shape)
    found, expected = INT8.load(made, CLASSIFY).predict(given), logits(source, given)
    assert found.shape == expected.shape
    # These are tokens in an order that the rows did not show, for which its scales are not made.
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


def test_it_says_what_it_is(made, source):
    whole = sum(p.numel() for p in models.load_model(source, CLASSIFY).parameters())
    runner = INT8.load(made, CLASSIFY, threads=1)
    assert (runner.parameters, runner.dtype, runner.device, runner.threads) == (whole, "int8", "cpu", 1)
    assert stored_format(made) == "openvino-int8"
    assert runner._compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert runner._compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
    runner.close()
    with pytest.raises(RuntimeError):
        runner.predict(batch(1, 4))


def test_bytes_are_those_of_both_files_and_as_predicted(made, source):
    whole = sum(p.numel() for p in models.load_model(source, CLASSIFY).parameters())
    assert INT8.weights(made) == [OPENVINO_WEIGHTS, OPENVINO]
    assert bytes_on_disk(made) == sum((made / name).stat().st_size for name in INT8.weights(made))
    assert (made / OPENVINO_WEIGHTS).stat().st_size == pytest.approx(INT8.bytes(whole, 0), rel=0.06)
    assert json.loads((made / "config.json").read_text())["dtype"] == "float32"


def test_all_that_is_large_is_in_8_bits(made):
    constants = [op for op in openvino.Core().read_model(made / OPENVINO).get_ops() if op.get_type_name() == "Constant"]
    large = [op.get_element_type() for op in constants if np.prod(op.get_output_shape(0)) > 10_000]
    assert set(large) <= {openvino.Type.i8, openvino.Type.u8}
    assert len(large) >= 3 * 4 + 1  # the embeddings too


def test_nothing_in_it_tells_of_this_machine(made):
    written = (made / OPENVINO).read_text()
    for place in ("site-packages", str(made.parent), "/tmp", "/root", "/home", ".py"):
        assert place not in written


def test_the_same_rows_make_the_same_files_and_others_make_others(tmp_path):
    source, rows = tiny.bert(tmp_path / "m", num_hidden_layers=1), tiny.rows()
    short = [{k: v[:, :2] for k, v in one.items()} for one in rows]
    for name, given in (("one", rows), ("two", rows), ("short", short)):
        assert INT8.make(source, tmp_path / name, CLASSIFY, given) == [
            "Its 8 bits were fitted to 64 rows only; with more it may keep more."
        ]
    one, two, other = (
        [(tmp_path / n / f).read_bytes() for f in (OPENVINO, OPENVINO_WEIGHTS)] for n in ("one", "two", "short")
    )
    assert one == two
    assert one[1] != other[1]


def test_its_snippet_runs_without_this_project(made):
    code = INT8.snippet(str(made), CLASSIFY)
    script = f"import sys\n{code}\nassert not any(m.split('.')[0] in ('compressor', 'nncf') for m in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LABEL_") == 3


@pytest.mark.parametrize("kind", KINDS)
def test_other_architectures(tmp_path, kind):
    shallow(kind, tmp_path / "m")
    INT8.make(tmp_path / "m", tmp_path / "out", CLASSIFY, tiny.rows())
    assert INT8.load(tmp_path / "out", CLASSIFY).predict(batch(3, 11)).shape == (3, 2)


def test_refusals_are_sentences(tmp_path, made, source):
    for at, task, rows, says in (
        (tiny.llama(tmp_path / "llama"), GENERATE, tiny.rows(), "text classification models only"),
        (made, CLASSIFY, tiny.rows(), "stored as openvino-int8"),
        (source, CLASSIFY, (), "none to train with"),
    ):
        with pytest.raises(ModelError, match=says):
            INT8.make(at, tmp_path / "out", task, rows)
    with pytest.raises(ModelError, match="not as openvino-int8"):
        INT8.load(source, CLASSIFY)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("lacking", [("openvino", "nncf"), ("nncf",)])
def test_without_its_packages_it_says_what_to_install(tmp_path, source, made, monkeypatch, lacking):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in lacking else real(name))
    with pytest.raises(ModelError, match=f"pip install {' '.join(lacking)}"):
        INT8.make(source, tmp_path / "out", CLASSIFY, tiny.rows())
    if "openvino" in lacking:
        assert "pip install openvino nncf" in INT8.unavailable("cpu")
        with pytest.raises(ModelError, match="pip install openvino nncf"):
            INT8.load(made, CLASSIFY)
    else:
        assert INT8.unavailable("cpu") is None
        assert INT8.load(made, CLASSIFY).predict(batch(1, 4)).shape == (1, 3)


def test_what_answers_the_opposite_does_not_count_as_made(tmp_path, telling, monkeypatch):
    real = openvino_runner.OpenVinoRunner.predict
    monkeypatch.setattr(openvino_runner.OpenVinoRunner, "predict", lambda self, given: -real(self, given))
    with pytest.raises(ModelError, match="answers the opposite"):
        INT8.make(telling, tmp_path / "out", CLASSIFY, tiny.rows())
    assert list(tmp_path.iterdir()) == []


def damaged(made, folder, graph=lambda xml: xml, weights=lambda held: held):
    """A copy of a variant with its files changed."""
    shutil.copytree(made, folder)
    (folder / OPENVINO).write_text(graph((made / OPENVINO).read_text()))
    (folder / OPENVINO_WEIGHTS).write_bytes(weights((made / OPENVINO_WEIGHTS).read_bytes()))
    return folder


def attribute(name: str, value: str):
    """Changes an attribute of the first constant."""
    return lambda xml: re.sub(
        rf'(<data element_type="[a-z0-9]+" shape=.*?{name}=")[^"]*', rf"\g<1>{value}", xml, count=1
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"graph": lambda xml: ""}, "is no OpenVINO graph"),
        ({"graph": lambda xml: "\x08\x07 an ONNX file by another name"}, "is no OpenVINO graph"),
        ({"graph": lambda xml: xml[: len(xml) // 2]}, "cannot be loaded by OpenVINO"),
        ({"graph": lambda xml: '<?xml version="1.0"?>' + "<a>" * 200_000}, "cannot be loaded by OpenVINO"),
        ({"graph": attribute("offset", "18446744073709551000")}, "cannot be loaded by OpenVINO"),
        ({"graph": attribute("size", "16000000000000000000")}, "cannot be loaded by OpenVINO"),
        (
            {"graph": lambda xml: xml.replace('"192, 192"', '"2000000000, 2000000000"', 1)},
            "cannot be loaded by OpenVINO",
        ),
        ({"graph": lambda xml: xml.replace('type="Tanh" version="opset1"', 'type="Own" version="extension"')}, "Own"),
        ({"graph": lambda xml: xml.replace("token_type_ids", "secret_ids")}, r"not known \(secret_ids\)"),
        ({"weights": lambda held: held[:1000]}, "Incorrect weights"),
        ({"weights": lambda held: b""}, "Incorrect weights"),
    ],
)
def test_strange_files_end_in_a_sentence(made, tmp_path, changes, says):
    with pytest.raises(ModelError, match=says) as caught:
        INT8.load(damaged(made, tmp_path / "m", **changes), CLASSIFY)
    assert str(tmp_path) not in str(caught.value) and ".cpp" not in str(caught.value)


def test_a_missing_file_and_an_endless_graph_end_in_a_sentence(made, tmp_path, monkeypatch):
    folder = damaged(made, tmp_path / "m")
    (folder / OPENVINO_WEIGHTS).unlink()
    assert INT8.weights(folder) == []
    with pytest.raises(ModelError, match="cannot be loaded by OpenVINO"):
        INT8.load(folder, CLASSIFY)
    monkeypatch.setattr(caps, "GRAPH_BYTES", 1000)
    with pytest.raises(ModelError, match="larger than the graph of any model"):
        INT8.load(made, CLASSIFY)


def test_what_a_file_asks_of_the_runtime_does_not_count_nor_do_its_entities(made, tmp_path):
    (tmp_path / "secret").write_text("told")
    entity = f'<!DOCTYPE net [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    asks = f'<CACHE_DIR value="{tmp_path}/cache"/><INFERENCE_NUM_THREADS value="64"/><INFERENCE_PRECISION_HINT value="bf16"/>'

    def graph(xml: str) -> str:
        for old, new in (
            ("?>", f"?>{entity}"),
            ('<net name="model"', '<net name="&x;"'),
            ('<INFERENCE_PRECISION_HINT value="f32" />', asks),
            ('<parameters value="', '<parameters value="99999999999999999999'),
        ):
            assert old in xml
            xml = xml.replace(old, new, 1)
        return xml

    folder = damaged(made, tmp_path / "m", graph)
    runner = INT8.load(folder, CLASSIFY, threads=1)
    assert runner._compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert runner._compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
    assert not (tmp_path / "cache").exists()
    assert runner.parameters == 0
    assert "told" not in openvino.Core().read_model(folder / OPENVINO).get_friendly_name()
    assert np.array_equal(runner.predict(batch(2, 5)), INT8.load(made, CLASSIFY, threads=1).predict(batch(2, 5)))


HOME = """
import sys
asked = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        asked.append(event)
sys.addaudithook(hook)
from pathlib import Path
from compressor import tasks
from compressor.formats import get
from tests import tiny
from tests.formats.conftest import KINDS, shallow
here = Path(sys.argv[1])
get("openvino-int8").make(tiny.bert(here / "m", num_hidden_layers=1), here / "out", tasks.get("text-classification"), tiny.rows())
print(asked)
"""


def test_nobody_is_told_and_nothing_is_left_in_the_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environ = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "NNCF_DEV")}
    command = [sys.executable, "-c", HOME, str(tmp_path)]
    done = subprocess.run(command, env=environ | {"HOME": str(home)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert not (home / "intel").exists()
