"""A report in one plain sentence, and the variant that it speaks of."""

from __future__ import annotations

from compressor.report import Report, Variant

FLOOR = 0.95
"""Share of the teacher's quality that a variant should keep; below it a person is asked once more before publishing."""
SAME_SPEED = 1.05
"""Ratios below this are no difference that a person would notice, or that one measurement could tell."""


def best(report: Report, floor: float = FLOOR) -> Variant | None:
    """The variant to speak of: the smallest of those that keep at least `floor` and are not slower than the teacher; where
    none does both, of those that keep it; else the one that keeps most. None for a teacher alone."""
    others = report.variants[1:]
    judged = [v for v in others if v.retained is not None]
    above = [v for v in judged if (v.retained or 0) >= floor] if judged else list(others)
    if above:
        quick = [v for v in above if not is_slower(v, report.teacher_variant)]
        return min(quick or above, key=lambda v: v.bytes)
    return max(judged, key=lambda v: v.retained or 0, default=None)


def is_slower(variant: Variant, teacher: Variant) -> bool:
    """Whether one text takes noticeably longer; False where that was not measured."""
    return bool(
        variant.latency_ms and teacher.latency_ms and variant.latency_ms.p50 > teacher.latency_ms.p50 * SAME_SPEED
    )


def summary(report: Report, floor: float = FLOOR) -> str:
    """What a person should take away: "3.1× smaller, 1.9× faster, kept 98.2 % of the accuracy"."""
    chosen = best(report, floor)
    if chosen is None:
        return "Only the teacher was measured."
    parts = facts(chosen, report.teacher_variant)
    text = f"{chosen.name}: " + ", ".join(parts)
    if chosen.retained is not None and chosen.retained < floor:
        text += f", which is below {floor:.0%}: no variant kept that much"
    smallest = min(report.variants[1:], key=lambda v: v.bytes)
    if smallest is not chosen and is_slower(smallest, report.teacher_variant):
        text += f"; {smallest.name} is smaller still but slower than the teacher on this machine"
    return text + "."


def facts(variant: Variant, teacher: Variant, *, timed: bool = True) -> list[str]:
    """What a variant gained and kept against the teacher; without `timed` nothing of its speed."""
    parts = [_size(variant, teacher)]
    if timed and (speed := _speed(variant, teacher)):
        parts.append(speed)
    if variant.retained is not None and variant.quality is not None:
        name = {"accuracy": "accuracy", "perplexity": "quality (perplexity)"}.get(
            variant.quality.metric, variant.quality.metric
        )
        parts.append(f"kept {variant.retained * 100:.1f} % of the {name}")
    elif variant.agreement is not None:
        parts.append(f"predicts as the teacher on {variant.agreement * 100:.1f} % of the rows")
    return parts


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
    if variant.latency_ms is None or teacher.latency_ms is None or not variant.latency_ms.p50:
        return None
    ratio = teacher.latency_ms.p50 / variant.latency_ms.p50
    where = f" on this {variant.measured_on.device.upper()}" if variant.measured_on else ""
    if ratio >= SAME_SPEED:
        return f"{ratio:.1f}× faster{where}"
    return f"about as fast{where}" if ratio > 0.95 else f"{1 / ratio:.1f}× slower{where}"
