"""What strangers may send, as hypothesis strategies: texts, plain data, recipes, configs, forms. Files are in `uploads.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

NASTY = (
    "", " ", "\0", "a\0b", "\ud800", "x\udfffy", "\ufeff", "\u202egpj", "x" * 5000, "9" * 5000, "0x" + "f" * 5000,
    "-" * 3000, "[" * 3000, "(" * 500, "1e999", "-1e999", "0,5", "nan", ".nan", ".inf", "NaN", "Infinity", "null", "true",
    "demo", "./x", "../../etc/passwd", "/etc/passwd", "/dev/zero", "/", ".", "..", "~", "~/x", "~nosuchuser/x", "C:\\x.csv",
    "\\\\server\\share", "a/b", "a/b/c", "user/name", "user/--x", "x.csv", "/tmp/none.csv", "~nosuchuser.csv",
    "http://[::1", "https://[x]/a", "https://huggingface.co/user/name", "https://huggingface.co:x/a/b", "hf://", "hf://a",
    "https://user:pw@huggingface.co/a/b", "http://℀.com/a", "https://huggingface.co/%00/%ff", "https://hf.co/" + "a/" * 2000,
    "<img src=x onerror=alert(1)>", "{0}", "{x}", "%s", "`", "|", ";", ",", "=", "LABEL_0", "label_" + "1" * 5000, "²", "٣",
    "[0x" + "f" * 5000 + "]", "[{[]: 1}]", "[" + "-" * 5000 + "1]", "[1, [2]]", "[None]", "['a' 'b']", "[1e999]",
    "a\rb", "a\nb", "\u2028", "\x85", "ﷺ" * 50, "é", "漢字", "😀", "Ⅷ", "ß",
)  # fmt: skip


def one_of_these(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """`sampled_from` by number, so that hypothesis does not write all of them out as the strategy's name."""
    return st.integers(0, len(values) - 1).map(lambda i: values[i])


texts = st.one_of(
    one_of_these(NASTY),
    st.text(max_size=30),
    st.text(st.characters(), max_size=12),
    st.builds(lambda a, n: a * n, st.text(min_size=1, max_size=3), st.sampled_from((50, 500, 5000))),
)
numbers = st.one_of(
    st.integers(-3, 300),
    st.integers(),
    st.floats(),
    st.sampled_from((2**31, 2**63, -(2**63) - 1, 2**64, 10**400, 1e308, 5e-324)),
    st.just(20_000).map(
        lambda bits: 1 << bits
    ),  # of more digits than Python writes: hypothesis could not print it either
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)


def _deep(kind: str, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


deep = st.builds(_deep, st.sampled_from(("list", "dict")), st.sampled_from((20, 150, 400, 900)))
wild = st.one_of(
    leaves,
    st.recursive(leaves, lambda x: st.lists(x, max_size=4) | st.dictionaries(texts, x, max_size=4), max_leaves=12),
    deep,
    st.builds(lambda n: list(range(n)), st.sampled_from((1000, 30_000))),
    st.builds(lambda n: {f"k{i}": i for i in range(n)}, st.sampled_from((1000, 30_000))),
)


def keyed(
    known: dict[str, st.SearchStrategy[Any]], rate: int = 4, base: dict[str, Any] | None = None, few: int | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping of known keys with fitting values; in two of three, one value in `rate` is wild, and now and then a key is.

    Args:
        base: in half of them, what is left out is as here.
        few: in half of them, no more than so many of the keys.
    """
    either = {k: st.integers(1, rate).flatmap(lambda n, s=s: wild if n == rate else s) for k, s in known.items()}
    odd = st.one_of(st.just({}), st.just({}), st.dictionaries(texts, wild, max_size=2))
    found = st.one_of(
        st.fixed_dictionaries({}, optional=known),
        st.fixed_dictionaries({}, optional=either),
        st.builds(lambda fit, more: {**fit, **more}, st.fixed_dictionaries({}, optional=either), odd),
    )
    if few:
        some_keys = st.sets(st.sampled_from(sorted(known)), max_size=few)
        found |= st.builds(lambda here, keys: {k: v for k, v in here.items() if k in keys}, found, some_keys)
    return st.builds(lambda here, whole: {**base, **here} if whole else here, found, st.booleans()) if base else found


def _dump(value: Any) -> str:
    try:
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, ValueError, RecursionError):
        return "teacher: demo"


# ---------------------------------------------------------------------- recipes

_words = st.sampled_from(("demo", "user/name", "./here", "text", "label", "a", "b"))
_one = st.sampled_from((1, 2, 0.5, 1.0)) | numbers
_many = st.sampled_from((8, 64, 100.0)) | numbers
_data = keyed(
    {
        "source": st.one_of(
            _words,
            st.sampled_from(("x.csv", "/tmp/x.parquet", "~nosuchuser/x.csv", "a\0.csv", "x" * 300 + ".csv")),
            keyed({"train": _words | texts, "validation": _words, "test": _words | texts}),
        ),
        "subset": texts,
        "revision": texts,
        "columns": st.dictionaries(st.sampled_from(("text", "text_pair", "label")) | texts, texts, max_size=4),
        "labels": st.dictionaries(texts, texts, max_size=4),
        "unlabelled": _words | texts,
        "label_kind": st.sampled_from(("one", "several", "number")) | texts,
        "no_label": st.lists(texts, max_size=3),
        "limit": _many,
        "max_length": _many,
    }
)
_student = st.none() | keyed(
    {
        "size": st.sampled_from(("half", "third", "tiny", "huge", "auto")),
        "cut": keyed({"layers": _many, "hidden": _many, "intermediate": _many, "kv_heads": _many}),
        "low_rank": keyed({"energy": _many, "weights": _many}),
        "model": _words | texts,
        "vocabulary": st.just("data") | _many,
    }
)
_distill = st.none() | keyed(
    {
        "objective": st.sampled_from(("auto", "logits", "relations")),
        "augment": st.sampled_from(("auto", "none")) | _many,
        "control": st.booleans(),
        "epochs": _one,
        "temperature": _one,
        "alpha": _one,
        "learning_rate": _one,
        "batch_size": _many,
    }
)
recipe_values = keyed(
    {
        "schema": st.just(1),
        "teacher": _words | texts,
        "teacher_head": st.sampled_from(("keep", "new")),
        "task": st.sampled_from(("text-classification", "text-generation")) | texts,
        "data": st.just({"source": "demo"}) | _data,
        "student": _student,
        "distill": _distill,
        "budget": st.sampled_from(("quick", "balanced", "thorough")),
        "formats": st.lists(st.sampled_from(("8bit", "4bit", "2bit")), max_size=3),
        "target": st.none() | keyed({"max_megabytes": _one, "min_retained": _one, "min_speedup": _one}),
        "backend": st.just("local"),
        "seed": _many,
    },
    rate=6,
    base={"teacher": "demo", "data": {"source": "demo"}},
    few=3,
)

BOMBS = (
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)),
    "a: &a {teacher: demo}\n"
    + "".join(f"b{i}: &b{i} {{<<: [{', '.join([f'*b{i - 1}' if i else '*a'] * 9)}]}}\n" for i in range(12)),
    "teacher: demo\ndata: &x {columns: *x}",
    "&a [*a]", "&a {a: *a}", "teacher: &t demo\ntask: *t", "teacher: *none",
    "[" * 20_000, "{" * 20_000, "- " * 20_000, "? " * 5000, "a: " * 3000, "{a: " * 3000, "&a " * 3000, "!!a " * 3000,
    "teacher: demo\nteacher: other", "{[1]: 2}", "{{a: 1}: 2}", "? [a]\n: b", "? {a: 1}\n: b",
    "seed: 0x" + "f" * 30_000, "seed: " + "9" * 30_000, "seed: 1" + ":59" * 5000, "seed: 0b" + "1" * 30_000,
    "seed: !!int ''", "seed: !!float ''", "seed: !!bool x", "seed: !!timestamp x", "seed: !!binary '%%%'", "seed: !!null x",
    "seed: !!set {a, b}", "seed: !!omap [a: 1]", "seed: !!pairs [a: 1]", "seed: !!python/object:os.system x", "x: !!str [a]",
    "seed: 2020-99-99", "seed: 2020-01-01T99:99:99Z", "teacher: 2020-01-01", "teacher: !!binary aGk=", "seed: .nan",
    "distill: {alpha: .nan}", "distill: {epochs: .nan}", "distill: {temperature: .inf}", "data: {limit: 0x" + "f" * 9000 + "}",
    'teacher: "\\0"', 'teacher: "\\ud800"', 'teacher: "a\\x00b"', 'data: {source: "x\\0.csv"}', "teacher: \ufeffdemo",
    "\ufeffteacher: demo", "teacher: demo\0", "teacher: demo\n--- \nteacher: two", "%YAML 9.9\n---\nteacher: x", "%TAG ! x",
    "teacher: demo\n\tstudent: x", "teacher: |\n" + " x\n" * 5000, "teacher: " + "x" * 200_000, "teacher: >\n", "...", "---",
    "teacher: demo\ndata:\n  labels:\n" + "".join(f"    k{i}: v{i}\n" for i in range(3000)),
    "".join(f"key{i}: {i}\n" for i in range(3000)), "{" + ", ".join(f"{i}: {i}" for i in range(3000)) + "}",
    "formats: [" + "x, " * 5000 + "]", "data: {source: ~nosuchuser/a.csv}", "data: {unlabelled: ~nosuchuser}",
    "data: {source: {train: ~nosuchuser/a.csv}}", "x" * 300_000, "#" * 300_000, "a: b\n" * 100_000, '"' + "\\" * 10_001,
)  # fmt: skip
_line = st.builds(
    lambda key, value: f"{key}: {value}\n",
    st.sampled_from(("teacher", "student", "data", "seed", "formats", "distill", "<<", "task", "? x", "- ")) | texts,
    st.sampled_from(
        (
            "&a x",
            "*a",
            "!!int x",
            "!!set {a}",
            "[",
            "{",
            "]",
            "'",
            '"\\ud83d"',
            "|",
            ">",
            "0o9",
            "1:2:3",
            "@",
            "`",
            "%",
            "!",
        )
    )
    | texts,
)
yaml_texts = st.one_of(
    one_of_these(BOMBS),
    recipe_values.map(_dump),
    recipe_values.map(lambda v: json.dumps(v, default=str) if _printable(v) else "{}"),
    st.lists(_line, max_size=6).map("".join),
    st.text(max_size=80),
    st.text(alphabet="[]{}:,-&*!|>'\"%@`#?~<\\ \n\tab01", max_size=60),
)
_sets = st.lists(
    st.one_of(
        st.builds(
            lambda path, value: f"{path}={value}",
            st.sampled_from(
                ("data.limit", "data.source", "student", "student.size", "teacher.x.y", "data", "seed", ".", "a..b", "",
                 "schema", "data.columns.text", ".".join("a" * 2000), "formats", " ")
            ) | texts,
            one_of_these(BOMBS) | texts,
        ),
        texts,
    ),
    max_size=2,
)  # fmt: skip
overrides = st.one_of(st.just([]), st.just([]), _sets)


def _printable(value: Any) -> bool:
    try:
        json.dumps(value, default=str)
    except (ValueError, RecursionError):  # numbers of more digits than Python writes
        return False
    return True


# ---------------------------------------------------------------------- JSON files

JSON_BOMBS = (
    b"", b" ", b"null", b"[]", b"{}", b"1", b'"x"', b"[" * 100_000, b'{"a":' * 50_000, b"[" * 900 + b"]" * 900,
    b"9" * 5000, b'{"a":' + b"9" * 5000 + b"}", b"NaN", b'{"a": NaN}', b'{"a": 1e999}', b"\xff\xfe{}", b"\xef\xbb\xbf{}",
    b'{"a": "\\ud800"}', b'{"\\ud800": 1}', b'{"a": "\\u0000"}', b"\0" * 100, b"{" * 10, b"-", b'{"a":1,"a":2}',
    "{}".encode("utf-16"), b"\xff" * 50, b"[[],[],[],[]]" * 3, b'{"x":' + b"[" * 600 + b"1" + b"]" * 600 + b"}",
)  # fmt: skip


def as_json(value: Any) -> bytes:
    """JSON as anybody's library may write it: NaN, halves of surrogate pairs and all."""
    return json.dumps(value, default=str).encode() if _printable(value) else b'{"a": '


def json_files(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Bytes of a JSON file: of these values, cut off, with bytes changed, or a bomb."""
    whole = values.map(as_json)
    return st.one_of(
        whole,
        whole,
        one_of_these(JSON_BOMBS),
        st.builds(lambda b, cut: b[: len(b) * cut // 100], whole, st.integers(0, 99)),
        st.builds(spliced, whole, st.integers(0, 100), st.integers(0, 3), st.binary(max_size=4)),
        st.binary(max_size=60),
    )


def spliced(data: bytes, at: int, dropped: int, put: bytes) -> bytes:
    """`put` in place of `dropped` bytes, `at` per cent into the data."""
    place = len(data) * at // 100
    return data[:place] + put + data[place + dropped :]


# ---------------------------------------------------------------------- models

_count = st.sampled_from((0, 1, 2, 3, -1, 10**9, 10**13, 2**63, 1e9, True, "2", None)) | numbers
CONFIGS: dict[str, dict[str, Any]] = {
    "distilbert": {"architectures": ["DistilBertForSequenceClassification"],
                   "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "bert": {"architectures": ["BertModel"], "hidden_size": 32,
             "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "gpt2": {"architectures": ["GPT2LMHeadModel"], "n_embd": 32, "n_layer": 2, "n_head": 2},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
              "num_key_value_heads": 1, "intermediate_size": 64, "max_window_layers": 1},
}  # fmt: skip
_odd_config = keyed(
    {
        "model_type": st.sampled_from((*CONFIGS, "t5", "none", "auto")),
        "architectures": st.lists(st.sampled_from(("BertForSequenceClassification", "BertModel", "T5")) | leaves, max_size=2),
        "id2label": st.dictionaries(st.integers(-1, 5).map(str) | texts, leaves, max_size=3) | st.lists(texts, max_size=3),
        "label2id": st.dictionaries(texts, leaves, max_size=3),
        "num_labels": _count,
        "problem_type": st.sampled_from(("regression", "multi_label_classification")) | leaves,
        "num_hidden_layers": _count,
        "n_layers": _count,
        "hidden_size": _count,
        "num_attention_heads": _count,
        "vocab_size": _count,
        "max_position_embeddings": _count,
        "layer_types": st.lists(texts, max_size=3),
        "is_encoder_decoder": st.booleans(),
        "quantization_config": keyed({"quant_method": texts, "load_in_4bit": st.booleans()}),
        "torch_dtype": texts,
        "dtype": texts,
        "auto_map": wild,
        "rope_scaling": keyed({"type": texts, "factor": numbers}),
        "text_config": keyed({"auto_map": texts, "hidden_size": _count}),
    },
    rate=8,
)  # fmt: skip
configs = st.one_of(
    st.builds(
        lambda kind, odd, most: {
            "model_type": kind,
            "vocab_size": 64,
            **CONFIGS[kind],
            **dict(list(odd.items())[:most]),
        },
        st.sampled_from(tuple(CONFIGS)),
        _odd_config,
        st.integers(0, 3),
    ),
    _odd_config,
    wild,
)
tensors = st.one_of(
    st.dictionaries(
        st.sampled_from(("a.weight", "b.absmax", "__metadata__", "c.quant_state.x")) | texts,
        keyed({
            "dtype": st.sampled_from(("F32", "BF16", "U8", "I8", "I64", "XX")),
            "shape": st.lists(st.one_of(st.integers(-2, 9), _count, texts), max_size=4),
            "data_offsets": st.lists(numbers, max_size=2),
        }),
        max_size=4,
    ),
    wild,
)  # fmt: skip


def _stored(header: bytes, size: int | None, rest: bytes) -> bytes:
    import struct

    return struct.pack("<Q", (len(header) if size is None else size) % 2**64) + header + rest


safetensors = st.one_of(
    st.builds(
        _stored,
        json_files(tensors),
        st.one_of(st.none(), st.none(), st.sampled_from((0, 1, 2**31, 2**63, 2**64 - 1, 99_999_999))),
        st.binary(max_size=8),
    ),
    st.binary(max_size=20),
)
