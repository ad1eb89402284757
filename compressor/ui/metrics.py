"""How a metric of a report is named and written, from the task that declares it."""

from __future__ import annotations

from compressor.errors import CompressorError
from compressor.report import Quality, Report
from compressor.tasks import TASKS, get
from compressor.ui.text import DASH, percent


def metric_title(name: str) -> str:
    """`f1_macro` is `Macro-F1`; a name that no task declares stands as it is."""
    for task in TASKS.values():
        for metric in task.metrics:
            if metric.name == name:
                return metric.title
    return name


def in_a_sentence(name: str) -> str:
    """The metric's title as it stands within a sentence: `accuracy`, but `F1` and `Macro-F1`."""
    title = metric_title(name)
    return title if title[1:2].isupper() or "-" in title else title[:1].lower() + title[1:]


def is_percent(name: str) -> bool:
    return any(metric.percent for task in TASKS.values() for metric in task.metrics if metric.name == name)


def value(quality: Quality | None, digits: int = 1) -> str:
    """The measured value: `89.2 %` or `12.41`."""
    if quality is None:
        return DASH
    return percent(quality.value, digits) if is_percent(quality.metric) else f"{quality.value:.3g}"


def interval(quality: Quality | None) -> str:
    """Its 95 % interval: `87.6 – 90.5 %`."""
    if quality is None:
        return ""
    low, high = quality.ci95
    return f"{low * 100:.1f} – {high * 100:.1f} %" if is_percent(quality.metric) else f"{low:.3g} – {high:.3g}"


def task_title(name: str) -> str:
    try:
        return get(name.partition("/")[0]).title
    except CompressorError:
        return name


def generates(report: Report) -> bool:
    """Whether the report is of models that write text (their answers are texts, not labels)."""
    return report.task.partition("/")[0] == "text-generation"
