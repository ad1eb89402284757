"""A training's checkpoints: whole or as good as absent, as few as resuming and the best one need, and often enough that little
is lost. It knows nothing of what is trained."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from compressor.system.whole import remove, to_disk, write_text

WHOLE = "whole"
"""The file that is written last into a checkpoint, once all others are on the disk."""
EVERY = 120.0
"""Seconds of training between two checkpoints, at the most, while writing one takes little of that."""
SHARE = 20
"""A checkpoint that takes a second to write is written after 20 seconds at the soonest."""


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint when the last one is old, seals each, and keeps the newest and the best.

    Trainer saves where it evaluates, which in a long epoch is hours apart.
    """

    def __init__(self, every: float = EVERY) -> None:
        self.every, self.saved, self.began = every, time.monotonic(), time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        control.should_save = control.should_save or self.began - self.saved > self.every

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        folder = Path(args.output_dir)
        newest = folder / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        seal(newest)
        self.saved = time.monotonic()
        self.every = max(self.every, SHARE * (self.saved - self.began))
        best = Path(state.best_model_checkpoint).name if state.best_model_checkpoint else None
        for old in _all(folder):
            if old.name not in (newest.name, best):
                remove(old)


def seal(checkpoint: Path) -> None:
    """Say that a checkpoint is whole: everything in it is on the disk."""
    to_disk(checkpoint)
    write_text(checkpoint / WHOLE, "")


def last_whole(folder: Path) -> Path | None:
    """The last checkpoint to go on from, or None. Those that were cut off while they were written are removed: going on from
    one would fail, now and every time after."""
    for checkpoint in reversed(_all(folder)):
        if (checkpoint / WHOLE).is_file() and _readable(checkpoint):
            return checkpoint
        remove(checkpoint)
    return None


def is_over(checkpoint: Path) -> bool:
    """Whether training had come to its end with this checkpoint: all steps done, or stopped early. Trainer would go on behind
    an early stop until the next evaluation."""
    control = _state(checkpoint)["stateful_callbacks"].get("TrainerControl", {})
    return bool(control.get("args", {}).get("should_training_stop"))


def _readable(checkpoint: Path) -> bool:
    """Whether its state can be read and its best checkpoint is there. The state names that by its whole path, which is
    another one where the run's folder was moved."""
    try:
        state = _state(checkpoint)
    except (OSError, ValueError, TypeError):
        return False
    best = state.get("best_model_checkpoint")
    if best is None:
        return True
    here = checkpoint.parent / Path(best).name
    if str(here) != best:
        write_text(checkpoint / TRAINER_STATE_NAME, json.dumps(state | {"best_model_checkpoint": str(here)}, indent=2))
    return (here / WHOLE).is_file()


def _state(checkpoint: Path) -> dict[str, Any]:
    state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    return dict(state)


def _all(folder: Path) -> list[Path]:
    """Checkpoints by their steps, the newest last."""
    found = [p for p in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if p.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda checkpoint: int(checkpoint.name.rpartition("-")[2]))
