"""Breaks one line at a time in a copy of the project, and shows which test goes red. A bug that none notices fails the script.

    python -m tests.benchmarks.planted_bugs [WORD]     only those whose name has WORD in it

Each row of BUGS is (name, file, the line as it is, the line broken, the tests that are to notice).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUGS = [
    (
        "alpha swapped", "compressor/training/objective.py",
        "self.alpha * self.task.hard_loss(logits, labels) + (1 - self.alpha) * soft",
        "(1 - self.alpha) * self.task.hard_loss(logits, labels) + self.alpha * soft", "tests/tasks/test_losses.py",
    ),
    (
        "temperature not squared", "compressor/tasks/text_classification.py",
        "return loss * temperature**2", "return loss * temperature", "tests/tasks/test_losses.py",
    ),
    (
        "head gets quantized", "compressor/formats/bitsandbytes.py",
        "skip = kept_modules(meta, heads, unfit)", "skip = unfit", "tests/formats/test_bitsandbytes.py",
    ),
    (
        "labels mapped by position where names differ", "compressor/data/matching.py",
        "by_name = {name: _find(name, lookup) for name in rest}",
        "by_name = {name: i for i, name in enumerate(rest)}", "tests/data/test_labels.py",
    ),
    (
        "latency without warm-up", "compressor/measure/work.py",
        "    task.step(runner, batch)\n    found = []", "    found = []",
        "tests/measure/test_parts.py tests/measure/test_measuring.py",
    ),
    (
        "token written to the log", "compressor/jobs/secrecy.py",
        "return text.replace(token, HIDDEN) if token else text", "return text", "tests/backends",
    ),
    (
        "resumed epochs see other batches", "compressor/training/rows.py",
        "random = np.random.default_rng([self.seed, self.epoch])", "random = np.random.default_rng()",
        "tests/training/test_rows.py",
    ),
    (
        "teacher's logits in the wrong order", "compressor/training/teacher.py",
        "found[index] = logits", "found[done : done + len(index)] = logits", "tests/training/test_trainer.py",
    ),
    (
        "frozen embeddings are trained", "compressor/training/trainer.py",
        "parameter.requires_grad_(name not in frozen)", "parameter.requires_grad_(True)", "tests/training/test_trainer.py",
    ),
    (
        "perplexity kept is upside down", "compressor/results.py",
        'if quality.better == "higher" else', "if True else", "tests/test_results.py",
    ),
    (
        "keys that steer the loader stay", "compressor/models.py",
        "if k not in STEERING and not", "if not", "tests/test_models.py",
    ),
    (
        "missing weights pass in silence", "compressor/models.py",
        'missing = sorted(str(k) for k in info["missing_keys"])', "missing: list[str] = []", "tests/test_models.py",
    ),
    (
        "the first layers are kept in place of evenly spaced ones", "compressor/students/shapes.py",
        "return tuple(round(i * (layers - 1) / (keep - 1)) for i in range(keep))", "return tuple(range(keep))", "tests/students",
    ),
    (
        "a half-published repo is left behind", "compressor/publishing.py",
        "        hub.repos.delete(repo)", "        pass", "tests/test_publishing_faults.py tests/test_publishing.py",
    ),
    (
        "flips list every row", "compressor/results.py",
        "if any(table[name][i] != table[first][i] for name in names[1:]):", "if True:", "tests/test_results.py",
    ),
    (
        "test rows stay in training", "compressor/data/splits.py",
        "if inside.any() else (part, 0)", "if False else (part, 0)", "tests/data/test_splits.py tests/data/test_prepare.py",
    ),
]  # fmt: skip


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "runs"))
        for name, file, line, broken, tests in BUGS:
            if word in name:
                red = planted(copy, file, line, broken, tests)
                missed += red is None
                print(f"{'MISSED' if red is None else 'caught'}  {name}: {red or 'no test went red'}", flush=True)
    sys.exit(1 if missed else 0)


def planted(copy: Path, file: str, line: str, broken: str, tests: str) -> str | None:
    """The first test that goes red with the bug in place, or None."""
    path = copy / file
    good = path.read_text(encoding="utf-8")
    if good.count(line) != 1:
        raise SystemExit(f"{file} has {good.count(line)} lines {line!r}: bring this list up to date")
    path.write_text(good.replace(line, broken), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests.split()]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        lines = [x for x in done.stdout.splitlines() if x.startswith(("FAILED", "ERROR"))]
        return (lines or ["ERROR"])[0].split(" - ")[0] if done.returncode else None
    finally:
        path.write_text(good, encoding="utf-8")


if __name__ == "__main__":
    main()
