"""The browser makes the same numbers of a text as the server does: each kind of tokenizer, pairs, and texts that are too long."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from compressor import browser
from compressor.settings import ASSETS
from tests.install_npm import node

SCRIPT = Path(__file__).parent.parent / "node" / "encode.mjs"
BEGIN, PAD, END, UNKNOWN = SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
ODD = [
    "Ünïcode — 你好 😀 <b> x",
    "  spaces   here ",
    "[CLS] typed [SEP] in <s> </s>",
    "a",
    "x" * 300,
    "line\nbreak\ttab",
    "İstanbul ﬁ ½ é e\u0301",
    "don’t can't 12,345.67 $5",
    "\u200b\u00a0zero",
]


def texts() -> list[str]:
    with (ASSETS / "demo" / "test.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][:40]


def roberta() -> PreTrainedTokenizerFast:
    """Bytes, and two closing tokens between the texts of a pair."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=SPECIAL, initial_alphabet=alphabet)
    made.train_from_iterator(texts(), trainer)
    made.post_processor = processors.RobertaProcessing((END, 2), (BEGIN, 0), add_prefix_space=False)
    return _wrapped(made)


def gpt() -> PreTrainedTokenizerFast:
    """Bytes, and no special tokens at all."""
    made = roberta().backend_tokenizer
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return _wrapped(made)


def sentencepiece(single: str, pair: str, **more: Any) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.train_from_iterator(
        texts(), trainers.UnigramTrainer(vocab_size=400, special_tokens=SPECIAL, unk_token=UNKNOWN)
    )
    made.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=[(BEGIN, 0), (END, 2)])
    return _wrapped(made, **more)


def _wrapped(made: Tokenizer, **more: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=BEGIN, eos_token=END, cls_token=BEGIN, sep_token=END, pad_token=PAD,
        unk_token=UNKNOWN, **more,
    )  # fmt: skip


KINDS: dict[str, Callable[[], Any]] = {
    "bert": lambda: AutoTokenizer.from_pretrained(ASSETS / "demo" / "teacher"),
    "roberta": roberta,
    "gpt": gpt,
    "xlm-roberta": lambda: sentencepiece("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    "cut on the left": lambda: sentencepiece("<s> $A </s>", "<s> $A </s> </s> $B </s>", truncation_side="left"),
    "xlnet": lambda: sentencepiece("$A:0 </s>:0 <s>:2", "$A:0 </s>:0 $B:1 </s>:1 <s>:2"),
}
LIMITS = (16, 33, 128)


@pytest.fixture(scope="module", name="compared")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, Any, Any]]]:
    """`{kind: [(text and pair, the browser's inputs, the server's) …]}`, from one run of Node."""
    place, folders = node(), tmp_path_factory.mktemp("tokenizers")
    all_texts = [*texts(), *ODD]
    pairs = [(text, all_texts[(7 * i + 3) % len(all_texts)]) for i, text in enumerate(all_texts)]
    asked = [*((text, None) for text in all_texts), *pairs]
    cases, theirs = [], []
    for number, make in enumerate(KINDS.values()):
        make().save_pretrained(folders / str(number))
        made = AutoTokenizer.from_pretrained(folders / str(number))
        for limit in LIMITS:
            theirs.append([_server(made, text, pair, limit) for text, pair in asked])
            cases.append({"folder": str(number), "limit": limit, "side": made.truncation_side, "texts": asked,
                          "names": list(theirs[-1][0])})  # fmt: skip
    mine = _browser(place, folders, cases)
    found: dict[str, list[tuple[Any, Any, Any]]] = {kind: [] for kind in KINDS}
    for index, (here, there) in enumerate(zip(mine, theirs, strict=True)):
        found[list(KINDS)[index // len(LIMITS)]] += zip(asked, here, there, strict=True)
    return found


def _server(made: Any, text: str, pair: str | None, limit: int) -> dict[str, Any]:
    given = (text,) if pair is None else (text, pair)
    return dict(made(*given, truncation=True, max_length=limit))


def _browser(place: Path, folders: Path, cases: list[dict[str, Any]]) -> list[Any]:
    script = shutil.copy(SCRIPT, place)  # beside the packages that it imports
    asked = {"worker": str(browser.OWN / "worker.js"), "folders": f"{folders.as_posix()}/", "cases": cases}
    done = subprocess.run(["node", script], input=json.dumps(asked), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("kind", KINDS)
def test_the_browser_makes_the_same_inputs_as_the_server(compared: Any, kind: str) -> None:
    for asked, here, there in compared[kind]:
        for name in ("input_ids", "token_type_ids"):
            assert here.get(name) == there.get(name), (asked, name)


def test_something_was_cut_in_each_way(compared: Any) -> None:
    for kind, found in compared.items():
        lengths = [len(there["input_ids"]) for _, _, there in found]
        assert {16, 33} <= set(lengths) and min(lengths) < 16, kind
