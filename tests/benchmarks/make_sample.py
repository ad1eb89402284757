"""Write `assets/demo/result`: what an empty Compare shows. The demo's default run, without this machine's paths.

    python -m tests.benchmarks.make_sample [FINISHED_RUN]

Without a folder the demo is run first. Do it on an idle machine: the times are shown to people.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from compressor import compress
from compressor.settings import ASSETS

TARGET = ASSETS / "demo" / "result"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "run"
        if len(sys.argv) < 2:
            compress({"teacher": "demo", "data": {"source": "demo"}}, run)
        write(run.resolve())


def write(run: Path) -> None:
    """Copy the tables of a finished run of the demo, its report with paths that say the same on every machine."""
    TARGET.mkdir(exist_ok=True)
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    for variant in report["variants"]:
        old = str(run / variant["path"])  # the teacher's is absolute already
        new = "assets/demo/teacher" if variant["name"] == "teacher" else f"runs/demo/variants/{variant['name']}"
        variant["load"] = variant["load"].replace(old, new)
        variant["path"] = new
    (TARGET / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in ("flips.csv", "predictions.parquet"):
        shutil.copyfile(run / name, TARGET / name)


if __name__ == "__main__":
    main()
