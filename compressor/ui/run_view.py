"""A run on the page: its stages as a list, the current one with percent, speed, time left and memory. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor.ui.run_state import RunState
from compressor.ui.teacher_view import t_size
from compressor.ui.text import clip, count, duration, esc, paragraphs, size
from compressor.ui.words import t

LIVE = ("queued", "running")
SOON = 20
"""Seconds that nobody needs to be told."""


def title(status: str, state: RunState) -> str:
    """What the browser's tab says: `62 % · Compressor`."""
    if status == "running":
        share = state.share
        stage = stage_name(state.stage) if state.stage else t("status.running")
        return f"{share * 100:.0f} % {stage} · {t('app.name')}" if share is not None else f"{stage} · {t('app.name')}"
    if status in ("finished", "failed", "cancelled", "interrupted", "queued"):
        return f"{t(f'status.{status}')} · {t('app.name')}"
    return t("app.name")


def stage_name(stage: str) -> str:
    """A stage in the page's words; a stage that they do not know stands as it is."""
    try:
        return t(f"stage.{stage}")
    except KeyError:
        return stage


def stage_rows(status: str, state: RunState, expected: Sequence[str]) -> list[tuple[str, str]]:
    """(stage, `done` | `now` | `stopped` | `wait`) in order: those expected, and any other that was seen."""
    seen = [*state.finished, *([state.stage] if state.stage else [])]
    order = list(expected)
    for stage in seen:
        if stage not in order:
            order.insert(0 if stage == "download" else len(order), stage)
    current = order.index(state.stage) if state.stage in order else -1
    rows = []
    for place, stage in enumerate(order):
        if status == "finished" or stage in state.finished or place < current:
            rows.append((stage, "done"))
        elif place == current:
            rows.append((stage, "now" if status in LIVE else "stopped"))
        else:
            rows.append((stage, "wait"))
    return rows


def progress(
    status: str, state: RunState, expected: Sequence[str], *, place: int | None = None, wait: float | None = None,
    error: str | None = None,
) -> str:  # fmt: skip
    """The stages as a list. `place` is the place in the queue while it waits, `wait` the seconds until its turn."""
    rows = stage_rows(status, state, expected)
    items = "".join(_stage(stage, how, status, state) for stage, how in rows)
    head = f'<p class="run-status" role="status" data-status="{esc(status)}">{esc(_status(status, state, place, wait))}</p>'
    wrong = paragraphs([error], "problem") if error and status in ("failed", "interrupted") else ""
    wrong += paragraphs(state.notes)
    return f'<div class="run">{head}{wrong}<ol class="stages" aria-label="{esc(t("run.stages"))}">{items}</ol></div>'


def _status(status: str, state: RunState, place: int | None, wait: float | None) -> str:
    if status == "queued":
        return queued(place, wait)
    if status == "running":
        return t("run.running_for", spent=duration(state.spent)) if state.spent is not None else t("run.running")
    known = ("finished", "failed", "cancelled", "interrupted")
    return t(f"run.{status}") if status in known else status


def queued(place: int | None, wait: float | None) -> str:
    """A waiting run's place in the queue, and when its turn may come."""
    if not place:
        return t("run.queued")
    if wait is None:
        return t("run.queued_at", place=place)
    return t("run.queued_soon" if wait < SOON else "run.queued_in", place=place, time=duration(wait))


def _stage(stage: str, how: str, status: str, state: RunState) -> str:
    said = {"done": t("stage.state_done"), "now": t("stage.state_now"), "stopped": t("stage.state_stopped"),
            "wait": t("stage.state_wait")}[how]  # fmt: skip
    detail = ""
    if how == "now" and status == "running":
        detail = _bar(state) + f'<span class="facts-line">{esc(" · ".join(_facts(state)))}</span>'
    return (
        f'<li class="stage stage-{how}" data-stage="{esc(stage)}"><span class="sign" aria-hidden="true"></span>'
        f'<span class="name">{esc(stage_name(stage))}</span><span class="visually-hidden"> ({esc(said)})</span>{detail}</li>'
    )


def _bar(state: RunState) -> str:
    share = state.share
    label = esc(stage_name(state.stage))
    if share is None:
        return f'<progress aria-label="{label}"></progress>'
    return f'<progress max="100" value="{share * 100:.0f}" aria-label="{label}"></progress>'


def _facts(state: RunState) -> list[str]:
    facts: list[str] = []
    metrics: dict[str, Any] = state.metrics
    if state.share is not None:
        facts.append(f"{state.share * 100:.0f} %")
    if metrics.get("size") and state.stage == "search":
        facts.append(t("run.trying", size=t_size(str(metrics["size"]))))
    if metrics.get("epoch"):
        facts.append(t("run.epoch", n=f"{float(metrics['epoch']):.1f}"))
    if metrics.get("rate"):
        unit = "run.bytes_rate" if state.stage == "download" else "run.rate"
        facts.append(t(unit, n=size(metrics["rate"]) if state.stage == "download" else count(metrics["rate"])))
    if state.left is not None:
        facts.append(t("run.left", time=duration(state.left)))
    if metrics.get("memory"):
        facts.append(t("run.memory", size=size(metrics["memory"])))
    if metrics.get("message"):
        facts.append(clip(metrics["message"], 120))
    return facts
