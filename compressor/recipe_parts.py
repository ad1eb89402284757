"""The parts of a recipe: frozen models of what may be asked about data, student, target and distillation, each with its defaults.

Whoever needs them imports them from `compressor.recipe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SIZES = ("half", "slim", "third", "quarter", "small", "mini", "tiny")
AUTO = "auto"
"""The size that a search finds."""
Format = Literal["8bit", "4bit", "onnx", "onnx-int8", "openvino-int8"]
FORMATS: tuple[Format, ...] = get_args(Format)
DEFAULT_FORMATS: tuple[Format, ...] = ("8bit", "4bit")
THIN_FORMATS: tuple[Format, ...] = ("onnx", "onnx-int8")
"""What a student of thin layers becomes where the recipe does not say: it has no plain form."""
NEED_PLAIN = ("8bit", "4bit")
"""Formats that only a plain model can take."""
DATA_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt")
Size = Literal["half", "slim", "third", "quarter", "small", "mini", "tiny", "auto"]
Budget = Literal["quick", "balanced", "thorough"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Files(Frozen):
    """Local files, one a split; paths are absolute once the recipe is loaded."""

    train: str | None = None
    validation: str | None = None
    test: str | None = None

    @model_validator(mode="after")
    def _some(self) -> Files:
        if not (self.train or self.validation or self.test):
            raise ValueError("data.source names no file: give at least `train` (or `test` where nothing is trained)")
        return self


def _as_text(value: Any) -> Any:
    """Labels and columns may be called 0, 1.5 or true, and a role may have no column: null, which the page writes as ""."""
    if not isinstance(value, Mapping):
        return value
    return {k: "" if v is None else json.dumps(v) if isinstance(v, bool | int | float) else v for k, v in value.items()}


Named = Annotated[dict[str, str], BeforeValidator(_as_text)]


def _as_texts(value: Any) -> Any:
    return (
        [json.dumps(one) if isinstance(one, bool | int | float) else one for one in value]
        if isinstance(value, list)
        else value
    )


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]


class Data(Frozen):
    source: str | Files = "demo"
    subset: str | None = None
    revision: str | None = None
    columns: Named | None = None
    labels: Named | None = None
    label_kind: Literal["one", "several", "number"] | None = None
    """What a cell of the label column holds; null: it is found out."""
    no_label: Texts | None = None
    """Values of the label column that say that a row has no label; null: it is found out."""
    unlabelled: str | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    max_length: Annotated[int, Field(ge=8, le=131072)] | None = None


class Cut(Frozen):
    """Own numbers in place of a preset; what is left out stays as the teacher has it."""

    layers: Annotated[int, Field(ge=1)] | None = None
    hidden: Annotated[int, Field(ge=8)] | None = None
    intermediate: Annotated[int, Field(ge=8)] | None = None
    kv_heads: Annotated[int, Field(ge=1)] | None = None


class LowRank(Frozen):
    """How thin the large layers become as two: by the energy that is kept, or by the share of their weights that is left."""

    energy: Annotated[float, Field(gt=0, lt=1)] | None = None
    weights: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> LowRank:
        if (self.energy is None) == (self.weights is None):
            raise ValueError("student.low_rank takes exactly one of `energy` and `weights`")
        return self


class Student(Frozen):
    """Exactly one of a preset size, own numbers, or another model to start from; with thin layers or fewer words, none of them
    means the teacher's own shape."""

    size: Size | None = None
    """`auto` is found by what `target` says."""
    cut: Cut | None = None
    model: str | None = None
    low_rank: LowRank | None = None
    vocabulary: Literal["data"] | Annotated[int, Field(ge=1)] | None = None
    """Tokens to keep: those that the data has, or so many of them, the frequent ones first. Null keeps all."""

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, value: Any) -> Any:
        """`cut: {vocabulary: N}` is the same as `vocabulary: N` beside the cut."""
        cut = value.get("cut") if isinstance(value, Mapping) else None
        if not isinstance(cut, Mapping) or "vocabulary" not in cut:
            return value
        if value.get("vocabulary") not in (None, cut["vocabulary"]):
            raise ValueError("student.vocabulary and student.cut.vocabulary differ: leave one of them out")
        rest = {k: v for k, v in cut.items() if k != "vocabulary"}
        return (
            {k: v for k, v in value.items() if k != "cut"}
            | {"vocabulary": cut["vocabulary"]}
            | ({"cut": rest} if rest else {})
        )

    @model_validator(mode="after")
    def _one(self) -> Student:
        named = sum(x is not None for x in (self.size, self.cut, self.model))
        if named > 1 or (named == 0 and self.low_rank is None and self.vocabulary is None):
            raise ValueError("student takes exactly one of `size`, `cut` and `model`")
        return self


class Target(Frozen):
    """What a student is to be like, in place of its size."""

    max_megabytes: Annotated[float, Field(gt=0)] | None = None
    """Of its weights on disk; 10⁶ bytes each."""
    min_retained: Annotated[float, Field(gt=0, le=1.5)] | None = None
    """Share of the teacher's quality."""
    min_speedup: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How many times faster than the teacher, for one text on the machine that makes it."""

    @model_validator(mode="after")
    def _some(self) -> Target:
        if self.max_megabytes is None and self.min_retained is None and self.min_speedup is None:
            raise ValueError("target says nothing: give max_megabytes, min_retained or min_speedup, or several of them")
        return self

    @property
    def bytes(self) -> int | None:
        return None if self.max_megabytes is None else int(self.max_megabytes * 1e6)


class Distill(Frozen):
    objective: Literal["auto", "logits", "hidden", "relations"] = "auto"
    """What of the teacher is learned: its answers, or besides the states of its layers (by students as wide as it is), or how the
    tokens of a text stand to one another in them."""
    epochs: Annotated[float, Field(gt=0, le=1000)] = 3.0
    """Passes over the training rows and the texts that are made from them."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the cross-entropy on the labels; 1 - alpha is the distillation's."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    augment: Literal["auto", "none"] | Annotated[float, Field(gt=0, le=20)] = "auto"
    """Texts made from the training rows for the teacher to label, as a multiple of them."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of activations left out while the student learns. Left open it is 0 where the student learns from the teacher, whose
    answers say more than labels and are harder to learn by heart; from labels alone it is the model's own."""
    control: bool = False
    """Also train the same student as long from the labels alone, to measure what the teacher was worth."""
