"""How long a student takes, beside what a skilled user writes with transformers' Trainer, and beside training with no teacher.

    python -m tests.benchmarks.speed BASELINE TEACHER DATA OUT [--layers 3] [--epochs 3 10] [--seeds 0 1 2] [--limit 3000]

BASELINE is a script that distils TEACHER, a text classifier's folder, with `--mode b0` (as it is published) and `--mode b1`
(bfloat16, batches of like length), taking --teacher, --train, --test, --layers, --epochs, --limit, --seed, --max-length and
--save. DATA has train.csv, test.csv and perhaps validation.csv, with the columns text and label. All modes copy the same
layers and minimise the same loss at the same rate; `alone` is this project's training on the labels alone.

Seconds are from the start of a process to its student's end: imports, tokenization, the teacher's pass, training and (for this
project, which picks the best of them) evaluations. The baseline's test has a few rows only, so that it does not count.
Memory is the process's peak until then. Accuracy is of the saved students, on all rows of test.csv, by one and the same code.
The modes of a seed run one after the other, each alone. Finished ones in OUT are taken as they are.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import runs

LENGTH, BATCH, RATE, TEMPERATURE, ALPHA = 128, 32, 1e-4, 2.0, 0.5
MODES = ("b0", "b1", "alone", "ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("baseline", "teacher", "data", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--epochs", type=int, nargs="+", default=[3, 10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for epochs in asked.epochs:
        found: dict[str, list[dict[str, float]]] = {mode: [] for mode in asked.modes}
        for seed in asked.seeds:
            for mode in asked.modes:
                found[mode].append(one(asked, mode, epochs, seed))
                print(epochs, seed, mode, found[mode][-1], file=sys.stderr)
        print(table(epochs, found))


def one(asked: argparse.Namespace, mode: str, epochs: int, seed: int) -> dict[str, float]:
    """`{"seconds", "megabytes", "accuracy"}` of one student."""
    kept = asked.out / f"{mode}-{epochs}-{seed}.json"
    if not kept.is_file():
        folder = kept.with_suffix("")
        shutil.rmtree(folder, ignore_errors=True)
        make = engine if mode in ("alone", "ours") else baseline
        result, student = make(asked, mode, epochs, seed, folder)
        result["accuracy"] = accuracy(student, asked.data / "test.csv")
        kept.write_text(json.dumps(result), encoding="utf-8")
    done: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
    return done


def baseline(asked: argparse.Namespace, mode: str, epochs: int, seed: int, folder: Path) -> tuple[dict[str, Any], Path]:
    few = asked.out / "few.csv"
    few.write_text(
        "".join((asked.data / "test.csv").read_text(encoding="utf-8").splitlines(True)[:9]), encoding="utf-8"
    )
    options = {
        "teacher": asked.teacher, "train": asked.data / "train.csv", "test": few, "layers": asked.layers, "epochs": epochs,
        "limit": asked.limit, "seed": seed, "mode": mode, "max-length": LENGTH, "batch-size": BATCH, "learning-rate": RATE,
        "temperature": TEMPERATURE, "alpha": ALPHA, "save": folder,
    }  # fmt: skip
    command = [sys.executable, str(asked.baseline), *(str(x) for k, v in options.items() for x in (f"--{k}", v))]
    seconds, megabytes = watched(command, None)
    return {"seconds": seconds, "megabytes": megabytes}, folder


def engine(asked: argparse.Namespace, mode: str, epochs: int, seed: int, folder: Path) -> tuple[dict[str, Any], Path]:
    recipe = runs.of(str(asked.teacher), asked.data) | {
        "student": {"cut": {"layers": asked.layers}},
        "distill": {
            "objective": "logits", "epochs": epochs, "temperature": TEMPERATURE, "alpha": ALPHA if mode == "ours" else 1.0,
            "learning_rate": RATE, "batch_size": BATCH, "dropout": 0.0,
        },
        "formats": [],
        "seed": seed,
    }  # fmt: skip
    recipe["data"] |= {"limit": asked.limit, "max_length": LENGTH}
    seconds, megabytes = watched(runs.command(recipe, folder), folder / "events.jsonl")
    return {"seconds": seconds, "megabytes": megabytes}, folder / "variants" / "student"


def watched(command: list[str], events: Path | None) -> tuple[float, float]:
    """(seconds, peak megabytes) of a process, to its end or to the event that says that the student is made."""
    began, peak = time.time(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        ended = None
        while process.poll() is None:
            if ended is None:
                peak = max(peak, high_water(process.pid))
                ended = made(events) if events is not None else None
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"This command failed: {' '.join(command)}")
    return (ended or time.time()) - began, peak


def made(events: Path) -> float | None:
    """When the student was made, in seconds since the epoch."""
    if events.is_file():
        for line in events.read_text(encoding="utf-8").splitlines():
            if '"stage-finished"' in line and '"distill"' in line and line.endswith("}"):
                return float(json.loads(line)["time"])
    return None


def high_water(pid: int) -> float:
    """A process's largest memory so far, in megabytes; Linux says it."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


def accuracy(folder: Path, test: Path) -> float:
    """Of a saved student, in float32, a row at its own length."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    with test.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: len(row["text"]))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    right = 0
    for start in range(0, len(rows), 64):
        some = rows[start : start + 64]
        batch = tokenizer(
            [row["text"] for row in some], truncation=True, max_length=LENGTH, padding=True, return_tensors="pt"
        )
        with torch.inference_mode():
            said = model(**batch).logits.argmax(-1).tolist()
        right += sum(model.config.id2label[i] == row["label"] for i, row in zip(said, some, strict=True))
    return right / len(rows)


def table(epochs: int, found: dict[str, list[dict[str, float]]]) -> str:
    """Means over the seeds, as Markdown; ratios are medians of each seed's own."""
    ours = found.get("ours", [])
    lines = [f"| {epochs} epochs | seconds | × of ours | peak memory | accuracy |", "|---|---:|---:|---:|---:|"]
    for mode, rows in found.items():
        ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(rows, ours, strict=True)) if ours else 1.0
        mean = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
        lines.append(
            f"| {mode} | {mean['seconds']:.1f} | {ratio:.2f} | {mean['megabytes']:.0f} MB | {mean['accuracy']:.4f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
