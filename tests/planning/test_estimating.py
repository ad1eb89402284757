"""What a run will take: minutes, memory, disk, download, and what would fit where it does not."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from compressor.errors import CannotCutError
from compressor.hub import Hub
from compressor.measure import hardware
from compressor.planning import estimating, inspecting, reckoning
from compressor.planning.checking import tokens
from compressor.planning.estimating import estimate
from compressor.planning.inspecting import inspect
from compressor.recipe import Recipe
from compressor.settings import ASSETS
from compressor.students import shapes
from compressor.system.lease import lease
from compressor.tasks.batching import HELD
from tests import tiny

DEMO = {"source": "demo"}


@pytest.fixture(autouse=True)
def _on_a_processor(monkeypatch):
    """Whatever this machine has; tests of a card say so."""
    monkeypatch.setattr(hardware, "default_device", lambda: "cpu")


@pytest.fixture
def hub(settings):
    return Hub(settings)


def test_an_estimate_of_the_demo_is_within_reason(settings, hub, monkeypatch):
    def seconds(speed):
        monkeypatch.setitem(estimating._speeds, "cpu", speed)
        return estimate({"teacher": "demo", "data": DEMO}, settings=settings, hub=hub, rows=4800, tokens=28)["seconds"]

    assert 150 < seconds(62e9) < 300, "213 on an AMD EPYC without AVX512"
    assert 30 < seconds(400e9) < 90, "49 on one with AVX512-BF16"
    found = estimate({"teacher": "demo", "data": DEMO}, settings=settings, hub=hub, rows=4800, tokens=28)
    assert (found["fits"], found["problem"], found["download_bytes"]) == (True, None, 0)
    assert found["memory_bytes"] < found["memory_total"]
    longer = estimate(
        {"teacher": "demo", "data": DEMO, "budget": "thorough"}, settings=settings, hub=hub, rows=4800, tokens=28
    )
    assert longer["seconds"] > found["seconds"]


def test_an_estimate_of_a_language_model_knows_its_test_rows_and_its_answers(settings, hub, tmp_path, monkeypatch):
    folder = tiny.gpt2(tmp_path / "gpt")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"n_layer": 8, "n_embd": 512, "n_head": 8, "vocab_size": 30_000})
    )
    monkeypatch.setattr(inspecting, "_within_caps", lambda *_: None)  # its weights are of another shape
    monkeypatch.setitem(estimating._speeds, "cpu", 53e9)
    recipe = {"teacher": str(folder), "data": {"source": {"test": "x.txt"}}, "formats": ["8bit", "4bit"]}

    def seconds(formats=("8bit", "4bit"), **rows):
        return estimate(recipe | {"formats": list(formats)}, settings=settings, hub=hub, rows=700, tokens=512, **rows)[
            "seconds"
        ]

    short, long = seconds(tested=60_000), seconds(tested=600_000)
    assert 900 < short < 2000, "1,348 on an AMD EPYC without AVX512"
    assert long - short == pytest.approx(2 * 540_000 * 40.5e6 * (1 + 3 + 5) / 26.5e9, rel=0.1), "with its head"
    assert seconds(tested=0) > seconds(formats=["8bit"], tested=0) + 10, (
        "answers are timed, each word reads all weights"
    )


def test_how_fast_the_machine_is_beside_a_run_is_not_remembered(settings, monkeypatch):
    monkeypatch.setattr(estimating, "_speeds", {})
    with lease(settings, "cpu"):
        other = threading.Thread(target=estimating._speed, args=(settings, "cpu"))
        other.start()
        other.join()
    assert not estimating._speeds
    assert estimating._speed(settings, "cpu") == estimating._speeds["cpu"] > 0


def test_an_estimate_knows_the_test_rows_of_small_training_data(settings, hub, tmp_path):
    rows = [f"where is parcel {i}?,{('track order', 'refund')[i % 2]}\n" for i in range(600)]
    for name, lines in (("train", [f"please {row}" for row in rows[:60]]), ("test", rows)):
        (tmp_path / f"{name}.csv").write_text("text,label\n" + "".join(lines))
    source = {name: str(tmp_path / f"{name}.csv") for name in ("train", "test")}
    found = tokens("demo", {"source": source}, settings=settings, hub=hub)
    assert found["tested"] == pytest.approx(600 * found["mean"], rel=0.1) and found["rows"] < 100


def test_a_student_that_is_a_model_of_its_own_is_reckoned_as_that(settings, hub, tmp_path):
    teacher, own = str(tiny.bert(tmp_path / "teacher")), str(ASSETS / "demo" / "teacher")

    def found(**student):
        recipe = {
            "teacher": teacher,
            "data": DEMO,
            "student": student,
            "distill": {"batch_size": 1024, "objective": "logits"},
        }
        return estimate(recipe, settings=settings, hub=hub, rows=4000)

    half, other = found(size="half"), found(model=own)
    own_bytes = 2 * inspect(own, settings=settings, hub=hub)["parameters"]
    assert other["memory_bytes"] > half["memory_bytes"] + 8 * own_bytes
    assert other["seconds"] > half["seconds"] and other["disk_bytes"] > half["disk_bytes"] + own_bytes


def test_a_student_that_has_to_come_from_the_hub_is_a_download(hub_server, hub_as, settings, tmp_path):
    own = tiny.bert(tmp_path / "own")
    hub_server.add("some/own", {path.name: path.read_bytes() for path in own.iterdir()})
    recipe = {"teacher": str(tiny.bert(tmp_path / "teacher")), "data": DEMO, "student": {"model": "some/own"}}
    hub = hub_as()
    found = estimate(recipe, settings=settings, hub=hub)
    assert found["download_bytes"] == (own / "model.safetensors").stat().st_size


def test_memory_is_what_a_container_may_hold_and_what_a_run_may(settings, hub, monkeypatch):
    monkeypatch.setattr(hardware, "_number", lambda path: [2_000_000_000])
    found = estimate({"teacher": "demo", "data": DEMO}, settings=settings, hub=hub)
    assert found["memory_total"] == 1_800_000_000
    tight = replace(settings, max_run_memory_bytes=500_000_000)
    found = estimate({"teacher": "demo", "data": DEMO}, settings=tight, hub=hub)
    assert found["memory_total"] == 500_000_000 and not found["fits"]


def test_memory_is_reckoned_with_the_longest_row(settings, hub):
    def memory(**rows):
        recipe = {"teacher": "demo", "data": DEMO, "distill": {"batch_size": 256}}
        return estimate(recipe, settings=settings, hub=hub, rows=4800, tokens=20, **rows)["memory_bytes"]

    assert memory(longest=60) > memory() > memory(longest=24)


def test_memory_is_reckoned_with_the_rows_that_a_training_holds(settings, hub):
    def memory(rows):
        recipe = {"teacher": "demo", "data": DEMO, "teacher_head": "keep"}
        return estimate(recipe, settings=settings, hub=hub, rows=rows, tokens=50, longest=60)["memory_bytes"]

    assert memory(20_000_000) - memory(10_000_000) == pytest.approx(HELD * 10_000_000 * 50, rel=0.01)


def test_an_estimate_knows_what_is_kept_of_the_teachers_layers(settings, hub):
    def found(**changes):
        recipe = {"teacher": "demo", "data": DEMO, "formats": [], **changes}
        return estimate(recipe, settings=settings, hub=hub, rows=4800, tokens=28)

    alone = found(distill={"objective": "logits"})
    disk = found()["disk_bytes"] - alone["disk_bytes"]
    assert disk == pytest.approx(2 * 4800 * 28 * 256 * 3, rel=0.01), "16 bits of 256 numbers a token in three layers"
    searched = found(target={"max_megabytes": 2})["disk_bytes"]
    known = found(target={"max_megabytes": 2}, distill={"objective": "logits"})["disk_bytes"]
    narrow = 2 * 4 * 4800 * 28 * 28 * 6  # relations, of three times as many made-up texts
    assert searched - known == pytest.approx(2 * 4800 * 28 * 256 * 6 + narrow, rel=0.01)
    large = {"batch_size": 1024}
    memory = found(distill=large)["memory_bytes"] - found(distill=large | {"objective": "logits"})["memory_bytes"]
    assert memory == pytest.approx(10 * 1024 * 64 * 256 * 3, rel=0.01), "64: the longest text that is reckoned with"


def test_the_room_for_a_run_is_reckoned_by_the_size_of_its_file(settings, hub, tmp_path):
    def needed(lines, times=1, **distill):
        path = tmp_path / f"{lines}.csv"
        text = " ".join(["where is my parcel"] * times)
        path.write_text("text,label\n" + f"{text},track order\n" * lines, encoding="utf-8")
        recipe = Recipe.parse({"teacher": "demo", "data": {"source": {"train": str(path)}}, "distill": distill})
        return estimating.disk_needed(recipe, settings=settings, hub=hub)[0]

    assert needed(100_000) - needed(100) > 5_000_000
    long = needed(10, times=200_000, objective="logits") - needed(10, objective="logits")
    assert long < 4 * 38_000_000, "texts are cut before they are encoded"


def test_a_run_that_cannot_fit_is_refused_with_what_would_fit(settings, hub, monkeypatch):
    asked = {"teacher": "demo", "data": DEMO, "teacher_head": "keep", "distill": {"batch_size": 2048}}
    free = estimate(asked, settings=settings, hub=hub, rows=4800, tokens=60)
    between = (free["memory_by_size"]["half"] + free["memory_by_size"]["tiny"]) // 2
    monkeypatch.setattr(estimating, "_memory_total", lambda settings, device: between)
    found = estimate(asked, settings=settings, hub=hub, rows=4800, tokens=60)
    assert not found["fits"]
    assert "would not finish" in found["problem"]
    assert "tiny" in found["would_fit"]
    assert "half" not in found["would_fit"]


def test_a_card_has_its_own_memory_and_models_are_quantized_in_the_machines(settings, hub, monkeypatch):
    monkeypatch.setattr(hardware, "default_device", lambda: "cuda")
    monkeypatch.setitem(estimating._speeds, "cuda", 100e12)
    card, machine = 24_000_000_000, 64_000_000_000
    monkeypatch.setattr(estimating, "_memory_total", lambda settings, device: card)
    monkeypatch.setattr(hardware, "memory_limit", lambda settings: machine)
    only = {"teacher": "demo", "student": None, "data": DEMO, "formats": ["4bit"]}

    def found(of, asked=only):
        with monkeypatch.context() as patch:
            real = reckoning.Model.of

            def larger(*given):
                model = real(*given)
                grown = {**model.card, "parameters": of, "bytes": 2 * of}
                return replace(model, card=grown | {"layers": 32})

            patch.setattr(reckoning.Model, "of", larger)
            return estimate(asked, settings=settings, hub=hub, rows=4800, tokens=60)

    seven = found(7_000_000_000)
    assert seven["fits"] and 14e9 < seven["memory_bytes"] < 20e9 and seven["memory_total"] == card
    assert "graphics card's memory, which has 24.0 GB" in found(13_000_000_000)["problem"]
    machine = 32_000_000_000
    monkeypatch.setattr(hardware, "memory_limit", lambda settings: machine)
    assert "43.0 GB of memory, and a run may hold 32.0 GB" in found(7_000_000_000)["problem"]


def test_a_small_models_training_takes_a_card_as_long_as_its_layers_are_many(settings, hub, monkeypatch):
    monkeypatch.setattr(hardware, "default_device", lambda: "cuda")
    monkeypatch.setitem(estimating._speeds, "cuda", 500e12)
    monkeypatch.setattr(estimating, "_memory_total", lambda settings, device: 24_000_000_000)
    asked = {"teacher": "demo", "data": DEMO, "student": {"cut": {"layers": 2}}, "formats": []}

    def seconds(epochs):
        epochs = {"distill": {"epochs": epochs, "augment": "none"}}
        return estimate(asked | epochs, settings=settings, hub=hub, rows=4800, tokens=60)["seconds"]

    assert seconds(30) - seconds(3) == pytest.approx(27 * 150 * (0.01 + 2 * 0.004), rel=0.05)


def test_a_teacher_that_cannot_be_cut_can_still_teach_another_model(settings, hub, tmp_path, monkeypatch):
    def refuse(config):
        raise CannotCutError("two stacks")

    monkeypatch.setattr(shapes, "shape_of", refuse)
    teacher = str(tiny.bert(tmp_path / "bert"))
    recipe = {"teacher": teacher, "data": DEMO, "student": {"model": "some/other"}}
    assert estimate(recipe, settings=settings, hub=hub, rows=100)["fits"]
