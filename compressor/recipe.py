"""What is asked: a frozen recipe, read from YAML or JSON, with every problem reported at once.

It knows nothing of models or data: whether a teacher exists or a column fits is found out later, by whoever opens it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from compressor.errors import RecipeError
from compressor.untrusted.paths import at_home
from compressor.untrusted.plain import MOST_YAML, NotPlainError, plain, read_yaml
from compressor.untrusted.problems import sentences

SIZES = ("half", "third", "quarter", "small", "mini", "tiny")
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
Size = Literal["half", "third", "quarter", "small", "mini", "tiny", "auto"]
Budget = Literal["quick", "balanced", "thorough"]

# What `budget` sets in `distill` where the person left it open.
BUDGETS: dict[str, dict[str, float]] = {
    "quick": {"epochs": 1.0},
    "balanced": {"epochs": 3.0},
    "thorough": {"epochs": 8.0},
}

AUGMENT: dict[str, float] = {"quick": 0.0, "balanced": 0.0, "thorough": 1.0}
AUGMENT_NARROW: dict[str, float] = {"quick": 1.0, "balanced": 3.0, "thorough": 3.0}
"""What `budget` makes of `distill.augment: auto`, for students that kept their teacher's width and for narrow ones, which
begin far from it and learn few rows by heart (tests/benchmarks/README.md)."""

# What the size sets where the person left `learning_rate` open: a student whose width was cut has lost more than one whose
# layers were copied, and learns it again at a higher rate (tests/benchmarks/README.md has the figures).
LEARNING_RATES = {"small": 5e-4, "mini": 1e-3, "tiny": 1e-3}


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


class Data(Frozen):
    source: str | Files = "demo"
    subset: str | None = None
    revision: str | None = None
    columns: dict[str, str] | None = None
    labels: dict[str, str] | None = None
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
    objective: Literal["auto", "logits", "relations"] = "auto"
    """What of the teacher is learned: its answers, or besides how the tokens of a text stand to one another in its layers."""
    epochs: Annotated[float, Field(gt=0, le=1000)] = 3.0
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

    @property
    def made(self) -> float:
        """`augment` as a number, once it is resolved."""
        return self.augment if isinstance(self.augment, float) else 0.0


class Recipe(Frozen):
    """One run. Everything but `teacher` and `data` has a default."""

    schema_: Literal[1] = Field(1, alias="schema")
    teacher: Annotated[str, Field(min_length=1, max_length=4096)]
    teacher_head: Literal["keep", "new"] = "keep"
    task: str | None = None
    data: Data | None = None
    student: Student | None = None
    distill: Distill | None = Distill()
    budget: Budget = "balanced"
    formats: tuple[Format, ...] = DEFAULT_FORMATS
    target: Target | None = None
    """Search among sizes and `formats` for the smallest that is like this."""
    backend: Literal["local"] = "local"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    # ------------------------------------------------------------------ in

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """Read a recipe file. Paths in it are relative to the file; `overrides` are `key.path=value` strings, their
        values read as YAML.

        Raises:
            RecipeError: every problem, a sentence each.
        """
        path = Path(path)
        try:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(MOST_YAML + 1)
        except FileNotFoundError:
            raise RecipeError(f"There is no recipe at {path}. Check the path.") from None
        except UnicodeDecodeError:
            raise RecipeError(f"{path} is not a text file in UTF-8. A recipe is a YAML or JSON file.") from None
        except OSError as error:
            raise RecipeError(f"{path} cannot be read ({error.strerror}).") from None
        except ValueError:
            raise RecipeError(f"{str(path)!r} is not a path. Check it.") from None
        return cls.parse(_read_yaml(text, str(path)), base=path.resolve().parent, overrides=overrides)

    @classmethod
    def parse(cls, raw: Any, base: Path | None = None, overrides: Sequence[str] = ()) -> Recipe:
        """A recipe from plain data (or from YAML text). `base` makes relative paths absolute.

        Raises:
            RecipeError: every problem, a sentence each.
        """
        if isinstance(raw, str):
            raw = _read_yaml(raw, "The recipe")
        if not isinstance(raw, Mapping):
            raise RecipeError("A recipe is a list of `key: value` lines with at least `teacher:` in it.")
        raw = _plain(raw, "The recipe")
        for override in overrides:
            _apply(raw, override)
        if base is not None:
            _absolute(raw, base)
        try:
            recipe = cls.model_validate(raw)
        except ValidationError as error:
            raise RecipeError(sentences(error, _known_keys)) from None
        if problems := recipe._problems():
            raise RecipeError(problems)
        return recipe

    def _problems(self) -> list[str]:
        found = []
        trains = self.student is not None or self.teacher_head == "new"
        if trains and self.data is None:
            found.append("A student needs data to learn from: add `data:`, or set `student: null` to only quantize.")
        if trains and self.data and isinstance(self.data.source, Files) and not self.data.source.train:
            found.append("data.source has no `train` file, and this recipe trains: add one, or set `student: null`.")
        if "student" in self.model_fields_set and self.student is None and not self.formats:
            found.append("The recipe asks for no student and no formats, so there is nothing to do: add one of them.")
        if self.student is not None and self.student.low_rank is not None and "formats" in self.model_fields_set:
            plain = [name for name in self.formats if name in NEED_PLAIN]
            if plain:
                found.append(
                    f"A student of thin layers (`student.low_rank`) cannot become {' or '.join(plain)}, which need a plain "
                    "model. Choose onnx, onnx-int8 or openvino-int8 as formats."
                )
            elif not self.formats:
                found.append(
                    "A student of thin layers (`student.low_rank`) leaves the run in a format that holds its graph: add onnx, "
                    "onnx-int8 or openvino-int8 to formats."
                )
        if self.distill is not None and self.distill.control:
            found += self._problems_of_control()
        found += self._problems_of_target()
        if len(set(self.formats)) != len(self.formats):
            found.append(f"formats lists one twice: {', '.join(self.formats)}.")
        return found

    def _problems_of_target(self) -> list[str]:
        """What does not go together with a search."""
        student = self.student
        if self.target is None:
            if student is not None and student.size == AUTO:
                return [
                    "student.size is auto, so say what it is to be like: add `target:`, for example {min_retained: 0.97}."
                ]
            return []
        if "student" in self.model_fields_set and student is None:
            return ["`target` searches for a student and `student` is null: leave one of them out."]
        found = []
        if student is not None and (
            student.size not in (None, AUTO) or student.cut or student.model or student.low_rank
        ):
            found.append("`target` searches for a size, and `student` names one: leave one of them out.")
        if self.data is None:
            found.append("`target` is searched for on data: add `data:`.")
        if self.distill is None:
            found.append("`target` searches among students that learn, and `distill` is null: leave one of them out.")
        elif self.distill.control:
            found.append("A search has no control: leave `distill.control` out, and run the size that it finds again.")
        return found

    def _problems_of_control(self) -> list[str]:
        """What keeps the student from being held against one that learned without the teacher."""
        if self.student is not None and self.student.low_rank is not None:
            return ["A student of thin layers (`student.low_rank`) has no control yet: leave `distill.control` out."]
        if self.distill is not None and self.distill.alpha == 1:
            return [
                "distill.alpha is 1, so that the student learns from the labels alone and is its own control: lower it, or leave "
                "`distill.control` out."
            ]
        return []

    # ------------------------------------------------------------------ defaults

    def resolved(self, task: str, default_student: Student | None, default_formats: Sequence[str]) -> Recipe:
        """This recipe with every default filled in, as it is written to a run's folder.

        Args:
            task: the teacher's task, or the one that the recipe names.
            default_student: what the task makes where the recipe says nothing of a student.
            default_formats: likewise for formats.
        """
        values: dict[str, Any] = {"task": self.task or task}
        student = self.student if "student" in self.model_fields_set else (default_student if self.data else None)
        if self.target is not None:
            if default_student is None:
                raise RecipeError(
                    "`target` searches among students, and Compressor cannot train one for this task yet: leave it out."
                )
            words = self.student.vocabulary if self.student is not None else None
            student = Student(size="auto", vocabulary=words)
        values["student"] = student
        if "formats" not in self.model_fields_set:
            thin = student is not None and student.low_rank is not None
            values["formats"] = THIN_FORMATS if thin else tuple(default_formats)
        if student is None:
            values["distill"] = None
        elif self.distill is not None:
            defaults = {**BUDGETS[self.budget], **_rate(student)}
            left_open: dict[str, Any] = {k: v for k, v in defaults.items() if k not in self.distill.model_fields_set}
            if self.distill.augment == "auto":
                share = (AUGMENT_NARROW if is_narrow(student) else AUGMENT)[self.budget]
                left_open["augment"] = share if share and self.distill.alpha < 1 else "none"
            if self.distill.objective == "auto":
                left_open["objective"] = objective_of(student, self.distill)
            values["distill"] = self.distill.model_copy(update=left_open)
        full = Recipe.model_validate(self.model_dump() | _dump(values))
        if problems := full._problems():
            raise RecipeError(problems)
        return full

    @property
    def teacher_rate(self) -> float:
        """The learning rate of a teacher's new head: `distill.learning_rate`, unless that is what the student's size set. A
        teacher has lost nothing, and a narrow student's rate would undo what it was trained for."""
        asked = self.distill or Distill()
        by_size = _rate(self.student).get("learning_rate") if self.student is not None else None
        return Distill().learning_rate if asked.learning_rate == by_size else asked.learning_rate

    @property
    def own_tokens(self) -> bool:
        """Whether the student reads other tokens than the teacher: it began as another model, or knows fewer words."""
        return self.student is not None and (self.student.model is not None or self.student.vocabulary is not None)

    @property
    def asks_teacher(self) -> bool:
        """Whether a student learns from the teacher's answers: not where labels have the whole weight and each row has one (data
        without any labels has to be known as well)."""
        unlabelled = self.data is not None and self.data.unlabelled is not None
        return self.distill is not None and (self.distill.alpha < 1 or unlabelled or self.distill.made > 0)

    # ------------------------------------------------------------------ out

    def to_yaml(self, asked_only: bool = False) -> str:
        """The recipe as YAML; with `asked_only` just what differs from the defaults by having been said."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_unset=asked_only), sort_keys=False, allow_unicode=True
        )


def objective_of(student: Student, distill: Distill) -> Literal["logits", "relations"]:
    """What `distill.objective: auto` is: relations too for students that lost width, where they read the teacher's tokens. Those
    that kept it began as copies, and gain little by them (tests/benchmarks/README.md)."""
    own = student.model is not None or student.vocabulary is not None
    narrow = is_narrow(student) or student.size == AUTO
    return "relations" if narrow and not own and distill.alpha < 1 else "logits"


def is_narrow(student: Student) -> bool:
    """Whether a student loses width, and not layers alone."""
    return student.size in LEARNING_RATES or (student.cut is not None and student.cut.hidden is not None)


def rate_of(student: Student) -> float | None:
    """The learning rate that a student's size sets; None where it sets none."""
    if student.cut is not None and student.cut.hidden is not None:
        return LEARNING_RATES["small"]
    return LEARNING_RATES.get(student.size or "")


def _rate(student: Student) -> dict[str, float]:
    rate = rate_of(student)
    return {"learning_rate": rate} if rate else {}


def _dump(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.model_dump() if isinstance(v, BaseModel) else v for k, v in values.items()}


def _read_yaml(text: str, name: str) -> Any:
    try:
        return read_yaml(text)
    except NotPlainError as error:
        raise RecipeError(f"{name} {error}.") from None


def _plain(value: Any, name: str) -> Any:
    try:
        return plain(value)
    except NotPlainError as error:
        raise RecipeError(f"{name} {error}.") from None


def _apply(raw: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign or not key.strip():
        raise RecipeError(f"`--set {override}` is not of the form key=value, for example `--set data.limit=2000`.")
    *parents, last = key.strip().split(".")
    here = raw
    for parent in parents:
        here = (
            here.setdefault(parent, {})
            if isinstance(here.get(parent, {}), dict)
            else here.update({parent: {}}) or here[parent]
        )
    name = f"The value of `--set {key.strip()}`"
    here[last] = _plain(_read_yaml(value, name), name)


def _absolute(raw: dict[str, Any], base: Path) -> None:
    data = raw.get("data")
    if not isinstance(data, dict):
        return
    if isinstance(data.get("source"), dict):
        data["source"] = {k: _join(base, v) for k, v in data["source"].items()}
    elif isinstance(data.get("source"), str) and data["source"].lower().endswith(DATA_SUFFIXES):
        data["source"] = {"train": _join(base, data["source"])}
    if data.get("unlabelled"):
        data["unlabelled"] = _join(base, data["unlabelled"])


def _join(base: Path, value: Any) -> Any:
    return str(base / at_home(value)) if isinstance(value, str) and value else value


def _known_keys(path: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    nested = {"data": Data, "student": Student, "cut": Cut, "low_rank": LowRank, "distill": Distill, "source": Files,
              "target": Target}  # fmt: skip
    for part in path:
        model = nested.get(str(part), model)
    return [f.alias or name for name, f in model.model_fields.items()]
