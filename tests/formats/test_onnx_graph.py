"""The graph's rewrites: fewer and cheaper operators, the same answers, and what is not recognised stays as it is."""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
import transformers
from transformers.exporters import OnnxConfig, OnnxExporter

from compressor.formats.onnx_graph import first_token_only, plain_residuals, simplify

SMALL = {"vocab_size": 200, "num_labels": 3}
ENCODERS = {
    "bert": (
        transformers.BertForSequenceClassification,
        transformers.BertConfig(
            **SMALL, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
        ),
    ),
    "roberta": (
        transformers.RobertaForSequenceClassification,
        transformers.RobertaConfig(
            **SMALL, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
        ),
    ),
    "distilbert": (
        transformers.DistilBertForSequenceClassification,
        transformers.DistilBertConfig(**SMALL, dim=32, hidden_dim=64, n_layers=2, n_heads=4),
    ),
}
LAST = (
    transformers.LlamaForSequenceClassification,
    transformers.LlamaConfig(
        **SMALL, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, pad_token_id=0
    ),
)


MODELS = {**ENCODERS, "last token": LAST}


@functools.cache
def _exported(name: str) -> bytes:
    kind, config = MODELS[name]
    torch.manual_seed(0)
    model = kind(config).eval()
    model.set_attn_implementation("eager")
    given = {"input_ids": torch.randint(5, 200, (2, 7)), "attention_mask": torch.ones(2, 7, dtype=torch.int64)}
    return ir.to_proto(OnnxExporter().export(model, given, config=OnnxConfig(dynamic=True)).program).SerializeToString()


def exported(name: str) -> ir.Model:
    """The graph of such a model, each time anew: to export it takes seconds, and is done once."""
    return ir.from_proto(onnx.load_from_string(_exported(name)))


def answers(program, batch: int, length: int) -> np.ndarray:
    session = onnxruntime.InferenceSession(ir.to_proto(program).SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    mask = np.ones((batch, length), np.int64)
    mask[0, max(1, length // 2) :] = 0
    given = {"input_ids": random.integers(5, 200, (batch, length)) * mask, "attention_mask": mask}
    return session.run(["logits"], {i.name: given[i.name] for i in session.get_inputs()})[0]


def multiplied(program) -> int:
    """Multiplications in all layers for one text of 64 tokens, as ONNX's own shape inference counts the rows."""
    proto = ir.to_proto(program)
    for given in proto.graph.input:
        for dim, size in zip(given.type.tensor_type.shape.dim, (1, 64), strict=True):
            dim.dim_value = size
    del proto.graph.value_info[:]
    proto = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in proto.graph.value_info}
    weights = {t.name: list(t.dims) for t in proto.graph.initializer}
    return sum(
        int(np.prod(shapes[node.output[0]])) * weights[node.input[1]][0]
        for node in proto.graph.node
        if node.op_type == "MatMul" and node.input[1] in weights
    )


@pytest.mark.parametrize("name", list(ENCODERS))
def test_only_the_first_token_goes_through_what_stands_behind_the_last_keys_and_values(name):
    program = exported(name)
    before = {shape: answers(program, *shape) for shape in ((1, 1), (1, 9), (3, 5), (2, 33))}
    work = multiplied(program)
    first_token_only(program)
    onnx.checker.check_model(ir.to_proto(program), full_check=True)
    for shape, expected in before.items():
        np.testing.assert_allclose(answers(program, *shape), expected, rtol=1e-4, atol=1e-5)
    # Of a layer, keys and values are left (2 of 8 equal parts, here with a feed-forward of twice the width): 2 layers → 1¼.
    assert multiplied(program) < 0.66 * work


def test_a_classifier_by_the_last_token_is_left_alone():
    program = exported("last token")
    before = ir.to_proto(program).SerializeToString()
    first_token_only(program)
    assert ir.to_proto(program).SerializeToString() == before


def test_a_model_whose_hidden_states_are_asked_for_is_left_alone():
    program = exported("bert")
    gather = next(n for n in reversed(list(program.graph)) if n.op_type == "Gather")
    program.graph.outputs.append(gather.inputs[0])
    count = len(list(program.graph))
    first_token_only(program)
    assert len(list(program.graph)) == count


def test_a_residual_is_a_sum_that_nothing_is_fused_with(tmp_path):
    program = exported("bert")
    before = answers(program, 2, 9)
    plain_residuals(program)
    kinds = Counter(node.op_type for node in program.graph)
    assert kinds["Sum"] == 1 + 2 * 2
    np.testing.assert_allclose(answers(program, 2, 9), before, rtol=1e-5, atol=1e-6)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(ir.to_proto(program).SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    assert run["LayerNormalization"] == 1 + 2 * 2
    assert not run["SkipLayerNormalization"] and not run["EmbedLayerNormalization"]


def test_bias_and_residual_are_told_apart():
    program = exported("bert")
    simplify(program)
    for node in program.graph:
        if node.op_type == "Sum":
            assert all(value.const_value is None for value in node.inputs)
