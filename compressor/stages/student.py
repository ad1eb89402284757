"""Stage `distill`: cut the student out of the teacher (or start from another model), and let it learn from the teacher."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from compressor import models, saving
from compressor.stages.context import CONTROL, STUDENT, Run, read_json
from compressor.stages.data import CALIBRATION_ROWS, SPLITS, RunData, batches_of
from compressor.stages.hints import hints_of
from compressor.stages.lengths import some_of
from compressor.stages.lessons import lessons
from compressor.stages.own_tokens import own_length
from compressor.stages.teacher import options_of, trainable
from compressor.system import processes
from compressor.system.whole import write_json
from compressor.tasks.base import TrainableTask

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.recipe import Distill
    from compressor.training.trainer import Options, Trained

KEPT_TOKENS = "kept-tokens.json"
"""The file of the tokens that a student is to know, within `work`."""


def make_student(run: Run, data: RunData) -> None:
    """Build, distil and save the student; leaves `variants/student`, or `work/student` where its layers are thin.

    Raises:
        CannotCutError, RecipeError, ModelError: the student cannot be built.
    """
    from compressor.students import low_rank

    task = trainable(run.task)

    def made(parts: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, int]]:
        model, tokenizer, frozen = _begun(run, data, task)
        ranks = _thinned(run, data, task, model, tokenizer)
        if run.recipe.distill is not None:
            _distil(run, data, task, model, tokenizer, frozen, parts)
        return model, tokenizer, ranks

    model, tokenizer, ranks = run.in_parts("distill", STUDENT, made)
    if ranks:
        low_rank.save(model, tokenizer, run.folder_of(STUDENT), ranks)
    else:
        saving.save_float(model, tokenizer, run.variant(STUDENT), task)


def try_student(run: Run, data: RunData) -> float:
    """The student's quality on the validation rows once it has learned, as `train` judges it. Nothing is kept of it."""
    task = trainable(run.task)

    def made(parts: int) -> float | None:
        model, tokenizer, frozen = _begun(run, data, task)
        return _distil(run, data, task, model, tokenizer, frozen, parts).quality

    return run.in_parts("distill", STUDENT, made) or 0.0


def wants_control(run: Run, data: RunData) -> bool:
    """Whether the student is to be held against one that learned as long without the teacher, which needs labels."""
    return run.recipe.distill is not None and run.recipe.distill.control and not without_control(run, data)


def without_control(run: Run, data: RunData) -> list[str]:
    """Why there is no control although the recipe asks for one, as a sentence for the report."""
    asked = run.recipe.distill is not None and run.recipe.distill.control
    if asked and data.kind == "none":
        return ["There is no control run: it learns from labels, and the data has none."]
    return []


def make_control(run: Run, data: RunData) -> None:
    """The same student from the same beginning, trained on the labels alone for as many steps; leaves `work/control`."""
    task = trainable(run.task)

    def made(parts: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        model, tokenizer, frozen = _begun(run, data, task)
        _distil(run, data, task, model, tokenizer, frozen, parts, alone=True)
        return model, tokenizer

    model, tokenizer = run.in_parts(CONTROL, "", made)
    saving.save_float(model, tokenizer, run.folder_of(CONTROL), task)


def _begun(run: Run, data: RunData, task: TrainableTask) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, set[str]]:
    """The student before it has learned anything: (model in float32, its tokenizer, parameters to freeze)."""
    model, tokenizer, frozen = _student(run, data, task)
    model, tokenizer = _with_fewer_words(run, data, task, model, tokenizer)
    processes.give_back_memory()  # the teacher's, which training has no use for
    return model, tokenizer, frozen


def _with_fewer_words(
    run: Run, data: RunData, task: TrainableTask, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Leave out the tokens that the data never needs, where the recipe asks for it."""
    from compressor.students import vocabulary

    kept = kept_tokens(run, data, task, tokenizer)
    return (model, tokenizer) if kept is None else vocabulary.trim(model, tokenizer, kept, task)


def kept_tokens(run: Run, data: RunData, task: TrainableTask, tokenizer: PreTrainedTokenizerBase) -> list[int] | None:
    """The tokens that the student is to know, as the recipe asks; None for all of them. Counted once a run."""
    asked = run.recipe.student.vocabulary if run.recipe.student is not None else None
    if asked is None:
        return None
    file = run.answered / KEPT_TOKENS  # a control and the trials of a search leave out the same
    if (found := read_json(file)) is None:
        found = _chosen_tokens(data, task, tokenizer, None if asked == "data" else asked)
        write_json(file, found)
    run.note("", found["said"])
    return list(found["kept"])


def _chosen_tokens(
    data: RunData, task: TrainableTask, tokenizer: PreTrainedTokenizerBase, most: int | None
) -> dict[str, Any]:
    """`{"kept" (ids), "said" (the report's sentence)}`: what all of the person's own rows need or, where a number
    is asked for, what the rows that are learnt from need most."""
    from compressor.students import vocabulary

    with models.quiet():  # rows as they are, however much of them the model is to read
        counts = {n: vocabulary.count(task.encode(tokenizer, _own_rows(data, n), None)) for n in SPLITS if data.has(n)}
    test = counts.get("test", Counter())
    learnt = sum((found for name, found in counts.items() if name != "test"), start=Counter())
    kept = vocabulary.kept_by(tokenizer, learnt + test if most is None or not learnt else learnt, most)
    return {"kept": kept, "said": vocabulary.said(kept, len(tokenizer), learnt, test, most)}


def _own_rows(data: RunData, split: str) -> Dataset:
    """The person's own texts of a split: what was made from them has no words that matter, but slips that do not."""
    rows = data.rows(split)
    return rows.select(range(data.own_rows)) if split == "train" else rows


def _thinned(
    run: Run, data: RunData, task: TrainableTask, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> dict[str, int]:
    """Make the student's large layers thin where the recipe asks for it: {name of a layer: its rank}."""
    from compressor.students import low_rank

    asked = run.recipe.student.low_rank if run.recipe.student is not None else None
    if asked is None:
        return {}
    shapes = {n: (m.in_features, m.out_features) for n, m in low_rank.large_layers(model, task).items()}
    own = _own_length(run, data, model, tokenizer)
    some = some_of(len(data.split("train")), CALIBRATION_ROWS)
    rows = data.encoded("train", task, tokenizer, own, some)
    ranks = low_rank.factorise(model, task, asked, _as_tensors(batches_of(rows, int(tokenizer.pad_token_id or 0))))
    share = low_rank.weights_of(shapes, ranks) / low_rank.weights_of(shapes, {})
    run.note(
        "",
        f"{len(ranks)} of the student's {len(shapes)} large layers became two thin ones each, which leaves {share:.0%} of these "
        "layers' weights.",
    )
    return ranks


def _student(run: Run, data: RunData, task: TrainableTask) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, set[str]]:
    """(model in float32, its tokenizer, parameters to freeze)."""
    import torch

    from compressor.students.build import build_student, copied
    from compressor.students.sizes import plan

    torch.manual_seed(run.recipe.seed)
    asked = run.recipe.student
    assert asked is not None
    if asked.model is not None:
        return _other_model(run, task)
    teacher = models.load_model(run.teacher, task, dtype=torch.float32, strict=False)
    rows = _as_tensors(batches_of(data.split("train"), data.pad_id))
    student = build_student(teacher, plan(teacher.config, asked, task), task, rows)
    return student, models.load_tokenizer(run.teacher), copied(student)


def _other_model(run: Run, task: TrainableTask) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, set[str]]:
    """A student that starts from another pretrained model, with a head for the teacher's labels."""
    import torch

    from compressor.teachers import resolve

    assert run.recipe.student is not None and run.recipe.student.model is not None
    local = resolve(run.recipe.student.model, settings=run.settings, hub=run.hub, progress=run.progress)
    config = models.load_config(local.folder)
    theirs = models.read_config(run.teacher)
    task.new_head(config, task.label_names(theirs), task.kind)
    tokenizer = models.load_tokenizer(local.folder)
    config.pad_token_id = tokenizer.pad_token_id if config.pad_token_id is None else config.pad_token_id
    model = models.load_model(local.folder, task, dtype=torch.float32, config=config, new_head=True)
    return model, tokenizer, set()


def _own_length(run: Run, data: RunData, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The longest row, in tokens of its own, of a student that reads others; None for one with the teacher's tokens."""
    return own_length(run, data, model.config, tokenizer) if run.recipe.own_tokens else None


def _as_tensors(batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import torch

    return [{name: torch.from_numpy(values) for name, values in batch.items()} for batch in batches]


def _distil(
    run: Run,
    data: RunData,
    task: TrainableTask,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    frozen: set[str],
    parts: int,
    alone: bool = False,
) -> Trained:
    """Train the student in place; `alone` from the labels, as if there were no teacher, in as many steps."""
    import numpy as np

    from compressor.training.trainer import train

    asked = run.recipe.distill
    assert asked is not None and run.recipe.student is not None
    length = _own_length(run, data, model, tokenizer)
    learnt = data.learnt_rows(run.recipe.made)  # in a search other sizes may want more
    told = lessons(run, data, task, tokenizer, length, learnt, alone)
    hints = None if alone else hints_of(run, np.asarray(told.rows["length"][:]), model.config)
    unit = None
    if task.kind == "regression":
        unit = told.unit(model, has_head=run.recipe.student.model is None)
        told = told.said_in(unit)
    options = _suiting(options_of(run, asked, parts), asked, told.teacher is not None, learnt, len(told.rows))
    stage = CONTROL if alone else "distill"
    trained = train(
        model.to(run.device),
        task,
        told.rows,
        told.validation,
        pad_id=int(tokenizer.pad_token_id or 0),
        options=options,
        folder=run.work / (f"{stage}-training" if alone else stage),
        teacher=told.teacher,
        validation_teacher=told.validation_teacher,
        hints=hints,
        frozen=frozen,
        stage=stage,
        progress=run.progress,
    )
    if unit is not None:
        unit.given_to(model)
    if trained.stopped_early:
        why = "on the validation rows it no longer got better"
        run.note(STUDENT, f"Training stopped early, after {trained.steps} steps: {why}.")
    return trained


def _suiting(options: Options, asked: Distill, from_teacher: bool, learnt: int, rows: int) -> Options:
    """Options of a training for who it is: as many steps on `rows` as on all that a student learns from (`learnt`); no dropout
    beside a teacher, whose answers keep a student from learning rows by heart."""
    return replace(
        options,
        epochs=asked.epochs * learnt / rows,
        steps=max(1, round(-(-learnt // options.batch_size) * asked.epochs)),
        patience=_patience(asked) if from_teacher else None,
        dropout=0.0 if asked.dropout is None and from_teacher else asked.dropout,
    )


def _patience(asked: Distill) -> int:
    """Evaluations without gain before a student stops learning from its teacher: many, as the gains of a falling rate come late.

    What learns from labels alone goes through all its steps. It is judged by a share of some hundred rows, which stands still for
    a while at its beginning and by chance later on, and a control is to learn as long as its student.
    """
    return max(4, round(asked.epochs * 3 / 4))
