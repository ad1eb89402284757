"""What is published of a run: which variants, under which names, with which files, card and recipe. Sends nothing."""

from __future__ import annotations

import re
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import formats, models, tasks
from compressor.errors import DiskFullError, HubError, ModelError, PublishError
from compressor.hub import MODEL_FILES, LocalModel, is_id
from compressor.publishing import card
from compressor.publishing.sharing import hub_id, shared_recipe
from compressor.recipe import Recipe
from compressor.report import Report, Variant
from compressor.results.summary import FLOOR, candidates, kept
from compressor.untrusted.plain import read_json, read_yaml

if TYPE_CHECKING:
    from compressor.hub import Hub

MOST_CARD = 200_000
"""Characters of a model card."""

File = Path | bytes


def default_variants(report: Report, floor: float = FLOOR) -> list[str]:
    """The smallest variant that keeps at least `floor` (of rows without labels: that decides so many as the teacher does); where
    none does, the one that keeps most.

    Raises:
        PublishError: the run made none.
    """
    made = candidates(report)
    if not made:
        raise PublishError("This run made no variant besides the teacher, so there is nothing to publish.")
    if good := [v for v in made if (kept(v) or 0.0) >= floor]:
        return [min(good, key=lambda v: v.bytes).name]
    if judged := [v for v in made if kept(v) is not None]:
        return [max(judged, key=lambda v: kept(v) or 0.0).name]
    return [min(made, key=lambda v: v.bytes).name]


def repo_names(repo: str, variants: Sequence[str]) -> dict[str, str]:
    """`{variant: repo}`: `repo` itself for one, `repo-<variant>` for several.

    Raises:
        PublishError: a name that the Hub does not allow.
    """
    if len(variants) == 1:
        names = {variants[0]: repo}
    else:
        names = {v: f"{repo}-{re.sub(r'[^A-Za-z0-9._]+', '-', v).strip('-.') or i}" for i, v in enumerate(variants)}
    for name in names.values():
        if not is_id(name):
            raise PublishError(
                f"{name!r} cannot be a repo's name: write USER/NAME with letters, digits, -, _ and ., without -- or .. in "
                "it, at most 96 characters."
            )
    if len(set(names.values())) < len(names):
        raise PublishError(f"Two variants would get one repo ({', '.join(names.values())}). Publish them one by one.")
    return names


def cards(folder: Path, repo: str, variants: Sequence[str] | None = None, hub: Hub | None = None) -> dict[str, str]:
    """`{variant: README.md}`, as `publish` would write them, to read and to edit.

    Raises:
        PublishError, RunError: the folder holds no finished run, or the name cannot be a repo's.
    """
    report, recipe = Report.load(folder), recipe_of(folder)
    names = repo_names(repo, list(variants or default_variants(report)))
    teacher = teacher_of(folder)
    return {
        name: card.write(story_of(folder, report, recipe, teacher, names, report.variant(name), hub)) for name in names
    }


def story_of(
    folder: Path,
    report: Report,
    recipe: Recipe,
    teacher: LocalModel,
    names: Mapping[str, str],
    variant: Variant,
    hub: Hub | None,
) -> card.Story:
    repo, task = names[variant.name], _task(report, folder / variant.path)
    return card.Story(
        repo=repo,
        report=report,
        variant=variant,
        recipe=recipe,
        teacher=teacher,
        origin=_origin(report, recipe, teacher, variant, hub),
        names={name: other for name, other in names.items() if name != variant.name},
        snippet=formats.get(variant.format).snippet(repo, task),
        browser_snippet=formats.get(variant.format).browser_snippet(repo, task),
        titles=_titles(report),
        percents=frozenset(m.name for m in task.metrics if m.percent),
    )


def _task(report: Report, model: Path) -> tasks.Task:
    """The report's task, in the flavour that the variant's own config tells; where there is none any more, its first metric."""
    try:
        return tasks.for_config(models.read_config(model), report.task)
    except ModelError:
        numbers = any(v.quality is not None and v.quality.metric == "spearman" for v in report.variants)
        return tasks.get(f"{report.task}/regression" if numbers else report.task)


def _titles(report: Report) -> dict[str, str]:
    task = tasks.get(report.task)
    metrics = {metric.name: metric.title for metric in task.metrics}
    return {report.task: task.title, **metrics, **{name: fmt.title for name, fmt in formats.FORMATS.items()}}


def recipe_of(folder: Path) -> Recipe:
    if not (folder / "recipe.yaml").exists():
        raise PublishError(
            f"{folder} holds no recipe, so it is a comparison and not a run: only what a run made can be published."
        )
    return Recipe.load(folder / "recipe.yaml")


def teacher_of(folder: Path) -> LocalModel:
    """What the run noted of its teacher; without a note (a teacher of this disk) nothing is claimed of it."""
    try:
        raw = read_json((folder / "teacher.json").read_text(encoding="utf-8"))
        return LocalModel.from_json(raw, folder)
    except (OSError, ValueError, AttributeError):
        return LocalModel(folder)


def _origin(report: Report, recipe: Recipe, teacher: LocalModel, variant: Variant, hub: Hub | None) -> LocalModel:
    """What the weights began as: for a student that began as a model of its own, that one's licence counts."""
    own = recipe.student.model if recipe.student is not None else None
    of_student = variant.base is not None and (variant.format == "float" or variant.base != report.teacher_variant.name)
    if own is None or not of_student:
        return teacher
    reference = hub_id(own)
    if reference is None:
        return LocalModel(teacher.folder)
    try:
        found = hub.model(reference) if hub is not None else None
    except (HubError, ModelError):
        found = None  # its licence is then said to be unknown
    if found is None:
        return LocalModel(teacher.folder, reference)
    return LocalModel(teacher.folder, found.id, found.sha, found.license, found.languages, found.terms)


def files_of(folder: Path, report: Report, name: str) -> dict[str, Path | bytes]:
    """The variant's own files that are published: weights, configs, tokenizer. What else lies there stays here."""
    variant = report.variant(name)
    place = (folder / variant.path).resolve()
    if not place.is_relative_to(folder.resolve() / "variants"):
        raise PublishError(f"{name} was not made by this run, so it is not published from it.")
    names = [p.name for p in place.iterdir() if p.is_file()] if place.is_dir() else []
    weights = formats.get(variant.format).weights(place) if names else []
    if not weights or "config.json" not in names:
        raise PublishError(f"The folder of {name} ({place}) holds no whole model any more. Run the recipe again.")
    return {n: place / n for n in sorted({*weights, *(n for n in MODEL_FILES if n in names)})}


def checked_card(text: str, name: str) -> bytes:
    """The card, if its head can be read: the Hub would refuse it after the upload has begun."""
    if len(text) > MOST_CARD:
        raise PublishError(
            f"The model card of {name} has {len(text):,} characters: at most {MOST_CARD:,} are published. Shorten it."
        )
    found = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*(\n|$)", text.replace("\r\n", "\n").removeprefix("\ufeff"), re.DOTALL)
    if found:
        try:
            head: Any = read_yaml(found[1])
        except ValueError:
            head = ""
        if head is not None and not isinstance(head, dict):
            raise PublishError(
                f"The head of the model card of {name} (between the two lines of ---) is not valid YAML. Correct it: one "
                "`key: value` a line, with quotes around what holds a colon."
            )
    return text.encode("utf-8", "replace")


def pack(
    folder: Path, variants: Sequence[str], names: Mapping[str, str], texts: Mapping[str, str], hub: Hub | None
) -> dict[str, dict[str, File]]:
    """`{variant: {file in the repo: what it holds}}`: all that can be wrong on this disk shows here.

    Args:
        names: `{variant: repo}`.
        texts: cards in place of those written here.

    Raises:
        PublishError: a variant is not whole, or not of this run, or a card's head cannot be read.
    """
    report, recipe, teacher = Report.load(folder), recipe_of(folder), teacher_of(folder)
    shared = shared_recipe(recipe, teacher).to_yaml().encode()
    packed: dict[str, dict[str, File]] = {}
    for name in variants:
        text = texts.get(name)
        if text is None:
            text = card.write(story_of(folder, report, recipe, teacher, names, report.variant(name), hub))
        packed[name] = {
            **files_of(folder, report, name),
            "README.md": checked_card(text, name),
            "recipe.yaml": shared,
        }
    return packed


def zip_variant(folder: Path, name: str, out: Path) -> Path:
    """A variant as a zip file, with the recipe: `out` itself if it ends in `.zip`, else a file of the variant's name in it.

    Raises:
        PublishError: its folder is not whole. DiskFullError: there is no room.
    """
    folder, out = Path(folder), Path(out)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "variant"
    target = out if out.suffix == ".zip" else out / f"{safe}.zip"
    files = files_of(folder, Report.load(folder), name)
    if (folder / "recipe.yaml").exists():
        files["recipe.yaml"] = shared_recipe(Recipe.load(folder / "recipe.yaml"), teacher_of(folder)).to_yaml().encode()
    fresh = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:  # weights do not compress
            for path, content in files.items():
                if isinstance(content, bytes):
                    archive.writestr(f"{safe}/{path}", content)
                else:
                    archive.write(content, f"{safe}/{path}")
        fresh.replace(target)
    except OSError as error:
        raise DiskFullError(f"{target} could not be written ({error.strerror}). Make room and try again.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return target
