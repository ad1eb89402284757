"""What leaving out words saves, and what it costs.

    python -m tests.benchmarks.vocabulary TEACHER DATA OUT [--tokens 6800] [--epochs 4] [--seeds 0 1 2]

TEACHER is a folder with a text classifier, DATA one with train.csv, validation.csv and test.csv. First the teacher keeps the
words of the data alone: bytes, and the largest difference of a logit on any row, in float32. Then it keeps so many TOKENS and is
distilled back, with each seed: bytes and accuracy. Last, text that was never seen: other scripts, emoji, and 10 MB of noise.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import time
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from compressor.report import Report
from tests.benchmarks import runs

NOISE = 10_000_000


def logits(folder: Path | str, texts: list[str], length: int) -> torch.Tensor:
    """float32 [texts, labels], a text at its own length."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = torch.zeros(len(texts), model.config.num_labels)
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            some = order[start : start + 64]
            batch = tokenizer(
                [texts[i] for i in some], truncation=True, max_length=length, padding="longest", return_tensors="pt"
            )
            found[some] = model(**batch).logits
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, default=6800)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    common = runs.of(asked.teacher, asked.data) | {"formats": []}
    texts = []
    for path in common["data"]["source"].values():
        with open(path, newline="", encoding="utf-8") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    recipe = common | {"student": {"vocabulary": "data"}, "distill": None}
    teacher, student = runs.rows(recipe, asked.out / "words")[:2]
    differs = (logits(asked.teacher, texts, 512) - logits(student["folder"], texts, 512)).abs().max()
    print(f"the data's words: {1 - student['bytes'] / teacher['bytes']:.1%} of the bytes gone, accuracy "
          f"{student['quality']['value']:.4f} ({teacher['quality']['value']:.4f}); on {len(texts):,} rows no logit differs by "
          f"more than {differs:.2g}")  # fmt: skip
    for note in Report.load(asked.out / "words").notes:
        print("  " + note)
    found = []
    for seed in asked.seeds:
        recipe = common | {"student": {"vocabulary": asked.tokens}, "distill": {"epochs": asked.epochs}, "seed": seed}
        found.append(runs.rows(recipe, asked.out / f"{asked.tokens}-{seed}")[1])
    values = [one["quality"]["value"] for one in found]
    print(f"{asked.tokens:,} tokens, distilled back: {1 - found[0]['bytes'] / teacher['bytes']:.1%} of the bytes gone, accuracy "
          f"{statistics.mean(values):.4f} ({', '.join(f'{v:.4f}' for v in values)})")  # fmt: skip
    unseen(student["folder"])


def unseen(folder: str) -> None:
    """Text in other scripts, emoji and noise."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    made = random.Random(0)
    noise = "".join(chr(made.choice((made.randrange(32, 127), made.randrange(128, 0xD800)))) for _ in range(NOISE // 2))
    samples = {"scripts": "Ελληνικά كتاب 한국어 ไทย", "emoji": "🙂🙃🧪👩‍🔬", "10 MB of noise": noise}
    for name, text in samples.items():
        began = time.perf_counter()
        ids = tokenizer(text)["input_ids"]
        assert all(0 <= id_ < len(tokenizer) for id_ in ids)
        print(
            f"{name}: {len(text.encode('utf-8', 'ignore')):,} bytes, {len(ids):,} tokens, {time.perf_counter() - began:.1f} s"
        )


if __name__ == "__main__":
    main()
