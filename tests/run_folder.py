"""A finished run's folder, made by hand: what publishing reads, without a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compressor.recipe import Recipe
from compressor.report import Latency, MeasuredOn, Quality, Report, Variant
from tests.hub_fixture import MODEL
from tests.hub_store import Repo, tiny_safetensors

TEACHER = {"id": "x/teacher", "sha": "c" * 40, "license": "mit", "languages": ["en"]}
RECIPE: dict[str, Any] = {
    "teacher": "x/teacher",
    "task": "text-classification",
    "data": {"source": "x/reviews", "limit": 2000},
    "student": {"size": "half"},
}
SNIPPET = 'from transformers import pipeline\nprint(pipeline("text-classification", {reference!r})("good"))'


def variant(name: str, base: str | None, fmt: str, size: int, retained: float | None, **more: Any) -> Variant:
    value = None if retained is None else 0.9 * retained
    quality = None
    if value is not None:
        interval = (value - 0.02, value + 0.02)
        quality = Quality(metric="accuracy", better="higher", value=value, ci95=interval, rows=1821)
    values: dict[str, Any] = {
        "name": name,
        "base": base,
        "format": fmt,
        "dtype": "float32",
        "path": f"variants/{name}",
        "load": SNIPPET.format(reference=f"variants/{name}"),
        "bytes": size,
        "parameters": size // 4,
        "quality": quality,
        "retained": retained,
        "agreement": retained,
        "latency_ms": Latency(p50=size / 1e6, p95=size / 5e5),
        "throughput": 100.0,
        "peak_memory_bytes": 2 * size,
        "measured_on": MeasuredOn(device="cpu", threads=2, length=32),
    }
    return Variant(**{**values, **more})


VARIANTS = (
    variant("teacher", None, "float", 90_000_000, 1.0, path="/somewhere/teacher", revision="c" * 40),
    variant("student", "teacher", "float", 45_000_000, 0.98, notes=("Two rows stand in both training and test.",)),
    variant("student-8bit", "student", "8bit", 20_000_000, 0.97),
    variant("student-4bit", "student", "4bit", 15_000_000, 0.91),
)


def make(
    folder: Path,
    variants: Sequence[Variant] = VARIANTS,
    recipe: Mapping[str, Any] | None = None,
    teacher: Mapping[str, Any] | None = TEACHER,
    **report: Any,
) -> Path:
    """The folder, with harmless stand-ins for the models (and a pickle beside each, as trainers leave them)."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = Recipe.parse({**RECIPE, **(recipe or {})})
    (folder / "recipe.yaml").write_text(asked.to_yaml(), encoding="utf-8")
    if teacher is not None:
        (folder / "teacher.json").write_text(json.dumps(teacher), encoding="utf-8")
    values: dict[str, Any] = {"task": "text-classification", "teacher": asked.teacher, "versions": {"torch": "2.13.0"}}
    made = Report(variants=tuple(variants), **{**values, **report})
    (folder / "report.json").write_text(made.to_json(), encoding="utf-8")
    for number, one in enumerate(variants):
        place = folder / one.path
        if not place.is_relative_to(folder):
            continue
        place.mkdir(parents=True)
        for name in ("config.json", "tokenizer.json", "training_args.bin", "README.md"):
            (place / name).write_bytes(MODEL[name])
        (place / "model.safetensors").write_bytes(tiny_safetensors(100 + number))
    return folder


NAMES = {"config.json", "tokenizer.json", "model.safetensors", "README.md", "recipe.yaml"}
"""What a published repo holds of these stand-ins."""


def is_whole(repo: Repo, run: Path, name: str) -> bool:
    """Whether a repo holds everything of a variant, byte by byte."""
    local = run / "variants" / name
    return set(repo.files) == NAMES and all(
        hashlib.sha256(repo.files[n]).digest() == hashlib.sha256((local / n).read_bytes()).digest()
        for n in NAMES - {"README.md", "recipe.yaml"}
    )
