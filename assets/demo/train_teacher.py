"""Train the demo's teacher from nothing: a tokenizer and a small BERT, on the train split that make_data.py
wrote and on further rows of the same generator (none of which stands in the validation or the test split).

    python assets/demo/train_teacher.py [FOLDER]

Minutes on two cores. The folder (default: `teacher/` beside this file) holds a plain model: bfloat16 safetensors,
config with the labels' names, fast tokenizer. Prints the accuracy of what was saved.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make_data

HERE = Path(__file__).resolve().parent
LENGTH = 128
SHAPE = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 8, "intermediate_size": 768}
VOCABULARY = 2048
Rows = list[dict[str, str]]


def read(split: str) -> Rows:
    """The rows of a split: `text` and `label`."""
    with (HERE / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_tokenizer(texts: list[str]) -> BertTokenizerFast:
    """A lower-casing WordPiece tokenizer learnt from `texts`."""
    with tempfile.TemporaryDirectory() as folder:
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        learner.normalizer = normalizers.BertNormalizer(lowercase=True)
        learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        learner.train_from_iterator(
            sorted(texts),
            trainers.WordPieceTrainer(
                vocab_size=VOCABULARY, min_frequency=2, special_tokens=special, show_progress=False
            ),
        )
        path = Path(folder) / "vocab.txt"
        words = sorted(learner.get_vocab().items(), key=lambda item: item[1])
        path.write_text("\n".join(word for word, _ in words) + "\n", encoding="utf-8")
        return BertTokenizerFast(vocab=str(path), do_lower_case=True, model_max_length=LENGTH)


def encode(rows: Rows, tokenizer: PreTrainedTokenizerBase, labels: list[str]) -> list[dict[str, Any]]:
    """Rows as the Trainer takes them, not padded."""
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=LENGTH)
    return [
        {
            "input_ids": ids["input_ids"][i],
            "attention_mask": ids["attention_mask"][i],
            "labels": labels.index(row["label"]),
        }
        for i, row in enumerate(rows)
    ]


def accuracy(answers: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(answers.predictions.argmax(-1) == answers.label_ids))}


def more_rows(count: int) -> Rows:
    """Rows of the same generator that stand in none of the files."""
    known = [row["text"] for split in make_data.ROWS for row in read(split)]
    return [{"text": text, "label": label} for text, label in make_data.rows(count, make_data.SEED + 1, without=known)]


def waves(length: int, width: int) -> torch.Tensor:
    """Sines and cosines as position embeddings to start from (Vaswani et al. 2017), float32 [length, width]: what stands
    next to what is then known from the first step."""
    angle = torch.arange(length)[:, None] * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return 0.02 * torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(length, width)


def train(
    rows: Rows, labels: list[str], tokenizer: BertTokenizerFast, epochs: float, rate: float, seed: int
) -> BertForSequenceClassification:
    """A BERT that starts from random weights, trained on `rows`."""
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=LENGTH,
        id2label=dict(enumerate(labels)),
        label2id={name: i for i, name in enumerate(labels)},
        pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0,  # rows are seen once or twice: there is nothing to learn by heart
        attention_probs_dropout_prob=0.0,
        **SHAPE,
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.bert.embeddings.position_embeddings.weight.copy_(waves(LENGTH, config.hidden_size))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=epochs,
            learning_rate=rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.1,
            weight_decay=0.05,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=64,
            train_sampling_strategy="group_by_length",
            eval_strategy="steps",
            eval_steps=250,
            save_strategy="no",
            report_to="none",
            logging_steps=250,
            seed=seed,
            bf16=True,
            use_cpu=True,
            disable_tqdm=True,
        )
        Trainer(
            model,
            arguments,
            train_dataset=encode(rows, tokenizer, labels),  # type: ignore[arg-type]
            eval_dataset=encode(read("validation"), tokenizer, labels),  # type: ignore[arg-type]
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=accuracy,
        ).train()
    return model


@torch.inference_mode()
def judge(folder: Path, split: str) -> float:
    """Accuracy of the saved model on a split."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    right, rows = 0, read(split)
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        batch = tokenizer([row["text"] for row in part], return_tensors="pt", padding=True, truncation=True)
        found = model(**batch).logits.argmax(-1).tolist()
        right += sum(model.config.id2label[i] == row["label"] for i, row in zip(found, part, strict=True))
    return right / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "teacher")
    parser.add_argument("--epochs", type=float, default=1.5)
    parser.add_argument("--more", type=int, default=24_000, help="rows beside the train split")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows = read("train")
    labels = sorted({row["label"] for row in rows})
    tokenizer = make_tokenizer([row["text"] for row in rows])
    model = train(rows + more_rows(asked.more), labels, tokenizer, asked.epochs, asked.rate, asked.seed)
    model = model.to(torch.bfloat16).eval()
    model.save_pretrained(asked.folder)
    tokenizer.save_pretrained(asked.folder)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    for split in ("validation", "test"):
        print(f"{split} accuracy {judge(asked.folder, split):.4f}")


if __name__ == "__main__":
    main()
