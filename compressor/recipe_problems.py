"""What does not go together in a recipe: a target, a control or an objective with the rest of it. A sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.recipe_defaults import is_narrow
from compressor.recipe_parts import AUTO

if TYPE_CHECKING:
    from compressor.recipe import Recipe


def of_target(recipe: Recipe) -> list[str]:
    """What does not go together with a search."""
    student = recipe.student
    if recipe.target is None:
        if student is not None and student.size == AUTO:
            return [
                "student.size is auto, so say what it is to be like: add `target:`, for example {min_retained: 0.97}."
            ]
        return []
    if "student" in recipe.model_fields_set and student is None:
        return ["`target` searches for a student and `student` is null: leave one of them out."]
    found = []
    if student is not None and (student.size not in (None, AUTO) or student.cut or student.model or student.low_rank):
        found.append("`target` searches for a size, and `student` names one: leave one of them out.")
    if recipe.data is None:
        found.append("`target` is searched for on data: add `data:`.")
    if recipe.distill is None:
        found.append("`target` searches among students that learn, and `distill` is null: leave one of them out.")
    elif recipe.distill.control:
        found.append("A search has no control: leave `distill.control` out, and run the size that it finds again.")
    return found


def of_control(recipe: Recipe) -> list[str]:
    """What keeps the student from being held against one that learned without the teacher."""
    if recipe.student is not None and recipe.student.low_rank is not None:
        return ["A student of thin layers (`student.low_rank`) has no control yet: leave `distill.control` out."]
    if recipe.distill is not None and recipe.distill.alpha == 1:
        return [
            "distill.alpha is 1, so that the student learns from the labels alone and is its own control: lower it, or leave "
            "`distill.control` out."
        ]
    return []


def of_objective(recipe: Recipe) -> list[str]:
    """What keeps a student from learning what the teacher's layers say, where the recipe says that it should."""
    student, distill = recipe.student, recipe.distill
    if student is None or distill is None or distill.objective in ("auto", "logits"):
        return []
    asked = f"distill.objective is {distill.objective}, and "
    if recipe.own_tokens:
        return [f"{asked}the student reads other tokens than its teacher: leave `distill.objective` out."]
    if distill.alpha == 1:
        return [f"{asked}with distill.alpha 1 nothing is learned from the teacher: leave one of them out."]
    if distill.objective == "hidden" and is_narrow(student):
        return [
            f"{asked}a student whose width is cut is narrower than its teacher, so it cannot have its states: choose "
            "relations, or a size that keeps the width."
        ]
    return []
