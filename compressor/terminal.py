"""How things look in a terminal: the progress bar, the card of a model, the table of a report."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from compressor.report import Report, Variant
from compressor.results import untidy
from compressor.results.searched import searched
from compressor.results.suiting import Suited, formats_for, number
from compressor.results.summary import facts, summary, worth

STAGES = {
    "download": "downloading",
    "data": "reading the data",
    "fine-tune": "fine-tuning the teacher",
    "teacher-logits": "asking the teacher",
    "distill": "distilling",
    "search": "trying sizes",
    "control": "training the same student without the teacher",
    "8bit": "making 8-bit",
    "4bit": "making 4-bit",
    "onnx": "making ONNX",
    "onnx-int8": "making ONNX int8",
    "openvino-int8": "making OpenVINO int8",
    "measure": "measuring",
    "upload": "uploading",
}


CHOSEN_BY = {
    "time": "time",
    "memory": "memory",
    "bytes": "size",
    "bytes-and-time": "size and time together",
}


class Bars:
    """A Progress that draws one bar a stage on stderr; a line a stage where stderr is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), console=self.console, disable=not self.console.is_terminal,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.started = time.perf_counter()
        self.said = ""
        """The last message, as long as it holds: the same one is told once."""

    def __enter__(self) -> Bars:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def __call__(self, stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
        if stage not in self.tasks:
            title = STAGES.get(stage, stage)
            self.tasks[stage] = self.live.add_task(title, total=total or None, rate="")
            if not self.console.is_terminal:
                print(f"[{time.perf_counter() - self.started:6.1f} s] {title}", file=sys.stderr, flush=True)
        if "message" in metrics:
            if (message := str(metrics["message"] or "")) and message != self.said:
                self.console.print(message, style="dim", highlight=False, markup=False)
            self.said = message
        fields: dict[str, Any] = {"rate": f"{metrics['rate']:.0f}/s"} if metrics.get("rate") else {}
        self.live.update(self.tasks[stage], completed=done, total=total or None, **fields)


def card(found: Mapping[str, Any]) -> str:
    """A model's card and its table of sizes, as text."""
    labels = ", ".join(found["labels"][:8]) + (" …" if len(found["labels"]) > 8 else "")
    lines = [
        f"{found['id']}",
        f"  task          {found['task']}",
        f"  architecture  {found['architecture']}",
        f"  parameters    {found['parameters'] / 1e6:.1f} M, {megabytes(found['bytes'])}",
        f"  labels        {labels or '-'}",
        f"  license       {found['license'] or 'not stated'}{' (gated)' if found['gated'] else ''}",
    ]
    if found["sizes"]:
        table = Table(box=None, pad_edge=False)
        for title in (
            "size", "layers", "hidden", "neurons", "parameters", "bf16", "8-bit", "4-bit", "speed-up (estimate)",
        ):  # fmt: skip
            table.add_column(title, justify="left" if title == "size" else "right")
        for row in found["sizes"]:
            sizes = [megabytes(row["bytes"][k]) for k in ("float", "8bit", "4bit")]
            shape = [str(row[k]) for k in ("layers", "hidden", "intermediate")]
            table.add_row(row["size"], *shape, f"{row['parameters'] / 1e6:.1f} M", *sizes, f"{row['speedup']:.1f}×")
        lines += ["", _rendered(table)]
    return "\n".join([*lines, *(f"Note: {note}" for note in found["notes"])])


def table(report: Report) -> str:
    """A report's plain sentence and its table, as text."""
    shown = Table(box=None, pad_edge=False)
    metric = next((v.quality.metric for v in report.variants if v.quality), "quality")
    for title in ("variant", metric, "95 %", "retained", "agreement", "size", "p50", "p95", "per second", "memory"):
        shown.add_column(title, justify="left" if title == "variant" else "right")
    for variant in report.variants:
        shown.add_row(variant.name, *_cells(variant))
    said = [summary(report)]
    if report.search is not None:
        said.insert(0, searched(report))
    if report.control is not None:
        said.append(worth(report.control))
    return "\n".join([*said, "", _rendered(shown), *_untidy(report), *(f"Note: {note}" for note in notes(report))])


def _untidy(report: Report) -> list[str]:
    """The first metric on disturbed rows, as a table of its own; nothing where it was not measured."""
    if not (kinds := untidy.kinds(report)):
        return []
    shown = Table(box=None, pad_edge=False)
    rows = next(q.rows for v in report.variants for q in v.robustness.values())
    shown.add_column(f"{rows} rows", justify="left")
    for kind in kinds:
        shown.add_column(untidy.TITLES[kind], justify="right")
    for v in report.variants:
        if v.robustness:
            shown.add_row(v.name, *(f"{v.robustness[k].value:.4g}" if k in v.robustness else "-" for k in kinds))
    return ["", _rendered(shown)]


def suits(report: Report, found: Suited) -> str:
    """What suits a place and why, in a line or two."""
    place, chosen = found.place, found.variant
    if chosen is None:
        names = ", ".join(f.name for f in formats_for(place, report.task))
        return f"{place.name}: no variant runs there." + (f" Formats that do: {names}." if names else "")
    teacher = report.teacher_variant
    timed = all(number(v, "time", place) is not None for v in (chosen, teacher))
    why = "the one that the others are held against" if chosen is teacher else ", ".join(
        facts(chosen, teacher, timed=timed)
    )  # fmt: skip
    said = [f"{place.name}: {chosen.name}, chosen by {CHOSEN_BY[found.by]} ({why})."]
    if not found.kept:
        said.append("No variant that runs there keeps enough of the quality; it comes nearest.")
    if found.by != place.by and len(found.rivals) > 1:
        said.append(f"{CHOSEN_BY[place.by].capitalize()} cannot be compared for such a place, so size alone decides.")
    if found.level:
        said.append(f"As good within the noise: {', '.join(v.name for v in found.level)}.")
    if found.unmeasured:
        said.append(f"Not counted, for lack of a measurement: {', '.join(v.name for v in found.unmeasured)}.")
    return " ".join(said)


def notes(report: Report) -> list[str]:
    """The notes of a report and of its variants, each once."""
    own = [f"{v.name}: {note}" for v in report.variants for note in v.notes]
    return list(dict.fromkeys([*report.notes, *own]))


def _cells(variant: Variant) -> Sequence[str]:
    quality, latency = variant.quality, variant.latency_ms
    return (
        f"{quality.value:.4g}" if quality else "-",
        f"{quality.ci95[0]:.3g}–{quality.ci95[1]:.3g}" if quality else "-",
        f"{variant.retained:.1%}" if variant.retained is not None else "-",
        f"{variant.agreement:.1%}" if variant.agreement is not None else "-",
        megabytes(variant.bytes),
        f"{latency.p50:.1f} ms" if latency else "-",
        f"{latency.p95:.1f} ms" if latency else "-",
        f"{variant.throughput:.0f}" if variant.throughput else "-",
        megabytes(variant.peak_memory_bytes) if variant.peak_memory_bytes is not None else "-",
    )


def predictions(answers: Sequence[Mapping[str, Any]]) -> str:
    """Every variant's answer to every text, as text."""
    lines = []
    for answer in answers:
        text = answer["text"]
        lines.append(text if isinstance(text, str) else " | ".join(text))
        for name, one in answer["predictions"].items():
            if "error" in one:
                shown = one["error"]
            elif "labels" in one:
                shown = (
                    ", ".join(f"{x['label']} {x['score']:.3f}" for x in one["labels"][:3]) + f"  ({one['ms']:.1f} ms)"
                )
            else:
                shown = f"{one['text'].strip()!r}  ({one['ms']:.0f} ms)"
            lines.append(f"  {name:<16} {shown}")
    return "\n".join(lines)


def megabytes(size: float) -> str:
    """Bytes as megabytes (10⁶), for people."""
    return f"{size / 1e6:.1f} MB" if size < 1e8 else f"{size / 1e6:.0f} MB"


def _rendered(shown: Table) -> str:
    console = Console(width=200 if not sys.stdout.isatty() else None)
    with console.capture() as capture:
        console.print(shown)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
