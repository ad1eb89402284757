"""What a recipe leaves open, and its budget and student decide. The figures behind it are in tests/benchmarks/README.md."""

from __future__ import annotations

from typing import Any, Literal

from compressor.recipe_parts import AUTO, Distill, Student

# What `budget` sets in `distill` where the person left it open.
BUDGETS: dict[str, dict[str, float]] = {
    "quick": {"epochs": 1.0},
    "balanced": {"epochs": 3.0},
    "thorough": {"epochs": 30.0},
}

TEACHER_EPOCHS = (4.0, 10.0)
"""The fewest and the most passes in which a teacher learns a new head: it has seen language before, and is done sooner than a
student that lost half of itself, of which the budget is."""

AUGMENT: dict[str, float] = {"quick": 0.0, "balanced": 0.0, "thorough": 0.0}
AUGMENT_NARROW: dict[str, float] = {"quick": 1.0, "balanced": 3.0, "thorough": 3.0}
"""What `budget` makes of `distill.augment: auto`, for students that kept their teacher's width and for narrow ones, which
begin far from it and learn few rows by heart. Wide ones come nearer to their teacher with made-up texts, its weak sides
included, and are right no more often (tests/benchmarks/README.md)."""

# What the size sets where the person left `learning_rate` open: a student whose width was cut has lost more than one whose
# layers were copied, and learns it again at a higher rate (tests/benchmarks/README.md has the figures).
LEARNING_RATES = {"small": 5e-4, "mini": 1e-3, "tiny": 1e-3}
ALPHA_OF_WIDE = 0.2
"""Weight of the labels for students that kept their teacher's width, where the person left `alpha` open: they come nearer to what
the teacher says with few labels, and narrow ones, which have `Distill.alpha`, need them (tests/benchmarks/README.md)."""
WIDTH, RATE_OF_THIN = 512, 2e-4
"""Teachers of at most this width, and the students that kept it, learn at this rate, larger ones at `Distill.learning_rate`: the
wider a model, the smaller the steps that it stands."""

SET_BY_SIZE = frozenset({"learning_rate", "alpha"})
"""What of `distill` a student's size has a say in, where the person left it open."""


def left_open(budget: str, student: Student, distill: Distill, width: int | None) -> dict[str, Any]:
    """Values for what `distill` does not say. `width` is the teacher's hidden size, where it is known."""
    values: dict[str, Any] = dict(BUDGETS[budget])
    if rate := rate_of(student, width):
        values["learning_rate"] = rate
    if (weight := alpha_of(student)) is not None:
        values["alpha"] = weight
    found = {k: v for k, v in values.items() if k not in distill.model_fields_set}
    if student.size != AUTO:  # a search decides these for each size
        found["augment"] = made_of(budget, student, distill) or "none"
        found["objective"] = distill.objective if distill.objective != "auto" else objective_of(student, distill)
    return found


def teacher_epochs(distill: Distill | None) -> float:
    """Passes over the rows in which a teacher learns a new head, beside a student's of which `distill` speaks."""
    fewest, most = TEACHER_EPOCHS
    return min(most, max(fewest, distill.epochs if distill is not None else 0.0))


def of_head_alone(budget: str, distill: Distill) -> Distill:
    """What `distill` comes to where there is no student, so that it speaks of the teacher's new head: its epochs, its learning
    rate and its batches."""
    said = {
        key: getattr(distill, key)
        for key in ("epochs", "learning_rate", "batch_size")
        if key in distill.model_fields_set
    }
    if "epochs" not in said:
        said["epochs"] = teacher_epochs(distill.model_copy(update=BUDGETS[budget]))
    return Distill(**said)


def epochs_of_head(student: Student | None, distill: Distill | None) -> float:
    """Passes over the rows in which a teacher learns a new head. `distill` speaks of them where there is no student."""
    return distill.epochs if student is None and distill is not None else teacher_epochs(distill)


def rate_of_head(student: Student | None, distill: Distill | None) -> float:
    """The learning rate of a teacher's new head: `distill.learning_rate`, unless that is what the student set, by its size or its
    width. A teacher has lost nothing, and a narrow student's rate would undo what it was trained for."""
    asked = (distill or Distill()).learning_rate
    of_student = {rate_of(student), rate_of(student, WIDTH)} if student is not None else set()
    return Distill().learning_rate if asked in of_student else asked


def made_of(budget: str, student: Student, distill: Distill) -> float:
    """How many texts are made from the training rows for the teacher to label, as a multiple of them: what `distill.augment` says
    or, where that is `auto`, what helps a student of this width. Of a size that is searched for, the most that any wants."""
    if distill.augment != "auto":
        return distill.augment if isinstance(distill.augment, float) else 0.0
    if distill.alpha == 1:
        return 0.0
    if student.size == AUTO:
        return max(AUGMENT[budget], AUGMENT_NARROW[budget])
    return (AUGMENT_NARROW if is_narrow(student) else AUGMENT)[budget]


def objective_of(student: Student, distill: Distill) -> Literal["logits", "hidden", "relations"]:
    """What a student learns: what `distill.objective` says or, where that is `auto`, the states of its teacher's layers where it
    is as wide, and their relations where it is not (tests/benchmarks/README.md). The answers alone where labels have the whole
    weight, or it reads other tokens."""
    own_tokens = student.model is not None or student.vocabulary is not None
    if distill.objective == "logits" or own_tokens or distill.alpha == 1:
        return "logits"
    return "relations" if distill.objective == "relations" or is_narrow(student) else "hidden"


def is_narrow(student: Student) -> bool:
    """Whether a student loses width, and not layers alone."""
    return student.size in LEARNING_RATES or (student.cut is not None and student.cut.hidden is not None)


def alpha_of(student: Student) -> float | None:
    """The weight of the labels that a student's width sets; None where it sets none, or is not known."""
    return None if student.size == AUTO or student.model is not None or is_narrow(student) else ALPHA_OF_WIDE


def rate_of(student: Student, width: int | None = None) -> float | None:
    """The learning rate that a student's size sets, or its teacher's width; None where they set none."""
    if student.cut is not None and student.cut.hidden is not None:
        return LEARNING_RATES["small"]
    if student.size in LEARNING_RATES:
        return LEARNING_RATES[student.size]
    if student.size == AUTO or student.model is not None:  # nothing is known of it yet, or nothing by its teacher
        return None
    return RATE_OF_THIN if width and width <= WIDTH else None
