"""What is asked: a frozen recipe, read from YAML or JSON, with every problem reported at once.

It knows nothing of models or data: whether a teacher exists or a column fits is found out later, by whoever opens it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from compressor import recipe_problems
from compressor.errors import RecipeError
from compressor.recipe_defaults import (
    ALPHA_OF_WIDE,
    SET_BY_SIZE,
    alpha_of,
    epochs_of_head,
    left_open,
    made_of,
    objective_of,
    of_head_alone,
    rate_of_head,
    teacher_epochs,
)
from compressor.recipe_parts import (
    AUTO,
    DATA_SUFFIXES,
    DEFAULT_FORMATS,
    FORMATS,
    NEED_PLAIN,
    SIZES,
    THIN_FORMATS,
    Budget,
    Cut,
    Data,
    Distill,
    Files,
    Format,
    Frozen,
    LowRank,
    Student,
    Target,
)
from compressor.recipe_text import as_plain, from_yaml, make_absolute, override
from compressor.untrusted.plain import MOST_YAML
from compressor.untrusted.problems import sentences

__all__ = [
    "ALPHA_OF_WIDE",
    "AUTO",
    "DATA_SUFFIXES",
    "DEFAULT_FORMATS",
    "FORMATS",
    "NEED_PLAIN",
    "SIZES",
    "THIN_FORMATS",
    "Cut",
    "Data",
    "Distill",
    "Files",
    "Format",
    "Frozen",
    "LowRank",
    "Recipe",
    "Student",
    "Target",
    "alpha_of",
    "left_open",
    "made_of",
    "objective_of",
    "teacher_epochs",
]


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
        return cls.parse(from_yaml(text, str(path)), base=path.resolve().parent, overrides=overrides)

    @classmethod
    def parse(cls, raw: Any, base: Path | None = None, overrides: Sequence[str] = ()) -> Recipe:
        """A recipe from plain data (or from YAML text). `base` makes relative paths absolute.

        Raises:
            RecipeError: every problem, a sentence each.
        """
        if isinstance(raw, str):
            raw = from_yaml(raw, "The recipe")
        if not isinstance(raw, Mapping):
            raise RecipeError("A recipe is a list of `key: value` lines with at least `teacher:` in it.")
        raw = as_plain(raw, "The recipe")
        for said in overrides:
            override(raw, said)
        if base is not None:
            make_absolute(raw, base)
        try:
            recipe = cls.model_validate(raw)
        except ValidationError as error:
            raise RecipeError(sentences(error, _known_keys)) from None
        if problems := recipe._problems():
            raise RecipeError(problems)
        return recipe

    def at(self, base: Path) -> Recipe:
        """The same, with the whole names of paths that are relative to `base`: as a recipe that was read from a file."""
        return Recipe.parse(self.model_dump(mode="json", exclude_unset=True), base=base)

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
            found += recipe_problems.of_control(self)
        found += recipe_problems.of_target(self) + recipe_problems.of_objective(self)
        if len(set(self.formats)) != len(self.formats):
            found.append(f"formats lists one twice: {', '.join(self.formats)}.")
        return found

    # ------------------------------------------------------------------ defaults

    def resolved(
        self, task: str, default_student: Student | None, default_formats: Sequence[str], width: int | None = None
    ) -> Recipe:
        """This recipe with every default filled in, as it is written to a run's folder.

        Args:
            task: the teacher's task, or the one that the recipe names.
            default_student: what the task makes where the recipe says nothing of a student.
            default_formats: likewise for formats.
            width: the teacher's hidden size, where it is known: it has a say in the learning rate.
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
        if student is not None and student.cut is not None and width is not None and student.cut.hidden == width:
            values["student"] = student = _as_wide(student)
        if student is None:
            values["distill"] = None
            if self.teacher_head == "new":
                values["distill"] = of_head_alone(self.budget, self.distill or Distill())
        elif self.distill is not None:
            update = left_open(self.budget, student, self.distill, width)
            values["distill"] = self.distill.model_copy(update=update)
        values = _dump(values)
        for key in self._left_to_sizes:
            del values["distill"][key]
        full = Recipe.model_validate(self.model_dump() | values)
        if problems := full._problems():
            raise RecipeError(problems)
        return full

    @property
    def teacher_epochs(self) -> float:
        """Passes over the rows in which a teacher learns a new head."""
        return epochs_of_head(self.student, self.distill)

    @property
    def teacher_rate(self) -> float:
        """The learning rate of a teacher's new head."""
        return rate_of_head(self.student, self.distill)

    @property
    def _left_to_sizes(self) -> Set[str]:
        """What of `distill` each size that a search tries has its own value of, since nobody said one."""
        if self.target is None or self.distill is None:
            return frozenset()
        return SET_BY_SIZE - self.distill.model_fields_set

    @property
    def learns(self) -> bool:
        """Whether a student learns."""
        return self.student is not None and self.distill is not None

    @property
    def made(self) -> float:
        """Texts that are made from the training rows for the teacher to label, as a multiple of them."""
        if self.student is None or self.distill is None:
            return 0.0
        return made_of(self.budget, self.student, self.distill)

    @property
    def own_tokens(self) -> bool:
        """Whether the student reads other tokens than the teacher: it began as another model, or knows fewer words."""
        return self.student is not None and (self.student.model is not None or self.student.vocabulary is not None)

    @property
    def asks_teacher(self) -> bool:
        """Whether a student learns from the teacher's answers: not where labels have the whole weight and each row has one (data
        without any labels has to be known as well)."""
        unlabelled = self.data is not None and self.data.unlabelled is not None
        return self.learns and self.distill is not None and (self.distill.alpha < 1 or unlabelled or self.made > 0)

    # ------------------------------------------------------------------ out

    def to_yaml(self, asked_only: bool = False) -> str:
        """The recipe as YAML; with `asked_only` just what differs from the defaults by having been said. A search has no defaults
        for what each size sets."""
        raw = self.model_dump(mode="json", exclude_unset=asked_only)
        for key in self._left_to_sizes:
            raw.get("distill", {}).pop(key, None)
        return yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)


def _as_wide(student: Student) -> Student:
    """A student whose cut names its teacher's width, which is no cut of it."""
    assert student.cut is not None
    return student.model_copy(update={"cut": student.cut.model_copy(update={"hidden": None})})


def _dump(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.model_dump() if isinstance(v, BaseModel) else v for k, v in values.items()}


def _known_keys(path: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    nested = {"data": Data, "student": Student, "cut": Cut, "low_rank": LowRank, "distill": Distill, "source": Files,
              "target": Target}  # fmt: skip
    for part in path:
        model = nested.get(str(part), model)
    return [f.alias or name for name, f in model.model_fields.items()]
