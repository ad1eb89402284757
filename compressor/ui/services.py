"""What the page asks of the engine, in one place. Everything heavy is made when first needed: the page starts at once.

The page's process loads no model: inspecting, checking labels, estimating and predicting go to the helper, runs to the
backend's own process.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.recipe import Data
from compressor.recipe_text import make_absolute, model_at
from compressor.settings import Settings
from compressor.ui.own_runs import SAMPLE, SAMPLE_ID, Runs
from compressor.ui.remembered import Remembered
from compressor.ui.visitors import LOCAL, Visitor

if TYPE_CHECKING:
    from compressor.data.preview import Preview
    from compressor.hub import Account, Found

KIND_OF = {"label_check": "check", "predict": "predict"}
"""What a question to the helper counts as; all others are looks."""

__all__ = ["LOCAL", "SAMPLE", "SAMPLE_ID", "Services", "Visitor"]


class Services(Runs):
    """Looking at models and data; the rest is in what it is made of."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        self._inspected: Remembered[dict[str, Any]] = Remembered(64, seconds=600)

    def account(self, visitor: Visitor) -> Account | None:
        if visitor.token:
            self.count("look", visitor)
        return self.hub(visitor).account()

    def search(self, query: str, kind: str, task: str | None, visitor: Visitor) -> list[Found]:
        self.count("search", visitor)
        return self.hub(visitor).search(query, "dataset" if kind == "dataset" else "model", task)

    def inspect(self, reference: str, visitor: Visitor) -> dict[str, Any]:
        """What a teacher is; remembered for a while, a visitor's own."""
        key = (reference, visitor.owner, visitor.token)
        return self._inspected.get(key, lambda: self.ask("inspect", 90, visitor, reference=reference))

    def has_weights(self, reference: str, visitor: Visitor) -> bool:
        """Whether the teacher's weights are on this machine already, so that asking it downloads nothing."""
        from compressor.teachers import local_folder

        return local_folder(reference, self.settings) is not None or self.hub(visitor).is_cached(reference)

    def preview(self, data: Data, teacher: Mapping[str, Any], visitor: Visitor) -> Preview:
        """The first rows and how they would be read."""
        from compressor import tasks
        from compressor.data.preview import preview

        self.count("look", visitor)
        task = tasks.get(teacher.get("task") or "text-classification")
        keeps = teacher.get("head", "keep") == "keep"
        labels = list(teacher.get("labels") or ()) if keeps else None
        kind = teacher.get("kind") if keeps else None
        return preview(data, task, self.hub(visitor), labels, kind, self._reading)

    def lengths(self, reference: str, data: Mapping[str, Any], new_head: bool, visitor: Visitor) -> dict[str, Any]:
        """How long the rows are for this teacher's tokenizer, and how many there are; remembered for a while."""
        key = ("lengths", reference, json.dumps(data, sort_keys=True), new_head, visitor.owner, visitor.token)
        return self._inspected.get(
            key, lambda: self.ask("tokens", 120, visitor, reference=reference, data=dict(data), new_head=new_head)
        )

    def memory(self, reference: str, visitor: Visitor) -> dict[str, Any]:
        """What the helper estimates for this teacher before any data is chosen: memory for each size."""
        recipe = {"teacher": reference, "data": {"source": "demo"}, "student": {"size": "half"}}
        key = ("memory", reference, visitor.owner, visitor.token)
        return self._inspected.get(key, lambda: self.ask("estimate", 60, visitor, recipe=recipe))

    def ask(self, verb: str, timeout: float, visitor: Visitor, **payload: Any) -> dict[str, Any]:
        """A question to the helper."""
        self.count(KIND_OF.get(verb, "look"), visitor)
        if not self.settings.hosted:
            payload = _from_here(payload)
        return self.helper.request(verb, timeout, **payload, owner=visitor.owner, token=visitor.token)


def _from_here(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A question with paths that are relative to where the app was started by their whole names: the helper works elsewhere."""
    asked = copy.deepcopy(dict(payload))
    if isinstance(reference := asked.get("reference"), str):
        asked["reference"] = model_at(reference, Path.cwd())
    if isinstance(recipe := asked.get("recipe"), dict):
        make_absolute(recipe, Path.cwd())
    return asked
