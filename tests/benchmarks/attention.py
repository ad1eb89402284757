"""Attention in a training on a processor: written out or fused, by the length of the texts.

    python -m tests.benchmarks.attention [--bf16]

A forward and a backward pass of three layers of MiniLM's shape, 4,096 tokens, without dropout: seconds (the best of four) and
the peak memory of a process of its own, for each length. `compressor.arithmetic.WRITTEN_OUT` is chosen by it.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import subprocess
import sys
import time

TOKENS = 4096
LENGTHS = (24, 64, 128, 256, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16, as a training does where it is fast")
    parser.add_argument("--one", nargs=2, metavar=("LENGTH", "KIND"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(*one(int(asked.one[0]), asked.one[1] == "math", asked.bf16))
        return
    print("| tokens | written out, s | fused, s | written out, MB | fused, MB |\n|---:|---:|---:|---:|---:|")
    for length in LENGTHS:
        found = [_apart(length, kind, asked.bf16) for kind in ("math", "fused")]
        (slow, much), (fast, little) = found
        print(f"| {length} | {slow:.2f} | {fast:.2f} | {much:,.0f} | {little:,.0f} |", flush=True)


def _apart(length: int, kind: str, bf16: bool) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.benchmarks.attention", "--one", str(length), kind, *["--bf16"] * bf16]
    seconds, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(memory)


def one(length: int, written_out: bool, bf16: bool) -> tuple[float, float]:
    """(seconds of the fastest of four steps, MB at the peak)."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=1000, hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=1536,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    ).train()  # fmt: skip
    tokens = torch.randint(5, 900, (max(1, TOKENS // length), length))
    mask = torch.ones_like(tokens)
    mask[0, length // 2 :] = 0  # as in any batch, a row is shorter than another
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        kernel = sdpa_kernel(SDPBackend.MATH) if written_out else contextlib.nullcontext()
        with kernel, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(input_ids=tokens, attention_mask=mask).logits
        logits.float().logsumexp(-1).sum().backward()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
