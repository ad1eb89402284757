"""What the form says, and the recipe that it means. Knows nothing of gradio's components but their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.errors import RecipeError
from compressor.recipe import AUTO, DEFAULT_FORMATS, FORMATS, SIZES, Recipe
from compressor.ui import more
from compressor.ui.words import t

NONE = "none"
"""The choice of no student."""
DEMO = "demo"
CUT_WORDS = {
    "layers": "advanced.layers", "hidden": "advanced.hidden", "intermediate": "advanced.intermediate",
}  # fmt: skip
NO_VALUES = "[]"
"""What stands in the box of values without a label where each of them is a class."""


@dataclass(frozen=True)
class Form:
    """The form's values, in the order of its components. Files are paths on this machine."""

    teacher: str | None = None
    size: str | None = None
    max_megabytes: float | None = None
    min_retained: float | None = None
    """Percent of the teacher's quality."""
    min_speedup: float | None = None
    source: str | None = None
    subset: str | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    labels: Sequence[Sequence[Any]] = ()
    label_kind: str | None = None
    no_label: str | None = None
    """Values that say that a row has no label, with commas between; `[]` where each value is a class."""
    new_head: bool = False
    formats: Sequence[str] = DEFAULT_FORMATS
    budget: str = "balanced"
    epochs: float | None = None
    limit: float | None = None
    max_length: float | None = None
    learning_rate: float | None = None
    batch_size: float | None = None
    temperature: float | None = None
    seed: float | None = None
    layers: float | None = None
    hidden: float | None = None
    intermediate: float | None = None
    thin: float | None = None
    """Percent of the large layers' weights that are left when each becomes two thin ones."""
    vocabulary: float | None = None
    """Tokens to keep at the most."""
    words: bool = False
    """Whether the student is to know the tokens of the data alone."""
    alpha: float | str | None = None
    """Nothing, or no text, leaves it open."""
    student_model: str | None = None
    distill: bool = True
    control: bool = False
    more: str = ""
    """What a recipe says and no field can: see `compressor.ui.more`."""

    @property
    def weighs_labels(self) -> bool:
        """Whether it says what the labels weigh; 0 is a weight too."""
        return bool(self.alpha.strip()) if isinstance(self.alpha, str) else self.alpha is not None

    @property
    def has_data(self) -> bool:
        return bool(self.files.keys() & {"train", "test"} or _text(self.source))

    @property
    def learns(self) -> bool:
        """Whether something is trained, so that data are needed."""
        numbers = self.layers or self.hidden or self.intermediate or self.thin or self.vocabulary or self.words
        return bool(self.size in (*SIZES, AUTO) or numbers or _text(self.student_model) or self.new_head)

    @property
    def files(self) -> dict[str, str]:
        """The uploaded files, by split."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: path for split, path in named.items() if path and isinstance(path, str)}


def to_raw(form: Form, *, trains: bool = True, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The recipe as plain data, with only what was said; `Recipe.parse` judges it.

    Args:
        trains: whether this teacher's task can train a student in this version.
        files: names in place of the uploaded files' paths.

    Raises:
        RecipeError: what goes along in `more` cannot be read, or a size is to be found and stands there in numbers too.
    """
    extra = more.read(form.more)
    raw: dict[str, Any] = {"teacher": _text(form.teacher) or ""}
    if form.new_head and trains:
        raw["teacher_head"] = "new"
    data = data_raw(form, trains=trains, files=files)
    if data is not None:
        raw["data"] = data
    raw["student"] = _student(form) if trains else None
    if raw["student"] is not None and form.size == AUTO:
        if raw["student"].get("size") != AUTO or form.thin:
            raise RecipeError(t("student.auto_and_own"))
        raw["target"] = _target(form)
    if "student" in extra:
        raw["student"] = more.merged(raw["student"], extra["student"])
    if raw["student"] is not None:
        raw |= _training(form)
    elif raw.get("teacher_head") == "new":
        # Where there is no student: how the teacher learns its new head.
        raw |= _training(replace(form, distill=True, alpha=None, control=False, temperature=None))
    raw["formats"] = [f for f in FORMATS if f in _listed(form.formats)]
    if form.seed:
        raw["seed"] = _whole(form.seed)
    merged: dict[str, Any] = more.merged(raw, extra)
    return merged


def data_raw(form: Form, *, trains: bool = True, files: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """The recipe's `data`, or None where none was chosen. A file of one's own goes before a data set's name.

    Raises:
        RecipeError: something is to learn, and the files are none to learn from.
    """
    if not form.has_data:
        return None
    given = dict(files if files is not None else form.files)
    if given and trains and form.learns and "train" not in given:
        raise RecipeError(t("data.train_missing"))
    if given and not trains and "test" not in given:
        given = {"test": given.get("train") or next(iter(given.values()))}  # only measured: nothing learns from it
    data: dict[str, Any] = {"source": given or _text(form.source)}
    if _text(form.subset) and not given and data["source"] != DEMO:
        data["subset"] = _text(form.subset)
    columns = {role: _text(name) for role, name in
               (("text", form.text), ("text_pair", form.text_pair), ("label", form.label))}  # fmt: skip
    chosen = {role: name for role, name in columns.items() if name}
    if trains and form.label == "" and chosen:
        chosen["label"] = ""  # an empty name says that there is none; without it one would be guessed again
    if data["source"] != DEMO and chosen:
        data["columns"] = chosen
    labels = {
        _raw_text(mine): _raw_text(theirs)
        for mine, theirs, *_ in (row for row in _listed(form.labels) if len(_listed(row)) > 1)
        if _text(mine) and _text(theirs) and _text(mine).casefold() != _text(theirs).casefold()
    }
    if labels and not form.new_head:
        data["labels"] = labels
    if _text(form.label_kind) and trains:
        data["label_kind"] = _text(form.label_kind)
    if (silent := _text(form.no_label)) and trains:
        data["no_label"] = [] if silent == NO_VALUES else [v.strip() for v in silent.split(",") if v.strip()]
    for key in ("limit", "max_length"):
        if (number := getattr(form, key)) and trains:
            data[key] = _whole(number)
    return data


def in_words(no_label: Sequence[str] | None) -> str:
    """A recipe's `data.no_label` as its box says it."""
    return "" if no_label is None else ", ".join(no_label) or NO_VALUES


def student_said(raw: Mapping[str, Any]) -> str:
    """A recipe's student in a few words: `half`, `half, fewer words`, `3 layers`, `at most 20 MB`."""
    student = raw.get("student")
    if not isinstance(student, Mapping):
        return t("runs.no_student")
    cut = student.get("cut")
    said = [str(named)] if (named := student.get("model") or student.get("size")) else []
    if isinstance(cut, Mapping):
        said += [f"{t(CUT_WORDS[key])}: {n}" for key, n in cut.items() if key in CUT_WORDS]
    said += [t("student.thin")] if student.get("low_rank") else []
    said += [t("student.words")] if student.get("vocabulary") else []
    return ", ".join(said)


def _student(form: Form) -> dict[str, Any] | None:
    shape = _shape(form)
    if form.thin:
        percent = _number(form.thin)
        shape = {**(shape or {}), "low_rank": {"weights": percent / 100 if isinstance(percent, float) else percent}}
    if form.vocabulary or form.words:
        shape = {**(shape or {}), "vocabulary": _whole(form.vocabulary) if form.vocabulary else "data"}
    return shape


def _shape(form: Form) -> dict[str, Any] | None:
    if _text(form.student_model):
        return {"model": _text(form.student_model)}
    cut = {key: _whole(number) for key in ("layers", "hidden", "intermediate") if (number := getattr(form, key))}
    if cut:
        return {"cut": cut}
    return {"size": form.size} if form.size in (*SIZES, AUTO) else None


def _target(form: Form) -> dict[str, Any]:
    """What a search is for."""
    found: dict[str, Any] = {}
    if form.max_megabytes:
        found["max_megabytes"] = _number(form.max_megabytes)
    if form.min_retained:
        percent = _number(form.min_retained)
        found["min_retained"] = percent / 100 if isinstance(percent, float) else percent
    if form.min_speedup:
        found["min_speedup"] = _number(form.min_speedup)
    return found


def _training(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not form.distill:
        return {"distill": None}
    distill: dict[str, Any] = {}
    for key in ("epochs", "temperature", "learning_rate"):
        if number := getattr(form, key):
            distill[key] = _number(number)
    if form.weighs_labels:
        distill["alpha"] = _number(form.alpha)
    if form.control:
        distill["control"] = True
    if form.batch_size:
        distill["batch_size"] = _whole(form.batch_size)
    if distill:
        found["distill"] = distill
    if form.budget != "balanced":
        found["budget"] = form.budget
    return found


def recipe_text(form: Form, *, trains: bool = True) -> str:
    """The equivalent recipe to copy: uploaded files by their names. The form as it stands, even while it is not complete.

    Raises:
        RecipeError: a value cannot be.
    """
    names = {split: Path(path).name for split, path in form.files.items()}
    return Recipe.parse(to_raw(form, trains=trains, files=names or None)).to_yaml(asked_only=True)


def _text(value: Any) -> str:
    return _raw_text(value).strip() if value is not None else ""


def _raw_text(value: Any) -> str:
    try:
        return str(value)
    except ValueError:  # a number of more digits than Python writes
        return "…"


def _listed(value: Any) -> Sequence[Any]:
    """What a request sends in place of a list counts as none."""
    return value if isinstance(value, (list, tuple)) else ()


def _number(value: Any) -> Any:
    """A number as a float. What a request sends in place of one stays as it is: `Recipe.parse` says what is wrong with it."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _whole(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else value
