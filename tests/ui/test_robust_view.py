"""The table of how models cope with untidy text."""

from __future__ import annotations

from compressor.report import Quality, Report, Variant
from compressor.ui import robust_view


def variant(name: str, **accuracies: float) -> Variant:
    found = {
        kind: Quality(metric="accuracy", better="higher", value=value, ci95=(value, value), rows=500)
        for kind, value in accuracies.items()
    }
    return Variant(name=name, dtype="bfloat16", path=name, load="", bytes=1, parameters=1, robustness=found)


def report(*variants: Variant) -> Report:
    return Report(task="text-classification", teacher="t", variants=variants)


def test_each_kind_stands_beside_what_it_costs() -> None:
    shown = robust_view.table(report(variant("teacher", plain=0.9, typos=0.88), variant("<b>", plain=0.87, typos=0.87)))
    assert "Accuracy on untidy text" in shown and "500 of the test rows" in shown
    assert "88.0 %" in shown and "−2.0" in shown and "±0.0" in shown
    assert "&lt;b&gt;" in shown and "In capitals" not in shown


def test_nothing_is_shown_where_nothing_was_measured() -> None:
    assert robust_view.table(report(variant("teacher"), variant("student"))) == ""
    assert robust_view.table(report(variant("teacher", plain=0.9))) == ""
