"""A run's folder: where everything lies, its state, and who owns it. Knows nothing of stages, queues or owners.

`state.json` is written by a sibling file and a rename, so a reader finds it whole at any moment; `report.json` is written
last, so that a folder with a report is a finished run whatever the state says.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from compressor.errors import RecipeError, RunCancelledError, RunError, RunLockedError, RunMismatchError
from compressor.failures import sentence
from compressor.recipe import Recipe
from compressor.report import Report
from compressor.system import processes
from compressor.system.whole import read_text, write_json, write_text
from compressor.untrusted.plain import read_json

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
ENDED = frozenset({FINISHED, FAILED, CANCELLED, INTERRUPTED})

_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
_BEGUN = re.compile(r"\.((state|report)\.json|work|flips\.csv|predictions\.parquet)\..*\.part")
"""What was being written when a run, or a comparison, was killed before it could say that the folder is its own."""

STOPPED = "The run was stopped. Start it again to go on from where it was."


class Stopped(BaseException):
    """The process was asked to end. No `Exception`, so that no library's catch-all swallows it on its way out."""


class RunFolder:
    """The folder of one run (or of one comparison). Nothing is made before something is written."""

    def __init__(self, path: str | Path):
        self.path = Path(path).resolve()
        self.recipe_file = self.path / "recipe.yaml"
        self.state_file = self.path / "state.json"
        self.events_file = self.path / "events.jsonl"
        self.log_file = self.path / "log"
        self.report_file = self.path / "report.json"
        self.flips_file = self.path / "flips.csv"
        self.predictions_file = self.path / "predictions.parquet"
        self.variants = self.path / "variants"
        self.work = self.path / "work"

    # ------------------------------------------------------------------ ownership

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the folder: one process at a time, one thread of it. May be entered again by the thread that holds it.
        The system lets go of it when the process ends, however it ends.

        Raises:
            RunLockedError: another process (or thread) is at work here.
            RunError: the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            holder = FileLock(self.path / ".lock", is_singleton=True).acquire(timeout=0)
        except Timeout:
            raise RunLockedError(
                f"Another process is at work in {self.path}. Wait until it has ended, or choose another folder."
            ) from None
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be used for a run ({error.strerror}). Choose another folder."
            ) from error
        with holder:
            yield

    def check_ours(self, comparison: bool = False) -> None:
        """A run sweeps its folder and removes `work` in it; a folder of somebody's own files is no place for one.

        Args:
            comparison: what is to begin here is one; it may take the place of an earlier one.

        Raises:
            RunError: files lie in it that no run, or no comparison, has left.
        """
        if not self.path.is_dir():
            return
        if comparison and self.recipe_file.is_file():
            raise RunError(f"{self.path} holds a run. Give the comparison a new folder.")
        if self.state_file.is_file():
            return
        files = {path.name for path in self.path.iterdir()} - {".lock", self.log_file.name, *_OF_THE_SYSTEM}
        if comparison and self._is_compared():
            files -= {self.report_file.name, self.flips_file.name, self.predictions_file.name}
        if others := sorted(name for name in files if not _BEGUN.fullmatch(name)):
            raise RunError(
                f"{self.path} holds other files ({others[0]}), and a run tidies up in its folder. Give it a new or an empty one."
            )

    def _is_compared(self) -> bool:
        try:
            return bool(self.report().variants)
        except RunError:
            return False

    # ------------------------------------------------------------------ state

    def state(self) -> dict[str, Any]:
        """What `state.json` says; empty where there is none, or none that can be read."""
        try:
            state = read_json(read_text(self.state_file))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def process(self) -> processes.Process | None:
        """The process that works here, or did, as it said itself; None where none has since the run was put into a queue."""
        state = self.state()
        pid, mark = state.get("pid"), state.get("process")
        return processes.Process(pid, mark) if pid and mark else None

    def write_state(self, **changes: Any) -> dict[str, Any]:
        """Merge `changes` into `state.json`; what it says then. One writer at a time: whoever owns the folder."""
        state = {"status": QUEUED, "stage": "", "finished_stages": [], "error": None, **self.state(), **changes}
        state["updated"] = round(time.time(), 3)
        write_json(self.state_file, state)
        return state

    @contextmanager
    def track(self) -> Iterator[None]:
        """Keep the state true while the body runs: running, then finished, cancelled, or failed with a sentence.

        A folder that holds a report is finished whatever happens in the body, and one that holds another run stays as
        it was. Exceptions go on to the caller.
        """
        before = self.state()
        now = round(time.time(), 3)
        me = processes.current()
        self.write_state(status=RUNNING, error=None, started=now, pid=me.pid, process=me.mark)
        try:
            yield
        except RunMismatchError:
            self.write_state(**{"status": QUEUED, "error": None, **before})
            raise
        except BaseException as error:
            self._ended(error)
            raise
        self._ended(None)

    def _ended(self, error: BaseException | None) -> None:
        if self.is_finished or error is None:
            self.write_state(status=FINISHED, error=None)
        elif isinstance(error, (Stopped, KeyboardInterrupt, RunCancelledError)):
            self.write_state(status=CANCELLED, error=STOPPED)
        else:
            self.write_state(status=FAILED, error=sentence(error))

    # ------------------------------------------------------------------ what is in it

    @property
    def is_finished(self) -> bool:
        """A report is there; it is the last thing that a run writes."""
        return self.report_file.is_file()

    def recipe(self) -> Recipe:
        """The recipe as it was run, every default filled in.

        Raises:
            RecipeError: there is none here, or it is not valid.
        """
        return Recipe.load(self.recipe_file)

    def recipe_or_none(self) -> Recipe | None:
        """The recipe, or None where the folder holds none that can be read."""
        try:
            return self.recipe() if self.recipe_file.is_file() else None
        except RecipeError:
            return None

    def save_recipe(self, recipe: Recipe) -> None:
        """Write `recipe.yaml`, whole or not at all."""
        write_text(self.recipe_file, recipe.to_yaml())

    def report(self) -> Report:
        """What came out.

        Raises:
            RunError: the run is not finished, or the report does not parse.
        """
        return Report.load(self.path)

    def finish(self, report: Report) -> None:
        """Write the report, and with it: this run is finished."""
        write_text(self.report_file, report.to_json())
        self.write_state(status=FINISHED, error=None)

    def log_tail(self, characters: int = 20_000) -> str:
        """The end of the log; empty where there is none."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - 4 * characters))
                return file.read().decode("utf-8", errors="replace")[-characters:]
        except OSError:
            return ""
