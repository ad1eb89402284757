"""A report in one plain sentence, and the variant that it speaks of."""

from __future__ import annotations

from compressor.report import Report, Variant


def best(report: Report, floor: float = 0.95) -> Variant | None:
    """The smallest variant above the floor; where none is, the one that kept most; None for a teacher alone."""
    others = list(report.variants[1:])
    if not others:
        return None
    good = [v for v in others if v.retained is None or v.retained >= floor]
    if good:
        return min(good, key=lambda v: v.bytes)
    return max(others, key=lambda v: v.retained or 0.0)


def summary(report: Report, floor: float = 0.95) -> str:
    """What a person should take away: "3.1× smaller, 1.9× faster, kept 98.2 % of the accuracy"."""
    chosen = best(report, floor)
    if chosen is None:
        return "Only the teacher was measured."
    parts = [_size(chosen, report.teacher_variant)]
    if speed := _speed(chosen, report.teacher_variant):
        parts.append(speed)
    if chosen.retained is not None and chosen.quality is not None:
        name = {"accuracy": "accuracy", "perplexity": "quality (perplexity)"}.get(
            chosen.quality.metric, chosen.quality.metric
        )
        parts.append(f"kept {chosen.retained * 100:.1f} % of the {name}")
    elif chosen.agreement is not None:
        parts.append(f"predicts as the teacher on {chosen.agreement * 100:.1f} % of the rows")
    text = f"{chosen.name}: " + ", ".join(parts)
    if chosen.retained is not None and chosen.retained < floor:
        text += f", which is below {floor:.0%}: no variant kept that much"
    return text + "."


def _size(variant: Variant, teacher: Variant) -> str:
    ratio = teacher.bytes / variant.bytes
    return (
        f"{ratio:.1f}× smaller" if ratio >= 1.05 else "about as large" if ratio > 0.95 else f"{1 / ratio:.1f}× larger"
    )


def _speed(variant: Variant, teacher: Variant) -> str | None:
    if variant.latency_ms is None or teacher.latency_ms is None or not variant.latency_ms.p50:
        return None
    ratio = teacher.latency_ms.p50 / variant.latency_ms.p50
    where = f" on this {variant.measured_on.device.upper()}" if variant.measured_on else ""
    if ratio >= 1.05:
        return f"{ratio:.1f}× faster{where}"
    return f"about as fast{where}" if ratio > 0.95 else f"{1 / ratio:.1f}× slower{where}"
