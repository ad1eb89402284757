"""A run as the page shows it, gathered from its events: which stages are done, how far the current one is, the curves.
Knows nothing of gradio; reads only what is new of `events.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compressor.events import read_events
from compressor.recipe import Recipe
from compressor.ui.text import clip

KEPT = 5000
"""Points kept of a curve; beyond that every second one goes."""
KEPT_NOTES = 3
CONTROL = "control"


@dataclass
class RunState:
    """Grows by `take`. `done` and `total` are the current stage's; `metrics` its last."""

    stages: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    stage: str = ""
    done: float = 0
    total: float = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    loss: list[tuple[float, float]] = field(default_factory=list)
    quality: list[tuple[float, float]] = field(default_factory=list)
    curves_of: str = ""
    teacher_quality: float | None = None
    started: float | None = None
    stage_started: float | None = None
    last: float | None = None
    paused: float = 0
    """Seconds between a stop and the going on after it."""
    points: list[Mapping[str, Any]] = field(default_factory=list)
    """What a search has tried, as its events tell it."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what the run did by itself, like trying again with half the batch; the oldest first."""
    offset: int = 0

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Add events, in the order in which they were written."""
        for event in events:
            kind = event.get("event")
            when = event.get("time")
            if isinstance(when, int | float):
                if kind == "resumed" and self.last is not None:
                    self._pause(float(when) - self.last)
                self.last = float(when)
                self.started = self.started or float(when)
            if kind is not None:
                self._mark(str(kind), event)
            elif event.get("stage"):
                self._step(event)

    def _mark(self, kind: str, event: Mapping[str, Any]) -> None:
        stage = str(event.get("stage") or "")
        if kind == "retried" and event.get("reason"):
            self.notes.append(clip(event["reason"], 300))
            del self.notes[:-KEPT_NOTES]
        elif kind == "stage-finished" and stage and stage not in self.finished:
            self.finished.append(stage)
        elif kind == "stage-started" and stage:
            self._enter(stage)

    def _pause(self, seconds: float) -> None:
        """Nothing was done in that time."""
        self.paused += max(0.0, seconds)
        if self.stage_started is not None:
            self.stage_started += max(0.0, seconds)

    def _enter(self, stage: str) -> None:
        if stage != self.stage:
            self.stage, self.done, self.total, self.metrics = stage, 0, 0, {}
            self.stage_started = self.last

    def _step(self, event: Mapping[str, Any]) -> None:
        self._enter(str(event["stage"]))
        self.done, self.total = _number(event.get("done")) or 0, _number(event.get("total")) or 0
        metrics = event.get("metrics")
        if isinstance(metrics, Mapping):
            if metrics.get("message") == "":  # what it waited for is over: from now on it works
                self.stage_started = self.last
            if isinstance(point := metrics.get("point"), Mapping):
                self._point(point)
            self.metrics |= {name: value for name, value in metrics.items() if name != "point"}
            self._curve(metrics)

    def _point(self, point: Mapping[str, Any]) -> None:
        """A search that goes on after a stop tells again what it knows."""
        if point not in self.points and len(self.points) < KEPT:
            self.points.append(point)

    def _curve(self, metrics: Mapping[str, Any]) -> None:
        loss, quality = _number(metrics.get("loss")), _number(metrics.get("quality"))
        if self.stage == CONTROL:
            return  # the student's own curves stay
        if (loss is not None or quality is not None) and self.curves_of != self.stage:
            self.curves_of, self.loss, self.quality = self.stage, [], []  # the fine-tuned teacher's curves give way
        if loss is not None:
            self.loss.append((self.done, loss))
        if quality is not None:
            self.quality.append((self.done, quality))
        teacher = _number(metrics.get("teacher_quality"))
        self.teacher_quality = self.teacher_quality if teacher is None else teacher
        for curve in (self.loss, self.quality):
            if len(curve) > KEPT:
                del curve[1:-1:2]

    @property
    def spent(self) -> float | None:
        """Seconds that it has run, without those for which it was stopped."""
        if self.last is None or self.started is None:
            return None
        return self.last - self.started - self.paused

    @property
    def share(self) -> float | None:
        """How far the current stage is, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def left(self) -> float | None:
        """Seconds until the current stage ends: its own word, or by the rule of three."""
        said = _number(self.metrics.get("eta"))
        if said is not None:
            return said
        share = self.share
        if not share or self.stage_started is None or self.last is None or self.last - self.stage_started < 2:
            return None
        return (self.last - self.stage_started) * (1 - share) / share

    def read(self, folder: Path) -> bool:
        """Take what the run's `events.jsonl` has gained; True where that was anything."""
        events, offset = read_events(folder / "events.jsonl", self.offset)
        self.take(events)
        changed, self.offset = offset != self.offset, offset
        return changed


def expected_stages(recipe: Recipe | None) -> list[str]:
    """The stages that a recipe will go through, in order."""
    if recipe is None:
        return []
    looks_local = recipe.teacher == "demo" or recipe.teacher.startswith((".", "/", "~"))
    stages = ([] if looks_local else ["download"]) + (["data"] if recipe.data is not None else [])
    if recipe.teacher_head == "new":
        stages.append("fine-tune")
    if recipe.target is not None:
        return [*stages, "teacher-logits", "search", "measure"]
    if recipe.student is not None:
        stages += ["teacher-logits", "distill"] if recipe.asks_teacher else ["distill"]
        stages += [CONTROL] if recipe.distill is not None and recipe.distill.control else []
    return [*stages, *recipe.formats, "measure"]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
