"""What a job is: a run's folder, somebody's, with a place in the queue. And what is asked of one.

`job.json` in the folder says whose it is and what was asked, so that the database can be rebuilt from the folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from compressor.errors import RecipeError, RunError
from compressor.recipe import Data, Frozen, Recipe
from compressor.runfolder import ENDED, FINISHED, RunFolder
from compressor.system.whole import write_json
from compressor.untrusted.plain import read_json, storable

NOT_FOUND = "There is no run with this address."
READ_ONLY = "This link only shows the run. Its owner can change it."
ID = re.compile(r"[0-9a-f]{32}")
FAR = 1e11
"""Seconds since the epoch that no clock shows."""


class Comparison(Frozen):
    """A quick comparison: models side by side without a run; the first is what the others are held against."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    data: Data | None = None


@dataclass(frozen=True)
class Job:
    """One run or comparison of the page, as somebody is allowed to see it. Times are seconds since the epoch."""

    id: str
    """128 bits, in hex."""
    owner: str
    kind: str
    title: str
    folder: Path
    status: str
    """queued, running, finished, failed, cancelled or interrupted."""
    created: float
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    """A sentence, where it did not finish."""
    place: int | None = None
    """In the queue: 1 is next; None where it does not wait."""
    wait: float | None = None
    """Seconds until it is expected to start, where that can be told."""
    stage: str = ""
    view: bool = False
    """Seen through its share link: it may be looked at, not changed."""

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder)

    @property
    def over(self) -> bool:
        return self.status in ENDED

    @property
    def resumable(self) -> bool:
        """Can it be started again where it stopped?"""
        return self.over and self.status != FINISHED and not self.view

    def asked(self) -> dict[str, Any]:
        """What was asked, as plain data: only the keys that were said.

        Raises:
            RunError: the folder is gone or damaged.
        """
        asked: dict[str, Any] = read_card(self.folder)["asked"]
        return asked

    def recipe(self) -> Recipe:
        """The recipe as it was asked, to start the same again or to change it.

        Raises:
            RunError: this is a comparison, or the folder is damaged.
        """
        asked = self.asked()
        if "models" in asked:
            raise RunError("This is a comparison of finished models: it has no recipe.")
        return Recipe.parse(asked)

    def own(self) -> Job:
        """This job, where the person may change it.

        Raises:
            RunError: it is seen through a share link.
        """
        if self.view:
            raise RunError(READ_ONLY)
        return self


def read_card(folder: Path) -> dict[str, Any]:
    """A folder's `job.json`.

    Raises:
        RunError: there is none, or it is damaged.
    """
    try:
        card = read_json((folder / "job.json").read_text(encoding="utf-8"))
        fits = isinstance(card["asked"], dict) and all(
            isinstance(card[k], str) and card[k] == storable(card[k])
            for k in ("id", "owner", "kind", "title", "share_key")
        )
        if not fits or not 0 <= card["created"] < FAR or card["id"] != folder.name:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError("The folder of this run is gone or damaged. Delete it from the list and start anew.") from None
    return dict(card)


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write `job.json`, whole or not at all."""
    write_json(folder / "job.json", card)


def plain(asked: Recipe | Comparison) -> dict[str, Any]:
    """What is asked as JSON data: only what was said, so that defaults stay open."""
    return asked.model_dump(mode="json", exclude_unset=True)


def parse(asked: Mapping[str, Any]) -> Recipe | Comparison:
    """The other way round.

    Raises:
        RecipeError: it is not valid (any more).
    """
    if "models" not in asked:
        return Recipe.parse(asked)
    try:
        return Comparison.model_validate(asked)
    except ValueError:
        raise RecipeError("The comparison cannot be read. Choose its models and its data again.") from None
