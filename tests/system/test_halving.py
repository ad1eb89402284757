"""Half the batch where memory ran out, in a real training whose process may not hold more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from compressor.errors import ModelError, OutOfMemoryError
from compressor.events import read_events
from compressor.runfolder import RunFolder
from compressor.system import halving, processes
from tests import tiny

RUN = """
import json, sys
from pathlib import Path
from compressor import pipeline
from compressor.system import halving, processes
from compressor.recipe import Recipe
from compressor.settings import Settings
import torch, transformers, datasets
from transformers import Trainer, BertForSequenceClassification

teacher, rows, out, limit, at = sys.argv[1:]
recipe = Recipe.parse({
    "teacher": teacher, "data": {"source": {"train": rows}}, "student": {"size": "half"}, "formats": [],
    "distill": {"epochs": 1, "batch_size": 1024},
})
torch.randn(512, 512) @ torch.randn(512, 512)  # its threads: without room for them the OpenMP library ends the process
torch.randn(1 << 20).exp()


def limit_memory():
    held = next(int(l.split()[1]) * 1024 for l in open("/proc/self/status") if l.startswith("VmData"))
    processes.limit_memory(held + int(limit))


def patiently(run, stage, *arguments, **named):
    if stage == at:  # not before: what reads and cuts texts ends its process where it gets no memory
        limit_memory()
    return unlimited(run, stage, *arguments, **named)


if at:
    unlimited, halving.patiently = halving.patiently, patiently
else:
    limit_memory()
report = pipeline.run(recipe, Path(out), settings=Settings(data_dir=Path(out) / "data"))
print(json.dumps([v.quality.value for v in report.variants]))
"""


def limited(folder, limit: int, name: str, teacher: str = "teacher", at: str = ""):
    """A run whose process may hold `limit` bytes more than torch and its threads do; than it does when the stage `at` begins."""
    arguments = [folder / teacher, folder / "rows.csv", folder / name, limit, at]
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=processes.ROOT, timeout=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("halving")
    tiny.bert(folder / "teacher")
    texts, labels = tiny.texts(5600)
    lines = [f"{' '.join(texts[4 * i : 4 * i + 4])},{('negative', 'positive')[labels[4 * i]]}" for i in range(1400)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]))
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_training_whose_memory_runs_out_goes_on_with_smaller_parts_and_says_so(folder):
    said = []
    while (done := limited(folder, 400_000_000, "limited")).returncode and len(said) < 4:  # as a backend does
        said.append(done.stderr.splitlines()[-1])
    assert done.returncode == 0 and said, done.stderr
    assert all("AgainError: Memory ran out. Start the run again" in line for line in said)
    run = RunFolder(folder / "limited")
    events, _ = read_events(run.events_file)
    retried = [event for event in events if event.get("event") == "retried"]
    assert {event["stage"] for event in retried} <= {"distill", "teacher-logits"} and retried
    assert halving.parts_of(run, "distill") > 1
    assert halving.said(run, "distill") in run.report().variant("student").notes
    assert json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_memory_that_is_not_enough_for_one_row_is_a_sentence(folder):
    run = RunFolder(folder / "hopeless")
    while halving.halve(run, "teacher-logits") is not None:
        pass
    tiny.bert(folder / "wide", intermediate_size=1 << 18, hidden_size=16, num_hidden_layers=2)  # 1 MiB a token, twice
    done = limited(folder, 2_000_000, "hopeless", "wide", at="teacher-logits")
    assert done.returncode == 1, done.stderr
    state = run.state()
    assert (
        state["status"] == "failed"
        and state["stage"] == "teacher-logits"
        and "one row at a time" in state["error"]
        and "Traceback" not in state["error"]
    )


def test_parts_divide_the_batch_and_come_to_an_end(tmp_path):
    run = RunFolder(tmp_path)
    run.write_state(stage="distill")
    said = []
    while (reason := halving.halve(run, "distill")) is not None:
        said.append((halving.parts_of(run, "distill"), reason))
    assert [parts for parts, _ in said] == [2, 4, 8, 16, 32]
    assert "with 8 rows at a time in place of 16" in said[1][1]
    assert halving.halve(run, "measure") is None and halving.parts_of(run, "measure") == 1


def test_only_memory_is_tried_again(tmp_path):
    run, tries = RunFolder(tmp_path), []

    def hungry(parts):
        tries.append(parts)
        if parts < 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes")
        return "made"

    notes = []
    assert halving.patiently(run, "distill", hungry, notes.append) == "made"
    assert tries == [1, 2, 4] and len(notes) == 2
    assert halving.patiently(run, "distill", lambda parts: parts, notes.append) == 4  # remembered for a resume

    def never(parts):
        raise MemoryError

    with pytest.raises(OutOfMemoryError, match="one row at a time"):
        halving.patiently(run, "distill", never, notes.append)

    def wrong(parts):
        raise ModelError("no")

    with pytest.raises(ModelError):
        halving.patiently(run, "fine-tune", wrong, notes.append)
