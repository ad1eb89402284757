"""How fast each version answers, interleaved in one run: a teacher and its `half` student in torch (32 bits and bf16),
bitsandbytes, ONNX and OpenVINO.

    python -m tests.benchmarks.runtimes TEACHER DATA OUT [--rounds 12]

TEACHER is a folder with a text classifier, DATA one with train.csv, validation.csv and test.csv (or `demo` for both:
what is embedded). Two runs make the versions in OUT (finished ones are taken as they are): of the teacher itself, and
of its half student. Then each version is loaded in a process of its own, on two threads; they take turns, one text of
32 and of 128 tokens, forty calls a turn. Prints a table: bytes as a share of the teacher's in 32 bits, quality and
agreement on the test rows, agreement with the float model that it was made from, median milliseconds, and how many
times as fast as the teacher in 32 bits (the median of the turns' ratios).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import runs

LENGTHS = (32, 128)
CALLS = 40
FORMATS = ["8bit", "4bit", "onnx", "onnx-int8", "openvino-int8"]


# ------------------------------------------------------------------ one version, in its own process


def child(kind: str, folder: Path, threads: int) -> None:
    from compressor import models, tasks
    from compressor.formats import get
    from compressor.settings import prepare_environ

    prepare_environ()
    task = tasks.get("text-classification")
    if kind in ("float32", "bfloat16"):
        import torch

        from compressor.formats.torch_runner import TorchRunner

        torch.set_num_threads(threads)
        runner: Any = TorchRunner(models.load_model(folder, task, dtype=getattr(torch, kind), strict=False))
    else:
        runner = get(kind).load(folder, task, threads=threads)
    chance = np.random.default_rng(0)
    most = min(20_000, int(models.read_config(folder).get("vocab_size", 20_000)) - 1)
    batches = {}
    for length in LENGTHS:
        ids = chance.integers(most // 20, most, (1, length))
        batches[length] = {
            "input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)
        }  # fmt: skip
        for _ in range(10):
            runner.predict(batches[length])
    print("ready", flush=True)
    for line in sys.stdin:
        batch, took = batches[int(line)], []
        for _ in range(CALLS):
            start = time.perf_counter()
            runner.predict(batch)
            took.append(time.perf_counter() - start)
        print(1000 * float(np.median(took)), flush=True)


# ------------------------------------------------------------------ the two runs


def make(teacher: str, data: str, out: Path) -> dict[str, dict[str, Any]]:
    """{version: its row of the report}, of both runs; folders are absolute."""
    found: dict[str, dict[str, Any]] = {}
    for name, student in (("teacher", None), ("half", {"size": "half"})):
        recipe = runs.of(teacher, data) | {"student": student, "formats": FORMATS}
        for row in runs.rows(recipe, out / name):
            found.setdefault(row["name"], row | {"predictions": str(out / name / "predictions.parquet")})
    return found


def kept(rows: dict[str, dict[str, Any]], name: str) -> float:
    """Share of the test rows on which a version predicts what the model that it was made from does."""
    import pandas as pd

    row = rows[name]
    table = pd.read_parquet(row["predictions"])
    base = row["base"] or name
    return float((table[name] == table[base]).mean())


# ------------------------------------------------------------------ turns


def turns(versions: dict[str, tuple[str, str]], rounds: int, threads: int) -> dict[tuple[str, int], np.ndarray]:
    """{(version, length): median milliseconds of each turn}."""
    command = [sys.executable, "-m", "tests.benchmarks.runtimes", "--child"]
    processes = {
        name: subprocess.Popen(
            [*command, kind, folder, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, (kind, folder) in versions.items()
    }
    took: dict[tuple[str, int], list[float]] = {}
    try:
        for name, process in processes.items():
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{name} did not load")
        for _ in range(rounds):
            for length in LENGTHS:
                for name, process in processes.items():
                    assert process.stdin is not None and process.stdout is not None
                    time.sleep(0.3)  # threads of the one before spin for a while
                    process.stdin.write(f"{length}\n")
                    process.stdin.flush()
                    took.setdefault((name, length), []).append(float(process.stdout.readline()))
    finally:
        for process in processes.values():
            process.kill()
    return {key: np.array(values) for key, values in took.items()}


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    rows = make(asked.teacher, asked.data, asked.out)
    teacher = rows["teacher"]
    versions = {
        "teacher, torch float32": ("float32", teacher["folder"]),
        "teacher, torch bf16": ("bfloat16", teacher["folder"]),
    }
    names = {"teacher, torch float32": "teacher", "teacher, torch bf16": ""}
    for name, row in rows.items():
        if name != "teacher":
            title = name.replace("student", "half")
            versions[title] = (row["format"] if row["format"] != "float" else row["dtype"], row["folder"])
            names[title] = name
    took = turns(versions, asked.rounds, asked.threads)
    whole = 4 * teacher["parameters"]
    print("| version | bytes | accuracy | as the teacher | as its float model | " + " | ".join(f"ms at {n}" for n in LENGTHS)
          + " | " + " | ".join(f"× at {n}" for n in LENGTHS) + " |")  # fmt: skip
    print("|---|" + "---:|" * (4 + 2 * len(LENGTHS)))
    for title, name in names.items():
        cells = [""] * 4
        if name:
            row = rows[name]
            cells = [
                f"{row['bytes'] / whole:.3f}×",
                f"{row['quality']['value']:.3f}",
                f"{row['agreement']:.2%}",
                f"{kept(rows, name):.2%}",
            ]
        ms = [f"{np.median(took[title, n]):.2f}" for n in LENGTHS]
        times = [f"{np.median(took['teacher, torch float32', n] / took[title, n]):.2f}" for n in LENGTHS]
        print(f"| {title} | " + " | ".join([*cells, *ms, *times]) + " |")


if __name__ == "__main__":
    main()
