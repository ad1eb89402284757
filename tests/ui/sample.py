"""A report as a run of text classification leaves it, for the tests of the page."""

from __future__ import annotations

from typing import Any

from compressor.report import Report

EVIL = "<img src=x onerror=alert(1)>"


def variant(name: str, size: int, value: float, kept: float, ms: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "dtype": "bfloat16",
        "path": f"variants/{name}",
        "load": "print(1)",
        "bytes": size,
        "parameters": size // 2,
        "quality": {
            "metric": "accuracy",
            "better": "higher",
            "value": value,
            "ci95": (value - 0.02, value + 0.02),
            "rows": 500,
        },
        "retained": kept,
        "agreement": kept,
        "latency_ms": {"p50": ms, "p95": ms * 1.4},
        "throughput": 1000 / ms,
        "peak_memory_bytes": size * 4,
        "measured_on": {"device": "cpu", "threads": 2, "length": 32},
        **more,
    }


def report(*variants: dict[str, Any], **more: Any) -> Report:
    made = variants or (
        variant("teacher", 90_000_000, 0.90, 1.0, 9.0),
        variant("student", 45_000_000, 0.88, 0.978, 4.5),
        variant("student-8bit", 22_500_000, 0.87, 0.967, 7.0),
        variant("student-4bit", 18_000_000, 0.86, 0.956, 14.0),
    )
    return Report.model_validate({"task": "text-classification", "teacher": "demo", "variants": list(made), **more})
