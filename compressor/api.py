"""The verbs in Python, with the same defaults as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.events import Progress, silent
from compressor.recipe import Data, Recipe
from compressor.report import Report
from compressor.settings import Settings, prepare_environ

if TYPE_CHECKING:
    from compressor.publishing.publish import Published
    from compressor.results.suiting import Suited

prepare_environ()


def inspect(teacher: str, *, token: str | None = None) -> dict[str, Any]:
    """What a model is, and the table of student sizes; no weights are downloaded. See `inspecting.inspect`."""
    from compressor.hub import Hub
    from compressor.planning.inspecting import inspect as look

    settings = Settings.from_environ()
    return look(teacher, settings=settings, hub=Hub(settings, token))


def compress(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    out: str | Path,
    *,
    token: str | None = None,
    progress: Progress = silent,
) -> Report:
    """Run a recipe (an object, plain data, or a file) in this process; everything is left in `out`. See `pipeline.run`."""
    from compressor.hub import Hub
    from compressor.pipeline import run

    if isinstance(recipe, (str, Path)):
        recipe = Recipe.load(recipe)
    elif not isinstance(recipe, Recipe):
        recipe = Recipe.parse(recipe, base=Path.cwd())
    settings = Settings.from_environ()
    return run(recipe, Path(out), settings=settings, hub=Hub(settings, token), progress=progress)


def compare(
    models: Sequence[str],
    out: str | Path,
    *,
    data: Data | str | None = None,
    token: str | None = None,
    progress: Progress = silent,
) -> Report:
    """Measure any models side by side, on a file's or a data set's rows where there is one. See `comparing.compare`."""
    from compressor.hub import Hub
    from compressor.results.comparing import compare as compare_models
    from compressor.results.comparing import data_of

    settings = Settings.from_environ()
    rows = data_of(data, settings) if isinstance(data, str) else data
    return compare_models(models, rows, Path(out), settings=settings, hub=Hub(settings, token), progress=progress)


def predict(folder: str | Path, texts: Sequence[Any], *, device: str = "cpu") -> list[dict[str, Any]]:
    """Every variant's prediction for every text. See `predicting.Predictor`, which keeps the models loaded."""
    from compressor.results.predicting import Predictor

    predictor = Predictor(Path(folder), device=device)
    try:
        return predictor.predict(texts)
    finally:
        predictor.close()


def suits(run: Report | str | Path, place: str) -> Suited:
    """Which variant of a report, or of a finished run's folder, suits the place where it will run: `gpu`, `server-cpu`, `phone`,
    `web` or `memory`. See `suiting.suits`."""
    from compressor.results.suiting import place_of
    from compressor.results.suiting import suits as suiting

    return suiting(run if isinstance(run, Report) else Report.load(Path(run)), place_of(place))


def publish(
    folder: str | Path,
    repo: str,
    *,
    variants: Sequence[str] | None = None,
    public: bool = False,
    min_retained: float | None = None,
    token: str | None = None,
    progress: Progress = silent,
) -> list[Published]:
    """Push variants of a finished run to the Hub. See `publishing.publish`."""
    from compressor.hub import Hub
    from compressor.publishing.publish import publish as push

    return push(
        Path(folder),
        repo,
        hub=Hub(Settings.from_environ(), token),
        variants=list(variants) if variants else None,
        public=public,
        min_retained=min_retained,
        confirm_below=True,
        progress=progress,
    )
