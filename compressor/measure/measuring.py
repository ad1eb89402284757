"""Measure variants: each in a fresh process, all on the same rows, their latencies in rounds that take turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import CompressorError, ModelError, OutOfMemoryError
from compressor.events import Progress, silent
from compressor.formats import FORMATS
from compressor.measure.children import Child, Children, can_fork
from compressor.measure.hardware import memory_free
from compressor.measure.latency import rounds, summary
from compressor.measure.probe import LENGTH, usual_length
from compressor.measure.stored import bytes_on_disk, stored_dtype, stored_parameters
from compressor.measure.values import Measured, Request
from compressor.report import MeasuredOn, Quality
from compressor.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np

STAGE = "measure"
OPEN, RUN, TIME = 0.2, 0.5, 0.3
"""Shares of one variant's measuring, for the progress bar."""
UNTIDY = 0.5
"""Of `RUN`, what disturbed rows take where there are any."""
LOADED = 1.3
"""Memory of a loaded model at the most, as a multiple of its file."""
EACH = 400_000_000
"""Bytes of a process beside its weights: libraries, and what a batch needs while it is computed."""
APART_EACH = 1_200_000_000
"""The same where each process imports for itself, of the machine's memory."""
SPARE = 0.8
"""Share of the free memory that they may take."""
APART = "The models did not fit in memory together, so their times were taken one after the other, not in turns."


@dataclass
class _One:
    """One variant on its way."""

    request: Request
    rows: Path | None
    child: Child | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    outputs: np.ndarray | None = None
    disturbed: np.ndarray | None = None
    throughput: float | None = None
    ms: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: CompressorError | None = None


def measure(
    requests: Sequence[Request],
    task: Task,
    *,
    rows: Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress = silent,
) -> list[Measured]:
    """Measure every variant, in the order of the requests; the first is what agreement is with.

    Args:
        rows: encoded test rows as `save_to_disk` leaves them; None: no quality, and made-up rows for all else.
        threads: that torch computes with; None leaves it to torch.
        progress: may raise, to cancel; every process that was started is ended then.

    Raises:
        ModelError, OutOfMemoryError: the first one cannot be measured. Of others what was found out is returned, with a
            note that says what went wrong.
    """
    ones = [_One(request, request.rows or rows) for request in requests]
    together = len(ones) == 1 or _fit_together(requests, device)
    with tempfile.TemporaryDirectory(prefix="compressor-measure-", ignore_cleanup_errors=True) as folder:
        errors = Path(folder) / "errors"
        folders = [request.folder for request in requests]
        with Children(task.key, folders, device, errors, together=together) as children:
            bench = _Bench(children, task, device, threads, _lengths(ones, task), Path(folder), progress)
            for i, one in enumerate(ones):
                bench.run(i, one, i * (OPEN + RUN) if together else i)
                if not together:
                    bench.time({i: one}, i + OPEN + RUN, TIME)
                    bench.end(one)
            if together:
                begun = len(ones) * (OPEN + RUN)
                bench.time({i: one for i, one in enumerate(ones) if one.child}, begun, len(ones) * TIME)
    progress(STAGE, len(ones), len(ones))
    measured: list[Measured] = []
    for one in ones:
        first = measured[0].outputs if measured else one.outputs
        measured.append(_measured(one, task, first, together))
    return measured


class _Bench:
    """Where variants are put through, one after the other."""

    def __init__(
        self,
        children: Children,
        task: Task,
        device: str,
        threads: int | None,
        lengths: Sequence[int],
        folder: Path,
        progress: Progress,
    ):
        self.children, self.task, self.device, self.threads = children, task, device, threads
        self.lengths, self.folder, self.progress, self.total = lengths, folder, progress, len(lengths)

    def run(self, number: int, one: _One, done: float) -> None:
        """Load one and run its rows; its process stays open, for its times. `done` is where the progress stands."""
        import numpy as np

        out = self.folder / f"{number}.npy"
        try:
            child, one.facts = self._opened(one, self.lengths[number], done)
            rows = str(one.rows) if one.rows is not None else None
            untidy = RUN * UNTIDY if one.request.disturbed is not None else 0.0
            found = child.ask(self._hear(one, done + OPEN, RUN - untidy), do="run", rows=rows, out=str(out))
            one.throughput = found["throughput"]
            if rows is not None:
                one.outputs = np.load(out)
            if one.request.disturbed is not None:
                self._disturbed(number, one, child, done + OPEN + RUN - untidy, untidy)
        except (ModelError, OutOfMemoryError) as error:
            self.fail(number, one, error)

    def _opened(self, one: _One, length: int, done: float, share: float = OPEN) -> tuple[Child, dict[str, Any]]:
        """A fresh process that has loaded it, and what it says of it."""
        one.child = self.children.start()
        facts = one.child.ask(
            self._hear(one, done, share),
            do="open",
            folder=str(one.request.folder),
            format=one.request.format,
            task=self.task.key,
            device=self.device,
            threads=self.threads,
            length=length,
        )
        return one.child, facts

    def _disturbed(self, number: int, one: _One, child: Child, done: float, share: float) -> None:
        """Its disturbed rows. If they are its undoing, that costs nothing else: a new process is there for its times."""
        import numpy as np

        out = self.folder / f"{number}.npy"
        try:
            child.ask(self._hear(one, done, share), do="run", rows=str(one.request.disturbed), out=str(out))
            one.disturbed = np.load(out)
        except (ModelError, OutOfMemoryError) as error:
            one.notes.append(f"How {one.request.name} copes with untidy text could not be measured. {error}")
            self.children.log_errors()
            self.end(one)
            try:
                self._opened(one, self.lengths[number], done + share, 0.0)
            except (ModelError, OutOfMemoryError):  # what was measured before it stays
                self.end(one)

    def time(self, ones: dict[int, _One], done: float, share: float) -> None:
        """Their latencies, in turns."""
        children = {i: one.child for i, one in ones.items() if one.child is not None and one.request.timed}
        found, failed = rounds(children, lambda part: self.progress(STAGE, done + share * part, self.total))
        for number, ms in found.items():
            ones[number].ms = ms
        for number, error in failed.items():
            self.fail(number, ones[number], error)

    def fail(self, number: int, one: _One, error: CompressorError) -> None:
        """Note it; without the first one there is nothing to hold the others against."""
        self.end(one)
        self.children.log_errors()
        one.error = type(error)(f"{one.request.name} could not be measured. {error}")
        if number == 0:
            raise one.error from error

    def end(self, one: _One) -> None:
        if one.child is not None:
            one.child.end()
            one.child = None

    def _hear(self, one: _One, done: float, share: float) -> Callable[[float, float, float | None], None]:
        part = 0.0

        def hear(now: float, total: float, rate: float | None) -> None:
            nonlocal part
            part = now / total if total else part
            metrics = {"rate": rate} if rate is not None else {}
            self.progress(STAGE, done + share * part, self.total, variant=one.request.name, **metrics)

        return hear


def _measured(one: _One, task: Task, first: np.ndarray | None, together: bool) -> Measured:
    from datasets import load_from_disk

    request, facts = one.request, one.facts
    notes = [*facts.get("notes", ()), *one.notes, *([str(one.error)] if one.error is not None else [])]
    qualities: tuple[Quality, ...] = ()
    difference = None
    if one.outputs is not None and one.rows is not None:
        encoded = load_from_disk(str(one.rows))
        qualities = task.qualities(one.outputs, encoded)
        if first is not None and first is not one.outputs:
            difference = task.difference(one.outputs, first, encoded)
    latency = None
    if one.ms and one.error is None:
        latency, few = summary(one.ms)
        notes += [*few, *(() if together else (APART,))]
    on = None
    if facts:
        on = MeasuredOn(device=facts["device"], threads=facts["threads"], length=facts["length"])
    runtime = FORMATS[request.format].runtime if request.format in FORMATS else "torch"
    return Measured(
        name=request.name,
        dtype=facts.get("dtype") or stored_dtype(request.folder),
        bytes=bytes_on_disk(request.folder),
        parameters=facts.get("parameters") or stored_parameters(request.folder),
        runtime=runtime,
        quality=qualities[0] if qualities else None,
        metrics=tuple(qualities[1:]),
        difference=difference,
        agreement=_agreement(task, one.outputs, first),
        latency_ms=latency,
        throughput=one.throughput,
        peak_memory_bytes=facts.get("peak"),
        measured_on=on,
        outputs=one.outputs,
        disturbed=one.disturbed,
        notes=tuple(notes),
    )


def _agreement(task: Task, outputs: np.ndarray | None, first: np.ndarray | None) -> float | None:
    """Share of the rows decided as in `first`; None where there is nothing to compare."""
    if outputs is None or first is None:
        return None
    ours, theirs = task.decisions(outputs), task.decisions(first)
    if ours is None or theirs is None or len(ours) != len(theirs) or not len(ours):
        return None
    return float((ours == theirs).mean())


def _lengths(ones: Sequence[_One], task: Task) -> list[int]:
    """Tokens of each variant's latency probe: the usual length of the first one's rows, and of models that cut the same rows into
    more or fewer tokens so many more or fewer, so that all are timed on as much text."""
    import numpy as np
    from datasets import load_from_disk

    known = {path: load_from_disk(str(path)) for path in {one.rows for one in ones if one.rows is not None}}
    first = next((known[one.rows] for one in ones if one.rows is not None), None)
    if first is None or task.running_text or not len(first):
        return [LENGTH] * len(ones)
    usual = usual_length(first, task)
    tokens = {path: int(np.sum(rows["length"][:])) for path, rows in known.items()}
    own = [tokens.get(one.rows, 0) if one.rows is not None else 0 for one in ones]
    most = next(count for count in own if count) if any(own) else 0
    return [max(8, round(usual * count / most)) if count else usual for count in own]


def _fit_together(requests: Sequence[Request], device: str) -> bool:
    """Whether all models can be loaded at once, with a fifth of the free memory to spare: the machine's, and a card's."""
    loaded = [(r, int(LOADED * bytes_on_disk(r.folder))) for r in requests]
    each = EACH if can_fork(device) else APART_EACH
    if not device.startswith("cuda"):
        return sum(bytes_ + each for _, bytes_ in loaded) < SPARE * memory_free()
    import torch

    on_card = [bytes_ + EACH for request, bytes_ in loaded if _by_torch(request)]
    beside = [each + (0 if _by_torch(request) else bytes_) for request, bytes_ in loaded]
    return sum(on_card) < SPARE * torch.cuda.mem_get_info()[0] and sum(beside) < SPARE * memory_free()


def _by_torch(request: Request) -> bool:
    return request.format not in FORMATS or FORMATS[request.format].runtime == "torch"
