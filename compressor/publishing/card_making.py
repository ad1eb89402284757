"""How a published model was made: from what, on what data, by which training; in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.publishing.markdown import escape, fenced, linked
from compressor.publishing.sharing import file_name, shared_recipe
from compressor.recipe import SIZES, Distill, Recipe, Student, alpha_of
from compressor.results.searched import searched
from compressor.results.summary import worth

if TYPE_CHECKING:
    from compressor.publishing.card import Story


def making(story: Story) -> str:
    lines = [f"- Teacher: {linked(story.teacher.id) if story.teacher.id else escape(teacher_name(story))}"]
    if story.teacher.sha:
        lines[0] += f" (commit `{story.teacher.sha[:12]}`)"
    if story.origin is not story.teacher:
        began = linked(story.origin.id) if story.origin.id else "a model of its author's"
        lines.append(f"- The student began as {began}")
    if story.trained:
        lines.append(f"- Training data: {_data(story.recipe)}")
    if story.recipe.teacher_head == "new":
        lines.append("- The teacher was given a new head and fine-tuned on this data first.")
    if story.learned and (distill := story.recipe.distill) is not None:
        said = story.report.search is None or "learning_rate" in distill.model_fields_set
        rate = f", learning rate {distill.learning_rate:g}" if said else ""
        lines.append(
            f"- Distillation: {distill.epochs:g} epochs{_temperature(story, distill)}{_weight(story, distill)}{rate}"
            if story.distilled
            else f"- Trained on the labels alone, without the teacher: {distill.epochs:g} epochs{rate}"
        )
    if story.report.search is not None:  # which sets each size's own learning rate
        lines.append(f"- {searched(story.report)}")
    if story.distilled and story.report.control is not None:
        lines.append(f"- {worth(story.report.control)}")
    if not story.is_student:
        lines.append(f"- Format: {escape(story.title(story.variant.format))}, stored as {escape(story.variant.dtype)}")
    notes = [*story.report.notes, *story.variant.notes]
    lines += [f"- {escape(note)}" for note in notes]
    lines.append("- The whole recipe is in `recipe.yaml` beside this card:")
    return "\n".join(lines) + "\n\n" + fenced(shared_recipe(story.recipe, story.teacher).to_yaml(), "yaml")


def _temperature(story: Story, distill: Distill) -> str:
    """Where answers are numbers there is none."""
    numbers = any(v.quality is not None and v.quality.metric == "spearman" for v in story.report.variants)
    return "" if numbers else f", temperature {distill.temperature:g}"


def _weight(story: Story, distill: Distill) -> str:
    if not story.labelled:
        return ", from the teacher's answers alone (the data has no labels)"
    found = story.report.search
    own = None
    if found is not None and found.size in SIZES and "alpha" not in distill.model_fields_set:  # each size has its own
        own = alpha_of(Student.model_validate({"size": found.size}))
    return f", weight of the labels {distill.alpha if own is None else own:g}"


def _data(recipe: Recipe) -> str:
    data = recipe.data
    assert data is not None
    if data.source == "demo":
        text = "the demo data of Compressor"
    elif isinstance(data.source, str):
        text = linked(data.source, "datasets/")
        text += f" ({escape(data.subset)})" if data.subset else ""
    else:
        text = "files of its author's, which are not published"
    return text + (f", at most {data.limit:,} rows" if data.limit else "")


def teacher_name(story: Story) -> str:
    return "the demo's teacher" if story.recipe.teacher == "demo" else file_name(story.recipe.teacher)
