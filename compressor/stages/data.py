"""Stage `data`: rows from wherever they are → tokenized splits on disk, with what was noticed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import DataError
from compressor.report import Rows
from compressor.stages.context import Run, read_json
from compressor.stages.learners import made_for
from compressor.stages.lengths import choose_length, some_of, token_limit
from compressor.system.whole import fresh, write_json
from compressor.tasks.base import Task, TrainableTask

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from compressor.data.prepare import Prepared

SPLITS = ("train", "validation", "test")
CALIBRATION_ROWS = 256
"""Rows that say which neurons matter and how large activations get (Minitron uses 1,024; the order settles well before)."""


@dataclass(frozen=True)
class RunData:
    """The prepared data of a run, as it lies under `work/data`."""

    folder: Path
    labels: tuple[str, ...]
    kind: str
    max_length: int | None
    cut_share: float
    pad_id: int
    skewed: bool
    notes: tuple[str, ...]
    columns: dict[str, str]
    train_rows: int
    ledger: Rows | None = None
    """What became of each row of the files; None of data that an earlier version prepared."""
    by_place: tuple[tuple[str, str], ...] = ()
    """Numbers of the data, and the names of the teacher's labels that they were matched to by their place."""
    made_rows: int = 0
    """Training rows that were made from the others for the teacher to label; they stand last."""

    made_share: float = 0.0
    """What `made_rows` were asked for as: a multiple of the rows that they were made from."""

    @property
    def own_rows(self) -> int:
        """Training rows that are the person's own."""
        return self.train_rows - self.made_rows

    def learnt_rows(self, made: float) -> int:
        """Training rows, from the first on, that a student learns from which wants so many made-up texts, as a multiple."""
        share = min(1.0, made / self.made_share) if self.made_share else 1.0
        return self.own_rows + round(self.made_rows * share)

    @classmethod
    def load(cls, work: Path) -> RunData | None:
        """What an earlier call of `prepare_data` left, or None."""
        raw = read_json(work / "data" / "facts.json")
        if raw is None:
            return None
        tuples = {k: tuple(raw[k]) for k in ("labels", "notes")}
        tuples["by_place"] = tuple((mine, theirs) for mine, theirs in raw.get("by_place", ()))
        ledger = Rows.model_validate(raw["ledger"]) if raw.get("ledger") else None
        return cls(folder=work / "data", **(raw | tuples | {"ledger": ledger}))

    def split(self, name: str) -> Dataset:
        """One encoded split.

        Raises:
            DataError: this run has no such split.
        """
        from datasets import load_from_disk

        if not self.has(name):
            raise DataError(f"The data has no rows for {name}.")
        return load_from_disk(str(self.folder / name))

    def has(self, name: str) -> bool:
        return (self.folder / name).is_dir()

    def rows(self, name: str) -> Dataset:
        """A split as it was before tokenization: the roles as columns."""
        return self.split(f"{name}-rows")

    def encoded(
        self,
        name: str,
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        own: int | None,
        some: Sequence[int] | None = None,
    ) -> Dataset:
        """A split, or `some` of its rows, in the teacher's tokens; for a student that is another model, in its `tokenizer`'s, at
        most `own` of them."""
        found = self.split(name) if own is None else self.rows(name)
        found = found if some is None else found.select(some)
        return found if own is None else task.encode(tokenizer, found, own)


def in_tokens_of(folder: Path, task: Task, rows: Dataset, max_length: int | None) -> tuple[Dataset, int]:
    """(rows in the tokens of the model in `folder`, at most as many as it takes; its padding token)."""
    tokenizer = models.load_tokenizer(folder)
    limit = token_limit(models.load_config(folder), tokenizer)
    return task.encode(tokenizer, rows, min(max_length or limit, limit)), int(tokenizer.pad_token_id or 0)


def batches_of(encoded: Dataset, pad_id: int) -> list[dict[str, Any]]:
    """`CALIBRATION_ROWS` of an encoded split in padded batches: int64 [32, longest] each."""
    from compressor.tasks.batching import batches

    some = encoded.select(some_of(len(encoded), CALIBRATION_ROWS))
    return [batch for _, batch in batches(some, pad_id, 32)]


def prepare_data(run: Run) -> RunData | None:
    """Read, check, split and tokenize the data; None where the recipe has none.

    Raises:
        DataError: all that is wrong with it.
    """
    from compressor.data.prepare import prepare

    if run.recipe.data is None:
        return None
    run.progress("data", 0, 3)
    config = models.read_config(run.source.folder)
    new = run.recipe.teacher_head == "new"
    prepared = prepare(
        run.recipe.data,
        run.task,
        run.hub,
        None if new else run.task.label_names(config),
        None if new else run.task.kind,
        run.settings,
        run.recipe.seed,
        run.progress,
        learns=run.task.trainable and (new or run.recipe.student is not None),
    )
    run.progress("data", 1, 3)
    task = _bind(run.task, prepared.labels.kind, new)
    tokenizer = models.load_tokenizer(run.source.folder)
    longest = token_limit(models.config_from(config), tokenizer)
    max_length, cut = choose_length(run.recipe, task, prepared, tokenizer, longest)
    run.progress("data", 2, 3)
    _save(run, task, prepared, tokenizer, max_length, cut, longest)
    run.progress("data", 3, 3)
    return RunData.load(run.work)


def rebind(task: Task, data: RunData, new: bool) -> Task:
    """The task in the flavour that the data's labels say, where the teacher's head is yet to be made."""
    return _bind(task, data.kind, new)


def _bind(task: Task, kind: str, new: bool) -> Task:
    from compressor import tasks

    return tasks.get(f"{task.name}/{kind}") if new and kind != "none" else task


def _save(
    run: Run,
    task: Task,
    prepared: Prepared,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int | None,
    cut: float,
    longest: int,
) -> None:
    share = made_for(run)
    with fresh(run.work / "data") as folder:
        rows, made = 0, 0
        for name in SPLITS:
            split = getattr(prepared, name)
            if split is not None and len(split):
                encoded = task.encode(tokenizer, split, max_length)
                if name == "train":
                    made, raw = _raw_texts(prepared, share, run.recipe.seed)
                    if raw is not None:
                        split, encoded = _with_unlabelled(task, prepared, raw, tokenizer, encoded, max_length)
                    rows = len(encoded)
                encoded.save_to_disk(str(folder / name))
                split.save_to_disk(str(folder / f"{name}-rows"))
        facts = _facts(prepared, tokenizer, max_length, cut, longest)
        write_json(folder / "facts.json", facts | {"train_rows": rows, "made_rows": made, "made_share": share})


def _raw_texts(prepared: Prepared, share: float, seed: int) -> tuple[int, Dataset | None]:
    """(how many were made, all texts that only the teacher labels, those last that were made); None where there are none.

    Args:
        share: texts that are made, as a multiple of the training rows.
    """
    from datasets import concatenate_datasets

    from compressor.data.augment import made_up

    given = prepared.unlabelled
    assert prepared.train is not None
    count = round(len(prepared.train) * share)
    if not count:
        return 0, given
    own = prepared.train.select_columns([c for c in prepared.train.column_names if c != "label"])
    if given is not None:
        own = concatenate_datasets([own, given.select_columns(own.column_names)])
    made = made_up(own, count, seed)
    return count, made if given is None else concatenate_datasets([given, made.select_columns(given.column_names)])


def _facts(
    prepared: Prepared, tokenizer: PreTrainedTokenizerBase, max_length: int | None, cut: float, longest: int
) -> dict[str, Any]:
    notes = list(prepared.notes)
    if cut > 0 and max_length:
        why = "as much as this model can read" if max_length == longest else "`data.max_length` changes it"
        notes.append(f"{cut:.1%} of the rows are longer than {max_length} tokens and were cut there ({why}).")
    return {
        "labels": list(prepared.labels.names),
        "kind": prepared.labels.kind,
        "max_length": max_length,
        "cut_share": cut,
        "pad_id": int(tokenizer.pad_token_id or 0),
        "skewed": prepared.skewed,
        "notes": notes,
        "by_place": prepared.by_place,
        "ledger": prepared.rows.model_dump(),
        "columns": dict(prepared.columns),
    }


def _with_unlabelled(
    task: Task,
    prepared: Prepared,
    raw: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Dataset,
    max_length: int | None,
) -> tuple[Dataset, Dataset]:
    """The training rows with the raw texts behind them, which only the teacher labels: (rows, encoded)."""
    from datasets import concatenate_datasets

    from compressor.stages.teacher import trainable

    train = prepared.train
    assert train is not None
    more = task.encode(tokenizer, raw, max_length)
    if "labels" in encoded.column_names:  # else the teacher alone says what any of them is
        nothing = trainable(task).no_label(len(prepared.labels.names))
        more = more.add_column("labels", [nothing] * len(more)).cast_column("labels", encoded.features["labels"])
        raw = raw.add_column("label", [nothing] * len(raw)).cast_column("label", train.features["label"])
    together = concatenate_datasets([encoded, more.select_columns(encoded.column_names)])
    together = together.remove_columns("row").add_column("row", list(range(len(together))))
    return concatenate_datasets([train, raw.select_columns(train.column_names)]), together


def labelled(rows: Dataset, task: TrainableTask, labels: int) -> Dataset:
    """Those of the encoded rows that have a label."""
    import numpy as np

    own = np.asarray(rows["labels"][:])
    blank = np.isnan(own) if own.dtype.kind == "f" else own == task.no_label(labels)  # nothing equals nan
    blank = blank if own.ndim == 1 else blank.all(axis=1)
    return rows.select(np.flatnonzero(~blank).tolist()) if blank.any() else rows
