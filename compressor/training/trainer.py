"""One training: transformers' Trainer with our objective, our sampler, and our progress. It knows no recipe."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import EarlyStoppingCallback, PreTrainedModel, PrinterCallback, Trainer, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import TrainerState
from transformers.trainer_utils import EvalPrediction

from compressor.arithmetic import has_fast_bf16
from compressor.events import Progress, silent
from compressor.models import quiet
from compressor.tasks.base import TrainableTask
from compressor.tasks.batching import ROWS
from compressor.training.checkpoints import EVERY, Checkpoints, is_over, keep_best, last_whole, load_best
from compressor.training.first_token import first_token_only
from compressor.training.hints import Hints
from compressor.training.kernels import dropping, freezing, kernels
from compressor.training.objective import Objective, labelled_shares
from compressor.training.reporting import Reporting
from compressor.training.rows import BucketSampler, Collate, Rows, model_inputs, some, unwanted_inputs

FEW_STEPS = 10
"""With fewer the rate is at its peak from the first step on: one that is warmed up begins at 0, and a training of a single step
would learn nothing."""


@dataclass(frozen=True)
class Options:
    """How to train; `learning_rate` peaks after a tenth of the steps and then falls to 0 in a line."""

    epochs: float = 3.0
    learning_rate: float = 1e-4
    batch_size: int = 32
    """Rows of one optimizer step."""
    alpha: float = 0.5
    temperature: float = 2.0
    seed: int = 0
    device: str = "cpu"
    patience: int | None = None
    """Evaluations that were no better than an earlier one before it stops early; None goes through all steps."""
    dropout: float | None = None
    """Share of activations left out in training; None leaves it to the model's config."""
    accumulate: int = 1
    """Parts that the rows of a step are computed in, one after the other: the same step in less memory. Divides `batch_size`."""
    checkpoint_seconds: float = EVERY
    steps: int | None = None
    """Steps of the optimizer in all, where another training is to take as many; None: what the epochs come to."""


@dataclass(frozen=True)
class Trained:
    steps: int
    quality: float | None
    """On the validation rows, of the weights that it was left with."""
    stopped_early: bool


class _Trainer(Trainer):
    """Trainer with an objective of ours and buckets that survive a resume. Nothing else."""

    def __init__(self, *, objective: Objective, sampler: BucketSampler, **kwargs: Any):
        super().__init__(**kwargs)
        self.objective, self.sampler = objective, sampler
        self.remove_callback(PrinterCallback)  # standard output belongs to whoever called
        # Our loss is a mean over the batch: without this, Trainer would not divide it under gradient accumulation.
        self.model_accepts_loss_kwargs = False

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """The parts of a step, each with what its labels count for in the step."""
        parts, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if len(parts) > 1 and all("labels" in part for part in parts):
            for part, share in zip(parts, labelled_shares([part["labels"] for part in parts])):
                part["labelled"] = share
        return parts, items

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        more = {"output_hidden_states": True} if "hints" in inputs else {}
        with kernels(self.args.device.type, inputs["input_ids"].shape[-1]):
            outputs = model(**model_inputs(inputs), **more)
        loss = self.objective(outputs.logits, inputs, outputs.hidden_states if more else None)
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

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        super()._determine_best_metric(metrics, trial)  # notes the best metric so far, this one's where it is better
        # Of two that are as good the later is taken: it has seen more, and taken smaller steps since.
        best = bool(metrics[f"eval_{self.args.metric_for_best_model}"] == self.state.best_metric)
        if best:
            self.state.best_global_step = self.state.global_step
            keep_best(Path(self.args.output_dir), self.model, self.state.global_step)
        return best

    def go_on(self, checkpoint: Path | None) -> None:
        """Train, from a checkpoint where there is one; afterwards the model has the weights that were best."""
        if checkpoint is not None and is_over(checkpoint):
            self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        elif checkpoint is not None:
            self._remember_patience(checkpoint)
            self.train(resume_from_checkpoint=str(checkpoint))
        else:
            self.train()
        if self.state.best_global_step is not None:
            load_best(Path(self.args.output_dir), self.model, self.state.best_global_step)

    def _remember_patience(self, checkpoint: Path) -> None:
        """How often it had been no better. Trainer can restore its callbacks itself, but puts them in another order."""
        stored = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)).stateful_callbacks
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, EarlyStoppingCallback) and (found := stored.get(type(callback).__name__)):
                callback.early_stopping_patience_counter = found["attributes"]["early_stopping_patience_counter"]


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
    hints: Hints | None = None,
    frozen: Collection[str] = (),
    stage: str = "distill",
    progress: Progress = silent,
) -> Trained:
    """Train `model` in place and leave it with the weights that were best on the validation rows: see `_judge`.

    Args:
        rows, validation: encoded splits.
        teacher: logits for `rows`, float32 [rows, labels]; None trains on the labels alone.
        validation_teacher: logits for `validation`.
        hints: the teacher's for `rows`, of one layer for each of the model's.
        frozen: parameters (names) that keep their values: no gradient and no optimizer state for them.
        folder: checkpoints; a training that was cut off goes on from the last one there.
    """
    torch.manual_seed(options.seed)
    validation, validation_teacher = _by_length(validation, validation_teacher)
    data = Rows(rows, teacher, hints)
    objective = Objective(task, options.alpha, options.temperature, hints.kind if hints is not None else None)
    report, saving = Reporting(stage, progress, options.batch_size), Checkpoints(options.checkpoint_seconds)
    patience = [EarlyStoppingCallback(options.patience)] if options.patience is not None else []
    with quiet(), freezing(model, frozen):
        trainer = _Trainer(
            model=model,
            args=_arguments(options, len(data), len(validation), folder, by_loss=validation_teacher is not None),
            train_dataset=data,
            eval_dataset=Rows(validation),
            data_collator=Collate(pad_id, unwanted_inputs(model), int(data.lengths.max(initial=0))),
            compute_metrics=_judge(task, validation, validation_teacher, objective),
            callbacks=[report, *patience, saving],
            objective=objective,
            sampler=BucketSampler(data.lengths, options.batch_size, options.seed),
        )
        example = {k: v.to(model.device) for k, v in model_inputs(trainer.data_collator(some(data))).items()}
        whole = hints is not None and hints.kind.whole
        with dropping(model, options.dropout), nullcontext() if whole else first_token_only(model, example):
            trainer.go_on(last_whole(folder))
    model.eval()
    return _trained(trainer.state, stage, progress)


def _trained(state: TrainerState, stage: str, progress: Progress) -> Trained:
    """How the training ended; the quality of the weights that were taken is told."""
    best = [entry for entry in state.log_history if "eval_quality" in entry and entry["step"] == state.best_global_step]
    quality = float(best[-1]["eval_quality"]) if best else None
    if quality is not None:
        progress(stage, state.max_steps, state.max_steps, taken=quality)
    return Trained(state.global_step, quality, state.global_step < state.max_steps)


def _by_length(rows: Dataset, teacher: np.ndarray | None) -> tuple[Dataset, np.ndarray | None]:
    """Rows and their logits sorted by length: evaluation keeps the order that it is given, and so pads least."""
    order = np.argsort(np.asarray(rows["length"][:]), kind="stable")
    return rows.select(order.tolist()), teacher[order] if teacher is not None else None


def _judge(task: TrainableTask, validation: Dataset, teacher: np.ndarray | None, objective: Objective) -> Any:
    """EvalPrediction → `{"quality", "misfit"}` on validation: the task's first metric, or agreement with the teacher where there
    are no labels, higher is better; and with a teacher the loss of the answers.

    By that loss the best weights are known, and by the quality without a teacher: the share of some hundred rows that are right
    rises and falls by chance, and the best of twenty such shares is mostly luck; how far the answers lie from a teacher's is not.
    The loss of labels alone says less: it rises from the first passes on, as answers become surer, while more of them become
    right (tests/benchmarks/README.md), so that a control whose weights were taken by it would be held down.
    """

    signals = {"teacher": torch.from_numpy(teacher)} if teacher is not None else {}
    if "labels" in validation.column_names:
        signals["labels"] = torch.from_numpy(np.asarray(validation["labels"][:]))

    def judge(prediction: EvalPrediction) -> dict[str, float]:
        outputs = np.asarray(prediction.predictions)
        found = {"quality": quality(outputs)}
        return found if teacher is None else found | {"misfit": float(objective(torch.from_numpy(outputs), signals))}

    def quality(outputs: np.ndarray) -> float:
        if (value := task.value(outputs, validation)) is not None:
            return value
        if teacher is None:
            return 0.0
        ours, theirs = task.decisions(outputs), task.decisions(teacher)
        if ours is None or theirs is None:
            return -float(np.square(outputs - teacher).mean())
        return float(np.mean(ours == theirs))

    return judge


def evaluate_every(steps: int, per_epoch: int, epochs: float, rows: int, batch_size: int) -> int:
    """Steps between two evaluations of `rows` rows: twice an epoch while there are few of them, else once; less often where
    evaluating would take more than a tenth of the time, but three times in a training at the least, so that a short run too
    has a curve and a best point to go back to."""
    wanted = per_epoch // 2 if epochs <= 4 else per_epoch
    cheap = -(
        -rows * 10 // (3 * batch_size)
    )  # a row of training is a forward and a backward pass, three times the work
    often = max(1, min(max(wanted, cheap), -(-steps // 3)))
    return -(-steps // max(1, steps // often))  # even parts, so that the last one is not just before the end


def _arguments(options: Options, rows: int, validation: int, folder: Path, *, by_loss: bool) -> TrainingArguments:
    steps_per_epoch = max(1, -(-rows // options.batch_size))
    steps = options.steps or max(1, round(steps_per_epoch * options.epochs))
    every = evaluate_every(steps, steps_per_epoch, options.epochs, validation, options.batch_size)
    cuda = options.device == "cuda"
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=options.batch_size // options.accumulate,
        per_device_eval_batch_size=max(1, max(ROWS, options.batch_size) // options.accumulate),
        gradient_accumulation_steps=options.accumulate,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0.1 if steps >= FEW_STEPS else 0,
        weight_decay=0.01,
        seed=options.seed,
        data_seed=options.seed,
        bf16=has_fast_bf16(options.device),
        fp16=cuda and not has_fast_bf16(options.device),
        use_cpu=not cuda,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="no",  # `Checkpoints` says when
        metric_for_best_model="misfit" if by_loss else "quality",
        greater_is_better=not by_loss,
        logging_steps=max(1, min(every, steps // 40)),
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
        dataloader_pin_memory=cuda,
    )
    if (
        arguments.n_gpu > 1
    ):  # Trainer would give each GPU a batch of its own, and go over the rows as many times too often
        arguments._n_gpu = 1
    return arguments
