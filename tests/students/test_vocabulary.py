"""A vocabulary trimmed to somebody's texts: these are read as before, and whatever else there is can still be read."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers import models as kinds

from compressor import models, tasks
from compressor.errors import CannotCutError, RecipeError
from compressor.students.tokenizer_json import choose, trimmed_state
from compressor.students.vocabulary import said, state_of, trim
from tests import tiny

TASK = tasks.get("text-classification")
WORDS = [
    "warm",
    "warmer",
    "cold",
    "colder",
    "slow",
    "slowly",
    "bright",
    "brighter",
    "story",
    "stories",
    "naïve",
    "Straße",
    "über",
]
OTHERS = [
    "unread",
    "reader",
    "reading",
    "paper",
    "papers",
    "window",
    "windows",
    "mountain",
    "mountains",
    "electric",
    "日本",
    "улица",
]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def corpus(words, rows, seed):
    made = random.Random(seed)
    return [" ".join(made.choice(words) for _ in range(made.randint(3, 9))) for _ in range(rows)]


TEXTS = corpus(WORDS, 60, 1)
ALL = corpus(WORDS + OTHERS, 400, 2)


def wordpiece():
    tokenizer = Tokenizer(kinds.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained(tokenizer, trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False))
    return tokenizer


def byte_level():
    tokenizer = Tokenizer(kinds.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained(
        tokenizer,
        trainers.BpeTrainer(vocab_size=600, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    return tokenizer


def with_byte_fallback():
    """As Llama's: BPE on characters, bytes for what it does not know."""
    tokenizer = Tokenizer(kinds.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)]
    trained(tokenizer, trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False))
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][: len(SPECIAL)]  # Llama's bytes are tokens like all others
    return Tokenizer.from_str(json.dumps(state))


def unigram():
    """As XLM-R's."""
    tokenizer = Tokenizer(kinds.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trained(
        tokenizer,
        trainers.UnigramTrainer(vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False),
    )
    return tokenizer


def trained(tokenizer, trainer):
    tokenizer.train_from_iterator(ALL, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    if isinstance(tokenizer.model, kinds.BPE):
        tokenizer.post_processor = processors.RobertaProcessing(ids[1], ids[0])
    else:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=ids
        )


MADE = {"WordPiece": wordpiece, "byte-level BPE": byte_level, "BPE with bytes": with_byte_fallback, "Unigram": unigram}


@pytest.fixture(params=list(MADE), scope="module")
def tokenizer(request):
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), SPECIAL, strict=True))
    names |= {"cls_token": "<s>", "sep_token": "</s>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=MADE[request.param](), model_max_length=64, **names)


def counted(tokenizer, texts):
    return Counter(id_ for ids in tokenizer(list(texts))["input_ids"] for id_ in ids)


def after(tokenizer, kept):
    return Tokenizer.from_str(json.dumps(trimmed_state(state_of(tokenizer), kept)))


def test_what_was_seen_is_tokenized_as_before(tokenizer):
    kept = choose(state_of(tokenizer), counted(tokenizer, TEXTS))
    assert len(kept) < len(tokenizer)
    small = after(tokenizer, kept)
    for first, second in itertools.pairwise(TEXTS):
        before = tokenizer(first, second)["input_ids"]
        assert [kept[new] for new in small.encode(first, second).ids] == before
    assert small.get_vocab_size() == len(kept)


def test_all_of_a_small_choice_can_be_made_again(tokenizer):
    """Tokens beyond the room fall to pieces that are there: what was read stays readable, without an unknown token."""
    state = state_of(tokenizer)
    everything = choose(state, counted(tokenizer, TEXTS))
    kept = choose(state, counted(tokenizer, TEXTS), most=len(everything) - 5)
    small = after(tokenizer, kept)
    assert len(kept) < len(everything)
    unknown = small.token_to_id("<unk>")
    for text in TEXTS:
        ids = small.encode(text).ids
        assert unknown not in ids or tokenizer.unk_token_id in tokenizer(text)["input_ids"]
        assert letters(small.decode(ids)) == letters(
            tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True)
        )


def letters(text):
    """A text without what stands for spaces and for the insides of words."""
    return re.sub("[ ▁#]", "", text)


def test_every_kept_token_of_bpe_can_still_be_made(tokenizer):
    state = state_of(tokenizer)
    if "merges" not in state["model"]:
        pytest.skip("only BPE makes tokens out of others")
    kept = set(choose(state, counted(tokenizer, TEXTS), most=len(choose(state, counted(tokenizer, TEXTS))) - 5))
    tokens = [token for token, id_ in state["model"]["vocab"].items() if id_ in kept]
    new = trimmed_state(state, sorted(kept))["model"]
    reachable = {a + b for a, b in (m.split(" ", 1) if isinstance(m, str) else m for m in new["merges"])}
    longer = [t for t in tokens if len(t) > 1 and not t.startswith("<")]
    assert longer and all(token in reachable for token in longer)


@pytest.mark.parametrize(
    "text",
    [
        "Ελληνικά كتاب 한국어",
        "🙂🙃 \U0001f9ea",
        "\x00\x07\u200d\ufeff",
        "a" * 5000,
        "".join(map(chr, range(32, 2000))),
        "",
    ],
    ids=["other scripts", "emoji", "control characters", "one long word", "all of it", "nothing"],
)
def test_text_that_was_never_seen_is_still_tokenized(tokenizer, text):
    kept = choose(state_of(tokenizer), counted(tokenizer, TEXTS))
    ids = after(tokenizer, kept).encode(text).ids
    assert all(0 <= id_ < len(kept) for id_ in ids)


def test_too_few_tokens_are_refused_with_the_least(tokenizer):
    with pytest.raises(RecipeError, match=r"student.vocabulary is 9, but \d+ tokens have to stay"):
        choose(state_of(tokenizer), counted(tokenizer, TEXTS), most=9)


def test_another_kind_of_tokenizer_is_refused(tokenizer):
    state = state_of(tokenizer)
    state["model"] = state["model"] | {"type": "Runes"}
    with pytest.raises(CannotCutError, match="Runes"):
        choose(state, {})


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "electra"])
def test_a_trimmed_model_answers_as_before_and_is_plain_to_load(tokenizer, kind, tmp_path):
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 64}
    if kind == "distilbert":
        sizes = {"dim": 32, "n_heads": 4, "n_layers": 2, "hidden_dim": 64}
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer) + 7, pad_token_id=tokenizer.pad_token_id, max_position_embeddings=70, **sizes
    )
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    kept = choose(state_of(tokenizer), counted(tokenizer, TEXTS))
    small, own = trim(model, tokenizer, kept, TASK)
    small.save_pretrained(tmp_path / "small")
    own.save_pretrained(tmp_path / "small")
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "small").eval()
    reader = models.load_tokenizer(tmp_path / "small")
    assert again.config.vocab_size == len(kept) == len(reader)
    batch = tokenizer(TEXTS[:16], padding=True, return_tensors="pt", return_token_type_ids=False)
    new = reader(TEXTS[:16], padding=True, return_tensors="pt", return_token_type_ids=False)
    assert torch.equal(new["attention_mask"], batch["attention_mask"])
    with torch.inference_mode():
        assert torch.allclose(again(**new).logits, model(**batch).logits, atol=1e-6)


def test_a_model_that_reads_its_tokens_numbers_is_refused(tokenizer, tmp_path):
    """Whatever the reason: it is tried before it is believed."""
    folder = tiny.bert(tmp_path / "bert")
    model, own = models.load_model(folder, TASK, dtype=torch.float32), models.load_tokenizer(folder)
    kept = choose(state_of(own), Counter(range(0, len(own), 3)))
    embed = model.get_input_embeddings().forward
    model.get_input_embeddings().forward = lambda ids: embed(ids) + ids.unsqueeze(-1) * torch.linspace(-1, 1, 64)
    with pytest.raises(CannotCutError, match="answers differently"):
        trim(model, own, kept, TASK)


def test_what_is_said_of_new_texts_is_true_of_either_choice():
    """Token 3 is in the training rows and not kept, where a number was asked for."""
    train, test = Counter({1: 5, 2: 5, 3: 1}), Counter({1: 6, 3: 1, 4: 1})
    by_data = said([1, 2, 3, 4], 10, train, test)
    assert "about 12.5% of the tokens of new texts: so many of the test rows' are in no other row" in by_data
    by_number = said([1, 2], 10, train, test, 2)
    assert "about 25.0% of" in by_number and "in no other row" not in by_number
