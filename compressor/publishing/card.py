"""The model card: where a variant comes from, what it cost, and how to load it. Text in, text out; knows no network.

Everything that people named (repos, labels, data sets, notes) is escaped: a card is shown as HTML by the Hub and by the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from compressor.hub import LocalModel
from compressor.publishing.card_head import head_of, qualities
from compressor.publishing.card_making import making, teacher_name
from compressor.publishing.markdown import count, escape, fenced, linked, share, size
from compressor.recipe import Recipe
from compressor.report import Quality, Report, Variant
from compressor.results.summary import beside, device_name, of_what, speedup
from compressor.results.untidy import TITLES
from compressor.search.candidates import TEACHER

_NAMED = r"(?<![\w.-])(?:{})(?![\w-]|\.\w)"
"""A repo's id in a text: not the beginning or the end of a longer one."""


@dataclass(frozen=True)
class Story:
    """Everything that a card tells of one variant."""

    repo: str
    report: Report
    variant: Variant
    recipe: Recipe
    teacher: LocalModel
    origin: LocalModel
    """What the weights began as: the teacher, unless the student began as another model. Licence and languages are its."""
    names: Mapping[str, str]
    """`{variant: repo}` of all that are published in the same go."""
    snippet: str
    browser_snippet: str | None
    """JavaScript, for a variant that runs in a web page."""
    titles: Mapping[str, str]
    """Names of the task, its metrics and formats for people, by the report's names."""
    percents: frozenset[str] = frozenset()
    """Metrics that are shown in percent."""

    @property
    def is_student(self) -> bool:
        """Whether its weights were trained in this run (by the teacher, or as the teacher's new head)."""
        return self.variant.format == "float"

    @property
    def base_model(self) -> str | None:
        """What this variant was made from, if it is on the Hub: for a quantized one the student of the same go."""
        if self.variant.base in self.names and not self._began_elsewhere:
            return self.names[str(self.variant.base)]
        return self.origin.id

    @property
    def is_of_base(self) -> bool:
        """Whether it is `base_model` in another format, and no model that was trained here."""
        untouched = not self._of_student and self.recipe.teacher_head != "new"
        return not self.is_student and (self.variant.base in self.names or untouched)

    @property
    def _began_elsewhere(self) -> bool:
        return self.is_student and self.origin is not self.teacher

    @property
    def _of_student(self) -> bool:
        """A student, or made from one."""
        first = self.report.teacher_variant.name
        return self.variant.base is not None and (self.is_student or self.variant.base != first)

    @property
    def trained(self) -> bool:
        """Whether the run's data went into its weights."""
        return self.recipe.data is not None and (self.learned or self.recipe.teacher_head == "new")

    @property
    def learned(self) -> bool:
        """Whether it is a student that was trained, or made from one."""
        search = self.report.search  # which may have found that the teacher itself will do, with fewer words or bits
        itself = search is not None and search.size == TEACHER
        return self._of_student and self.recipe.distill is not None and not itself

    @property
    def distilled(self) -> bool:
        """Whether it learned from its teacher, and not from the labels alone."""
        return self.learned and (self.recipe.asks_teacher or not self.labelled)

    @property
    def labelled(self) -> bool:
        """Whether there were labels to learn from and to be judged by."""
        return any(v.quality is not None for v in self.report.variants)

    def title(self, name: str) -> str:
        return self.titles.get(name, name)


def write(story: Story) -> str:
    """The whole README.md: its head in YAML, and the text."""
    head = yaml.safe_dump(head_of(story), sort_keys=False, allow_unicode=True, width=1000)
    parts = [
        f"# {escape(story.repo.split('/')[-1])}",
        _opening(story),
        "## How to use it\n\n" + fenced(story.snippet, "python"),
        *([f"In a web page, or in Node:\n\n{fenced(story.browser_snippet, 'js')}"] if story.browser_snippet else []),
        "## What was measured\n\n" + _table(story) + "\n\n" + _measured_on(story),
        "## How it was made\n\n" + making(story),
        "## Limits\n\n" + _limits(story),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(parts) + "\n"


def mentions(text: str, repo: str) -> bool:
    """Whether a card names that repo, and not one that begins so."""
    return re.search(_NAMED.format(re.escape(repo)), text) is not None


def renamed(text: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """A card that somebody edited, where the repos are called otherwise by now: their ids, its title and its name in the head.

    Args:
        before: `{variant: repo}` that the card was written for.
        after: as they are called now; a variant that is not in it keeps its name.
    """
    moved = {old: after.get(variant, old) for variant, old in before.items()}
    ids = "|".join(re.escape(old) for old in sorted(moved, key=len, reverse=True))
    text = re.sub(_NAMED.format(ids), lambda found: moved[found[0]], text) if moved else text
    lines: dict[str, str] = {}
    for old, new in moved.items():
        short, shorter = old.split("/")[-1], new.split("/")[-1]
        lines |= {f"# {escape(short)}": f"# {escape(shorter)}", f"- name: {short}": f"- name: {shorter}"}
    return "\n".join(lines.get(line, line) for line in text.split("\n"))


# ---------------------------------------------------------------------- text


def _opening(story: Story) -> str:
    variant, teacher = story.variant, story.report.teacher_variant
    of = linked(story.teacher.id) if story.teacher.id else escape(teacher_name(story))
    if variant.name == teacher.name:
        return f"{of}, fine-tuned for {story.title(story.report.task).lower()}."
    how = "distilled from" if story.distilled else "made from"
    smaller = "A smaller version" if variant.bytes < 0.95 * teacher.bytes else "A version"
    first = f"{smaller} of {of}, {how} it"
    if not story.is_student:
        done = "quantized to" if variant.runtime == "torch" else "exported to"
        first += f" and {done} {story.title(variant.format)}"
    facts = [f"{_ratio(teacher.bytes, variant.bytes, 'smaller', 'larger', 'as large')} ({size(variant.bytes)})"]
    if (quicker := speedup(variant, teacher)) is not None:
        facts.append(_ratio(quicker, 1.0, "faster", "slower", "as fast"))
    text = f"{first}: {', '.join(facts)}."
    if variant.retained is not None and variant.quality is not None:
        what = of_what(variant.quality, story.title(variant.quality.metric).lower())
        text += f" It keeps {variant.retained:.1%} of the teacher's {what}"
        text += f" ({beside(variant.difference)})." if variant.difference is not None else "."
    elif variant.agreement is not None:
        text += f" It answers as the teacher does for {variant.agreement:.1%} of the test rows."
    return text


def _ratio(teacher: float, variant: float, less: str, more: str, equal: str) -> str:
    ratio = teacher / max(variant, 1e-9)
    return (
        f"{ratio:.1f}× {less}" if ratio >= 1.05 else f"{1 / max(ratio, 1e-9):.1f}× {more}" if ratio <= 0.95 else equal
    )


def _table(story: Story) -> str:
    rows = story.report.variants
    columns: dict[str, list[str]] = {"": [_row_name(story, v) for v in rows]}
    for q in qualities(story.variant):
        columns[escape(story.title(q.metric))] = [_quality(story, v, q.metric) for v in rows]
    columns["Kept"] = [share(v.retained) for v in rows]
    columns["Agreement"] = [share(v.agreement) for v in rows]
    columns["Size"] = [size(v.bytes) for v in rows]
    columns["Parameters"] = [count(v.parameters) for v in rows]
    here = [None if _elsewhere(story, v) else v for v in rows]  # a processor's times are not a card's
    columns["Latency p50 / p95"] = [
        f"{v.latency_ms.p50:.1f} / {v.latency_ms.p95:.1f} ms" if v and v.latency_ms else "" for v in here
    ]
    columns["Throughput"] = [f"{v.throughput:.0f}/s" if v and v.throughput else "" for v in here]
    columns["Peak memory"] = [size(v.peak_memory_bytes) if v and v.peak_memory_bytes else "" for v in here]
    shown = {title: cells for title, cells in columns.items() if any(cells)}
    lines = ["| " + " | ".join(shown) + " |", "|---" + "|---:" * (len(shown) - 1) + "|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in zip(*shown.values(), strict=True)]
    return "\n".join(lines)


def _elsewhere(story: Story, variant: Variant) -> bool:
    """Whether it was measured on another kind of device than the variant of the card."""
    return bool(variant.device and story.variant.device) and variant.device != story.variant.device


def _row_name(story: Story, variant: Variant) -> str:
    return f"**{escape(variant.name)}** (this one)" if variant.name == story.variant.name else escape(variant.name)


def _quality(story: Story, variant: Variant, metric: str) -> str:
    found = next((q for q in qualities(variant) if q.metric == metric), None)
    if found is None:
        return ""
    form = "{:.1%}" if metric in story.percents else "{:.4g}"
    return f"{form} ({form} – {form})".format(found.value, *found.ci95)


def _measured_on(story: Story) -> str:
    lines = []
    if quality := story.variant.quality:
        what = "tokens of the test text" if quality.metric == "perplexity" else "test rows"
        lines.append(f"Quality was measured on {quality.rows:,} {what}; in brackets its 95 % interval.")
    if on := story.variant.measured_on:
        where = escape(device_name(on.kind, story.report))
        threads = f"{on.threads} thread{'s' if on.threads != 1 else ''}"
        lines.append(
            f"Speed was measured on {where} with {threads}: latency with one input of {on.length} tokens at a time, throughput "
            "in batches."
        )
        if elsewhere := [escape(v.name) for v in story.report.variants if _elsewhere(story, v)]:
            lines.append(
                f"{', '.join(elsewhere)} ran on another device, so that times and memory cannot be held against this one's."
            )
    if story.report.versions:
        versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in sorted(story.report.versions.items()))
        lines.append(f"Versions: {versions}.")
    return "\n".join(lines) or "Nothing but sizes was measured."


def _limits(story: Story) -> str:
    compared = story.variant.quality is not None or story.variant.agreement is not None
    lines = [
        "The numbers above are of one data set and one machine. A smaller model can err where its teacher did not, and it "
        "keeps the teacher's biases: try it on data of your own before you rely on it."
        if compared
        else "Its quality was not measured: try it on data of your own before you rely on it."
    ]
    if said := _untidy(story):
        lines.append(said)
    terms = story.origin.terms
    if story.origin.license and (terms.license_name or terms.license_link):
        name = escape(terms.license_name or "of its own")
        where = f" ({escape(terms.license_link)})" if terms.license_link else ""
        lines.append(
            f"The licence of the model that it was made from, {name}{where}, holds for this one too: read it first."
        )
    if not story.origin.license:
        lines.append("The licence of the model that it was made from is not known; ask its owner before you use it.")
    return "\n".join(lines)


def _untidy(story: Story) -> str:
    """What untidy text costs this variant, beside what it costs the teacher."""
    mine, teachers = story.variant.robustness, story.report.teacher_variant.robustness
    kinds = [kind for kind in TITLES if kind in mine and kind in teachers]
    if kinds[:1] != ["plain"] or len(kinds) < 2:
        return ""

    def shown(quality: Quality) -> str:
        return ("{:.1%}" if quality.metric in story.percents else "{:.3g}").format(quality.value)

    first = mine["plain"]
    parts = [
        f"{TITLES[kind]} {shown(mine[kind])}"
        + ("" if story.variant.name == story.report.teacher_variant.name else f" (the teacher {shown(teachers[kind])})")
        for kind in kinds[1:]
    ]
    return (
        f"On untidy text ({first.rows:,} of the test rows, disturbed): {story.title(first.metric).lower()} {TITLES['plain']} "
        f"{shown(first)}, {', '.join(parts)}."
    )
