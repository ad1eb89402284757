"""Leaves out the words that a person's data never needs: rows of the embeddings, and their entries in the tokenizer.

A small model is mostly embeddings (MiniLM 52 %, XLM-R 69 %), and a person's texts use a part of them. Tokens that stay keep their
order, so that what is tokenized into them alone is tokenized as before, and the model answers as before. Other text falls
into smaller pieces, characters or bytes; where the tokenizer has none for a character, into its unknown token, as before.

It takes tokenizers' own JSON (`tokenizer.json`) of the kinds WordPiece, BPE, Unigram and WordLevel, and imports without torch.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import CannotCutError
from compressor.students.tokenizer_json import choose, trimmed_state

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from compressor.tasks.base import Task

SAME = 1e-4
"""Of the largest logit: what a model may differ by before and after, in float32."""
FILES = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
"""Vocabularies of other kinds, which would no longer be true beside a trimmed `tokenizer.json`."""


# ---------------------------------------------------------------------- which tokens stay


def count(encoded: Dataset) -> Counter[int]:
    """How often each token occurs in encoded rows, by its id."""
    found: Counter[int] = Counter()
    for start in range(0, len(encoded), 1000):
        for ids in encoded[start : start + 1000]["input_ids"]:
            found.update(ids)
    return found


def kept_by(tokenizer: PreTrainedTokenizerBase, counts: Mapping[int, int], most: int | None = None) -> list[int]:
    """The tokens to keep, as ids in ascending order: see `tokenizer_json.choose`."""
    return choose(state_of(tokenizer), counts, most)


def said(
    kept: Sequence[int], all_tokens: int, train: Mapping[int, int], test: Mapping[int, int], most: int | None = None
) -> str:
    """What the report says of it: how much stayed, and what to expect of texts that are not in the data, from the test rows'
    tokens that stayed for their sake alone or not at all. `most` is the number that was asked for, if one was."""
    text = f"The student knows {len(kept):,} of the teacher's {all_tokens:,} tokens; other words it reads in smaller pieces."
    if total := sum(test.values()):
        there = set(kept) & train.keys()
        new = sum(n for id_, n in test.items() if id_ not in there)
        share = f"{new / total:.1%}"
        why = "in no other row" if most is None else "not among those that the other rows need most"
        text += f" Expect that of about {share} of the tokens of new texts: so many of the test rows' are {why}."
    return text


# ---------------------------------------------------------------------- model and tokenizer together


def state_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """A tokenizer as `tokenizer.json` has it.

    Raises:
        CannotCutError: it is written in Python alone.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise CannotCutError(
            f"The vocabulary of this model cannot be trimmed: its tokenizer ({type(tokenizer).__name__}) has no tokenizer.json. "
            "Leave student.vocabulary out."
        )
    state: dict[str, Any] = json.loads(backend.to_str())
    return state


def trim(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, kept: Sequence[int], task: Task
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model and a tokenizer with these tokens alone; both new, in float32, on the CPU, in eval mode.

    Raises:
        CannotCutError: the model keeps its words in another way, or would answer differently.
    """
    small = trim_model(model, kept, task)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with models.quiet():
            tokenizer.save_pretrained(folder)
            small.config.save_pretrained(folder)
        state = trimmed_state(state_of(tokenizer), kept)
        (folder / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        for other in FILES:
            (folder / other).unlink(missing_ok=True)
        return small, models.load_tokenizer(folder)


def trim_model(model: PreTrainedModel, kept: Sequence[int], task: Task) -> PreTrainedModel:
    """See `trim`."""
    import torch

    words = model.get_input_embeddings().weight.shape[0]  # type: ignore[union-attr, index]
    rows = torch.tensor([id_ for id_ in kept if id_ < words])
    if len(rows) < len(kept):
        raise CannotCutError(
            "This model has no embeddings for some of its tokenizer's tokens, so its vocabulary cannot be trimmed."
        )
    small = models.build(_config(model.config, kept), task, "cpu")
    shapes = {name: tensor.shape for name, tensor in small.state_dict().items()}
    state = {}
    for name, tensor in model.state_dict().items():
        value = tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else None)
        wider = value.dim() > 0 and value.shape[0] == words and shapes.get(name, value.shape) != value.shape
        state[name] = value.index_select(0, rows) if wider else value.clone()
    if {name: tensor.shape for name, tensor in state.items()} != shapes:
        raise CannotCutError(
            f"The vocabulary of this {model.config.model_type} model cannot be trimmed, because it does not keep its words in "
            "one table. Leave student.vocabulary out."
        )
    small.load_state_dict(state)
    small.train(False)
    _check(model, small, kept)
    object.__setattr__(small, "_copied_tables", getattr(model, "_copied_tables", frozenset()))
    return small


def _config(config: PretrainedConfig, kept: Sequence[int]) -> PretrainedConfig:
    """A copy with the new number of tokens, and the new ids of the special ones."""
    place = {old: new for new, old in enumerate(kept)}
    new = copy.deepcopy(config)
    new.vocab_size = len(kept)
    for name, value in list(vars(new).items()):
        if not name.endswith("_token_id"):
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            setattr(new, name, place.get(value))
        elif isinstance(value, list):
            setattr(new, name, [place[v] for v in value if v in place])
    return new


def _check(model: PreTrainedModel, small: PreTrainedModel, kept: Sequence[int]) -> None:
    """Hold both models' logits against each other on made-up texts of the tokens that stay."""
    import torch

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(len(kept), (4, 16), generator=generator)
    pad = small.config.pad_token_id
    end = getattr(small.config, "eos_token_id", None)
    special = {token for token in (pad, end) if isinstance(token, int)}
    plain = next(token for token in range(len(kept)) if token not in special)
    for token in special:
        ids[ids == token] = plain
    mask = torch.ones_like(ids)
    if isinstance(end, int):  # BART and T5 answer where a text ends, once in each
        ids[:2, -1], ids[2:, 9] = end, end
    if pad is not None:
        ids[2:, 10:], mask[2:, 10:] = pad, 0
    old = torch.tensor(list(kept))[ids]
    with torch.inference_mode():
        before = model.float().cpu()(input_ids=old, attention_mask=mask).logits
        after = small(input_ids=ids, attention_mask=mask).logits
    if before.shape[:1] != after.shape[:1]:
        raise CannotCutError("The trimmed model does not answer like the whole one.")
    if before.shape != after.shape:  # a language model's logits are over the vocabulary
        before = before.index_select(-1, torch.tensor(list(kept)))
    if not torch.allclose(before, after, rtol=0, atol=SAME * float(before.abs().max().clamp_min(1e-3))):
        raise CannotCutError(
            f"The vocabulary of this {model.config.model_type} model cannot be trimmed: it answers differently with other "
            "numbers for its tokens. Leave student.vocabulary out."
        )
