"""What every stage of one run is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from compressor.events import Progress
from compressor.recipe import Recipe
from compressor.runfolder import RunFolder
from compressor.settings import Settings
from compressor.system import halving, processes
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from compressor.hub import Hub, LocalModel

TEACHER, STUDENT, CONTROL = "teacher", "student", "control"

T = TypeVar("T")


@dataclass
class Run:
    """One run: the resolved recipe, its folder, and where it runs."""

    recipe: Recipe
    task: Task
    source: LocalModel
    """The teacher as it was named, before any fine-tuning."""
    out: Path
    settings: Settings
    hub: Hub
    device: str
    progress: Progress
    notes: dict[str, list[str]] = field(default_factory=dict)
    """Sentences for the report, by variant; `""` holds those about the run as a whole."""
    trial_of: Run | None = None
    """The run whose search this one is a trial of."""

    @property
    def work(self) -> Path:
        """Caches and checkpoints; nothing in it is a result."""
        return self.out / "work"

    @property
    def answered(self) -> Path:
        """The folder of the teacher's answers."""
        return (self.trial_of or self).work

    def variant(self, name: str) -> Path:
        return self.out / "variants" / name

    @property
    def teacher(self) -> Path:
        """The teacher's folder: the fine-tuned one where there is to be one."""
        return self.variant(TEACHER) if self.recipe.teacher_head == "new" else self.source.folder

    @property
    def base(self) -> str:
        """The variant that the formats are made from."""
        return STUDENT if self.recipe.student is not None else TEACHER

    @property
    def thin(self) -> bool:
        """Whether the student has thin layers: then it is no result of its own, see `students/low_rank.py`."""
        return self.recipe.student is not None and self.recipe.student.low_rank is not None

    def folder_of(self, name: str) -> Path:
        if name == TEACHER:
            return self.teacher
        return self.work / name if name == CONTROL or (name == STUDENT and self.thin) else self.variant(name)

    def in_parts(self, stage: str, variant: str, work: Callable[[int], T]) -> T:
        """`work(parts)`: a stage that works in batches, each computed in so many parts; in more of them, and from its last
        checkpoint, where memory ran out. See `halving.patiently`.

        Args:
            variant: whose note in the report says that it did.
        """

        if self.trial_of is not None:  # a worker knows of the whole run alone
            return self.trial_of.in_parts(halving.SEARCH, variant, work)
        folder = RunFolder(self.out)
        done = halving.patiently(
            folder, stage, work, lambda reason: self.progress(stage, message=reason), here=self.device != "cpu"
        )
        self.let_go()
        if said := halving.said(folder, stage):
            self.note(variant, said)
        return done

    def let_go(self) -> None:
        """Give a graphics card's memory back between two pieces of work: a model that was trained holds itself, and torch keeps
        what it ever took, while the processes that measure want it."""
        if self.device != "cpu":
            processes.give_back_memory()

    def note(self, variant: str, *sentences: str) -> None:
        """Remember sentences for the report, each once."""
        kept = self.notes.setdefault(variant, [])
        kept.extend(s for s in sentences if s not in kept)


def read_json(path: Path, default: Any = None) -> Any:
    """What `write_json` wrote; `default` where there is nothing."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
