"""Recipe → stages → report. The only place that knows the order of the stages.

A run owns its folder. Every stage leaves its result there before it counts as finished, so that a run that was cut off
goes on with the stage that it was in.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import models, tasks
from compressor.errors import ModelError, RunMismatchError
from compressor.events import EventLog, Progress
from compressor.formats.stored import stored_format
from compressor.measure.hardware import default_device, hardware, versions
from compressor.recipe import Recipe
from compressor.report import Report, Search
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.stages import data as data_stage
from compressor.stages.context import Run, read_json
from compressor.stages.data import RunData
from compressor.stages.label_order import check_order
from compressor.stages.learners import check_student
from compressor.system import processes
from compressor.system.lease import turn
from compressor.system.whole import sweep, write_json

if TYPE_CHECKING:
    from compressor.hub import Hub, LocalModel

GO_ON = ("fine-tune", "teacher-logits", "distill", "control", "search")
"""Stages that begin where an earlier attempt was; the others begin anew."""
WIDTH = "hidden_size"
"""Key of `teacher.json`: the teacher's, which has a say in the recipe's defaults."""


def run(
    recipe: Recipe,
    out: Path,
    *,
    settings: Settings | None = None,
    hub: Hub | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run a recipe in this process and leave everything in `out`: the recipe, events, variants and the report.

    On an unfinished folder of the same recipe it resumes; on a finished one it is done at once.

    Raises:
        RunMismatchError: the folder holds a run of another recipe.
        RunError: it holds files that are no run's.
        RunLockedError: another process runs in this folder.
        CompressorError: whatever else keeps the run from finishing; the sentence says what to do.
    """
    from compressor.hub import Hub as HubClient

    processes.keep_memory_together()
    settings = settings or Settings.from_environ()
    hub = hub or HubClient(settings)
    if not settings.hosted:  # there nobody names paths
        recipe = recipe.at(Path.cwd())  # as the folder's own recipe will be read again
    folder = RunFolder(out)
    with folder.lock():
        folder.check_ours()
        log = EventLog(folder.events_file)
        report_to = _reporter(log, progress)
        with folder.track():
            sweep(folder.path)  # what an earlier process was writing when it was killed
            if earlier := _earlier(folder, recipe):
                shutil.rmtree(folder.work, ignore_errors=True)
                return earlier
            if log.begun:
                log.write(event="resumed", stages=_finished_stages(folder))
            context = _begin(folder, recipe, settings, hub, report_to)
            return _stages(context, folder, log)


def _begin(folder: RunFolder, recipe: Recipe, settings: Settings, hub: Hub, progress: Progress) -> Run:
    """Find the teacher and write down what is going to be done.

    Raises:
        ModelError, HubError, RecipeError: it cannot be used, or the recipe does not suit it.
    """
    from compressor.teachers import hidden_size, resolve

    # A run that goes on takes the teacher that it began with, though the repo may have moved.
    begun = folder.recipe_or_none()
    same = begun is not None and begun.teacher == recipe.teacher
    sha = (read_json(folder.path / "teacher.json") or {}).get("sha") if same else None
    source = resolve(recipe.teacher, settings=settings, hub=hub, revision=sha, progress=progress)
    if (found := stored_format(source.folder)) != "float":
        raise ModelError(f"{recipe.teacher} is quantized already ({found}). Pick the model that it was made from.")
    task = _task(recipe, source)
    width = hidden_size(source.folder)
    full = recipe.resolved(task.name, task.default_student, task.default_formats, width)
    # What a model card needs to know of it, and what `_earlier` does, which does not look at it.
    write_json(folder.path / "teacher.json", source.to_json() | {WIDTH: width})
    run = Run(
        recipe=full,
        task=task,
        source=source,
        out=folder.path,
        settings=settings,
        hub=hub,
        device=default_device(),
        progress=progress,
        notes={k: list(v) for k, v in (folder.state().get("notes") or {}).items()},
    )
    if not _finished_stages(folder):
        check_student(run)
    folder.save_recipe(full)
    return run


def _task(recipe: Recipe, source: LocalModel) -> tasks.Task:
    config = models.read_config(source.folder)
    wanted = recipe.task or (tasks.TextClassification.name if recipe.teacher_head == "new" else None)
    return tasks.for_config(config, wanted)


def _earlier(folder: RunFolder, recipe: Recipe) -> Report | None:
    """The report of an equal recipe that is finished, without a look at the teacher; None where there is work left.

    Raises:
        RunMismatchError: the folder was begun with another recipe.
    """
    before = folder.recipe_or_none()
    if before is None and (folder.is_finished or _finished_stages(folder)):
        raise RunMismatchError(
            f"{folder.path} holds a run whose recipe.yaml is gone or cannot be read, so that nobody can tell whether it is "
            "this one. Choose another folder with --out, or delete this one first."
        )
    if before is None or before.task is None or not (folder.is_finished or _finished_stages(folder)):
        return None  # a first try that failed before it had done anything binds nobody
    task = tasks.get(before.task)
    width = (read_json(folder.path / "teacher.json") or {}).get(WIDTH)
    # As text: two searches of equal values differ by what was said and what was left open.
    if before.to_yaml() != recipe.resolved(task.name, task.default_student, task.default_formats, width).to_yaml():
        raise RunMismatchError(
            f"{folder.path} holds a run of another recipe. Choose another folder with --out, or delete this one first."
        )
    return folder.report() if folder.is_finished else None


def _stages(run: Run, folder: RunFolder, log: EventLog) -> Report:
    from compressor.stages.judge import judge
    from compressor.stages.quantize import make_format
    from compressor.stages.teacher import fine_tune

    def stage(name: str, work: Callable[[], Any], exclusive: bool = True) -> None:
        if name in _finished_stages(folder):
            return
        folder.write_state(stage=name)
        with in_turn(name) if exclusive else nullcontext(), _timed(folder, log, name, run):
            work()
        run.let_go()

    def in_turn(name: str) -> AbstractContextManager[None]:
        return turn(run.settings, run.device, name, run.progress)

    def prepare() -> None:
        if (prepared := data_stage.prepare_data(run)) is not None:
            check_order(run, prepared)

    stage("data", prepare, exclusive=False)
    data = RunData.load(run.work)
    if data is not None:
        run.note("", *data.notes)
        run.task = data_stage.rebind(run.task, data, run.recipe.teacher_head == "new")
    if data is not None and run.recipe.teacher_head == "new":
        stage("fine-tune", lambda: fine_tune(run, data))
    searched = _learn(run, data, stage) if data is not None else None
    for fmt in run.recipe.formats if searched is None else ():
        stage(fmt, lambda fmt=fmt: make_format(run, fmt, data))  # type: ignore[misc]
    folder.write_state(stage="measure")
    with in_turn("measure"), _timed(folder, log, "measure", run):
        variants, control = judge(run, data)
    report = Report(
        task=run.task.name,
        teacher=run.recipe.teacher,
        seconds=folder.state().get("seconds", {}),
        hardware=hardware(),
        versions=versions(),
        variants=variants,
        control=control,
        search=searched,
        rows=data.ledger if data is not None else None,
        notes=tuple(run.notes.get("", ())),
    )
    folder.finish(report)
    shutil.rmtree(run.work, ignore_errors=True)  # caches and checkpoints, several times the size of the results
    log.write(event="finished")
    return report


def _learn(run: Run, data: RunData, stage: Callable[[str, Callable[[], Any]], None]) -> Search | None:
    """The stages of the student: the one that is asked for, or the one that a search finds and that the recipe asks for from
    then on."""
    from compressor.stages.search import found, recipe_of, search
    from compressor.stages.student import make_control, make_student, wants_control, without_control
    from compressor.stages.teacher import ask_teacher, needs_teacher

    searching = run.recipe.target is not None
    if run.recipe.student is None:
        return None
    run.note("", *without_control(run, data))
    if searching or needs_teacher(run, data):
        stage("teacher-logits", lambda: ask_teacher(run, data))
    if searching:
        stage("search", lambda: search(run, data))
        searched = found(run)
        assert searched is not None
        run.recipe = recipe_of(run, searched)
        return searched
    stage("distill", lambda: make_student(run, data))
    if wants_control(run, data):
        stage("control", lambda: make_control(run, data))
    return None


@contextmanager
def _timed(folder: RunFolder, log: EventLog, name: str, run: Run) -> Iterator[None]:
    """One stage: its seconds and its notes are kept, and it counts as finished only behind the last line of it. What an attempt
    took that failed counts too, where the next one goes on from what it did."""
    start = time.perf_counter()

    def seconds() -> dict[str, float]:
        before = folder.state().get("seconds", {})
        earlier = before.get(name, 0.0) if name in GO_ON else 0.0
        return {**before, name: round(earlier + time.perf_counter() - start, 2)}

    try:
        yield
    except BaseException:
        with suppress(OSError):  # of a full disk, say: what failed is told
            folder.write_state(seconds=seconds())
        raise
    taken = seconds()
    spent = taken[name]
    stages = [*folder.state().get("finished_stages", []), name]
    folder.write_state(finished_stages=stages, seconds=taken, notes=run.notes)
    log.write(event="stage-finished", stage=name, seconds=spent)


def _finished_stages(folder: RunFolder) -> list[str]:
    return list(folder.state().get("finished_stages") or [])


def _reporter(log: EventLog, progress: Progress | None) -> Progress:
    """Progress into the run's events, and on to whoever else listens (who may raise, to cancel)."""

    def report(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        log.write(stage=stage, done=done, total=total, metrics=_rounded(metrics))
        if progress is not None:
            progress(stage, done, total, **metrics)

    return report


def _rounded(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in metrics.items()}
