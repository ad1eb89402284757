"""Tiny models and tokenizers made from configs, for tests: real architectures, a few thousand parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WORDS = [
    "the",
    "a",
    "good",
    "bad",
    "film",
    "story",
    "plot",
    "actor",
    "very",
    "not",
    "really",
    "was",
    "is",
    "and",
    "but",
    "slow",
    "fast",
    "warm",
    "cold",
    "bright",
    "dull",
]


def texts(rows: int = 64, seed: int = 0) -> tuple[list[str], list[int]]:
    """Rows that a tiny model can learn: the label says whether `good` or `bad` stands in the text."""
    random = torch.Generator().manual_seed(seed)
    made, labels = [], []
    for _ in range(rows):
        label = int(torch.randint(2, (1,), generator=random))
        length = int(torch.randint(4, 12, (1,), generator=random))
        words = [WORDS[int(torch.randint(4, len(WORDS), (1,), generator=random))] for _ in range(length)]
        words.insert(int(torch.randint(length, (1,), generator=random)), "good" if label else "bad")
        made.append(" ".join(words))
        labels.append(label)
    return made, labels


def wordpiece() -> transformers.PreTrainedTokenizerFast:
    """A BERT-like tokenizer that knows WORDS and single letters."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS), "abcdefghijklmnopqrstuvwxyz"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))],
    )
    names = {
        "unk_token": "[UNK]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    return transformers.BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def byte_bpe() -> transformers.PreTrainedTokenizerFast:
    """A GPT-like tokenizer without a padding token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 4, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|end|>", model_max_length=128
    )


def rows(count: int = 64, size: int = 8) -> list[dict[str, np.ndarray]]:
    """`texts` in the tokens of `wordpiece`, in padded batches, as formats calibrate on them."""
    tokenizer, (made, _) = wordpiece(), texts(count)
    starts = range(0, count, size)
    return [dict(tokenizer(made[i : i + size], padding=True, return_tensors="np")) for i in starts]


def bert(folder: Path, labels: tuple[str, ...] = ("negative", "positive"), seed: int = 0, **changes: object) -> Path:
    """A BERT classifier, of 4 layers where nothing else is said, in `folder`, as `save_pretrained` leaves it."""
    torch.manual_seed(seed)
    tokenizer = wordpiece()
    config = transformers.BertConfig(
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "intermediate_size": 128,
            "max_position_embeddings": 64,
            "id2label": dict(enumerate(labels)),
            "label2id": {name: i for i, name in enumerate(labels)},
        }
        | changes
    )
    model = transformers.BertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def bert_encoder(folder: Path) -> Path:
    """The same without a head."""
    torch.manual_seed(0)
    tokenizer = wordpiece()
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def llama(folder: Path) -> Path:
    """A Llama language model of 2 layers, grouped keys and values, untied head."""
    torch.manual_seed(0)
    tokenizer = byte_bpe()
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def gpt2(folder: Path) -> Path:
    """A GPT-2 language model of 2 layers (Conv1D layers, tied head)."""
    torch.manual_seed(0)
    tokenizer = byte_bpe()
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_positions=128,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_csv(path: Path, rows: int = 64, seed: int = 0, names: tuple[str, ...] = ("negative", "positive")) -> Path:
    """`texts` as a CSV with the columns text and label."""
    import csv

    made, labels = texts(rows, seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, names[label]] for text, label in zip(made, labels, strict=True))
    return path
