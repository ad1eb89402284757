"""From a preset or a person's own numbers to a shape, with a sentence for everything that cannot be.

`half`, `third` and `quarter` keep the width and leave layers out (DistilBERT, Sanh et al. 2019, arXiv 1910.01108). `slim` keeps
all layers and a quarter of their feed-forward neurons: where those are four times the width, it weighs what `half` does.
`small`, `mini` and `tiny` stand to their teacher as the miniatures of the same names stand to BERT-base (Turc et al. 2019,
arXiv 1908.08962: 4 layers of 512, 4 of 256 and 2 of 128, out of 12 of 768).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compressor.errors import CannotCutError, RecipeError
from compressor.recipe import AUTO
from compressor.students.anatomy import Anatomy, examine
from compressor.students.shapes import FOLLOW_HIDDEN, STILL, Shape, has_own_intermediate, head_size, shape_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from compressor.recipe import Cut, Student
    from compressor.tasks.base import Task

DEPTH = ("half", "third", "quarter")
SLIM, NEURONS = "slim", 1 / 4
"""Share of the feed-forward neurons."""
WIDTH = {"small": (1 / 3, 2 / 3), "mini": (1 / 3, 1 / 3), "tiny": (1 / 6, 1 / 6)}
"""Share of the layers, share of the width."""
STEPS = (64, 32, 16, 8)
"""Widths are multiples of the first of these that comes near enough: what matrix units and 4-bit blocks like."""


def plan(config: PretrainedConfig, student: Student, task: Task | None = None) -> Shape:
    """The student's shape, for a preset or for own numbers.

    Args:
        config: the teacher's.
        student: its `size` or its `cut` (another model to start from has its own shape).
        task: the teacher's task; without it, the one that the config is made for.

    Raises:
        CannotCutError: the architecture cannot be cut in this way.
        RecipeError: the numbers do not fit the teacher; every problem at once.
    """
    if student.size is None and student.cut is None and student.model is None:
        return shape_of(config)  # thin layers or fewer words alone: there is nothing to cut
    anatomy = examine(config, task or task_of(config))
    if student.size in DEPTH:
        return _depth_preset(config, student.size)
    if student.size == SLIM:
        return _slim_preset(config, anatomy)
    if student.size is not None and student.size != AUTO:
        return _width_preset(config, anatomy, student.size)
    if student.size == AUTO:
        raise RecipeError("student.size is auto: it has no shape before the search for it.")
    if student.cut is None:
        raise RecipeError("student.model names another model to start from: there is nothing to cut.")
    return _own(config, anatomy, student.cut)


def task_of(config: PretrainedConfig) -> Task:
    """The task that a config is made for; text classification for a plain encoder's."""
    from compressor import tasks
    from compressor.tasks.text_classification import TextClassification

    raw = config.to_dict()
    return tasks.for_config(raw) if raw.get("architectures") else TextClassification()


# ---------------------------------------------------------------------- presets


def _depth_preset(config: PretrainedConfig, size: str) -> Shape:
    old = shape_of(config)
    layers = {"half": math.ceil(old.layers / 2), "third": round(old.layers / 3), "quarter": old.layers // 4}[size]
    if old.layers == 1:
        raise CannotCutError(
            f"This {config.model_type} model has one layer, so none can be left out and there is no {size!r}. "
            f"Choose small, mini or tiny, which cut the width. {STILL}"
        )
    return Shape(max(1, layers), old.hidden, old.intermediate, old.heads, old.kv_heads)


def _slim_preset(config: PretrainedConfig, anatomy: Anatomy) -> Shape:
    old = shape_of(config)
    if anatomy.no_width is not None or not has_own_intermediate(config):
        why = anatomy.no_width or (
            f"This {config.model_type} model's config does not say how many feed-forward neurons it has, so none can be left out."
        )
        raise CannotCutError(f"{why} Choose half, third or quarter in place of 'slim'.")
    inner = _nearest(range(1, old.intermediate), old.intermediate * NEURONS)
    return Shape(old.layers, old.hidden, inner, old.heads, old.kv_heads)


def _width_preset(config: PretrainedConfig, anatomy: Anatomy, size: str) -> Shape:
    if anatomy.no_width is not None:
        raise CannotCutError(f"{anatomy.no_width} Choose half, third or quarter in place of {size!r}.")
    old = shape_of(config)
    depth, width = WIDTH[size]
    free, group, per_head = anatomy.parts.free_heads, old.heads // old.kv_heads, head_size(config)
    kv = max(1, math.floor(old.kv_heads * width + 0.5))
    if free:
        widths = [h for h in range(kv * group, old.hidden, kv * group) if _allowed(config, h)]
    else:
        widths = [k * group * per_head for k in range(1, old.kv_heads) if _allowed(config, k * group * per_head)]
    if not widths:
        raise CannotCutError(
            f"The width of this {config.model_type} model cannot be cut: it is {old.hidden}, shared out among "
            f"{old.kv_heads} key-value head{'s' if old.kv_heads > 1 else ''}, and whole ones have to stay. "
            f"Choose half, third or quarter in place of {size!r}. {STILL}"
        )
    hidden = _nearest(widths, old.hidden * width)
    if not free:
        kv = hidden // (group * per_head)
    inner = _nearest(range(1, old.intermediate + 1), old.intermediate * width)
    return Shape(
        layers=max(1, math.floor(old.layers * depth + 0.5)),
        hidden=hidden,
        intermediate=inner if has_own_intermediate(config) else 4 * hidden,
        heads=kv * group,
        kv_heads=kv,
    )


def _nearest(values: range | list[int], target: float) -> int:
    """Of `values`, the one nearest to `target`, preferring round ones where they come within a quarter of it."""
    for step in STEPS:
        round_ones = [v for v in values if v % step == 0]
        best = min(round_ones, key=lambda v: abs(v - target), default=0)
        if best and abs(best - target) <= target / 4:
            return best
    return min(values, key=lambda v: abs(v - target))


def _allowed(config: PretrainedConfig, hidden: int) -> bool:
    """An embedding that has a width of its own is projected to the hidden size (ELECTRA). Were both equal, the
    projection would be gone, and what it had learned with it."""
    return all(getattr(config, name, None) != hidden for name in FOLLOW_HIDDEN)


# ---------------------------------------------------------------------- own numbers


def _own(config: PretrainedConfig, anatomy: Anatomy, cut: Cut) -> Shape:
    old = shape_of(config)
    if anatomy.no_width is not None and any(x is not None for x in (cut.hidden, cut.intermediate, cut.kv_heads)):
        raise CannotCutError(f"{anatomy.no_width} Leave out hidden, intermediate and kv_heads from student.cut.")
    problems = [
        f"student.cut.{name} is {asked}, and the teacher has {has}: choose a number from {least} to {has}."
        for name, asked, has, least in (
            ("layers", cut.layers, old.layers, 1), ("hidden", cut.hidden, old.hidden, 8),
            ("intermediate", cut.intermediate, old.intermediate, 8), ("kv_heads", cut.kv_heads, old.kv_heads, 1),
        )
        if asked is not None and asked > has
    ]  # fmt: skip
    hidden, intermediate = cut.hidden or old.hidden, cut.intermediate or old.intermediate
    group, per_head = old.heads // old.kv_heads, head_size(config)
    if anatomy.parts.free_heads:
        kv = cut.kv_heads or old.kv_heads
        problems += _multiple("hidden", hidden, kv * group, "the number of attention heads", old.hidden)
    else:
        unit = group * per_head
        kv = hidden // unit
        problems += _multiple("hidden", hidden, unit, f"the size of {_heads(group)}", old.hidden)
        if cut.kv_heads is not None and cut.kv_heads != kv and not problems:
            problems.append(
                f"student.cut.kv_heads is {cut.kv_heads}, but in {config.model_type} models the heads share out the hidden "
                f"size: {hidden} is {kv} of them. Leave kv_heads out, or set hidden to {cut.kv_heads * unit}."
            )
    if not _allowed(config, hidden) and hidden != old.hidden:
        problems.append(
            f"student.cut.hidden is {hidden}, the width of the teacher's embeddings, which are projected to {old.hidden}: "
            "at equal widths that projection would be lost. Choose another hidden size."
        )
    if not has_own_intermediate(config):
        if cut.intermediate not in (None, 4 * hidden):
            problems.append(f"student.cut.intermediate cannot be chosen for {config.model_type}: it is 4 × hidden.")
        intermediate = 4 * hidden
    elif intermediate != old.intermediate:
        problems += _multiple("intermediate", intermediate, 8, "what quantization packs together", old.intermediate)
    shape = Shape(cut.layers or old.layers, hidden, intermediate, kv * group, kv)
    if not problems and shape == old:
        problems.append("student.cut leaves the teacher as it is: lower one of layers, hidden, intermediate, kv_heads.")
    if problems:
        raise RecipeError(problems)
    return shape


def _multiple(name: str, asked: int, unit: int, what: str, most: int) -> list[str]:
    if asked % unit == 0 or asked > most:
        return []
    below, above = asked // unit * unit, -(-asked // unit) * unit
    near = " or ".join(str(n) for n in (below, above) if 0 < n <= most)
    return [f"student.cut.{name} is {asked}, which is not a multiple of {unit} ({what}): choose {near}."]


def _heads(group: int) -> str:
    return "an attention head" if group == 1 else f"{group} attention heads, which share a key-value head"
