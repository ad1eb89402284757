"""Tiny teachers, made from configs with random weights that matter: every architecture that students are promised for."""

from __future__ import annotations

from typing import Any

import torch
from transformers import CONFIG_MAPPING, PretrainedConfig, PreTrainedModel

from compressor import models, tasks
from compressor.tasks.base import Task

LAYERS = 6
BERT = {
    "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": 40, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "num_labels": 3,
}  # fmt: skip
LLAMA = BERT | {"num_key_value_heads": 2}

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("bert", BERT),
    "distilbert": ("distilbert", BERT | {"dim": 32, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 64}),
    "roberta": ("roberta", BERT),
    "xlm-roberta": ("xlm-roberta", BERT),
    "camembert": ("camembert", BERT),
    "mpnet": ("mpnet", BERT),
    "modernbert": ("modernbert", BERT | {"global_attn_every_n_layers": 3, "local_attention": 8, "cls_token_id": 1,
                                         "sep_token_id": 2}),
    "deberta-v3": ("deberta-v2", BERT | {"relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
                                         "share_att_key": True, "pos_att_type": "p2c|c2p", "position_biased_input": False,
                                         "max_relative_positions": -1, "type_vocab_size": 0}),
    "deberta-v2-conv": ("deberta-v2", BERT | {"relative_attention": True, "position_buckets": 8, "conv_kernel_size": 3,
                                              "pos_att_type": ["p2c", "c2p"], "conv_act": "gelu", "num_hidden_layers": 2}),
    "electra": ("electra", BERT | {"embedding_size": 16}),
    "electra-equal": ("electra", BERT | {"embedding_size": 32}),
    "llama": ("llama", LLAMA),
    "qwen3": ("qwen3", LLAMA | {"head_dim": 16}),
    "qwen2": ("qwen2", LLAMA),
    "mistral": ("mistral", LLAMA | {"sliding_window": 8}),
    "gpt2": ("gpt2", BERT | {"n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_positions": 40, "n_inner": 64}),
}  # fmt: skip

TASK: Task = tasks.get("text-classification")


def config(name: str, **changes: Any) -> PretrainedConfig:
    """The config of a tiny teacher."""
    kind, values = ARCHITECTURES[name]
    drop = {"distilbert": ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
            "gpt2": ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                     "max_position_embeddings")}.get(name, ())  # fmt: skip
    return CONFIG_MAPPING[kind](**{k: v for k, v in (values | changes).items() if k not in drop})


def teacher(name: str, **changes: Any) -> PreTrainedModel:
    """A tiny teacher in eval mode whose every tensor shows in the logits (as initialised, biases and attention hardly do)."""
    model = models.build(config(name, **changes), TASK, "cpu").eval()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=draw)
            p.copy_(noise / p.shape[-1] ** 0.5 if p.dim() > 1 else noise * 0.2 + (not key.endswith("bias")))
    return model


def batch() -> dict[str, torch.Tensor]:
    """Three texts of 20 tokens, the last with padding."""
    ids = torch.randint(3, 99, (3, 20), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[2, 12:] = 0
    return {"input_ids": ids.masked_fill(mask == 0, 0), "attention_mask": mask}


@torch.no_grad()
def logits(model: PreTrainedModel) -> torch.Tensor:
    """float32 [3, labels]."""
    return model(**batch()).logits
