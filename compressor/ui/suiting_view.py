"""What suits a place, in plain sentences with the numbers that say so. Pure functions; the rules are the engine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compressor.report import Report, Variant
from compressor.results.suiting import NOISE, PLACES, By, Place, Suited, formats_for, number, share, suits
from compressor.results.summary import FLOOR
from compressor.ui.metrics import in_a_sentence
from compressor.ui.text import clip, listed, milliseconds, paragraphs, percent, size, times
from compressor.ui.words import t

NONE = ""
"""The value of "not decided yet"."""
FACTS: dict[str, tuple[By, By]] = {
    "gpu": ("time", "bytes"),
    "server-cpu": ("time", "bytes"),
    "phone": ("bytes", "time"),
    "web": ("bytes", "time"),
    "memory": ("memory", "bytes"),
}
"""What is said of a choice, what counts there first."""


def choices() -> list[tuple[str, str]]:
    """The places to choose from, as a radio takes them."""
    return [(t("place.none"), NONE), *((t(f"place.{name}"), name) for name in PLACES)]


def suited(report: Report, place: str | None) -> Suited | None:
    """What suits the chosen place; None where none was chosen, or one that is not there (the browser names it)."""
    return suits(report, PLACES[place]) if place in PLACES and report.variants else None


def badge(found: Suited) -> str:
    """The mark of the chosen variant in few words: `suits a phone`."""
    return t(f"suits.{found.place.name}")


def render(report: Report, found: Suited | None) -> str:
    """The sentences as a block of the page; empty where no place was chosen."""
    if found is None:
        return ""
    kind = "warning" if found.variant is None or not found.kept else "good"
    return paragraphs(sentences(report, found), kind)


def sentences(report: Report, found: Suited) -> list[str]:
    """What is recommended and why; then what it was measured on."""
    where = t(f"place.{found.place.name}")
    if found.variant is None:
        names = listed([f.title for f in formats_for(found.place, report.task)], "list.or")
        way = t("suits.make", formats=names, box=t("options.formats")) if names else t("suits.cannot_make")
        return [f"{t('suits.nothing', where=where)} {way}"]
    teacher, chosen = report.teacher_variant, found.variant
    if chosen is teacher:
        said = [t("suits.teacher", where=where, name=_name(chosen), why=_why_teacher(report, found))]
    else:
        facts = listed([*_facts(chosen, teacher, found.place), *_kept(chosen, report)])
        said = [t("suits.says", where=where, name=_name(chosen), facts=facts)]
        if len(found.running) == 1:
            said.append(t("suits.only_one"))
        if not found.kept:
            said.append(t("suits.below", floor=percent(FLOOR, 0), metric=_metric(report)))
    if share(chosen, report.variants) is None:
        said.append(t("suits.unjudged"))
    if found.level:
        said.append(t(f"suits.level_{found.by}", names=_names(found.level)) + " " + t(f"suits.edge_{found.edge}"))
    if found.unmeasured:
        said.append(t("suits.unmeasured", names=_names(found.unmeasured)))
    return [" ".join(said), note] if (note := _note(report, found)) else [" ".join(said)]


def _why_teacher(report: Report, found: Suited) -> str:
    if len(found.running) == 1:
        return t("suits.only_one")
    metric, better = _metric(report), t(f"suits.better_{found.by}")
    if len(found.rivals) == 1:
        return t("suits.others_lose", floor=percent(FLOOR, 0), metric=metric)
    if share(report.teacher_variant, report.variants) is None:
        return t("suits.others_cost_unknown", better=better)
    return t("suits.others_cost", metric=metric, better=better)


def _facts(chosen: Variant, teacher: Variant, place: Place) -> list[str]:
    """Its numbers against the teacher's, where both were measured alike."""
    said = []
    for by in FACTS[place.name]:
        mine, theirs = number(chosen, by, place), number(teacher, by, place)
        if mine and theirs and (by != "memory" or chosen.device == teacher.device):
            said.append(_fact(by, mine, theirs))
    return said


def _fact(by: By, mine: float, theirs: float) -> str:
    ratio = theirs / mine
    shown: Callable[[float], str] = milliseconds if by == "time" else size
    if by == "time":
        kind = "faster" if ratio >= NOISE else "slower" if ratio <= 1 / NOISE else "same"
    else:
        kind = "less" if ratio >= NOISE else "more" if ratio <= 1 / NOISE else "same"
    return t(
        f"suits.{by}_{kind}", times=times(max(ratio, 1 / ratio)).rstrip("×"), share=percent(mine / theirs, 0),
        mine=shown(mine), theirs=shown(theirs),
    )  # fmt: skip


def _kept(chosen: Variant, report: Report) -> list[str]:
    if chosen.retained is not None:
        return [t("suits.kept", share=percent(chosen.retained), metric=_metric(report))]
    return [] if chosen.agreement is None else [t("suits.agrees", share=percent(chosen.agreement))]


def _metric(report: Report) -> str:
    """What is kept, within a sentence: `accuracy`; nobody keeps a perplexity, nor one that was not measured."""
    first = next((v.quality for v in report.variants if v.quality), None)
    return t("compare.quality") if first is None or first.better == "lower" else in_a_sentence(first.metric)


def _note(report: Report, found: Suited) -> str:
    """What the numbers were measured on, where that is not the place itself."""
    place, chosen = found.place, found.variant
    assert chosen is not None
    if len(found.running) == 1 and chosen is report.teacher_variant:
        return ""  # nothing was compared
    if found.by == "bytes" and place.by != "bytes":
        if len(found.rivals) == 1:  # neither time nor size decided: nobody else was left to choose from
            return t("suits.note_no_gpu_one") if place.name == "gpu" else ""
        key = {"gpu": "no_gpu", "memory": "no_memory"}.get(place.name, "no_time")
        return t(f"suits.note_{key}")
    if place.by == "bytes" and number(chosen, "time", place) is None:
        return ""  # bytes are the same everywhere
    kind = {"server-cpu": "cpu"}.get(place.name, place.name)
    return t(f"suits.note_{kind}", on=_machine(report, chosen))


def _machine(report: Report, variant: Variant) -> str:
    """The processor or card that measured, as its maker calls it."""
    if variant.device == "cuda":
        return clip(report.hardware.get("gpu") or t("suits.a_card"), 60)
    processor = clip(report.hardware.get("cpu") or t("suits.a_processor"), 60)
    return t("suits.on", processor=processor, threads=variant.measured_on.threads) if variant.measured_on else processor


def _name(variant: Variant) -> str:
    return clip(variant.name, 60)


def _names(variants: Sequence[Variant]) -> str:
    return listed([_name(v) for v in variants])
