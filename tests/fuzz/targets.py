"""The parsers and validators that meet strangers' input, each with what is thrown at it. `attempt` says what is allowed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from compressor.errors import CompressorError
from compressor.settings import Settings
from tests.fuzz import strategies as some
from tests.fuzz import uploads
from tests.fuzz.memory import Peak

LONGEST = 2000
"""Characters of what a person is told."""
SECONDS = 5.0
"""Of the processor's time, for one input."""
GROWTH = 300 * 2**20
"""Bytes that the process may grow by at its peak, for one input."""

FOLDER = Path(tempfile.mkdtemp(prefix="compressor-fuzz-"))
SETTINGS = Settings(data_dir=FOLDER / "data")
HOSTED = Settings(data_dir=FOLDER / "data", hosted=True)


@dataclass(frozen=True)
class Target:
    """`act` returns (input taken) or raises a CompressorError (refused). Anything else is a finding."""

    name: str
    inputs: st.SearchStrategy[Any]
    act: Callable[[Any], None]
    share: int = 10
    """Of the inputs of a run, against the other targets'."""
    large: bool = False
    """Inputs of up to 30 MB, which take six times as long as is allowed to others, and twice the memory."""
    warm: tuple[Any, ...] = ()
    """Inputs that are thrown first and not measured: libraries come in with them."""


TARGETS: dict[str, Target] = {}
_warmed: set[str] = set()


Act = Callable[[Any], None]


def target(
    inputs: st.SearchStrategy[Any], share: int = 10, large: bool = False, warm: tuple[Any, ...] = ()
) -> Callable[[Act], Act]:
    def register(act: Act) -> Act:
        name = act.__name__.replace("_", " ")
        TARGETS[name] = Target(name, inputs, act, share, large, warm)
        return act

    return register


@dataclass(frozen=True)
class Outcome:
    """`taken`: False where the input was refused with a sentence. `growth`: bytes, at the highest."""

    taken: bool
    seconds: float
    growth: int


def attempt(one: Target, value: Any) -> Outcome:
    """Throw one input.

    Raises:
        AssertionError: the sentence is none, or the input took too long or too much memory. Exception: a finding.
    """
    uploads.prepare(value)
    _warm(one)
    started = time.process_time()
    with Peak() as peak:
        try:
            one.act(value)
            taken = True
        except CompressorError as error:
            told(str(error))
            taken = False
    spent = time.process_time() - started
    assert spent < SECONDS * (6 if one.large else 1), f"took {spent:.1f} s"
    assert peak.growth < GROWTH * (2 if one.large else 1), f"took {peak.growth / 2**20:,.0f} MB"
    return Outcome(taken, spent, peak.growth)


def _warm(one: Target) -> None:
    for value in () if one.name in _warmed else one.warm:
        with contextlib.suppress(CompressorError):
            one.act(value)
    _warmed.add(one.name)


def told(sentence: str) -> None:
    """What a person may be told: something, in bounds, that can be sent and shown, and that is no stack trace."""
    assert sentence.strip(), "an error without a sentence"
    assert len(sentence) <= LONGEST, f"{len(sentence):,} characters: {sentence[:200]}"
    assert "Traceback (most recent call" not in sentence and "0x7f" not in sentence, sentence
    sentence.encode("utf-8")
    assert "\0" not in sentence


# ---------------------------------------------------------------------- recipes


def _recipe(recipe: Any) -> None:
    from compressor.data.sources import locate
    from compressor.events import silent
    from compressor.hub import LocalModel
    from compressor.publishing.sharing import shared_recipe
    from compressor.recipe import Recipe
    from compressor.teachers import local_folder

    again = Recipe.parse(recipe.to_yaml())
    assert again == recipe
    assert Recipe.parse(recipe.model_dump(mode="json", exclude_unset=True)) == recipe
    shared_recipe(recipe, LocalModel(FOLDER)).to_yaml().encode()
    for settings in (SETTINGS, HOSTED):
        for reach in (
            lambda: recipe.resolved("text-classification", None, ()).to_yaml().encode(),
            lambda where=settings: local_folder(recipe.teacher, where),
            lambda where=settings: recipe.data and locate(recipe.data, None, where, silent),
        ):
            try:
                reach()
            except CompressorError as error:
                told(str(error))


@target(st.tuples(some.yaml_texts, some.overrides), share=20)
def recipe_files(value: tuple[str, list[str]]) -> None:
    from compressor.recipe import Recipe

    text, sets = value
    path = FOLDER / "recipe.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    _recipe(Recipe.load(path, sets))


@target(st.binary(max_size=200) | some.one_of_these(some.JSON_BOMBS), share=5)
def recipe_bytes(value: bytes) -> None:
    from compressor.recipe import Recipe

    path = FOLDER / "recipe.yaml"
    path.write_bytes(value)
    _recipe(Recipe.load(path))


@target(st.tuples(some.recipe_values | some.recipe_values | some.wild | some.yaml_texts, some.overrides), share=20)
def recipe_values(value: tuple[Any, list[str]]) -> None:
    from compressor.recipe import Recipe

    raw, sets = value
    _recipe(Recipe.parse(raw, base=FOLDER, overrides=sets))


# ---------------------------------------------------------------------- uploads


def _file(upload: uploads.Upload) -> Path:
    path = FOLDER / f"upload{upload.suffix}"
    path.write_bytes(upload.bytes())
    return path


def _read(upload: uploads.Upload) -> None:
    from compressor.data.readers import open_reader
    from compressor.data.rows import head
    from compressor.data.table import Caps

    path, caps = _file(upload), Caps(HOSTED.max_upload_bytes, HOSTED.max_text_characters)
    for running in (False, True) if upload.suffix == ".txt" else (False,):
        reader = open_reader(path, caps, running)
        rows = head([reader])
        assert list(rows) == list(reader.columns)
        for batch in reader.batches(reader.columns[:20]):
            batch.validate(full=True)
        for note in reader.notes:
            told(note)


@target(uploads.light, share=30)
def uploaded_files(upload: uploads.Upload) -> None:
    _read(upload)


@target(uploads.parquet_files, share=20)
def parquet_files(upload: uploads.Upload) -> None:
    _read(upload)


@target(uploads.heavy, share=2, large=True)
def uploads_made_to_hurt(upload: uploads.Upload) -> None:
    _read(upload)


_asked = st.fixed_dictionaries(
    {},
    optional={
        "columns": st.dictionaries(st.sampled_from(("text", "label", "text_pair", "x")), some.texts, max_size=2),
        "labels": st.dictionaries(some.texts, some.texts, max_size=3),
        "limit": st.integers(1, 50),
    },
)
_teachers = st.sampled_from(
    ((["NEGATIVE", "POSITIVE"], "single"), (["a", "b", "c"], "multi"), (["score"], "regression"), (None, None), ([], None),
     (["\u202e<b>", ""], "single"), (["LABEL_0", "LABEL_1"], "single"))
)  # fmt: skip


def _data(value: tuple[uploads.Upload, dict[str, Any], Any]) -> tuple[Any, Any, Any, Any]:
    from compressor.recipe import Data, Files
    from compressor.tasks import TextClassification, TextGeneration

    upload, asked, (names, kind) = value
    task = TextGeneration() if upload.suffix == ".txt" else TextClassification(kind or "single")
    path = str(_file(upload))
    return Data(source=Files(train=path, test=path if len(asked) > 2 else None), **asked), task, names, kind


def _preview(value: tuple[uploads.Upload, dict[str, Any], Any]) -> None:
    from compressor.data.preview import preview
    from compressor.errors import DataError
    from compressor.ui import data_view

    spec, task, names, kind = _data(value)
    found = preview(spec, task, None, names, kind, SETTINGS)
    for sentence in (*found.problems, *found.notes):
        told(sentence)
    shown = data_view.rows_table(found.rows, found.roles) + data_view.label_map(found.labels)
    (shown + data_view.splits_line(found.splits, found.made)).encode()
    if found.problems:
        raise DataError(found.problems)


@target(st.tuples(uploads.light, _asked, _teachers), share=20)
def previews(value: tuple[uploads.Upload, dict[str, Any], Any]) -> None:
    _preview(value)


@target(st.tuples(uploads.heavy, st.just({}), _teachers), share=1, large=True)
def previews_of_what_hurts(value: tuple[uploads.Upload, dict[str, Any], Any]) -> None:
    _preview(value)


@target(st.tuples(uploads.light, _asked, _teachers), share=15)
def prepared_data(value: tuple[uploads.Upload, dict[str, Any], Any]) -> None:
    from compressor.data.prepare import prepare

    spec, task, names, kind = _data(value)
    made = prepare(spec, task, None, names, kind, SETTINGS)
    for note in made.notes:
        told(note)
    splits = {name: getattr(made, name) for name in ("train", "validation", "test", "unlabelled")}
    for rows in splits.values():
        assert rows is None or rows[:3]
    assert made.rows.used == {name: len(rows) for name, rows in splits.items() if rows is not None and len(rows)}
    assert made.rows.read == sum(made.rows.used.values()) + sum(made.rows.left_out.values()), made.rows


_cells = st.dictionaries(
    some.texts | st.sampled_from(("[1, 0]", "[0, 1]", "a|b", "1", "0.5")), st.integers(1, 9), max_size=8
)


@target(
    st.tuples(_cells, _teachers, st.dictionaries(some.texts, some.texts, max_size=2), st.lists(some.texts, max_size=3))
)
def label_cells(value: tuple[dict[str, int], Any, dict[str, str], list[str]]) -> None:
    from compressor.data import cells
    from compressor.data.labels import label
    from compressor.data.matching import Asked
    from compressor.data.table import storable

    held, (names, kind), given, classes = value
    # As readers hand them over.
    held = dict(Counter({storable(cell): count for cell, count in held.items()}))
    for cell in held:
        cells.items(cell), cells.number(cell), cells.integer(cell), cells.index(cell), cells.normalised(cell)
    found = label(held, "label", Asked(names or None, kind, given, tuple(map(storable, classes))))
    for sentence in (*found.problems, *found.notes):
        told(sentence)


from tests.fuzz import more_targets  # noqa: E402, F401  (the rest: references, models, jobs, the page)


def clean() -> None:
    """Remove what the inputs left on the disk."""
    shutil.rmtree(FOLDER, ignore_errors=True)
