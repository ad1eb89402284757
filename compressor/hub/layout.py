"""Which files of a repo are wanted, from their names alone. Knows neither the network nor the Hub's client."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from compressor.errors import ModelError
from compressor.recipe import DATA_SUFFIXES

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
OPENVINO_WEIGHTS = "openvino_model.bin"
"""Plain numbers, though it is called as pickles are."""
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model",
                "tokenizer.model", "bpe.codes")  # fmt: skip
TOKENIZER_FILES = (*VOCABULARIES, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                   "merges.txt", "chat_template.jinja", "normalizer.json")  # fmt: skip
MODEL_FILES = ("config.json", "generation_config.json", *TOKENIZER_FILES)
"""With the weights, all that is ever downloaded from a model repo, or published to one."""


def weight_files(names: Iterable[str]) -> list[str]:
    """The files that hold a model's weights: one safetensors file, or an index and its shards; [] where there are none.
    Only the top folder counts, as for transformers."""
    names = list(names)
    if SINGLE in names:
        return [SINGLE]
    shards = sorted(n for n in names if _SHARD.fullmatch(n))
    return [INDEX, *shards] if INDEX in names and shards else []


def check_weights(repo: str, names: Iterable[str]) -> list[str]:
    """`weight_files`, or the sentence why this repo has none that may be loaded.

    Raises:
        ModelError: its weights are pickles, an adapter, of another kind, or missing.
    """
    names = list(names)
    if found := weight_files(names):
        return found
    top = [n for n in names if "/" not in n]
    if any(n.startswith("adapter_model") for n in top):
        raise ModelError(
            f"{repo} is an adapter (LoRA or similar), not a whole model. Merge it into its base model, publish that, "
            "and pick the merged one."
        )
    if any(n.endswith(".gguf") for n in names):
        raise ModelError(
            f"{repo} holds GGUF files, which are compressed already. Pick the model that it was made from."
        )
    if any(n.endswith(_PICKLES) and n != OPENVINO_WEIGHTS for n in top):
        raise ModelError(
            f"{repo} holds its weights only as pickle files, which can run code of their author's when they are opened, "
            "so nothing was downloaded. Ask its owner for safetensors (https://huggingface.co/spaces/safetensors/convert), "
            "or pick another model."
        )
    raise ModelError(f"{repo} holds no weights in safetensors format, so there is nothing to load. Pick another model.")


def check_index(repo: str, index: Any, names: Iterable[str]) -> None:
    """An index of shards may name shards of its own repo only: it is a stranger's file, and names are opened as paths.

    Raises:
        ModelError: it names anything else.
    """
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    allowed = {n for n in names if _SHARD.fullmatch(n)}
    if (
        not isinstance(weight_map, dict)
        or not weight_map
        or not all(isinstance(name, str) and name in allowed for name in weight_map.values())
    ):
        raise ModelError(
            f"{repo} has an index of its weights ({INDEX}) that does not fit the files beside it, so it is not loaded. "
            "Pick another model, or tell its owner."
        )


# ---------------------------------------------------------------------- data sets

_SPLITS = {"train": ("train",), "training": ("train",), "validation": ("validation",), "valid": ("validation",),
           "val": ("validation",), "dev": ("validation",), "development": ("validation",),
           "test": ("test",), "testing": ("test",), "eval": ("test", "validation"),
           "evaluation": ("test", "validation")}  # fmt: skip
"""What splits are called, and what for each is: the first of these that no other split of the same data is."""
CANONICAL = ("train", "validation", "test")
_PREFERRED = (".parquet", ".csv", ".jsonl", ".json", ".tsv", ".txt")
_WORD = re.compile(r"[A-Za-z]+")
_NOT_DATA = ("readme", "license", "licence", "requirements", "dataset_infos", "dataset_dict", "dataset_info", "state",
             "config", "citation", "notice", "changelog")  # fmt: skip


def data_files(names: Iterable[str]) -> list[str]:
    """Those that hold rows, by their suffix and name."""
    return [
        n
        for n in names
        if n.lower().endswith(DATA_SUFFIXES)
        and not any(part.startswith(".") for part in n.split("/"))
        and PurePosixPath(n).name.split(".")[0].lower() not in _NOT_DATA
    ]


def subsets(names: Sequence[str], card: Mapping[str, Any] | None = None) -> dict[str, dict[str, list[str]]]:
    """`{subset: {split: [file, …]}}`: from the card's `configs`, else from the folders' and files' names.

    Patterns of the card match names of the repo's own files only: an address or a path in them finds nothing.
    """
    files = data_files(names)
    stated = (card or {}).get("configs")
    found: dict[str, dict[str, list[str]]] = {}
    for entry in stated if isinstance(stated, list) else ():
        if isinstance(entry, Mapping) and (splits := _stated(entry, files)):
            found[str(entry.get("config_name") or "default")] = splits
    return found or _guessed(files)


def _stated(entry: Mapping[str, Any], files: Sequence[str]) -> dict[str, list[str]]:
    folder = str(entry.get("data_dir") or "").strip("/")
    prefix = f"{folder}/" if folder else ""
    inside = [f for f in files if f.startswith(prefix)]
    stated = entry.get("data_files")
    if stated is None:
        return _by_split(inside)
    if isinstance(stated, Mapping):
        pairs = list(stated.items())
    elif isinstance(stated, list) and all(isinstance(s, Mapping) for s in stated):
        pairs = [(s.get("split", "train"), s.get("path")) for s in stated]
    else:
        pairs = [("train", stated)]
    found: dict[str, list[str]] = {}
    for split, path in pairs:
        patterns = path if isinstance(path, list) else [path]
        matched = [f for p in patterns if p for f in _matching(inside, prefix + str(p).removeprefix("./"))]
        if matched:
            found.setdefault(str(split), []).extend(dict.fromkeys(matched))
    roles = _roles(found)
    return {roles[split]: files for split, files in found.items()}


def _roles(names: Iterable[str]) -> dict[str, str]:
    """What each split is for, by its name; its own name where that says nothing, or where another split is that already: a
    `dev` beside a `validation` is not a part of it."""
    roles: dict[str, str] = {}
    plainest = {name: (name.lower() not in CANONICAL, len(_SPLITS.get(name.lower(), ()))) for name in names}
    for name in sorted(plainest, key=lambda name: plainest[name]):
        free = (role for role in _SPLITS.get(name.lower(), ()) if role not in roles.values())
        roles[name] = next(free, name)
    return roles


def _matching(files: Sequence[str], pattern: str) -> list[str]:
    begins, regex = re.split(r"[*?]", pattern, maxsplit=1)[0], _as_regex(pattern)
    return [f for f in files if f.startswith(begins) and regex.fullmatch(f)]


@functools.lru_cache(maxsize=1000)
def _as_regex(pattern: str) -> re.Pattern[str]:
    """Shell patterns where `*` stays inside a folder and `**` does not. What follows a star is looked for where it comes
    first and nowhere else (which is enough: the next star takes what lies between), so that no pattern of a stranger's card
    makes matching take for ever."""
    first, *blocks = re.sub(r"\*{3,}", "**", pattern).split("**")
    found, before = _block(first, last=not blocks), first
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        folders = block.startswith("/") and (
            before.endswith("/") or (i == 0 and not before)
        )  # `**/` may be no folder at all
        skipped = "(?:|.*?/)" if folders else ".*?"
        inner = skipped + _block(block[1:] if folders else block, last=last)
        found += inner if last else f"(?>{inner})"
        before = block
    return re.compile(found, re.DOTALL)


def _block(block: str, *, last: bool) -> str:
    """What stands between two `**`. `last`: it reaches to the end of the name."""
    first, *chunks = ("".join("[^/]" if c == "?" else re.escape(c) for c in chunk) for chunk in block.split("*"))
    inner = [f"(?>[^/]*?{chunk})" for chunk in chunks]
    if last and chunks:
        inner[-1] = f"[^/]*{chunks[-1]}"
    return first + "".join(inner)


def _guessed(files: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    if not files:
        return {}
    folders = {f.split("/")[0] if "/" in f else "" for f in files}
    named = all(folder and folder.lower() != "data" and folder.lower() not in _SPLITS for folder in folders)
    if not named:
        return {"default": _by_split(files)}
    return {folder: _by_split([f for f in files if f.startswith(f"{folder}/")]) for folder in sorted(folders)}


def _by_split(files: Sequence[str]) -> dict[str, list[str]]:
    """By the words in the file's name first, then in its folders'. Where no name says a split, all are for training; where
    some do, the others are left out (IMDb's `unsupervised`). Of copies in several formats one is taken."""
    suffixes = [PurePosixPath(f).suffix.lower() for f in files]
    best = max(sorted(set(suffixes), key=_PREFERRED.index), key=suffixes.count, default="")
    files = sorted(f for f in files if f.lower().endswith(best))
    found: dict[str, list[str]] = {}
    for file in files:
        path = PurePosixPath(file)
        places = [path.name.split(".")[0], *reversed(path.parts[:-1])]
        words = (word.lower() for place in places for word in _WORD.findall(place))
        if split := next((w for w in words if w in _SPLITS), None):
            split = split.removesuffix("ing")  # `training-extra` beside `train` is more of the same
            found.setdefault(split, []).append(file)
    if not found:
        return {"train": list(files)} if files else {}
    called = {role: name for name, role in _roles(found).items()}
    return {role: found[called[role]] for role in CANONICAL if role in called}
