"""Every version's answer to one text, side by side: labels with probabilities, or texts, and the time of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compressor.ui.text import clip, count, esc, milliseconds, paragraphs
from compressor.ui.words import t

LABELS = 5


def render(predictions: Mapping[str, Mapping[str, Any]]) -> str:
    """`predictions` as `predict` gives them for one text, the teacher first."""
    first: Mapping[str, Any] = next(iter(predictions.values()), {})
    decided = _decided(first)
    cards = "".join(_answer(number, name, one, decided) for number, (name, one) in enumerate(predictions.items()))
    return f'<div class="answers">{cards}</div>'


def _answer(number: int, name: str, one: Mapping[str, Any], decided: set[str] | None) -> str:
    ms = one.get("ms")
    took = f"<small>{esc(milliseconds(float(ms)))}</small>" if ms is not None else ""
    head = f'<h4><span><span class="dot mark-{min(number, 7)}"></span>{esc(clip(name, 60))}</span>{took}</h4>'
    differs = decided is not None and _decided(one) not in (None, decided)
    note = f'<p class="differs-note">{esc(t("try.differs"))}</p>' if differs else ""
    return f'<section class="answer{" differs" if differs else ""}" data-variant="{esc(name)}">{head}{_body(one)}{note}</section>'


def _body(one: Mapping[str, Any]) -> str:
    if one.get("error"):
        return paragraphs([str(one["error"])], "problem")
    if "text" in one:
        speed = one.get("tokens_per_second")
        said = f'<p class="small">{esc(t("try.speed", n=count(speed)))}</p>' if speed else ""
        return f'<p class="text">{esc(one["text"])}</p>{said}'
    return _scores(one.get("labels") or (), shares="decided" in one)


def _scores(labels: Sequence[Mapping[str, Any]], *, shares: bool) -> str:
    """`shares`: the scores are probabilities, and not a number that the model says."""
    parts = []
    for one in labels[:LABELS]:
        score = float(one.get("score") or 0.0)
        inside = shares and 0.0 <= score <= 1.0
        shown = f"{score * 100:.1f} %" if inside else f"{score:.3g}"
        bar = (
            f'<span class="bar" aria-hidden="true"><span style="width:{score * 100:.1f}%"></span></span>'
            if inside
            else ""
        )
        parts.append(
            f'<div class="score"><span>{esc(clip(one.get("label"), 60))}</span><span>{shown}</span>{bar}</div>'
        )
    return "".join(parts)


def _decided(one: Mapping[str, Any]) -> set[str] | None:
    """The labels that it decides for; None where it says a number, a text or an error."""
    return set(one["decided"]) if "decided" in one else None
