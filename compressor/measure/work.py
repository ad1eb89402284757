"""What happens in a variant's own process: load it, run the rows, take times. Speaks in plain data; see `child.py`."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import formats, models, tasks
from compressor.errors import CompressorError, ModelError
from compressor.formats.stored import stored_format
from compressor.measure.memory import PeakMemory
from compressor.measure.probe import probe_rows

if TYPE_CHECKING:
    import numpy as np

    from compressor.formats.base import Batch, Runner
    from compressor.tasks.base import Task

WARM_UP = 3
"""Runs before a model's first time counts: kernels are chosen, memory is fetched, weights are repacked in them."""
ROWS = 64
"""Made-up rows for the throughput where there is no data."""
AGAIN = 2.0
"""Seconds that going over rows again should take."""
PASSES = 6
"""Times that it goes over them at the most."""
EVERY = 0.5
"""Seconds between two words about progress."""

Say = Callable[..., None]


def preload(task: str, folders: Sequence[str]) -> None:
    """Import everything that these models need, so that it is neither waited for nor counted as theirs later; and no more, as
    bitsandbytes alone takes as long as torch."""
    import importlib.util

    import datasets  # noqa: F401
    import torch  # noqa: F401

    from compressor.formats import torch_runner  # noqa: F401
    from compressor.formats.bitsandbytes import silence

    silence()
    for library in sorted({name for folder in folders for name in _libraries(Path(folder))}):
        if importlib.util.find_spec(library):
            with contextlib.suppress(Exception):  # where it is broken, the format that needs it says so
                _LIBRARIES[library]()
    for folder in folders:
        with contextlib.suppress(CompressorError):  # said when it is its turn
            models.build(models.load_config(Path(folder)), tasks.get(task))


def _libraries(folder: Path) -> tuple[str, ...]:
    """What loading the model in that folder imports. Where it is in no format of ours, that is said when it is its turn."""
    with contextlib.suppress(CompressorError):
        return formats.get(stored_format(folder)).libraries
    return ()


def _bitsandbytes() -> None:
    import bitsandbytes  # noqa: F401


def _onnxruntime() -> None:
    import onnxruntime  # noqa: F401


def _openvino() -> None:
    from compressor.formats.openvino_runner import load_openvino

    load_openvino()


_LIBRARIES: dict[str, Callable[[], None]] = {
    "bitsandbytes": _bitsandbytes, "onnxruntime": _onnxruntime, "openvino": _openvino,
}  # fmt: skip


class Work:
    """One loaded variant."""

    def __init__(self) -> None:
        self.runner: Runner | None = None

    def do(self, request: Mapping[str, Any], say: Say) -> dict[str, Any]:
        """One request: `open`, `run` or `time`, with its arguments. `say(done, total, rate)` tells of progress.

        Raises:
            ModelError: it cannot be loaded, or gives something that is not a number.
        """
        arguments = {k: v for k, v in request.items() if k != "do"}
        if request["do"] == "open":
            return self.open(**arguments)
        if request["do"] == "run":
            return self.run(say=say, **arguments)
        return {"ms": self.time(**arguments)}

    def open(
        self, folder: str, format: str, task: str, device: str, threads: int | None, length: int
    ) -> dict[str, Any]:
        """Load the variant and run one input; says what it is and the most memory that this took."""
        from compressor.formats.torch_runner import use_threads

        self.folder, self.task = Path(folder), tasks.get(task)
        self.length = length
        rows, self.actual, self.pad = probe_rows(self.folder, self.task, length)
        self.batch = _batch(rows, self.pad)
        use_threads(threads)
        made = formats.get(format)
        here = device if made.runtime == "torch" else "cpu"  # where the others run, whatever torch has
        touch_libraries(here)
        memory = PeakMemory(here)
        self.runner = made.load(self.folder, self.task, device, threads)
        warm_up(self.task, self.runner, self.batch)
        return {
            "parameters": self.runner.parameters,
            "dtype": self.runner.dtype,
            "device": self.runner.device,
            "threads": self.runner.threads,
            "notes": self.runner.notes,
            "length": self.actual,
            "peak": memory.peak(),
        }

    def run(self, rows: str | None, out: str, say: Say) -> dict[str, Any]:
        """Every row once, in batches; the outputs go to the file `out` where the rows are real ones."""
        import numpy as np
        from datasets import load_from_disk

        runner = _loaded(self.runner)
        rate = self.task.rate(runner, self.batch)
        if rows is None and rate is not None:
            return {"throughput": rate, "rows": 0}
        encoded = load_from_disk(rows) if rows is not None else self._made_up()
        clock = Clock(runner)
        outputs = self.task.outputs(clock, encoded, self.pad, progress=_seldom(say))
        if not np.isfinite(outputs).all():
            raise ModelError(
                "It answers with something that is not a number on some rows, so nothing can be said of its quality."
            )
        if rows is not None:
            np.save(out, outputs)
        if rate is None and clock.seconds:
            rate = len(encoded) / clock.seconds
            if runner.device != "cpu":
                rate = self._warm_rate(encoded, clock.seconds)
        return {"throughput": rate, "rows": len(encoded) if rows is not None else 0}

    def _warm_rate(self, encoded: Any, seconds: float) -> float:
        """Rows a second, of rows from all over the data, in the median of some passes: on a graphics card the first one is mostly
        its getting ready, kernel by kernel and shape by shape.

        Args:
            seconds: that the pass over all rows took.
        """
        some = encoded.select(range(0, len(encoded), max(1, round(seconds / AGAIN))))
        took: list[float] = []
        while len(took) < 2 or (len(took) < PASSES and sum(took) < AGAIN):
            clock = Clock(_loaded(self.runner))
            self.task.outputs(clock, some, self.pad)
            took.append(clock.seconds)
        return len(some) / statistics.median(
            took[1:]
        )  # fewer rows make batches of other shapes, and are got ready for again

    def _made_up(self) -> Any:
        return probe_rows(self.folder, self.task, self.length, ROWS)[0]

    def time(self, count: int) -> list[float]:
        """Milliseconds of `count` runs of one input. One more goes before them: another variant may just have had the
        caches and the threads."""
        return times(self.task, _loaded(self.runner), self.batch, count)


class Clock:
    """A runner that adds up the seconds spent in it: reading and padding rows is not the model's doing."""

    def __init__(self, runner: Runner):
        self._runner, self.seconds = runner, 0.0
        self.device, self.dtype = runner.device, runner.dtype
        self.threads, self.parameters, self.notes = runner.threads, runner.parameters, runner.notes

    def predict(self, batch: Batch) -> np.ndarray:
        return self._timed(lambda: self._runner.predict(batch))

    def score(self, batch: Batch) -> np.ndarray:
        return self._timed(lambda: self._runner.score(batch))

    def generate(self, input_ids: np.ndarray, new_tokens: int) -> np.ndarray:
        return self._timed(lambda: self._runner.generate(input_ids, new_tokens))

    def close(self) -> None:
        self._runner.close()

    def _timed(self, call: Callable[[], np.ndarray]) -> np.ndarray:
        start = time.perf_counter()
        answer = call()
        self.seconds += time.perf_counter() - start
        return answer


def warm_up(task: Task, runner: Runner, batch: Batch) -> None:
    """Runs whose times do not count."""
    for _ in range(WARM_UP):
        task.step(runner, batch)


def times(task: Task, runner: Runner, batch: Batch, count: int) -> list[float]:
    """Milliseconds of `count` steps, after one that does not count."""
    task.step(runner, batch)
    found = []
    for _ in range(count):
        start = time.perf_counter()
        task.step(runner, batch)
        found.append((time.perf_counter() - start) * 1000)
    return found


def touch_libraries(device: str) -> None:
    """Compute a little of everything that a transformer computes: the libraries' own code and buffers come into memory
    now, and are not counted as the model's."""
    import torch

    with torch.inference_mode():
        for dtype in (torch.float32, torch.bfloat16):
            x = torch.ones(2, 16, 64, dtype=dtype, device=device)
            x = torch.nn.functional.linear(x, torch.ones(64, 64, dtype=dtype, device=device))
            x = torch.nn.functional.layer_norm(x, (64,))
            heads = x.view(2, 16, 4, 16).transpose(1, 2)
            x = torch.nn.functional.scaled_dot_product_attention(heads, heads, heads)
            torch.nn.functional.gelu(x).softmax(-1).tanh().sum().item()


def _batch(rows: Any, pad_id: int) -> Batch:
    from compressor.tasks.batching import batches

    return next(iter(batches(rows, pad_id, len(rows))))[1]


def _loaded(runner: Runner | None) -> Runner:
    if runner is None:
        raise RuntimeError("no variant is open")
    return runner


def _seldom(say: Say) -> Say:
    last = 0.0

    def tell(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        nonlocal last
        if time.perf_counter() - last > EVERY or done == total:
            last = time.perf_counter()
            say(done, total, metrics.get("rate"))

    return tell
