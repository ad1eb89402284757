"""A Llama made from a config, with a tokenizer trained on a text, and taught that text for a while: something to quantize.

    python -m tests.benchmarks.fresh_language_model train.txt out/lm [--layers 12] [--hidden 768] [--seconds 60]

On a graphics card where there is one. `--seconds 0` leaves the weights random: enough for memory and time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WINDOW, BATCH = 256, 32


def tokenizer_of(text: str, vocabulary: int) -> transformers.PreTrainedTokenizerFast:
    """Byte-level BPE, trained on the text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(text.splitlines(), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|end|>", bos_token="<|end|>", model_max_length=2048
    )


def make(text: str, folder: Path, *, layers: int, hidden: int, seconds: float, vocabulary: int = 16_000) -> None:
    """Leaves the model in bfloat16 in `folder`; says its loss as it learns."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = tokenizer_of(text, vocabulary)
    torch.manual_seed(0)
    heads = hidden // 64
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=-(-hidden * 8 // 3 // 256) * 256,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 4 if heads % 4 == 0 else heads,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.device(device):
        model = transformers.LlamaForCausalLM(config)
    if seconds:
        learn(model, torch.tensor(tokenizer(text, verbose=False)["input_ids"]), seconds)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def learn(model: transformers.LlamaForCausalLM, ids: torch.Tensor, seconds: float) -> None:
    """Next tokens, by AdamW, at random places of the text."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, weight_decay=0.1)
    began, step, device = time.monotonic(), 0, model.device
    while (spent := time.monotonic() - began) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 6e-4 * min(1.0, step / 100) * max(0.05, 1 - spent / seconds)
        starts = torch.randint(len(ids) - WINDOW, (BATCH,))
        batch = torch.stack([ids[start : start + WINDOW] for start in starts.tolist()]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step % 200 == 0:
            print(f"step {step}, {spent:.0f} s, loss {loss.item():.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    text = asked.text.read_text(encoding="utf-8")
    make(text, asked.folder, layers=asked.layers, hidden=asked.hidden, seconds=asked.seconds)


if __name__ == "__main__":
    main()
