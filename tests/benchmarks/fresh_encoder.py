"""A small BERT encoder made from a config, with a tokenizer trained on the data's own text: random weights, no head.

For checks in languages and alphabets that no pretrained model is at hand for; `teacher_head: new` makes a teacher of it.

    python -m tests.benchmarks.fresh_encoder reviews.csv review out/encoder
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers


def make(texts: list[str], folder: Path, vocabulary: int = 6000, layers: int = 4, hidden: int = 256) -> None:
    """Train a WordPiece tokenizer on `texts` and save an untrained encoder with it in `folder`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()  # splits Chinese characters from each other
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    fast = transformers.BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **names)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(fast),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        intermediate_size=4 * hidden,
        max_position_embeddings=256,
    )
    transformers.BertModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("column")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with arguments.csv.open(newline="", encoding="utf-8-sig") as file:
        texts = [row[arguments.column] for row in csv.DictReader(file)]
    make(texts, arguments.folder)


if __name__ == "__main__":
    main()
