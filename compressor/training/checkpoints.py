"""A training's checkpoints: whole or as good as absent, as few as resuming needs, and often enough that little is lost; and
beside them the weights that were best so far. It knows nothing of what is trained."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
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
BEST = "best-{}.safetensors"
"""The trained weights as they were at a step: what has a frozen table of words has much smaller ones than a checkpoint."""


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint where it evaluates and when the last one is old, unless writing them would take long; at the end
    where there was one before. Seals each, and keeps the newest and the best weights. Until the first is written, one is taken to
    need a second: a training of seconds is begun anew sooner than it is written down."""

    def __init__(self, every: float = EVERY) -> None:
        self.every, self.took = every, min(every, 1.0)
        self.saved = self.began = time.monotonic()
        self.written = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        control.should_save = control.should_save or self._old(max(self.every, SHARE * self.took))

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        wanted = self.written if control.should_training_stop else self._old(SHARE * self.took)
        control.should_save = control.should_save or wanted

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        folder = Path(args.output_dir)
        newest = folder / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        best = None if state.best_global_step is None else folder / BEST.format(state.best_global_step)
        if best is not None:
            to_disk(best)
        seal(newest)
        self.saved = time.monotonic()
        self.took, self.written = self.saved - self.began, True
        for old in (*_all(folder), *folder.glob(BEST.format("*"))):
            if old not in (newest, best):
                remove(old)

    def _old(self, seconds: float) -> bool:
        return self.began - self.saved >= seconds


def keep_best(folder: Path, model: torch.nn.Module, step: int) -> None:
    """Write down the weights that are trained, as they are at this step."""
    tied = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    state = {n: t.detach().cpu().contiguous() for n, t in model.state_dict().items() if n in trained or n not in tied}
    part = folder / f"{BEST.format(step)}.part"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, part)
    part.replace(folder / BEST.format(step))


def load_best(folder: Path, model: torch.nn.Module, step: int) -> None:
    """Give a model the weights that `keep_best` wrote at that step."""
    model.load_state_dict(load_file(folder / BEST.format(step)), strict=False)


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
    """Whether its state can be read, and the weights that were best by then are there."""
    try:
        best = _state(checkpoint).get("best_global_step")
    except (OSError, ValueError, TypeError):
        return False
    return best is None or (checkpoint.parent / BEST.format(best)).is_file()


def _state(checkpoint: Path) -> dict[str, Any]:
    state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    return dict(state)


def _all(folder: Path) -> list[Path]:
    """Checkpoints by their steps, the newest last."""
    found = [p for p in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if p.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda checkpoint: int(checkpoint.name.rpartition("-")[2]))
