"""One training: transformers' Trainer with our objective, our sampler, and our progress. It knows no recipe."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import EvalPrediction, get_last_checkpoint

from compressor.events import Progress, silent
from compressor.models import quiet
from compressor.tasks.base import TrainableTask
from compressor.training.objective import Objective
from compressor.training.rows import BucketSampler, Collate, Rows, model_inputs, unwanted_inputs
from compressor.training.teacher import has_fast_bf16


@dataclass(frozen=True)
class Options:
    """How to train; `learning_rate` peaks after a tenth of the steps and then falls to 0 in a line."""

    epochs: float = 3.0
    learning_rate: float = 1e-4
    batch_size: int = 32
    alpha: float = 0.5
    temperature: float = 2.0
    seed: int = 0
    device: str = "cpu"
    patience: int = 3
    """Evaluations without a better validation quality before it stops early."""
    accumulate: int = 1
    """Batches per optimizer step: the same step in less memory."""


@dataclass(frozen=True)
class Trained:
    steps: int
    best_quality: float | None
    stopped_early: bool


class _Trainer(Trainer):
    """Trainer with an objective of ours and buckets that survive a resume. Nothing else."""

    def __init__(self, *, objective: Objective, sampler: BucketSampler, **kwargs: Any):
        super().__init__(**kwargs)
        self.objective, self.sampler = objective, sampler
        # Our loss is a mean over the batch: without this, Trainer would not divide it under gradient accumulation.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**model_inputs(inputs))
        loss = self.objective(outputs.logits, inputs)
        return (loss, {"loss": loss.detach(), "logits": outputs.logits}) if return_outputs else loss

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[None, torch.Tensor, torch.Tensor]:
        """Logits alone; the rows' labels are looked up by whoever judges them."""
        inputs = self._prepare_inputs(inputs)
        with torch.inference_mode(), self.compute_loss_context_manager():
            logits = model(**model_inputs(inputs)).logits.float()
        return None, logits, torch.zeros(len(logits), device=logits.device)

    def _get_train_sampler(self, train_dataset: Any = None) -> BucketSampler:
        return self.sampler


class _Report(TrainerCallback):  # type: ignore[misc]
    """Trainer's steps as our progress, at most every half second; the current loss and the validation quality as curves."""

    def __init__(self, stage: str, progress: Progress, rows_per_step: int):
        self.stage, self.progress, self.rows_per_step = stage, progress, rows_per_step
        self.loss: float | None = None
        self.said, self.started, self.first = 0.0, time.perf_counter(), 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started, self.first = time.perf_counter(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.perf_counter()
        if now - self.said < 0.5 and state.global_step < state.max_steps:
            return
        self.said = now
        rate = (state.global_step - self.first) / max(now - self.started, 1e-9)
        metrics = {
            "rate": rate * self.rows_per_step,
            "eta": (state.max_steps - state.global_step) / rate if rate else 0.0,
            "epoch": state.epoch,
            "memory": psutil.Process().memory_info().rss,
        }
        self.progress(self.stage, state.global_step, state.max_steps, **metrics)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs = logs or {}
        if "loss" in logs:
            self.progress(self.stage, state.global_step, state.max_steps, loss=float(logs["loss"]), epoch=state.epoch)
        if "eval_quality" in logs:
            quality = float(logs["eval_quality"])
            self.progress(self.stage, state.global_step, state.max_steps, quality=quality, epoch=state.epoch)


def train(
    model: PreTrainedModel,
    task: TrainableTask,
    rows: Dataset,
    validation: Dataset,
    *,
    pad_id: int,
    options: Options,
    folder: Path,
    teacher: np.ndarray | None = None,
    validation_teacher: np.ndarray | None = None,
    frozen: Collection[str] = (),
    stage: str = "distill",
    progress: Progress = silent,
) -> Trained:
    """Train `model` in place and leave it with the weights that were best on validation.

    Args:
        rows, validation: encoded splits.
        teacher: logits for `rows`, float32 [rows, labels]; None trains on the labels alone.
        validation_teacher: logits for `validation`, to judge by agreement where there are no labels.
        frozen: parameters (names) that keep their values: no gradient and no optimizer state for them.
        folder: checkpoints; a training that was cut off goes on from the last one there.
    """
    torch.manual_seed(options.seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    validation, validation_teacher = _by_length(validation, validation_teacher)
    data = Rows(rows, teacher)
    report = _Report(stage, progress, options.batch_size * options.accumulate)
    with quiet():
        trainer = _Trainer(
            model=model,
            args=_arguments(options, len(data), folder),
            train_dataset=data,
            eval_dataset=Rows(validation),
            data_collator=Collate(pad_id, drop=unwanted_inputs(model)),
            compute_metrics=_judge(task, validation, validation_teacher),
            callbacks=[report, EarlyStoppingCallback(options.patience)],
            objective=Objective(task, options.alpha, options.temperature),
            sampler=BucketSampler(data.lengths, options.batch_size, options.seed),
        )
        trainer.remove_callback(PrinterCallback)  # standard output belongs to whoever called
        trainer.train(resume_from_checkpoint=_last_whole(folder))
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model.eval()
    state = trainer.state
    return Trained(state.global_step, state.best_metric, state.global_step < state.max_steps)


def _last_whole(folder: Path) -> str | None:
    """The last checkpoint to go on from. One that was cut off while it was written (Trainer writes its state last) is
    removed: going on from it would fail, now and every time after."""
    while folder.is_dir() and (last := get_last_checkpoint(str(folder))):
        try:
            json.loads((Path(last) / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(last)
        else:
            return str(last)
    return None


def _by_length(rows: Dataset, teacher: np.ndarray | None) -> tuple[Dataset, np.ndarray | None]:
    """Rows and their logits sorted by length: evaluation keeps the order that it is given, and so pads least."""
    order = np.argsort(np.asarray(rows["length"][:]), kind="stable")
    return rows.select(order.tolist()), teacher[order] if teacher is not None else None


def _judge(task: TrainableTask, validation: Dataset, teacher: np.ndarray | None) -> Any:
    """EvalPrediction → `{"quality"}` on validation, higher is better: the task's first metric, or agreement with the
    teacher where there are no labels."""

    def judge(prediction: EvalPrediction) -> dict[str, float]:
        return {"quality": quality(prediction)}

    def quality(prediction: EvalPrediction) -> float:
        outputs = np.asarray(prediction.predictions)
        if qualities := task.qualities(outputs, validation):
            first = qualities[0]
            return first.value if first.better == "higher" else -first.value
        if teacher is None:
            return 0.0
        ours, theirs = task.decisions(outputs), task.decisions(teacher)
        if ours is None or theirs is None:
            return -float(np.square(outputs - teacher).mean())
        return float(np.mean(ours == theirs))

    return judge


def _arguments(options: Options, rows: int, folder: Path) -> TrainingArguments:
    steps_per_epoch = max(1, -(-rows // (options.batch_size * options.accumulate)))
    steps = max(1, round(steps_per_epoch * options.epochs))
    # Twice an epoch while there are few of them, so that a short run too has a curve and a best point to go back to.
    every = max(1, steps_per_epoch // 2 if options.epochs <= 4 else steps_per_epoch)
    cuda = options.device == "cuda"
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=options.accumulate,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        weight_decay=0.01,
        seed=options.seed,
        data_seed=options.seed,
        bf16=has_fast_bf16(options.device),
        fp16=cuda and not has_fast_bf16(options.device),
        use_cpu=not cuda,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="quality",
        greater_is_better=True,
        logging_steps=max(1, min(every, steps // 40)),
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
        dataloader_pin_memory=cuda,
    )
