"""Which kinds of untidy text a report measured, in the order and the words in which they are shown."""

from __future__ import annotations

from compressor.report import Report

TITLES = {"plain": "as they are", "typos": "with typos", "case": "in capitals", "shortened": "cut short"}


def kinds(report: Report) -> list[str]:
    """Of `TITLES`, those that some variant was measured on; fewer than two are nothing to compare."""
    found = [kind for kind in TITLES if any(kind in v.robustness for v in report.variants)]
    return found if len(found) > 1 else []
