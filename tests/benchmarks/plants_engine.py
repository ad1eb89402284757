"""Bugs of the engine that a test has to notice: see `planted_bugs.py`."""

from __future__ import annotations

PLANTS = [
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
        "perplexity kept is upside down", "compressor/results/tables.py",
        'if quality.better == "higher" else', "if True else", "tests/results/test_tables.py",
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
        "a half-published repo is left behind", "compressor/publishing/publish.py",
        "        hub.repos.delete(repo)", "        pass", "tests/publishing/test_faults.py tests/publishing/test_publish.py",
    ),
    (
        "flips list every row", "compressor/results/tables.py",
        "if any(table[name][i] != table[first][i] for name in names[1:]):", "if True:", "tests/results/test_tables.py",
    ),
    (
        "test rows stay in training", "compressor/data/splits.py",
        "if inside.any() else (part, 0)", "if False else (part, 0)", "tests/data/test_splits.py tests/data/test_prepare.py",
    ),
]  # fmt: skip
