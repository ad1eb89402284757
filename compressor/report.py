"""What came out of a run: measured numbers per variant, in and out of JSON. The teacher is always the first variant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from compressor.errors import RunError

Better = Literal["higher", "lower"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True)


class Quality(_Frozen):
    """One metric on the test rows, with its 95 % interval."""

    metric: str
    better: Better
    value: float
    ci95: tuple[float, float]
    rows: int


CHANCE = 0.05
"""Differences that chance alone would bring about at least this often are no measurable ones."""


class Difference(_Frozen):
    """A metric of one model less that of another, on the same rows."""

    metric: str
    better: Better
    value: float
    ci95: tuple[float, float]
    p: float
    """How often chance alone would bring about as large a difference: McNemar's test, or the paired bootstrap."""
    rows: int
    gained: int | None = None
    """Rows that the one alone has right."""
    lost: int | None = None
    """Rows that the other alone has right."""

    @property
    def measurable(self) -> bool:
        return self.p < CHANCE and not self.ci95[0] <= 0 <= self.ci95[1]

    @property
    def worse(self) -> bool:
        """Whether it is measurable and to the worse."""
        return self.measurable and (self.value < 0) == (self.better == "higher")


class Control(_Frozen):
    """The same student, trained as long from the data's labels alone: what learning from the teacher was worth."""

    quality: Quality
    difference: Difference
    """The distilled student's quality less this one's."""


class Point(_Frozen):
    """What a search measured of one student in one format, on the validation rows."""

    size: str
    format: str
    bytes: int
    retained: float
    """Quality over the teacher's, on the validation rows; of rows without labels, the share decided as the teacher does."""
    epochs: float
    speedup: float | None = None
    met: bool = False
    """Whether it meets the target; False for what was not trained in full."""
    whole: bool = True
    """Whether it was trained in full and measured as it would be used; else it was tried for a while, and `bytes` is
    predicted."""


class Search(_Frozen):
    """How a student was found for a target."""

    max_megabytes: float | None = None
    min_retained: float | None = None
    min_speedup: float | None = None
    points: tuple[Point, ...] = ()
    size: str
    """The student that was taken, and its format."""
    format: str
    met: bool


class Latency(_Frozen):
    """Milliseconds of one forward of one example, after warm-up; for text generation, of a short answer to one."""

    p50: float
    p95: float
    batch: int = 1


class MeasuredOn(_Frozen):
    device: str
    threads: int
    length: int
    """Tokens of the latency probe."""

    @property
    def kind(self) -> str:
        """Of the device: `cpu`, `cuda`."""
        return self.device.partition(":")[0]


class Variant(_Frozen):
    """One row of the comparison. Names are opaque to code."""

    name: str
    base: str | None = None
    """The variant that it was made from (`teacher` for a student, `student` for `student-8bit`)."""
    format: str = "float"
    runtime: str = "torch"
    dtype: str
    revision: str | None = None
    path: str
    """The model's folder: relative to the run's folder, or absolute where the teacher was there before the run."""
    load: str
    """A snippet that loads it without this project."""
    bytes: int
    """Weights on disk."""
    parameters: int
    quality: Quality | None = None
    metrics: tuple[Quality, ...] = ()
    retained: float | None = None
    """Quality over the teacher's, inverted where lower is better."""
    difference: Difference | None = None
    """Quality less the teacher's; None for the teacher, and where there is nothing to judge by."""
    agreement: float | None = None
    """Share of the test rows predicted as the teacher does."""
    robustness: dict[str, Quality] = {}
    """The first metric on some test rows that were disturbed (`typos`, `case`, `shortened`), and on the same rows as they are
    (`plain`)."""
    latency_ms: Latency | None = None
    throughput: float | None = None
    """Examples per second in batches; for text generation, tokens per second."""
    peak_memory_bytes: int | None = None
    measured_on: MeasuredOn | None = None
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """The kind of device that it was measured on: `cpu`, `cuda`, or empty."""
        return self.measured_on.kind if self.measured_on else ""


class Rows(_Frozen):
    """What became of the rows of the data: `read` is the sum of `used` and `left_out`."""

    read: int
    used: dict[str, int] = {}
    """Split → rows."""
    left_out: dict[str, int] = {}
    """Reason → rows."""


class Report(_Frozen):
    schema_: Literal[1] = Field(1, alias="schema")
    task: str
    teacher: str
    """As the recipe names it."""
    seconds: dict[str, float] = {}
    hardware: dict[str, Any] = {}
    versions: dict[str, str] = {}
    variants: tuple[Variant, ...] = ()
    control: Control | None = None
    search: Search | None = None
    rows: Rows | None = None
    """Of the data; None where the run had none."""
    notes: tuple[str, ...] = ()
    """Sentences about the run as a whole: rows cut, rows in both splits, skew."""

    @property
    def teacher_variant(self) -> Variant:
        return self.variants[0]

    def variant(self, name: str) -> Variant:
        """The variant of that name.

        Raises:
            RunError: there is none.
        """
        for variant in self.variants:
            if variant.name == name:
                return variant
        names = ", ".join(v.name for v in self.variants)
        raise RunError(f"This run has no variant {name!r}. It has: {names}.")

    @classmethod
    def load(cls, folder: Path) -> Report:
        """The report of a run's folder.

        Raises:
            RunError: there is none yet, or it does not parse.
        """
        path = folder / "report.json"
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(
                f"{folder} holds no finished run (no report.json). `run RECIPE --out {folder}` makes one."
            ) from None
        except (OSError, ValueError):  # pydantic's error is a ValueError, and so is text that is not UTF-8
            raise RunError(f"{path} cannot be read as a report of this version.") from None

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
