"""How sure the numbers are, in words: what was lost beside the teacher, and what learning from it was worth. Pure functions."""

from __future__ import annotations

from compressor.report import Control, Difference
from compressor.results.summary import room_for_loss
from compressor.ui.metrics import in_a_sentence, is_percent, value
from compressor.ui.words import t


def loss(found: Difference | None) -> str:
    """Whether the difference to the teacher may be chance, as a sentence; "" where nothing was compared."""
    if found is None:
        return ""
    if found.measurable:
        return t("proof.loss" if found.worse else "proof.gain", amount=amount(found), interval=interval(found))
    if (room := room_for_loss(found)) is not None:
        return t("proof.few_rows", rows=f"{found.rows:,}", room=t("proof.points", n=f"{room * 100:.1f}"))
    return t("proof.no_loss", rows=f"{found.rows:,}", interval=interval(found))


def worth(control: Control | None) -> str:
    """What learning from the teacher was worth, as a sentence; "" where there is no control."""
    if control is None:
        return ""
    found = control.difference
    key = "proof.worth_nothing" if not found.measurable else "proof.cost" if found.worse else "proof.worth"
    return t(key, amount=amount(found), interval=interval(found), alone=value(control.quality))


def amount(found: Difference) -> str:
    """Without a sign: `1.2 points of accuracy`."""
    size = abs(found.value)
    shown = t("proof.points", n=f"{size * 100:.1f}") if is_percent(found.metric) else f"{size:.3g}"
    return t("proof.of", amount=shown, metric=in_a_sentence(found.metric))


def interval(found: Difference) -> str:
    """`−1.0 to +0.4 points`."""
    percent = is_percent(found.metric)
    low, high = (f"{x * 100:+.1f}" if percent else f"{x:+.3g}" for x in found.ci95)
    said = t("proof.range", low=low.replace("-", "−"), high=high.replace("-", "−"))
    return t("proof.points", n=said) if percent else said
