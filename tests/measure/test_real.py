"""Real variants, measured: the numbers are those that plain transformers gives."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset

from compressor import models, tasks
from compressor.formats import get
from compressor.measure import Request, bytes_on_disk, children, latency, measure
from tests import tiny

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    """One for both tests: it imports torch, which takes seconds."""
    here = tmp_path_factory.mktemp("models")
    folders = [str(tiny.bert(here / "bert")), str(tiny.llama(here / "llama"))]
    made = children._Nursery(here / "errors", {"do": "preload", "task": "text-classification", "folders": folders})
    end = made.end
    made.end = lambda: None
    yield made
    end()


@pytest.fixture
def variants(tmp_path, monkeypatch, nursery):
    """Requests for a model in every format."""
    monkeypatch.setattr(children, "_Nursery", lambda errors, preload: nursery)
    monkeypatch.setattr(latency, "TARGET", 0.1)

    def make(source, task):
        requests = [Request("teacher", source)]
        for name in ("8bit", "4bit"):
            get(name).make(source, tmp_path / name, task)
            requests.append(Request(name, tmp_path / name, name))
        return requests

    return make


def test_a_classifier_in_every_format(tmp_path, variants):
    task = tasks.get("text-classification")
    source = tiny.bert(tmp_path / "bert")
    tokenizer = models.load_tokenizer(source)
    texts, labels = tiny.texts(40)
    task.encode(tokenizer, Dataset.from_dict({"text": texts, "label": labels}), 64).save_to_disk(str(tmp_path / "rows"))
    found = measure(variants(source, task), task, rows=tmp_path / "rows", threads=1)
    for one in found:
        model = models.load_model(tmp_path / ("bert" if one.name == "teacher" else one.name), task)
        with torch.inference_mode():
            said = [int(model(**tokenizer(text, return_tensors="pt")).logits.argmax()) for text in texts]
        right = sum(a == b for a, b in zip(said, labels, strict=True))
        assert one.quality.value * 40 == pytest.approx(right, abs=1)  # padding may tip a row that is on the edge
        assert one.parameters == sum(p.numel() for p in models.load_model(source, task).parameters())
        assert one.bytes == bytes_on_disk(tmp_path / ("bert" if one.name == "teacher" else one.name))
        assert one.notes == ()
        assert one.throughput > 0 < one.latency_ms.p50
        assert (one.measured_on.device, one.measured_on.threads) == ("cpu", 1)
    assert [one.dtype for one in found] == ["float32", "int8", "nf4"]
    assert found[0].agreement == 1.0


def test_a_language_model_in_every_format(tmp_path, variants):
    task = tasks.get("text-generation")
    source = tiny.llama(tmp_path / "llama")
    encoded = task.encode(models.load_tokenizer(source), Dataset.from_dict({"text": [" ".join(tiny.texts(40)[0])]}), 64)
    encoded.save_to_disk(str(tmp_path / "rows"))
    found = measure(variants(source, task), task, rows=tmp_path / "rows")
    model = models.load_model(source, task)
    nats, tokens = 0.0, 0
    for ids in encoded["input_ids"]:
        x = torch.tensor([ids])
        with torch.inference_mode():
            logits = model(input_ids=x).logits[0, :-1]
        nats, tokens = nats + float(F.cross_entropy(logits, x[0, 1:], reduction="sum")), tokens + len(ids) - 1
    assert found[0].quality.metric == "perplexity"
    assert found[0].quality.value == pytest.approx(math.exp(nats / tokens), rel=1e-4)
    for one in found:
        assert one.quality.value == pytest.approx(found[0].quality.value, rel=0.1)
        assert one.throughput > 1
        assert (one.agreement, one.notes) == (None, ())
        assert one.latency_ms.p50 > 0
    assert found[0].measured_on.length == 128  # its rows are windows: they say nothing of a usual length
