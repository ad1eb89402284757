"""What a run will take, and the recipe that it is, from the form as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.errors import CompressorError, RecipeError
from compressor.recipe import Recipe
from compressor.ui.form import Form, recipe_text, to_raw
from compressor.ui.handlers import sentence
from compressor.ui.on_page import all_told
from compressor.ui.own_runs import rows_of
from compressor.ui.services import Services, Visitor
from compressor.ui.shared import empty
from compressor.ui.text import duration, esc, paragraphs, size
from compressor.ui.words import t


def trains(services: Services, form: Form, who: Visitor) -> bool:
    """Whether a student can be trained for this teacher's task. A teacher that cannot be looked at counts as one."""
    if not form.teacher:
        return True
    try:
        return services.inspect(form.teacher.strip(), who).get("task") != "text-generation"
    except CompressorError:
        return True


def recipe_of(form: Form, trained: bool) -> str:
    """The recipe as text, or the sentences why it is none yet."""
    if not form.teacher:
        return ""
    try:
        return recipe_text(form, trains=trained)
    except RecipeError as error:
        return "".join(f"# {line}\n" for line in str(error).splitlines())


def lines(services: Services, form: Form, trained: bool, who: Visitor) -> tuple[str, str]:
    """Minutes, download, disk and memory in a line, or why it cannot be; and what leaving out words would save."""
    if not form.teacher or (trained and form.learns and not form.has_data):
        return empty(t("estimate.waiting")), ""
    try:
        recipe = Recipe.parse(to_raw(form, trains=trained))
    except RecipeError as error:
        return paragraphs(all_told(error.problems), "problem"), ""
    try:
        asked = recipe.model_dump(mode="json", exclude_unset=True)
        found = services.ask("estimate", 60, who, recipe=asked, **_rows(services, form, asked.get("data"), who))
    except Exception as error:
        return paragraphs([sentence(error)], "warning"), ""
    return render(found), saved(found)


def _rows(services: Services, form: Form, data: Mapping[str, Any] | None, who: Visitor) -> dict[str, Any]:
    """How many rows there are and how long they are, where that can be told."""
    if not data:
        return {}
    try:
        found = services.lengths(str(form.teacher), data, form.new_head, who)
    except CompressorError:
        return {}  # the preview says what is wrong with the data
    return rows_of(found) | {"vocabulary": found.get("vocabulary")}


WORTH_IT = 0.05
"""Share of the student below which leaving out words is hardly worth what it costs with new texts."""


def saved(found: Mapping[str, Any]) -> str:
    """What leaving out the words that the data never uses would save; "" where that is not known."""
    words = found.get("words")
    if not words:
        return ""
    saved = "options.words_at_most" if words.get("uncounted") else "options.words_saved"
    key = saved if words["share"] >= WORTH_IT else "options.words_few"
    share = f"{words['share']:.0%}".replace("%", " %")
    said = t(
        key,
        needed=f"{words['needed']:,}",
        known=f"{words['known']:,}",
        size=size(words["saved_bytes"]),
        share=share,
        rows=f"{words.get('uncounted', 0):,}",
    )
    return f'<p class="small">{esc(said)}</p>'


def render(found: Mapping[str, Any]) -> str:
    """The helper's estimate as the page shows it."""
    download = found.get("download_bytes")
    facts = [
        t("estimate.minutes", time=duration(found.get("seconds"))),
        t("estimate.download", size=size(download)) if download else t("estimate.no_download"),
        t("estimate.disk", size=size(found.get("disk_bytes"))),
        t("estimate.memory", need=size(found.get("memory_bytes")), have=size(found.get("memory_total"))),
    ]
    shown = "".join(f"<span>{esc(fact)}</span>" for fact in facts)
    problem = paragraphs([str(found["problem"])], "problem") if found.get("problem") else ""
    return f'<p class="facts-row">{shown}</p>{problem}'
