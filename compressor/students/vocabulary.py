"""Leaves out the words that a person's data never needs: rows of the embeddings, and their entries in the tokenizer.

A small model is mostly embeddings (MiniLM 52 %, XLM-R 69 %), and a person's texts use a part of them. Tokens that stay keep their
order, so that what is tokenized into them alone is tokenized as before, and the model answers as before. Other text falls
into smaller pieces, characters or bytes; where the tokenizer has none for a character, into its unknown token, as before.

It takes tokenizers' own JSON (`tokenizer.json`) of the kinds WordPiece, BPE, Unigram and WordLevel, and imports without torch.
"""

from __future__ import annotations

import copy
import json
import string
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import models
from compressor.errors import CannotCutError, RecipeError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from compressor.tasks.base import Task

State = Mapping[str, Any]
"""A parsed `tokenizer.json`."""
KINDS = ("WordPiece", "BPE", "Unigram", "WordLevel")
SPACE = "▁"
"""What SentencePiece writes for a space."""
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


def said(kept: Sequence[int], all_tokens: int, train: Mapping[int, int], test: Mapping[int, int]) -> str:
    """What the report says of it: how much stayed, and what to expect of texts that are not in the data, from the test rows'
    tokens that no training row has."""
    text = f"The student knows {len(kept):,} of the teacher's {all_tokens:,} tokens; other words it reads in smaller pieces."
    if total := sum(test.values()):
        there = set(kept) & train.keys()
        new = sum(n for id_, n in test.items() if id_ not in there)
        text += f" In new texts expect that of about {new / total:.1%} of the words, as in the test rows."
    return text


def choose(state: State, counts: Mapping[int, int], most: int | None = None) -> list[int]:
    """The tokens to keep, as ids in ascending order.

    Args:
        counts: how often each token occurs in the person's texts, by its id.
        most: so many are kept at the most, the frequent ones first; None keeps all that occur.

    Raises:
        CannotCutError: a tokenizer of another kind.
        RecipeError: `most` leaves no room for the tokens that have to stay (special ones, letters, bytes).
    """
    vocabulary = _vocabulary(state)
    used = {token for token, id_ in vocabulary.items() if counts.get(id_)}
    kept = _always(state, vocabulary, used)
    if most is not None and len(kept) > most:
        raise RecipeError(
            f"student.vocabulary is {most:,}, but {len(kept):,} tokens have to stay so that every text can still be read "
            f"(special tokens, letters and pieces of them): choose at least that many, or `data`."
        )
    ranks = _ranks(state)
    for token in sorted(used, key=lambda t: (-counts.get(vocabulary[t], 0), vocabulary[t])):
        more = {token, *_parts(state, ranks, token, vocabulary)} - kept
        if most is not None and len(kept) + len(more) > most:
            continue  # a token that needs fewer parts may still fit
        kept |= more
    return sorted(vocabulary[token] for token in kept)


def _vocabulary(state: State) -> dict[str, int]:
    """token → id, added tokens included."""
    model = state["model"]
    kind = model.get("type") or ("BPE" if "merges" in model else "WordPiece")
    if kind not in KINDS or (kind == "BPE" and model.get("continuing_subword_prefix")):
        raise CannotCutError(
            f"The vocabulary of this model cannot be trimmed: its tokenizer is of the kind {kind!r}, which Compressor does not "
            "take apart. Leave student.vocabulary out."
        )
    vocab = model["vocab"]
    found = {piece: i for i, (piece, _) in enumerate(vocab)} if isinstance(vocab, list) else dict(vocab)
    return found | {added["content"]: int(added["id"]) for added in state.get("added_tokens") or ()}


def _always(state: State, vocabulary: Mapping[str, int], used: Iterable[str]) -> set[str]:
    """Special tokens, bytes, and the single characters (alone, and inside a word) that the texts or ASCII have."""
    model = state["model"]
    kept = {added["content"] for added in state.get("added_tokens") or ()}
    if unknown := model.get("unk_token"):
        kept.add(unknown)
    if model.get("unk_id") is not None:
        kept.add(model["vocab"][model["unk_id"]][0])
    kept |= {f"<0x{byte:02X}>" for byte in range(256)}
    prefix, suffix = model.get("continuing_subword_prefix") or "##", model.get("end_of_word_suffix") or "</w>"
    characters = set(string.printable) | {SPACE} | {c for token in used for c in token}
    characters |= _byte_alphabet() if _is_byte_level(state) else set()
    for c in characters:
        kept |= {c, prefix + c, SPACE + c, c + suffix}
    return kept & vocabulary.keys()


def _is_byte_level(state: State) -> bool:
    return '"ByteLevel"' in json.dumps([state.get("pre_tokenizer"), state.get("decoder")])


def _byte_alphabet() -> set[str]:
    """The characters that byte-level tokenizers write for the 256 bytes (GPT-2's)."""
    from tokenizers.pre_tokenizers import ByteLevel

    return set(ByteLevel.alphabet())


def _ranks(state: State) -> dict[tuple[str, str], int]:
    """BPE's merges and their order; empty for other kinds."""
    merges = state["model"].get("merges") or ()
    pairs = (merge.split(" ", 1) if isinstance(merge, str) else merge for merge in merges)
    return {(first, second): rank for rank, (first, second) in enumerate(pairs)}


def _parts(state: State, ranks: Mapping[tuple[str, str], int], token: str, vocabulary: Mapping[str, int]) -> set[str]:
    """What BPE makes on the way to a token: without these it could no longer be made."""
    if not ranks:
        return set()
    suffix = state["model"].get("end_of_word_suffix") or ""
    ends = bool(suffix) and token.endswith(suffix)
    symbols = list(token[: -len(suffix)] if ends else token)
    if ends and symbols:
        symbols[-1] += suffix
    seen = set(symbols)
    while len(symbols) > 1:
        pairs = [(ranks[pair], i) for i in range(len(symbols) - 1) if (pair := (symbols[i], symbols[i + 1])) in ranks]
        if not pairs:
            break
        _, i = min(pairs)
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
        seen.add(symbols[i])
    return seen & vocabulary.keys()


# ---------------------------------------------------------------------- the tokenizer without the others


def trimmed_state(state: State, kept: Sequence[int]) -> dict[str, Any]:
    """A `tokenizer.json` with these tokens alone; a token's new id is its place in `kept`."""
    place = {old: new for new, old in enumerate(kept)}
    result = copy.deepcopy(dict(state))
    model = result["model"]
    if isinstance(model["vocab"], list):
        if model.get("unk_id") is not None:
            model["unk_id"] = place[model["unk_id"]]
        model["vocab"] = [entry for i, entry in enumerate(model["vocab"]) if i in place]
    else:
        model["vocab"] = {token: place[id_] for token, id_ in model["vocab"].items() if id_ in place}
    if "merges" in model:
        model["merges"] = [merge for merge in model["merges"] if _mergeable(merge, model["vocab"])]
    for added in result.get("added_tokens") or ():
        added["id"] = place[added["id"]]
    if result.get("padding"):
        result["padding"]["pad_id"] = place[result["padding"]["pad_id"]]
    _renumber(result.get("post_processor"), place)
    return result


def _mergeable(merge: str | Sequence[str], vocab: Mapping[str, int]) -> bool:
    first, second = merge.split(" ", 1) if isinstance(merge, str) else merge
    return first in vocab and second in vocab and first + second in vocab


def _renumber(processor: Any, place: Mapping[int, int]) -> None:
    """The special tokens' ids in a post-processor, in place, however it is made up."""
    if isinstance(processor, list):
        for one in processor:
            _renumber(one, place)
    elif isinstance(processor, dict):
        for token in (processor.get("special_tokens") or {}).values():
            token["ids"] = [place[id_] for id_ in token["ids"]]
        for name in ("sep", "cls"):
            if isinstance(processor.get(name), list):
                processor[name] = [processor[name][0], place[processor[name][1]]]
        _renumber(processor.get("processors"), place)


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
    ids[ids == pad] = (int(pad or 0) + 1) % len(kept)
    mask = torch.ones_like(ids)
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
