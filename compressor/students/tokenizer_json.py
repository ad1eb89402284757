"""A tokenizer's own JSON (`tokenizer.json`): which of its tokens texts need, and the same tokenizer without the others. Pure
functions; WordPiece, BPE, Unigram and WordLevel.

Tokens that stay keep their order, so that what is tokenized into them alone is tokenized as before.
"""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compressor.errors import CannotCutError, RecipeError

State = Mapping[str, Any]
"""A parsed `tokenizer.json`."""
KINDS = ("WordPiece", "BPE", "Unigram", "WordLevel")
SPACE = "▁"
"""What SentencePiece writes for a space."""


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
