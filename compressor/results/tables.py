"""What was measured → report rows, `flips.csv` and `predictions.parquet`. Shared by runs and by quick comparisons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.measure import Measured
from compressor.report import Quality, Variant
from compressor.results.flips import NUMBERS, flipped, gap_of
from compressor.system.whole import fresh
from compressor.tasks.base import Task

if TYPE_CHECKING:
    from datasets import Dataset

FIXED = ("row", "text", "text_pair", "label")
"""Columns of the tables that no variant may be called."""


SIGNED = re.compile(r"[+-][0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


@dataclass(frozen=True)
class Row:
    """One measured variant and what is known of it besides."""

    measured: Measured
    base: str | None
    format: str
    path: str
    load: str
    revision: str | None = None
    notes: tuple[str, ...] = ()
    robustness: Mapping[str, Quality] = field(default_factory=dict)


def variants_of(rows: Sequence[Row]) -> tuple[Variant, ...]:
    """Report rows; the first is what the others are held against."""
    first = rows[0].measured.quality
    return tuple(
        Variant(
            name=row.measured.name,
            base=row.base,
            format=row.format,
            runtime=row.measured.runtime,
            dtype=row.measured.dtype,
            revision=row.revision,
            path=row.path,
            load=row.load,
            bytes=row.measured.bytes,
            parameters=row.measured.parameters,
            quality=row.measured.quality,
            metrics=row.measured.metrics,
            retained=retained(row.measured.quality, first),
            difference=row.measured.difference,
            agreement=row.measured.agreement,
            robustness=dict(row.robustness),
            latency_ms=row.measured.latency_ms,
            throughput=row.measured.throughput,
            peak_memory_bytes=row.measured.peak_memory_bytes,
            measured_on=row.measured.measured_on,
            notes=(*row.notes, *row.measured.notes),
        )
        for row in rows
    )


def retained(quality: Quality | None, teacher: Quality | None) -> float | None:
    """Quality over the teacher's, inverted where lower is better; None where there is nothing to divide by."""
    if quality is None or teacher is None or quality.metric != teacher.metric:
        return None
    above, below = (quality, teacher) if quality.better == "higher" else (teacher, quality)
    return above.value / below.value if below.value > 0 else None


def write_tables(out: Path, task: Task, labels: Sequence[str], rows: Dataset, measured: Sequence[Measured]) -> None:
    """`predictions.parquet` (every test row, every variant) and `flips.csv` (rows where one differs from the first).

    Nothing is written where the task has no prediction a row (text generation).
    """
    import pyarrow
    from pyarrow import parquet

    texts = [c for c in ("text", "text_pair") if c in rows.column_names]
    table: dict[str, list[Any]] = {c: list(rows[c][:]) for c in texts}
    truth = rows["label"][:] if "label" in rows.column_names else [None] * len(rows)
    table["label"] = [task.shown_label(x, labels) for x in truth]
    names = []
    for one in measured:
        if one.outputs is None or not (shown := task.shown(one.outputs, labels)):
            continue
        names.append(one.name)
        table[one.name] = [name for name, _ in shown]
        table[f"{one.name}:score"] = [score for _, score in shown]
    if not names:
        return
    numbers = next(task.decisions(one.outputs) is None for one in measured if one.outputs is not None)
    gap = gap_of(table[names[0]]) if numbers else None
    with fresh(out / "predictions.parquet") as part:
        metadata = {NUMBERS: repr(gap).encode()} if gap is not None else None
        parquet.write_table(pyarrow.table(table).replace_schema_metadata(metadata), part)
    _write_flips(out / "flips.csv", table, texts, names, gap)


def _write_flips(
    path: Path, table: dict[str, list[Any]], texts: Sequence[str], names: Sequence[str], gap: float | None
) -> None:
    header = ["row", *texts, "label", *(c for name in names for c in (name, f"{name}:score"))]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    first = table[names[0]]
    for i in sorted({i for name in names[1:] for i in flipped(first, table[name], gap)}):
        writer.writerow([i, *(_plain(table[c][i]) for c in header[1:])])
    with fresh(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8", newline="")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.4f}"
    # A spreadsheet would run a cell that starts like a formula; a number with its sign is none.
    if (
        isinstance(value, str)
        and len(value) > 1
        and not SIGNED.fullmatch(value)
        and value[0] in ("=", "+", "-", "@", "\t", "\r")
    ):
        return "'" + value
    return value
