"""What the helper can be asked: a line each. The function is called with the request's own arguments and, where it has
parameters of these names, with `settings`, `hub` (as the request's owner sees it), `owner` and `threads`.

What is kept between requests is kept for one owner.
"""

from __future__ import annotations

import inspect
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import ModelError, RunError
from compressor.hub.kept import download_of
from compressor.settings import Settings
from compressor.system import processes
from compressor.system.holding import holding
from compressor.teachers import looks_local

if TYPE_CHECKING:
    from compressor.results.predicting import Predictor


@dataclass(frozen=True)
class Verb:
    target: str
    """`module:function`."""
    heavy: bool = False
    """It computes: one such at a time."""


VERBS = {
    "inspect": Verb("compressor.planning.inspecting:inspect"),
    "tokens": Verb("compressor.planning.checking:tokens"),
    "estimate": Verb("compressor.planning.estimating:estimate"),
    "label_check": Verb("compressor.planning.checking:label_check", heavy=True),
    "predict": Verb("compressor.jobs.verbs:predict", heavy=True),
    "browser": Verb("compressor.results.in_browser:facts"),
    "warm": Verb("compressor.jobs.verbs:warm"),
}


def find(name: str) -> Verb:
    """The verb of that name.

    Raises:
        RunError: there is none.
    """
    if name not in VERBS:
        raise RunError(f"The helper cannot {name!r}. It knows: {', '.join(VERBS)}.")
    return VERBS[name]


def call(verb: Verb, payload: Mapping[str, Any], settings: Settings) -> Any:
    """Answer one request; `owner` and `token` in the payload say whose it is, `job` which job's own files it is about.

    Raises:
        CompressorError: as the function does.
    """
    arguments = dict(payload)
    owner, token = arguments.pop("owner", "local"), arguments.pop("token", None)
    threads = arguments.pop("threads", None)
    if (job := arguments.pop("job", None)) is not None:
        settings = replace(settings, readable=(*settings.readable, str(settings.jobs_dir / job)))
    module, _, name = verb.target.partition(":")
    function = getattr(import_module(module), name)
    wanted = inspect.signature(function).parameters
    if settings.hosted:
        _refuse_paths(arguments)
    if "hub" in wanted:
        from compressor.hub import Hub

        arguments["hub"] = Hub(settings, token, owner)
    known = {"settings": settings, "owner": owner, "threads": threads}
    try:
        return function(**arguments, **{k: v for k, v in known.items() if k in wanted})
    finally:
        if "hub" in arguments:
            arguments["hub"].let_go()


def _refuse_paths(arguments: Mapping[str, Any]) -> None:
    """Where strangers share this server, a question about a model names a repo; whose run a folder is, is known only where
    jobs are made.

    Raises:
        ModelError: it names a folder.
    """
    recipe = arguments.get("recipe")
    student = recipe.get("student") if isinstance(recipe, Mapping) else None
    named = [arguments.get("reference"), *((x or {}).get(k) for x, k in ((recipe, "teacher"), (student, "model")))]
    if any(isinstance(name, str) and looks_local(name) for name in named):
        raise ModelError("Folders of the server are not open to visitors. Give a model's id on the Hub instead.")


# ---------------------------------------------------------------------- verbs of the helper's own


def warm() -> dict[str, Any]:
    """Import what every other verb needs, so that the first of them is quick."""
    started = time.perf_counter()
    import torch
    import transformers
    from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

    assert all((AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast))
    seconds = round(time.perf_counter() - started, 2)
    return {"torch": torch.__version__, "transformers": transformers.__version__, "seconds": seconds}


def predict(
    folder: str, texts: Sequence[Any], owner: str, settings: Settings, variants: Sequence[str] | None = None
) -> dict[str, Any]:
    """`{"answers": [{"text", "predictions": {variant: …}}, …]}`, see `Predictor.predict`.

    Raises:
        RunError, ModelError: the folder holds no finished run, or its models cannot be loaded.
    """
    asked = [tuple(text) if isinstance(text, list) else text for text in texts]
    with ExitStack() as held:
        held.enter_context(holding(settings, Path(folder)))
        predictor = _predictors.get(owner, Path(folder))
        for variant in predictor.report.variants:
            if (repo := download_of(settings, Path(variant.path))) is not None:
                held.enter_context(holding(settings, repo))
        return {"answers": predictor.predict(asked, variants)}


class _Predictors:
    """The runs that were asked last, their models loaded; keyed by owner."""

    def __init__(self, most: int = 2):
        self.most = most
        self._kept: OrderedDict[tuple[str, str, int], Predictor] = OrderedDict()

    def get(self, owner: str, folder: Path) -> Predictor:
        """The predictor of a folder as it is now: a report written anew means other models."""
        from compressor.results.predicting import Predictor

        report = folder / "report.json"
        key = (owner, str(folder), report.stat().st_mtime_ns if report.exists() else 0)
        if key not in self._kept:
            while len(self._kept) >= self.most:
                self._kept.popitem(last=False)[1].close()
            self._kept[key] = Predictor(folder)
        self._kept.move_to_end(key)
        return self._kept[key]

    def __len__(self) -> int:
        return len(self._kept)

    def close(self) -> None:
        while self._kept:
            self._kept.popitem()[1].close()


_predictors = _Predictors()
RELEASE: list[Callable[[], None]] = [_predictors.close]
"""What lets go of memory when nobody has asked for a while."""


def release() -> None:
    """Let go of all loaded models, and give the memory back to the system."""
    for let_go in RELEASE:
        let_go()
    processes.give_back_memory()
