"""A student that is found by what it is to be like; the demo's teacher on a few of its rows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from compressor import pipeline
from compressor.errors import AgainError, RecipeError, RunCancelledError
from compressor.events import read_events
from compressor.formats import get
from compressor.measure import Measured
from compressor.recipe import Recipe, Student, Target
from compressor.report import Latency, MeasuredOn, Report
from compressor.results.searched import searched, wanted
from compressor.runfolder import RunFolder
from compressor.settings import ASSETS, Settings
from compressor.stages import search
from compressor.stages.search import _Trials
from compressor.system import halving
from compressor.training import trainer
from tests.few import few_rows

pytestmark = [
    pytest.mark.training,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("measured_soon"),
]  # it trains many students


def recipe(source: dict[str, str], **target: float) -> Recipe:
    return Recipe.parse(
        {
            "teacher": "demo", "data": {"source": source}, "formats": ["onnx-int8"], "target": target,
            "distill": {"epochs": 3, "learning_rate": 5e-4, "augment": "none"},
        }
    )  # fmt: skip


def short(source: dict[str, str], limit: int, megabytes: float, epochs: float) -> Recipe:
    """A search that takes seconds: few rows, no formats, no quality to reach."""
    return Recipe.parse(
        {
            "teacher": "demo", "data": {"source": source, "limit": limit}, "formats": [],
            "target": {"max_megabytes": megabytes}, "distill": {"epochs": epochs},
        }
    )  # fmt: skip


@pytest.fixture(scope="module", name="module_settings")
def settings_of_all(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.from_environ({"COMPRESSOR_DATA": str(tmp_path_factory.mktemp("data"))})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return few_rows(tmp_path_factory.mktemp("few"), train=300, validation=200, test=100)


@pytest.fixture(scope="module")
def run(source, tmp_path_factory: pytest.TempPathFactory, module_settings) -> SimpleNamespace:
    out = tmp_path_factory.mktemp("search") / "run"
    report = pipeline.run(recipe(source, max_megabytes=2.2, min_retained=0.8), out, settings=module_settings)
    return SimpleNamespace(out=out, report=report)


def test_what_is_found_is_small_and_good_enough_and_is_a_variant_like_others(run):
    search = run.report.search
    taken = next(p for p in search.points if p.whole and (p.size, p.format) == (search.size, search.format))
    assert search.met and taken.met
    assert taken.bytes <= 2.2e6 and taken.retained >= 0.8
    last = run.report.variants[-1]
    assert last.format == search.format and last.bytes == taken.bytes
    assert last.retained is not None and last.retained > 0.7, "on the test rows, measured like every other"
    assert [v.name for v in run.report.variants][:2] == ["teacher", "student"]
    assert all((run.out / v.path).is_dir() for v in run.report.variants[1:])
    assert not (run.out / "work").exists()
    assert set(run.report.seconds) == {"data", "teacher-logits", "search", "measure"}
    assert Report.load(run.out) == run.report
    assert "Wanted: at most 2.2 MB and at least 80 % kept. The smallest that was found" in searched(run.report)


def test_every_size_is_tried_a_little_and_few_in_full(run):
    points = run.report.search.points
    tried = {p.size for p in points if not p.whole}
    whole = {p.size for p in points if p.whole}
    assert {"tiny", "mini", "small", "quarter", "third"} <= tried and len(whole) < len(tried)
    epochs = [p.epochs for p in points if not p.whole]
    assert sorted(set(epochs)) == pytest.approx([1 / 3, 1.0]) and {p.epochs for p in points if p.whole} == {3.0}
    events, _ = read_events(run.out / "events.jsonl")
    told = [e["metrics"]["point"] for e in events if "point" in (e.get("metrics") or {})]
    assert [(p["size"], p["format"]) for p in told] == [(p.size, p.format) for p in points]
    shares = [e["done"] for e in events if e.get("stage") == "search" and e.get("total")]
    assert shares == sorted(shares) and 0 < shares[len(shares) // 2] < 1


def test_a_search_that_was_stopped_goes_on_and_ends_the_same(run, source, tmp_path, module_settings):
    seen: list[str] = []

    def stop(stage: str, done: float = 0, total: float = 0, **metrics: object) -> None:
        if metrics.get("point"):
            seen.append(stage)
        if len(seen) == 4:
            seen.append("stopped")
            raise RunCancelledError("stop")

    asked = recipe(source, max_megabytes=2.2, min_retained=0.8)
    with pytest.raises(RunCancelledError):
        pipeline.run(asked, tmp_path / "run", settings=module_settings, progress=stop)
    trained: list[str] = []

    def hear(stage: str, done: float = 0, total: float = 0, **metrics: object) -> None:
        if metrics.get("doing") == "distill":
            trained.append(str(metrics["size"]))

    again = pipeline.run(asked, tmp_path / "run", settings=module_settings, progress=hear)
    assert trained[0] == run.report.search.points[4].size, "what was tried before the stop is known"
    assert again.search == run.report.search
    for name in (v.path for v in run.report.variants[1:]):
        for file in (run.out / name).glob("*.safetensors"):
            assert file.read_bytes() == (tmp_path / "run" / name / file.name).read_bytes()


def test_a_trial_that_is_stopped_goes_on_from_its_checkpoint(source, tmp_path, module_settings, monkeypatch):
    begun, real = [], trainer.train

    def stopped(*args, **kwargs):
        (kwargs["folder"] / "checkpoint-of-this-test").mkdir(parents=True, exist_ok=True)
        begun.append(kwargs["folder"])
        if len(begun) == 2:
            raise RunCancelledError("stop")
        return real(*args, **kwargs)

    monkeypatch.setattr(trainer, "train", stopped)
    asked = short(source, limit=200, megabytes=2, epochs=0.5)
    with pytest.raises(RunCancelledError):
        pipeline.run(asked, tmp_path / "run", settings=module_settings)
    assert begun[1].is_dir(), "what it has learned so far is kept"
    assert not begun[0].is_dir(), "of one that is known nothing is"


def test_each_size_learns_from_the_texts_that_suit_it(source, tmp_path, module_settings, monkeypatch):
    seen, real = {}, trainer.train

    def hear(model, task, rows, *args, **kwargs):
        teacher, hints = kwargs["teacher"], kwargs["hints"]
        assert len(teacher) == len(rows) and hints[len(rows) - 1].size > 0
        if len(rows) != seen.setdefault(hints.kind.name, len(rows)) or len(seen) == 2:
            raise RunCancelledError("enough was seen")
        return real(model, task, rows, *args, **kwargs)

    monkeypatch.setattr(trainer, "train", hear)
    asked = short(source, limit=100, megabytes=20, epochs=0.3)
    with pytest.raises(RunCancelledError):
        pipeline.run(asked, tmp_path / "run", settings=module_settings)
    assert seen == {"hidden": 100, "relations": 400}, (
        "three times as many made-up texts for narrow sizes, none for wide ones"
    )


def test_trials_whose_memory_runs_out_go_on_in_smaller_parts(source, tmp_path, module_settings, monkeypatch):
    parts, real = [], trainer.train

    def hungry(*args, **kwargs):
        parts.append(kwargs["options"].accumulate)
        if parts[-1] < 2:
            raise MemoryError
        return real(*args, **kwargs)

    monkeypatch.setattr(trainer, "train", hungry)
    asked = short(source, limit=200, megabytes=2, epochs=0.5)
    with pytest.raises(AgainError, match="half as many rows at a time"):
        pipeline.run(asked, tmp_path / "run", settings=module_settings)
    report = pipeline.run(asked, tmp_path / "run", settings=module_settings)  # as a backend does
    assert len(parts) > 3 and parts[0] == 1 and set(parts[1:]) == {2}, "no trial runs into it again"
    assert "so 16 were computed at a time" in " ".join(report.variant("student").notes)
    folder = RunFolder(tmp_path / "search")
    folder.write_state(stage="search")
    assert halving.halve(folder, "search") is not None, "nor does one whose process the system ended"


def test_a_target_that_nothing_meets_is_said_with_what_comes_nearest(source, tmp_path, module_settings):
    asked = recipe(source, max_megabytes=0.01)
    found = pipeline.run(asked, tmp_path / "run", settings=module_settings)
    assert not found.search.met
    said = searched(found)
    assert (
        "Wanted: at most 0.01 MB. Nothing that was tried is like that: the smallest takes 0.1 MB. The nearest: tiny"
        in said
    )
    assert found.variants[-1].format == found.search.format, "and it is there to look at"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"student": {"size": "half"}}, "names one"),
        ({"student": None}, "is null"),
        ({"distill": None}, "`distill` is null"),
        ({"distill": {"control": True}}, "no control"),
        ({"target": {}}, "target says nothing"),
        ({"target": None, "student": {"size": "auto"}}, "add `target:`"),
        ({"target": {"max_megabyte": 3}}, "max_megabytes"),
        ({"data": None}, "add `data:`"),
    ],
)
def test_what_does_not_go_with_a_search_is_a_sentence(changes, says):
    asked = {"teacher": "demo", "data": {"source": "demo"}, "target": {"min_retained": 0.9}} | changes
    with pytest.raises(RecipeError, match=says):
        Recipe.parse(asked)


def test_a_target_in_words():
    def words(**target):
        return wanted(SimpleNamespace(**({"max_megabytes": None, "min_retained": None, "min_speedup": None} | target)))

    assert words(max_megabytes=20, min_retained=0.96) == "at most 20 MB and at least 96 % kept"
    assert words(max_megabytes=20, min_retained=0.96, min_speedup=3) == (
        "at most 20 MB, at least 96 % kept and at least 3× faster"
    )
    assert words(min_speedup=2.5) == "at least 2.5× faster"


@pytest.mark.parametrize(("device", "speedup"), [("cpu", 3.0), ("cuda:0", None)])
def test_a_processors_time_is_not_held_against_a_cards(device, speedup):
    trials = object.__new__(_Trials)
    trials.target = Target(min_speedup=2)

    def measured(ms, where):
        return Measured(
            "x", "float32", 10, 10, agreement=0.9, latency_ms=Latency(p50=ms, p95=ms),
            measured_on=MeasuredOn(device=where, threads=1, length=16),
        )  # fmt: skip

    point = trials._point("half", "onnx-int8", 1.0, measured(2.0, "cpu"), measured(6.0, device))
    assert point is not None and (point.speedup, point.met) == (speedup, speedup is not None)


@pytest.mark.parametrize(
    ("device", "target", "left_out"),
    [("cpu", {"min_speedup": 2}, []), ("cuda", {"max_megabytes": 9}, []), ("cuda", {"min_speedup": 2}, ["onnx-int8"])],
)
def test_what_runs_on_the_processor_is_not_searched_by_a_cards_speed(monkeypatch, device, target, left_out):
    trials = object.__new__(_Trials)
    trials.target, trials.base = Target(**target), SimpleNamespace(device=device)
    for name in ("8bit", "onnx-int8"):
        monkeypatch.setattr(type(get(name)), "unavailable", lambda *_: None)
    assert [name for name in ("8bit", "onnx-int8") if trials._unfit(name)] == left_out


def test_a_search_says_which_formats_it_had_to_leave_out(settings, tmp_path, source, monkeypatch):
    monkeypatch.setattr(type(get("openvino-int8")), "unavailable", lambda *_: "It is not installed.")
    asked = short(source, 120, 3.0, 0.2).model_copy(update={"formats": ("openvino-int8",)})
    report = pipeline.run(asked, tmp_path / "run", settings=settings)
    assert "OpenVINO int8 was left out: It is not installed." in report.notes


@pytest.mark.parametrize(
    ("said", "weights", "rates"),
    [
        (None, [0.2, 0.2, 0.5], [2e-4, 2e-4, 1e-3]),
        ({}, [0.2, 0.2, 0.5], [2e-4, 2e-4, 1e-3]),
        ({"alpha": 0.5}, [0.5, 0.5, 0.5], [2e-4, 2e-4, 1e-3]),
        ({"learning_rate": 1e-4, "alpha": 0.0}, [0.0, 0.0, 0.0], [1e-4, 1e-4, 1e-4]),
    ],
)
def test_each_size_has_what_suits_it_where_nothing_was_said(said, weights, rates):
    """Also where a search goes on with the recipe that its folder has."""
    raw = {"teacher": "demo", "data": {"source": "demo"}, "target": {"max_megabytes": 2}}
    asked = Recipe.parse(raw if said is None else raw | {"distill": said})
    full = asked.resolved("text-classification", Student(size="half"), ())
    again = Recipe.parse(full.to_yaml())
    assert Recipe.parse(asked.to_yaml(asked_only=True)) == asked
    assert (
        again.resolved("text-classification", Student(size="half"), ()).to_yaml() == full.to_yaml() == again.to_yaml()
    )
    for one in (asked, full, again):
        run = SimpleNamespace(recipe=one, teacher=ASSETS / "demo" / "teacher")
        made = [search._recipe(run, size, 1.0).distill for size in ("half", "slim", "mini")]
        assert [d.alpha for d in made] == weights and [d.learning_rate for d in made] == rates
