"""Trainer's steps as our progress."""

from __future__ import annotations

import time
from typing import Any

import psutil
from transformers import TrainerCallback

from compressor.events import Progress

SECONDS = 0.5
"""Between two words about the steps, at least."""


class Reporting(TrainerCallback):  # type: ignore[misc]
    """Trainer's steps as our progress, the current loss and the validation quality as curves."""

    def __init__(self, stage: str, progress: Progress, rows_per_step: int):
        self.stage, self.progress, self.rows_per_step = stage, progress, rows_per_step
        self.loss: float | None = None
        self.said, self.started, self.first = 0.0, time.perf_counter(), 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started, self.first = time.perf_counter(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.perf_counter()
        if now - self.said < SECONDS and state.global_step < state.max_steps:
            return
        self.said = now
        rate = (state.global_step - self.first) / max(now - self.started, 1e-9)
        metrics = {
            "rate": rate * self.rows_per_step,
            "eta": (state.max_steps - state.global_step) / rate if rate else 0.0,
            "epoch": state.epoch,
            "memory": _held(str(args.device.type)),
        }
        self.progress(self.stage, state.global_step, state.max_steps, **metrics)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs = logs or {}
        if "loss" in logs:
            self.progress(self.stage, state.global_step, state.max_steps, loss=float(logs["loss"]), epoch=state.epoch)
        if "eval_quality" in logs:
            quality = float(logs["eval_quality"])
            self.progress(self.stage, state.global_step, state.max_steps, quality=quality, epoch=state.epoch)


def _held(device: str) -> int:
    """Bytes of the memory that a training is short of first: of the graphics card, where it has one."""
    if device == "cuda":
        import torch

        return int(torch.cuda.memory_reserved())
    return int(psutil.Process().memory_info().rss)
