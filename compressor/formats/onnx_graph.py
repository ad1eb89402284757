"""Rewrites of an exported ONNX graph that change no answer and save time. Knows graphs, not models.

Both are of standard ONNX, so that every runtime gains by them, and both leave alone what they do not recognise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx_ir as ir

# fmt: off
ELEMENTWISE = frozenset({
    "Abs", "Add", "Cast", "Clip", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "Pow", "Reciprocal", "Relu", "Sigmoid", "Softplus", "Sqrt",
    "Sub", "Sum", "Tanh", "Where",
})
# fmt: on
Use = tuple[Any, int]
"""A node, and the place of a value among its inputs."""


def simplify(model: ir.Model) -> None:
    """All rewrites, in place."""
    first_token_only(model)
    plain_residuals(model)


def plain_residuals(model: ir.Model) -> None:
    """`Add` before `LayerNormalization` becomes `Sum`, which computes the same.

    ONNX Runtime fuses the pair with `Add` into a `SkipLayerNormalization` whose CPU kernel is about twice as slow as the two
    (12 of them took 1.6 of 8.0 ms in a MiniLM at 128 tokens, apart 0.7).
    """
    for node in list(model.graph):
        if node.op_type != "LayerNormalization" or node.inputs[0] is None:
            continue
        add = node.inputs[0].producer()
        if add is not None and add.op_type == "Add" and all(v is not None and not _constant(v) for v in add.inputs):
            add.op_type = "Sum"


def first_token_only(model: ir.Model) -> None:
    """Where a classifier reads the first token alone, compute the last layer for that token alone.

    BERT, RoBERTa, DistilBERT and their like classify by the first token's last hidden state. The other tokens matter to it
    through the last attention's keys and values only: its queries, and everything behind them, are wanted for one token.
    """
    graph = model.graph
    demanded = dict(_readers_of_the_first(graph))
    if not demanded:
        return
    narrowed: dict[ir.Value, int] = {}
    for node in reversed(list(graph)):
        if len(node.outputs) != 1:
            continue
        value = node.outputs[0]
        uses = [(user, place) for user, place in value.uses()]
        axes = {demanded.get(use) for use in uses}
        if not uses or value.is_graph_output() or len(axes) != 1 or None in axes:
            continue
        axis = next(a for a in axes if a is not None)
        wanted = _wanted(node, axis)
        if wanted is None:
            continue
        narrowed[value] = axis
        demanded.update({(node, place): at for place, at in wanted.items()})
    if narrowed:
        _narrow(graph, demanded, narrowed)


def _readers_of_the_first(graph: ir.Graph) -> Iterator[tuple[Use, int]]:
    """Nodes that read position 0 of a [batch, length, width] value, with the axis."""
    for node in graph:
        if node.op_type not in ("Gather", "Slice") or _rank(node.inputs[0]) != 3:
            continue
        asked = [_numbers(value) for value in node.inputs[1:]]
        gathers = node.op_type == "Gather" and node.attributes.get_int("axis", 0) == 1 and asked == [[0]]
        if gathers or asked == [[0], [1], [1]]:
            yield (node, 0), 1


def _wanted(node: ir.Node, axis: int) -> dict[int, int] | None:
    """{place of an input: axis} whose first position is all that a node needs for the first position of its output on `axis`;
    None where that cannot be told."""
    rank = _rank(node.outputs[0])
    if rank is None or any(value is None for value in node.inputs):
        return None
    if node.op_type in ELEMENTWISE:
        return _broadcast(node, axis, rank)
    if node.op_type in ("LayerNormalization", "Softmax"):
        last = node.attributes.get_int("axis", -1) in (-1, rank - 1)
        return {0: axis} if last and axis != rank - 1 else None
    if node.op_type == "MatMul":
        return {0: axis} if axis == rank - 2 and _rank(node.inputs[0]) == rank else None
    if node.op_type == "Transpose":
        order = list(node.attributes.get_ints("perm", []))
        return {0: order[axis]} if order else None
    if node.op_type == "Reshape":
        return {0: 1} if axis == 1 and _keeps_rows(node) else None
    return None


def _broadcast(node: ir.Node, axis: int, rank: int) -> dict[int, int] | None:
    wanted = {}
    for place, value in enumerate(node.inputs):
        own = _rank(value)
        if own is None:
            return None
        at = axis - (rank - own)
        if at < 0 or _constant_one(value, at):
            continue
        if _constant(value):
            return None
        wanted[place] = at
    return wanted


def _keeps_rows(node: ir.Node) -> bool:
    """[batch, length, …] → [batch, length, …], with all that follows known."""
    before, after = node.inputs[0].shape, node.outputs[0].shape
    if before is None or after is None or min(len(before), len(after)) < 3:
        return False
    return list(before[:2]) == list(after[:2]) and all(isinstance(size, int) for size in [*before[2:], *after[2:]])


def _narrow(graph: ir.Graph, demanded: dict[Use, int], narrowed: dict[ir.Value, int]) -> None:
    import numpy as np
    import onnx_ir as ir

    def constant(name: str, numbers: list[int]) -> ir.Value:
        value = ir.Value(name=name, const_value=ir.tensor(np.array(numbers, np.int64), name=name))
        value.dtype, value.shape = ir.DataType.INT64, ir.Shape([len(numbers)])
        graph.register_initializer(value)
        return value

    zero, one = constant("first_token_start", [0]), constant("first_token_end", [1])
    cuts: dict[tuple[ir.Value, int], ir.Value] = {}
    for (user, place), axis in demanded.items():
        value = user.inputs[place]
        if value in narrowed or user.op_type in ("Gather", "Slice"):
            continue
        if (value, axis) not in cuts:
            cut = ir.node("Slice", [value, zero, one, constant(f"first_token_axis_{len(cuts)}", [axis])])
            cut.outputs[0].dtype = value.dtype
            cut.outputs[0].shape = _shortened(value.shape, axis)
            producer = value.producer()
            if producer is not None:
                graph.insert_after(producer, cut)
            else:
                graph.insert_before(graph[0], cut)
            cuts[value, axis] = cut.outputs[0]
        user.replace_input_with(place, cuts[value, axis])
    for number, (value, axis) in enumerate(narrowed.items()):
        value.shape = _shortened(value.shape, axis)
        node = value.producer()
        if node is not None and node.op_type == "Reshape":
            assert value.shape is not None
            shape = [0, 1, *(int(size) for size in list(value.shape)[2:])]  # type: ignore[call-overload]
            node.replace_input_with(1, constant(f"first_token_shape_{number}", shape))
            node.attributes.pop("allowzero", None)


def _shortened(shape: Any, axis: int) -> Any:
    import onnx_ir as ir

    return None if shape is None else ir.Shape([1 if at == axis else size for at, size in enumerate(shape)])


def _rank(value: ir.Value | None) -> int | None:
    return None if value is None or value.shape is None else len(value.shape)


def _constant(value: ir.Value) -> bool:
    return value.const_value is not None


def _constant_one(value: ir.Value, axis: int) -> bool:
    return value.shape is not None and value.shape[axis] == 1


def _numbers(value: ir.Value | None) -> list[int] | None:
    if value is None or value.const_value is None:
        return None
    found: list[int] = value.const_value.numpy().reshape(-1).tolist()
    return found
