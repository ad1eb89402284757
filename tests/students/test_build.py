"""Students are plain models that hold exactly what was to be kept of the teacher."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from compressor.errors import CannotCutError
from compressor.recipe import Cut, Student
from compressor.students import build_student, copied, importance, plan
from compressor.students.anatomy import examine
from compressor.students.importance import Scores, score, select
from compressor.students.shapes import Shape, evenly_spaced, head_size, shape_of
from compressor.students.slicing import cut
from tests.students.tiny import ARCHITECTURES, TASK, batch, logits, teacher

NAMES = list(ARCHITECTURES)


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, atol=2e-5, rtol=1e-4)


def same(model: PreTrainedModel, other: PreTrainedModel) -> bool:
    return close(logits(model), logits(other))


def shortened(model: PreTrainedModel, kept: tuple[int, ...]) -> PreTrainedModel:
    """The teacher with layers taken out in place: each that stays keeps its own attributes, whatever the config says."""
    short = copy.deepcopy(model)
    stack = short.get_submodule(examine(model.config, TASK).parts.stacks[0])
    for index in reversed(range(len(stack))):
        if index not in kept:
            del stack[index]
    types = getattr(short.config, "layer_types", None)
    if types:
        short.config.layer_types = [types[i] for i in kept]
    short.config.num_hidden_layers, short.config.use_cache = len(kept), False
    return short


@pytest.mark.parametrize("name", NAMES)
def test_all_layers_are_the_teacher(name: str) -> None:
    model = teacher(name)
    student = build_student(model, shape_of(model.config), TASK)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in student.state_dict().items())
    assert same(student, model)


@pytest.mark.parametrize("name", NAMES)
def test_fewer_layers_are_the_teacher_without_the_others(name: str) -> None:
    model = teacher(name)
    shape = plan(model.config, Student(size="half"), TASK)
    student = build_student(model, shape, TASK)
    kept = evenly_spaced(model.config.num_hidden_layers, shape.layers)
    assert len(kept) == (3 if model.config.num_hidden_layers == 6 else 1)
    assert same(student, shortened(model, kept))
    assert not same(student, model)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["half", "small"])
def test_reload_is_exact_and_plain(name: str, size: str, tmp_path: Path) -> None:
    model = teacher(name)
    student = build_student(model, plan(model.config, Student(size=size), TASK), TASK, [batch()])
    student.save_pretrained(tmp_path)
    loaded, info = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(loaded) is type(model)
    # Not the logits bit by bit: kernels round by how a tensor happens to lie in memory.
    assert all(torch.equal(v, student.state_dict()[k]) for k, v in loaded.state_dict().items())
    assert same(loaded.eval(), student)


@pytest.mark.parametrize("name", NAMES)
def test_selecting_everything_changes_nothing(name: str) -> None:
    model = teacher(name)
    shape, parts = shape_of(model.config), examine(model.config, TASK).parts
    layers = range(shape.layers)
    everything = select(score(model, parts, layers, [batch()]), shape, shape, head_size(model.config), layers)
    state = cut(model.state_dict(), parts, layers, everything)
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())


def readers(model: PreTrainedModel, axis: str) -> list[tuple[torch.Tensor, int]]:
    """Matrices that read an axis inside the layers, with the dimension that reads it."""
    parts = examine(model.config, TASK).parts
    found = []
    for name, p in model.named_parameters():
        for dimension, label in enumerate(parts.labels[parts.place(name)[0]]):
            reads = dimension == (0 if model.config.model_type == "gpt2" else 1)
            if label == axis and p.dim() == 2 and reads and "embed" not in name:
                found.append((p, dimension))
    return found


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_dead_neurons_are_the_ones_that_go(name: str) -> None:
    model = teacher(name)
    draw = torch.Generator().manual_seed(5)
    for weight, dimension in readers(model, "ffn"):
        weight.index_fill_(dimension, torch.randperm(64, generator=draw)[:24], 0.0)
    shape = plan(model.config, Student(cut=Cut(intermediate=40)), TASK)
    assert same(build_student(model, shape, TASK, [batch()]), model)


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3", "mistral"])
@torch.no_grad()
def test_dead_heads_go_with_their_group(name: str) -> None:
    model = teacher(name, num_attention_heads=8, num_key_value_heads=4)
    group = 2 * head_size(model.config)  # channels of two query heads, which share a key-value head
    dead = [(1, 2), (0, 3), (0, 1), (2, 3), (1, 3), (0, 2)]  # other ones in each layer
    for (weight, dimension), groups in zip(readers(model, "inner"), dead, strict=True):
        for index in groups:
            weight.index_fill_(dimension, torch.arange(index * group, (index + 1) * group), 0.0)
    student = build_student(model, plan(model.config, Student(cut=Cut(kv_heads=2)), TASK), TASK, [batch()])
    assert student.config.num_key_value_heads == 2 and student.config.num_attention_heads == 4
    assert same(student, model)


@pytest.mark.parametrize("name", ["llama", "qwen3"])
@torch.no_grad()
def test_dead_channels_of_the_residual_stream_go_everywhere(name: str) -> None:
    """With RMS norms, cutting silent channels only scales what the norms put out, which their weights can undo."""
    model = teacher(name, hidden_size=64, rms_norm_eps=1e-12)
    dead = torch.randperm(64, generator=torch.Generator().manual_seed(2))[:24]
    parts = examine(model.config, TASK).parts
    for key, p in model.named_parameters():
        labels = parts.labels[parts.place(key)[0]]
        writes = 1 if "embed" in key else 0
        if p.dim() == 2 and labels[writes] == "hidden":
            p.index_fill_(writes, dead, 0.0)
    shape = plan(model.config, Student(cut=Cut(hidden=40)), TASK)
    student = build_student(model, shape, TASK, [batch()])
    for key, p in student.named_parameters():
        if p.dim() == 1 and p.shape[0] == 40 and "norm" in key:
            p.mul_((64 / 40) ** 0.5)
    assert same(student, model)


@pytest.mark.parametrize("name", ["bert", "mpnet", "modernbert", "llama"])
def test_the_important_half_follows_the_teacher_better_than_the_other(name: str) -> None:
    model = teacher(name)
    shape, parts = shape_of(model.config), examine(model.config, TASK).parts
    scores = score(model, parts, range(shape.layers), [batch()])
    low = copy.deepcopy(scores)
    low.ffn = [-s for s in scores.ffn]
    narrow = plan(model.config, Student(cut=Cut(intermediate=32)), TASK)

    def distance(chosen: Scores) -> float:
        selection = select(chosen, shape, narrow, head_size(model.config), range(shape.layers))
        student = build_student(model, narrow, TASK)
        student.load_state_dict(cut(model.state_dict(), parts, range(shape.layers), selection))
        return float((logits(student) - logits(model)).norm())

    assert distance(scores) < distance(low)


def test_padding_does_not_count_as_activity() -> None:
    model = teacher("bert")
    parts, layers = examine(model.config, TASK).parts, range(6)
    padded = batch()
    longer = {
        "input_ids": torch.nn.functional.pad(padded["input_ids"], (0, 15), value=7),
        "attention_mask": torch.nn.functional.pad(padded["attention_mask"], (0, 15)),
    }
    one, other = (score(model, parts, layers, [rows | {"labels": torch.zeros(3).long()}]) for rows in (padded, longer))
    assert torch.allclose(one.ffn[2], other.ffn[2], rtol=1e-4)
    assert torch.allclose(one.hidden, other.hidden, rtol=1e-4)


def test_silent_neurons_lose_to_active_ones_with_smaller_weights() -> None:
    """Activations count, not weights alone: neurons that calibration never sees active go, large as their weights are."""
    model = teacher("bert")
    layer = model.bert.encoder.layer[3]
    with torch.no_grad():
        layer.intermediate.dense.weight[:8] = 0
        layer.intermediate.dense.bias[:8] = 0
        layer.output.dense.weight[:, :8] *= 100
    parts = examine(model.config, TASK).parts
    assert int(score(model, parts, range(6), [batch()]).ffn[3][:8].max()) == 0
    assert score(model, parts, range(6), []).ffn[3][:8].min() > score(model, parts, range(6), []).ffn[3][8:].max()


def test_copied_names_the_embeddings_of_a_student_as_wide_as_its_teacher() -> None:
    model = teacher("bert")
    half = build_student(model, plan(model.config, Student(size="half"), TASK), TASK)
    small = build_student(model, plan(model.config, Student(size="small"), TASK), TASK, [batch()])
    assert copied(half) == {f"bert.embeddings.{part}_embeddings.weight" for part in ("word", "position", "token_type")}
    assert all(torch.equal(half.get_parameter(n), model.get_parameter(n)) for n in copied(half))
    assert copied(small) == set() == copied(model)


def test_a_teacher_in_bfloat16_gives_a_student_in_float32_and_stays_as_it_was() -> None:
    model = teacher("distilbert").to(torch.bfloat16)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    student = build_student(model, plan(model.config, Student(size="tiny"), TASK), TASK, [batch()])
    assert {p.dtype for p in student.parameters()} == {torch.float32}
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.config.dim == 32 and not any(m._forward_pre_hooks for m in model.modules())


def test_a_width_that_cannot_be_cut_is_refused_with_a_sentence() -> None:
    from transformers import MobileBertConfig

    from compressor import models

    config = MobileBertConfig(num_hidden_layers=2, vocab_size=50, embedding_size=16)
    model = models.build(config, TASK, "cpu")
    old = shape_of(config)
    with pytest.raises(CannotCutError, match="width of this mobilebert model cannot be cut, because"):
        build_student(model, Shape(2, old.hidden, old.intermediate // 2, old.heads, old.kv_heads), TASK)
    assert build_student(model, Shape(1, old.hidden, old.intermediate, old.heads, old.kv_heads), TASK)


def test_the_score_tells_what_leaving_a_neuron_out_does() -> None:
    """Against leaving out each of a layer's neurons in turn; and better than without the gradient."""
    from scipy.stats import spearmanr

    model, layer = teacher("bert"), 4
    shape, parts = shape_of(model.config), examine(model.config, TASK).parts
    ids = torch.randint(5, 60, (48, 14), generator=torch.Generator().manual_seed(1))
    rows = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    dense = model.bert.encoder.layer[layer].output.dense
    before, told = dense.weight.detach().clone(), []
    with torch.inference_mode():
        whole = model(**rows).logits
        for neuron in range(shape.intermediate):
            dense.weight[:, neuron] = 0
            told.append(float((model(**rows).logits - whole).norm()))
            dense.weight.copy_(before)
    asked = [p.requires_grad for p in model.parameters()]
    with_gradient = score(model, parts, range(shape.layers), [rows]).ffn[layer]
    assert [p.requires_grad for p in model.parameters()] == asked and all(p.grad is None for p in model.parameters())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "BY_GRADIENT", ())
        without = score(model, parts, range(shape.layers), [rows]).ffn[layer]
    close, less = (float(spearmanr(found.numpy(), told).statistic) for found in (with_gradient, without))
    assert close > 0.8 and close > less
