"""Thin layers: what is left out is what real inputs miss least, nothing gets larger, and no plain model comes out."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoModelForSequenceClassification

from compressor import models, saving
from compressor.errors import CannotCutError, ModelError
from compressor.formats import get
from compressor.recipe import LowRank
from compressor.students import low_rank
from compressor.students.low_rank import ThinLinear, break_even, factorise, large_layers, ranks_for, weights_of
from tests import tiny
from tests.students.tiny import TASK, logits, teacher

SOME = ["bert", "distilbert", "modernbert", "llama", "electra"]


def calibration(model, count: int = 4):
    chance = torch.Generator().manual_seed(0)
    found = []
    for _ in range(count):
        ids = torch.randint(5, 99, (8, 20), generator=chance)
        mask = (torch.arange(20) < torch.randint(4, 21, (8, 1), generator=chance)).long()
        found.append({"input_ids": ids * mask, "attention_mask": mask})
    return found


@pytest.fixture
def bert(tmp_path):
    folder = tiny.bert(tmp_path / "teacher")
    return models.load_model(folder, TASK, dtype=torch.float32), models.load_tokenizer(folder)


@pytest.mark.parametrize(("rows", "columns"), [(384, 384), (384, 1536), (1536, 384), (7, 5), (64, 64)])
def test_break_even_is_the_first_rank_that_saves_nothing(rows, columns):
    rank = break_even(rows, columns)
    assert rank * (rows + columns) >= rows * columns
    assert (rank - 1) * (rows + columns) < rows * columns


def test_no_layer_gets_larger_whatever_is_kept():
    chance = torch.Generator().manual_seed(0)
    shapes = {str(i): shape for i, shape in enumerate([(64, 64), (64, 256), (256, 64), (40, 33), (512, 48)])}
    energies = {}
    for name, (rows, columns) in shapes.items():
        values = torch.rand(min(rows, columns), generator=chance, dtype=torch.float64).sort(descending=True).values
        energies[name] = values.square().cumsum(0) / values.square().sum()
    for kept in torch.linspace(0.01, 0.9999, 60).tolist():
        ranks = ranks_for(energies, shapes, kept)
        for name, rank in ranks.items():
            rows, columns = shapes[name]
            assert rank * (rows + columns) < rows * columns
            assert energies[name][rank - 1] >= kept
        whole = [name for name in shapes if name not in ranks]
        for name in whole:  # stayed because the rank that is wanted would not pay
            rows, columns = shapes[name]
            wanted = int((energies[name] < kept).sum()) + 1
            assert (wanted + 7) // 8 * 8 * (rows + columns) >= rows * columns
        assert weights_of(shapes, ranks) <= weights_of(shapes, {})


@pytest.mark.parametrize("weights", [0.3, 0.5, 0.8])
def test_a_size_target_is_met_and_not_undershot_by_much(bert, weights):
    model, _ = bert
    shapes = {n: (m.in_features, m.out_features) for n, m in large_layers(model, TASK).items()}
    before = sum(p.numel() for p in model.parameters())
    ranks = factorise(model, TASK, LowRank(weights=weights), calibration(model))
    left = weights_of(shapes, ranks) / weights_of(shapes, {})
    assert weights - 0.12 < left <= weights
    saved = weights_of(shapes, {}) - weights_of(shapes, ranks)
    assert before - sum(p.numel() for p in model.parameters()) == saved
    assert {n for n, m in model.named_modules() if isinstance(m, ThinLinear)} == set(ranks)


def test_a_target_that_no_rank_meets_is_a_sentence(bert):
    with pytest.raises(CannotCutError, match="at least"):
        factorise(bert[0], TASK, LowRank(weights=0.01), calibration(bert[0]))
    with pytest.raises(CannotCutError, match="no layer"):
        factorise(bert[0], TASK, LowRank(energy=0.9999), calibration(bert[0]))


def test_a_model_without_such_layers_is_a_sentence():
    """GPT-2 keeps its weights in a layer of its own kind."""
    for asked in (LowRank(weights=0.5), LowRank(energy=0.9)):
        with pytest.raises(CannotCutError, match=r"This gpt2 model has no large linear layers .* Leave"):
            low_rank.factorise(teacher("gpt2"), TASK, asked, [])


def test_inputs_decide_what_is_left_out():
    """A layer whose inputs lie in eight directions is exact at rank eight, though its weights have full rank; by the weights
    alone it would not be."""
    torch.manual_seed(0)
    layer = nn.Linear(64, 64)
    x = torch.randn(500, 8) @ torch.randn(8, 64)
    moment = (x.T @ x).double()
    parts = low_rank._decompose(layer.weight.detach(), moment / moment.diagonal().mean())
    energy = parts[1].square().cumsum(0) / parts[1].square().sum()
    assert energy[7] > 0.999
    thin = low_rank._thin(layer, 8, parts)
    error = (thin(x) - layer(x)).pow(2).mean() / layer(x).var()
    left, values, right = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    plain = x @ ((left[:, :8] * values[:8]) @ right[:8]).T + layer.bias
    assert error < 1e-3
    assert (plain - layer(x)).pow(2).mean() / layer(x).var() > 0.3


def test_it_is_the_best_of_its_rank_for_those_inputs():
    """Against the optimum that is known in closed form: the singular vectors of what the layer puts out."""
    torch.manual_seed(1)
    layer = nn.Linear(48, 40, bias=False)
    x = torch.randn(2000, 48) * torch.linspace(0.1, 5, 48)
    moment = (x.T @ x).double()
    thin = low_rank._thin(layer, 16, low_rank._decompose(layer.weight.detach(), moment / moment.diagonal().mean()))
    out = layer(x).detach()
    values = torch.linalg.svdvals(out)
    best = (values[16:] ** 2).sum()
    assert ((thin(x) - out) ** 2).sum() <= 1.01 * best


@pytest.mark.parametrize("name", SOME)
def test_padding_counts_for_nothing_and_heads_stay(name):
    model = teacher(name)
    one, padded = copy.deepcopy(model), copy.deepcopy(model)
    rows = calibration(model, 2)
    more = [
        {k: torch.cat([v, torch.full((len(v), 5), 7 if k == "input_ids" else 0)], 1) for k, v in row.items()}
        for row in rows
    ]
    ranks = [factorise(m, TASK, LowRank(weights=0.6), r) for m, r in ((one, rows), (padded, more))]
    assert ranks[0] == ranks[1]
    assert not any(n.partition(".")[0] in TASK.heads for n in ranks[0])
    assert torch.isfinite(logits(one)).all()


def test_it_comes_back_from_disk_as_it_was(bert, tmp_path):
    model, tokenizer = bert
    ranks = factorise(model, TASK, LowRank(weights=0.5), calibration(model))
    low_rank.save(model, tokenizer, tmp_path / "thin", ranks)
    back = low_rank.load(tmp_path / "thin", TASK)
    assert torch.equal(saving.probe(back), saving.probe(model.eval()))


def test_no_plain_checkpoint_is_written_and_none_is_read(bert, tmp_path):
    model, tokenizer = bert
    ranks = factorise(model, TASK, LowRank(weights=0.5), calibration(model))
    with pytest.raises(ModelError, match="random numbers"):
        saving.save_float(model, tokenizer, tmp_path / "plain", TASK)
    assert not (tmp_path / "plain").exists()
    low_rank.save(model, tokenizer, tmp_path / "thin", ranks)
    with pytest.raises(ModelError, match="two thin ones"):
        models.load_model(tmp_path / "thin", TASK)
    for fmt in ("8bit", "4bit", "float"):
        with pytest.raises(ModelError, match="two thin ones"):
            get(fmt).make(tmp_path / "thin", tmp_path / fmt, TASK)
        assert not (tmp_path / fmt).exists()
    with pytest.raises(OSError, match="safetensors"):  # nor does transformers take it for one
        AutoModelForSequenceClassification.from_pretrained(tmp_path / "thin")


def test_what_transformers_would_have_done_with_it(bert, tmp_path):
    """Why it is refused: the layers come back as random ones, and no exception says so."""
    model, _ = bert
    factorise(model, TASK, LowRank(weights=0.5), calibration(model))
    model.save_pretrained(tmp_path / "plain")
    back, info = AutoModelForSequenceClassification.from_pretrained(tmp_path / "plain", output_loading_info=True)
    assert info["missing_keys"]
    assert not torch.allclose(saving.probe(back.eval()), saving.probe(model.eval()), atol=1e-3)


@pytest.mark.parametrize("hurt", ["cut", "ranks", "keys", "json"])
def test_a_folder_that_is_not_whole_is_a_sentence(bert, tmp_path, hurt):
    model, tokenizer = bert
    ranks = factorise(model, TASK, LowRank(weights=0.5), calibration(model))
    folder = tmp_path / "thin"
    low_rank.save(model, tokenizer, folder, ranks)
    if hurt == "cut":
        weights = folder / models.THIN_WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-100])
    elif hurt == "ranks":
        (folder / models.THIN).write_text(json.dumps({"ranks": dict.fromkeys(ranks, 8)}))
    elif hurt == "keys":
        save_file({"a": torch.zeros(1)}, folder / models.THIN_WEIGHTS)
    else:
        (folder / models.THIN).write_text("{")
    with pytest.raises(ModelError, match="not whole"):
        low_rank.load(folder, TASK)


@pytest.mark.parametrize("fmt", ["onnx", "onnx-int8"])
def test_as_onnx_it_answers_as_it_did_and_is_smaller(bert, tmp_path, fmt):
    model, tokenizer = bert
    plain = copy.deepcopy(model)
    ranks = factorise(model, TASK, LowRank(weights=0.4), calibration(model))
    low_rank.save(model, tokenizer, tmp_path / "thin", ranks)
    saving.save_float(plain, tokenizer, tmp_path / "plain", TASK)
    for name in ("thin", "plain"):
        get(fmt).make(tmp_path / name, tmp_path / f"{name}-{fmt}", TASK)
    runner = get(fmt).load(tmp_path / f"thin-{fmt}", TASK)
    given = {k: v.numpy() for k, v in tokenizer(["one text", "two texts"], padding=True, return_tensors="pt").items()}
    with torch.inference_mode():
        expected = model(**{k: torch.from_numpy(v) for k, v in given.items()}).logits
    assert torch.allclose(torch.from_numpy(runner.predict(given)), expected, atol=1e-3 if fmt == "onnx" else 0.5)
    assert runner.parameters == sum(p.numel() for p in model.parameters())
    size = [(tmp_path / f"{name}-{fmt}" / get(fmt).file).stat().st_size for name in ("thin", "plain")]
    assert size[0] < size[1]
