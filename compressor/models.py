"""The only `from_pretrained`: configs, tokenizers and models of vetted local folders. `saving.py` is the way back.

It never downloads: folders come from `hub.py`, from the assets, or from the person's own disk.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import ModelError, OutOfMemoryError
from compressor.failures import as_ours, first_line
from compressor.untrusted import caps
from compressor.untrusted.impossible import mended
from compressor.untrusted.plain import NotPlainError, plain

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from compressor.tasks.base import Task

# Keys of a stranger's config that steer the loader instead of describing the model (CVE-2026-4372 among them).
STEERING = ("auto_map", "_attn_implementation", "attn_implementation", "_attn_implementation_internal", "torch_dtype_str",
            "custom_pipelines", "_name_or_path", "name_or_path", "trust_remote_code", "use_kernels")  # fmt: skip

THIN, THIN_WEIGHTS = "low_rank.json", "low_rank.safetensors"
"""What a folder holds in place of a plain model's weights where layers were split in two: see `students/low_rank.py`."""
NO_PLAIN_MODEL = (
    "has layers that were split into two thin ones. As a plain model it would load with random numbers in their place and say "
    "nothing, so it exists in formats that hold its graph only: onnx, onnx-int8 or openvino-int8"
)

MOST_VALUES = 1_000_000
"""In a config."""
_building = threading.RLock()
"""transformers sets torch's default type of numbers while it makes a model, for all threads: two at once would leave it wrong."""


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` as plain data, without the keys that steer the loader. Needs neither torch nor transformers.

    Raises:
        ModelError: there is none, it does not parse, or it promises more than any model has.
    """
    path = folder / "config.json"
    caps.check_bytes(path, caps.JSON_BYTES)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{folder} holds no model: it has no config.json. Point at a folder saved by transformers."
        ) from None
    except (OSError, ValueError, RecursionError):
        raise ModelError(f"{path} cannot be read as JSON, so this model cannot be loaded.") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("model_type"), str):
        raise ModelError(f"{path} names no model_type, so transformers cannot tell what kind of model this is.")
    return clean_config(raw)


def clean_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A config without the keys that steer the loader, nested configs too.

    Raises:
        ModelError: it is damaged, or a number in it is out of all proportion.
    """
    try:
        found = plain(raw, MOST_VALUES)
    except NotPlainError as error:
        raise ModelError(f"The config of this model {error}, so it is not loaded. Pick another model.") from None
    caps.check_kinds(found)
    return _clean(found)


def _clean(raw: Mapping[str, Any]) -> dict[str, Any]:
    caps.check_config(raw)
    return {
        k: _clean(v) if isinstance(v, Mapping) else v
        for k, v in mended(raw).items()
        if k not in STEERING and not k.endswith("experts_implementation")
    }


def config_from(raw: Mapping[str, Any]) -> PretrainedConfig:
    """A transformers config object from cleaned plain data.

    Raises:
        ModelError: transformers does not know the model type, or a value in it is of the wrong kind.
    """
    from transformers import CONFIG_MAPPING

    model_type = raw.get("model_type")
    if model_type not in CONFIG_MAPPING:
        raise ModelError(
            f"This version of transformers does not know models of type {model_type!r}. Models that bring their own code "
            "are not loaded; pick one that transformers supports by itself."
        )
    try:
        return CONFIG_MAPPING[model_type].from_dict(dict(raw))
    except Exception as error:
        raise ModelError(f"The config of this {model_type} model is not valid ({first_line(error)}).") from error


def load_config(folder: Path) -> PretrainedConfig:
    """The cleaned config of a model folder, as a transformers object.

    Raises:
        ModelError: see `read_config` and `config_from`.
    """
    return config_from(read_config(folder))


def reads_characters(config: Mapping[str, Any]) -> bool:
    """Whether a model with this config.json reads characters or bytes, so that its tokenizer needs no vocabulary."""
    return config.get("model_type") in ("canine", "perceiver") or config.get("tokenizer_class") == "ByT5Tokenizer"


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer. It pads with the token that the model looks for behind a text's end; where neither of them names
    one, as in decoders, with the end-of-text one.

    Raises:
        ModelError: it has none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    files = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model",
             "tokenizer.model")  # fmt: skip
    if not any((folder / name).exists() for name in files) and not reads_characters(read_config(folder)):
        raise ModelError(
            "This model has no tokenizer (no tokenizer.json or vocabulary file), so texts cannot be turned into tokens. "
            "Add the tokenizer's files to the model's folder or repo."
        )
    for name in files:
        caps.check_bytes(folder / name, caps.VOCABULARY_BYTES)
    config = load_config(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder.resolve(), config=config, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        raise ModelError(f"This model's tokenizer cannot be read ({first_line(error)}).") from error
    rows = embedding_rows(config)
    looked_for = getattr(config, "pad_token_id", None)
    if looked_for in range(len(tokenizer)) and looked_for != tokenizer.pad_token_id:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(looked_for)
    if tokenizer.pad_token_id is None or (rows is not None and tokenizer.pad_token_id >= rows):
        named = [token for token in (tokenizer.eos_token, tokenizer.unk_token) if token is not None]
        held = [token for token in named if rows is None or tokenizer.convert_tokens_to_ids(token) < rows]
        tokenizer.pad_token = held[0] if held else tokenizer.convert_ids_to_tokens(0)
    if rows is not None:
        _check_tokens(tokenizer, rows)
    if getattr(config, "type_vocab_size", None) == 1 and "token_type_ids" in tokenizer.model_input_names:
        # Of a pair's second text they would be 1, for which the model has no row.
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    return tokenizer


def embedding_rows(config: PretrainedConfig) -> int | None:
    """Tokens that a model has an embedding for; None of models that read characters, and where the config does not say."""
    rows = getattr(config.get_text_config(), "vocab_size", None)
    return rows if isinstance(rows, int) and rows > 0 else None


def _check_tokens(tokenizer: PreTrainedTokenizerBase, rows: int) -> None:
    """Before a text is read: does the model have an embedding for each token that the tokenizer makes of texts, and puts around
    them? Special tokens that it does not put there, such as one for images, or BART's mask, do not count.

    Raises:
        ModelError: it has not, which would end the run at the first text with such a token.
    """
    added = tokenizer.added_tokens_decoder
    if len(tokenizer) <= rows and max(added, default=0) < rows:
        return
    special = {number for number, token in added.items() if token.special} | set(tokenizer.all_special_ids)
    special -= set(tokenizer("a")["input_ids"]) | set(tokenizer("a", "b")["input_ids"])
    vocabulary = tokenizer.get_vocab()
    lost = [token for token, number in vocabulary.items() if number >= rows and number not in special]
    if lost:
        known = max(vocabulary.values()) + 1
        raise ModelError(
            f"The tokenizer knows {known:,} tokens, and the model has embeddings for {rows:,} (vocab_size): "
            f"it cannot read {_some(sorted(lost))}. Tokens were added and the embeddings not resized. Take them out of the "
            "tokenizer's files, or resize the model (`model.resize_token_embeddings(len(tokenizer))`), train on and save both."
        )


def load_model(
    folder: Path,
    task: Task,
    *,
    dtype: torch.dtype | str = "auto",
    device: str = "cpu",
    quantization_config: Any = None,
    config: PretrainedConfig | None = None,
    new_head: bool = False,
    strict: bool = True,
) -> PreTrainedModel:
    """The model in `folder`, in eval mode, from safetensors only and without any code of its own.

    Args:
        quantization_config: quantize while loading (a transformers config object).
        config: in place of the folder's own.
        new_head: the weights may lack the task's head (and hold another task's); it starts from random values.
        strict: weights that the model has no place for are an error (they are tolerated in other people's checkpoints).

    Raises:
        ModelError: weights are missing, or the folder cannot be loaded.
    """
    import transformers

    _check_files(folder)
    config = config or load_config(folder)
    quantized = quantization_config is not None or getattr(config, "quantization_config", None) is not None
    extra: dict[str, Any] = {"quantization_config": quantization_config} if quantization_config is not None else {}
    if quantized or device != "cpu":
        extra["device_map"] = {"": device}
    with _building, _as_sentences(folder, task), quiet():
        model, info = getattr(transformers, task.auto_class).from_pretrained(
            folder.resolve(),
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=new_head,
            **extra,
        )
    _check_keys(folder, task, info, model.base_model_prefix, new_head=new_head, strict=strict)
    if getattr(model.config, "pad_token_id", None) not in range(embedding_rows(model.config) or 2**31):
        _give_padding(model, folder)
    task.complete(model.config)
    return model.eval()


def _check_files(folder: Path) -> None:
    if (folder / THIN).is_file():
        raise ModelError(f"{folder.name} {NO_PLAIN_MODEL}.")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder.name} has no weights in safetensors format. Pickle files are never loaded; convert them first "
            "(load the model with transformers yourself and save it again)."
        )


@contextlib.contextmanager
def _as_sentences(folder: Path, task: Task) -> Iterator[None]:
    """What a loader raises is a sentence of ours; memory and disk that ran out stay what they are."""
    try:
        yield
    except (MemoryError, OSError) as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None):
            raise
        raise ModelError(f"{folder.name} cannot be loaded ({first_line(error)}).") from error
    except Exception as error:
        if _out_of_memory(error):
            raise
        raise ModelError(
            f"{folder.name} cannot be loaded as a {task.title.lower()} model ({first_line(error)})."
        ) from error


def _check_keys(folder: Path, task: Task, info: Mapping[str, Any], base: str, *, new_head: bool, strict: bool) -> None:
    missing = sorted(str(k) for k in info["missing_keys"])
    if new_head:
        # All that stands beside the encoder is head (ModernBERT's has a layer of its own before the classifier).
        missing = [k for k in missing if k.split(".")[0] not in (*task.heads, "pooler") and ".pooler." not in k]
        missing = [k for k in missing if not base or k.startswith(f"{base}.")]
    if missing:
        head = all(k.split(".")[0] in task.heads for k in missing)
        way = (
            "It is an encoder without a head for this task: give it one and fine-tune it first (teacher_head: new)."
            if head
            else "Its file does not hold the model that its config describes."
        )
        raise ModelError(f"{folder.name} lacks weights for {_some(missing)}. {way}")
    unexpected = sorted(str(k) for k in info["unexpected_keys"])
    if strict and not new_head and unexpected:
        raise ModelError(f"{folder.name} holds weights that its model has no place for: {_some(unexpected)}.")
    mismatched = [str(k[0] if isinstance(k, tuple) else k) for k in info.get("mismatched_keys", ())]
    mismatched = [k for k in mismatched if not (new_head and k.split(".")[0] in task.heads)]
    if mismatched:
        raise ModelError(f"{folder.name} holds weights of another shape than its config says: {_some(mismatched)}.")


def _give_padding(model: PreTrainedModel, folder: Path) -> None:
    """Decoders with a classification head find the last real token by the padding token's id."""
    with contextlib.suppress(ModelError):
        model.config.pad_token_id = load_tokenizer(folder).pad_token_id


def build(config: PretrainedConfig, task: Task, device: str = "meta") -> PreTrainedModel:
    """A model from a config alone: on `meta` without any memory, else with random weights in float32.

    Raises:
        ModelError: the auto class of the task does not know this architecture, or the config contradicts itself.
    """
    import torch
    import transformers

    auto = getattr(transformers, task.auto_class)
    try:
        with _building, torch.device(device), quiet():
            return auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:
        if _out_of_memory(error):
            raise
        raise ModelError(
            f"No {task.title.lower()} model can be built from this {config.model_type} config ({first_line(error)})."
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """transformers' advice is for programmers: only its errors are let through."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    # It warns at every layer and forward that it casts to half precision, which is what was asked for.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(as_ours(error), OutOfMemoryError)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
