"""The verbs on the command line. Exit code 0; 1 with a sentence as the last line of stderr; 2 for wrong usage.

Nothing heavy is imported before a verb needs it, so that `--help` answers at once. It never prompts.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from compressor.errors import CompressorError
from compressor.settings import Settings, prepare_environ
from compressor.system.garbage import collect_rarely

if TYPE_CHECKING:
    from compressor.hub import Hub

app = typer.Typer(
    name="compressor",
    help="Make a Hugging Face model smaller, and say exactly what that cost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
STOPPED = {
    "run": "Stopped. The same command goes on from here.",
    "publish": "Stopped. What was published by then stays; the same command goes on from here.",
}
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def _stopped() -> str:
    return STOPPED.get(next(iter(sys.argv[1:]), ""), "Stopped.")


def main() -> NoReturn:
    """Entry point: every error becomes a sentence and an exit code."""
    prepare_environ()
    collect_rarely()
    _write_anything()
    try:
        settings = Settings.from_environ()
    except CompressorError as error:
        _fail(str(error), code=2)
    try:
        app(standalone_mode=True)
    except CompressorError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail(_stopped(), code=130)
    except SystemExit as error:
        if error.code == 130:  # typer's own answer to Ctrl-C says nothing
            _fail(_stopped(), code=130)
        raise
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        from compressor.failures import sentence

        if settings.debug:
            traceback.print_exc()
        _fail(sentence(error, "COMPRESSOR_DEBUG=1 before the same command shows where."))
    sys.exit(0)


def _write_anything() -> None:
    """Into a file or a pipe Windows writes in an encoding that lacks most of the world's characters, a minus sign among them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8")


def _fail(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


def _hub(settings: Settings) -> Hub:
    from compressor.hub import Hub

    return Hub(settings)


@app.command()
def inspect(
    teacher: Annotated[str, typer.Argument(help="A Hub id, a folder, or `demo`.")], as_json: AsJson = False
) -> None:
    """What a model is, and the table of student sizes. Downloads no weights."""
    from compressor import terminal
    from compressor.planning.inspecting import inspect as look

    settings = Settings.from_environ()
    found = look(teacher, settings=settings, hub=_hub(settings))
    print(json.dumps(found, indent=2, ensure_ascii=False) if as_json else terminal.card(found))


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="A recipe, YAML or JSON.")],
    out: Annotated[Path, typer.Option(help="The run's folder. An unfinished one is resumed.")],
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Change a value: --set distill.epochs=5")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a recipe in this process: distil, quantize, measure."""
    from compressor import terminal
    from compressor.recipe import Recipe

    asked = Recipe.load(recipe, overrides or ())
    settings = Settings.from_environ()
    from compressor.pipeline import run as run_recipe

    with terminal.Bars() as bars:
        report = run_recipe(asked, out, settings=settings, hub=_hub(settings), progress=bars)
    print(report.to_json() if as_json else terminal.table(report))
    if not as_json:
        print(f'\nEverything is in {out}: try `python -m compressor predict {out} "some text"`.')


@app.command()
def compare(
    models: Annotated[list[str], typer.Argument(help="Two or more: Hub ids, folders, variants of runs.")],
    data: Annotated[str | None, typer.Option(help="Rows to compare on: a file, a Hub data set, or `demo`.")] = None,
    out: Annotated[Path | None, typer.Option(help="Keep the report and the rows that differ here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure any models side by side. The first is what the others are held against."""
    from compressor import terminal
    from compressor.results.comparing import compare as compare_models
    from compressor.results.comparing import data_of

    settings = Settings.from_environ()
    rows = data_of(data, settings)
    with tempfile.TemporaryDirectory(prefix="compressor-compare-") as scratch, terminal.Bars() as bars:
        folder = out or Path(scratch)
        report = compare_models(models, rows, folder, settings=settings, hub=_hub(settings), progress=bars)
    print(report.to_json() if as_json else terminal.table(report))


@app.command()
def predict(
    folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    texts: Annotated[list[str], typer.Argument(help="Texts; a tab between two texts makes a pair.")],
    as_json: AsJson = False,
) -> None:
    """Every variant's prediction side by side."""
    from compressor import terminal
    from compressor.results.predicting import Predictor

    predictor = Predictor(folder)
    try:
        answers = predictor.predict([tuple(t.split("\t", 1)) if "\t" in t else t for t in texts])
    finally:
        predictor.close()
    print(json.dumps(answers, indent=2, ensure_ascii=False) if as_json else terminal.predictions(answers))


@app.command()
def suits(
    folder: Annotated[Path, typer.Argument(help="A finished run's or comparison's folder.")],
    place: Annotated[
        list[str] | None, typer.Option(help="Where it will run: gpu, server-cpu, phone, web, memory; default: each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Which variant suits the place where it will run, by what was measured. Measures nothing."""
    from compressor import terminal
    from compressor.report import Report
    from compressor.results.suiting import PLACES, place_of
    from compressor.results.suiting import suits as suiting

    report = Report.load(folder)
    found = [suiting(report, place_of(name)) for name in place or PLACES]
    if as_json:
        print(json.dumps([one.as_dict() for one in found], indent=2, ensure_ascii=False))
    else:
        print("\n".join(terminal.suits(report, one) for one in found))


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    repo: Annotated[str, typer.Option(help="USER/NAME; several variants get NAME-<variant> each.")],
    variant: Annotated[list[str] | None, typer.Option(help="Which variants; default: the smallest good one.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Private otherwise.")] = False,
    min_retained: Annotated[
        float | None, typer.Option(min=0, max=1, help="Refuse a variant that keeps less of the teacher's quality.")
    ] = None,
) -> None:
    """Push variants to the Hub, each in a repo of its own, with a model card."""
    from compressor import terminal
    from compressor.publishing.publish import publish as push

    settings = Settings.from_environ()
    with terminal.Bars() as bars:
        done = push(
            folder,
            repo,
            hub=_hub(settings),
            variants=variant or None,
            public=public,
            min_retained=min_retained,
            confirm_below=True,
            progress=bars,
        )
    for one in done:
        for warning in one.warnings:
            print(f"Note: {warning}", file=sys.stderr)
        print(one.url)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Whether everything that Compressor needs works here, found out by doing it."""
    from compressor import doctor as examination

    settings = Settings.from_environ()
    findings = examination.examine(settings)
    if as_json:
        print(json.dumps(examination.as_json(findings, settings), indent=2, ensure_ascii=False))
    else:
        print(examination.as_text(findings, settings))
    if wrong := examination.verdict(findings):
        _fail(wrong)
