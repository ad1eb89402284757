"""A report in one plain sentence, and the variant that it speaks of."""

from __future__ import annotations

from typing import Protocol

from compressor.report import Control, Difference, Latency, Quality, Report, Variant

IN_POINTS = ("accuracy", "f1_macro", "f1_micro")
"""Metrics that are shares: their differences are said in points of a hundred."""

FLOOR = 0.95
"""Share of the teacher's quality that a variant should keep; below it a person is asked once more before publishing."""
MINDED = 0.02
"""A loss of quality that people would want to know of."""
SAME_SPEED = 1.05
"""Ratios below this are no difference that a person would notice, or that one measurement could tell."""


def best(report: Report, floor: float = FLOOR) -> Variant | None:
    """The variant to speak of: the smallest of those that keep at least `floor` and are not slower than the teacher; where
    none does both, of those that keep it; else the one that keeps most. None for a teacher alone."""
    others = candidates(report)
    above = [v for v in others if (kept(v) or 0.0) >= floor] if any(kept(v) is not None for v in others) else others
    if above:
        quick = [v for v in above if not is_slower(v, report.teacher_variant)]
        return min(quick or above, key=lambda v: v.bytes)
    return max(others, key=lambda v: kept(v) or 0.0, default=None)


def kept(variant: Variant) -> float | None:
    """What is left of the teacher's quality; of rows without labels, the share that is decided as the teacher does."""
    return variant.retained if variant.retained is not None else variant.agreement


def candidates(report: Report) -> list[Variant]:
    """The variants that may be recommended: where some could be measured or judged, those that could not are none of them."""
    found = list(report.variants[1:])
    found = [v for v in found if v.measured_on is not None] or found
    return [v for v in found if kept(v) is not None] or found


class Timed(Protocol):
    """A row of a report, or what was measured for one."""

    @property
    def latency_ms(self) -> Latency | None: ...
    @property
    def device(self) -> str: ...


def speedup(variant: Timed, teacher: Timed) -> float | None:
    """How many times as fast as the teacher a variant answers one text. None where one of them was not timed, or on another kind
    of device: an ONNX file runs on the processor, beside a teacher on a graphics card."""
    if not variant.latency_ms or not teacher.latency_ms or variant.device != teacher.device:
        return None
    return teacher.latency_ms.p50 / max(variant.latency_ms.p50, 1e-9)


def device_name(kind: str, report: Report) -> str:
    """A kind of device as one calls it who reads the report elsewhere: a graphics card by its name."""
    return str(report.hardware.get("gpu") or "a graphics card")[:80] if kind == "cuda" else kind


def apart(report: Report) -> list[Variant]:
    """Variants whose quality cannot be held against the first one's: a perplexity of other tokens."""
    first = report.teacher_variant.quality
    if first is None or first.better == "higher":
        return []
    return [v for v in report.variants[1:] if v.quality is not None and v.retained is None]


def is_slower(variant: Variant, teacher: Variant) -> bool:
    """Whether one text takes noticeably longer; False where that cannot be told."""
    found = speedup(variant, teacher)
    return found is not None and found < 1 / SAME_SPEED


def is_smaller(variant: Variant, other: Variant) -> bool:
    """Whether it takes noticeably fewer bytes."""
    return other.bytes >= variant.bytes * SAME_SPEED


def summary(report: Report, floor: float = FLOOR) -> str:
    """What a person should take away: "3.1× smaller, 1.9× faster, kept 98.2 % of the accuracy"."""
    chosen = best(report, floor)
    if chosen is None:
        return "Only the teacher was measured."
    parts = facts(chosen, report.teacher_variant)
    text = f"{chosen.name}: " + ", ".join(parts)
    if (share := kept(chosen)) is not None and share < floor:
        did = "kept that much" if chosen.retained is not None else "agrees that often"
        text += f", which is below {floor:.0%}: no variant {did}"
    smallest = min(candidates(report), key=lambda v: v.bytes)
    if is_smaller(smallest, chosen) and is_slower(smallest, report.teacher_variant):
        text += f"; {smallest.name} is smaller still but slower than the teacher on this machine"
    return text + "."


def facts(variant: Variant, teacher: Variant, *, timed: bool = True) -> list[str]:
    """What a variant gained and kept against the teacher; without `timed` nothing of its speed."""
    parts = [_size(variant, teacher)]
    if timed and (speed := _speed(variant, teacher)):
        parts.append(speed)
    if variant.retained is not None and variant.quality is not None:
        share = f"kept {variant.retained * 100:.1f} % of the {of_what(variant.quality, variant.quality.metric)}"
        parts.append(share + (f" ({beside(variant.difference)})" if variant.difference is not None else ""))
    elif variant.agreement is not None:
        parts.append(f"predicts as the teacher on {variant.agreement * 100:.1f} % of the rows")
    return parts


def of_what(quality: Quality, title: str) -> str:
    """What a share is kept of: nobody keeps a perplexity."""
    return title if quality.better == "higher" else f"quality ({title})"


def worth(control: Control) -> str:
    """What learning from the teacher was worth, held against the same student that learned from the labels alone."""
    found = control.difference
    came_to = _number(control.quality.metric, control.quality.value)
    alone = f"trained as long on the labels alone, the same student came to {came_to} (one training each)"
    if not found.measurable:
        return f"Learning from the teacher made no measurable difference here ({interval(found)}): {alone}."
    verb = "cost" if found.worse else "was worth"
    return f"Learning from the teacher {verb} {amount(found)} here ({interval(found)}): {alone}."


def beside(found: Difference) -> str:
    """The difference to the teacher, as it stands in brackets behind what was kept."""
    if found.measurable:
        return f"{'a loss' if found.worse else 'a gain'} of {amount(found)}; {interval(found)}"
    if (room := room_for_loss(found)) is not None:
        return f"no measurable loss, but {found.rows:,} rows leave room for one of {room * 100:.1f} points"
    return f"no measurable loss; {interval(found)}"


def room_for_loss(found: Difference) -> float | None:
    """The loss that a difference which is not measurable may hide, where people would mind it: with few rows, hardly any loss is
    measurable. None where it is small, and for metrics that are no shares."""
    if found.measurable or found.metric not in IN_POINTS or found.ci95[0] > -MINDED:
        return None
    return -found.ci95[0]


def amount(found: Difference) -> str:
    """How far two models lie apart, without a sign: "1.2 points of accuracy"."""
    name = {"f1_macro": "macro-F1", "f1_micro": "micro-F1"}.get(found.metric, found.metric)
    value = abs(found.value)
    return f"{value * 100:.1f} points of {name}" if found.metric in IN_POINTS else f"{value:.3g} of {name}"


def interval(found: Difference) -> str:
    """ "95 %: −1.0 to +0.4 points"."""
    points = found.metric in IN_POINTS
    low, high = (f"{x * 100:+.1f}" if points else f"{x:+.3g}" for x in found.ci95)
    return f"95 %: {low} to {high}{' points' if points else ''}".replace("-", "−")


def _number(metric: str, value: float) -> str:
    return f"{value:.1%}" if metric in IN_POINTS else f"{value:.3g}"


def _size(variant: Variant, teacher: Variant) -> str:
    ratio = teacher.bytes / variant.bytes
    return (
        f"{ratio:.1f}× smaller"
        if ratio >= SAME_SPEED
        else "about as large"
        if ratio > 0.95
        else f"{1 / ratio:.1f}× larger"
    )


def _speed(variant: Variant, teacher: Variant) -> str | None:
    if (ratio := speedup(variant, teacher)) is None:
        return None
    where = f" on this {'GPU' if variant.device == 'cuda' else variant.device.upper()}" if variant.device else ""
    if ratio >= SAME_SPEED:
        return f"{ratio:.1f}× faster{where}"
    return f"about as fast{where}" if ratio > 0.95 else f"{1 / ratio:.1f}× slower{where}"
