"""YAML and JSON that anybody may have written, as plain data under bounds: the answer is plain, or a ValueError.

PyYAML and `json` raise what their innards raise (a KeyError for `!!bool x`, a RecursionError, a ValueError for a number of 5,000
digits), and a few lines of YAML with anchors unfold to gigabytes. Here that ends as one kind of error, whose text goes on from
the name of what was read: "… is not valid YAML (line 3): check the indentation and the quotes".
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

MOST_YAML = 200_000
"""Characters; a recipe that maps two thousand labels has half of that. PyYAML reads some hundred thousand a second."""
MOST_VALUES = 50_000
DEPTH = 40
BOOL = "tag:yaml.org,2002:bool"
MOST_BITS = 64
"""Of a whole number. Python writes numbers of up to 4,300 digits; those who read it back may not."""


class NotPlainError(ValueError):
    """`str(error)` goes on from the name of what was read."""


class AliasError(NotPlainError):
    """YAML's `*name`: a few lines of nested ones unfold to gigabytes."""


def read_json(text: str | bytes) -> Any:
    """JSON as Python reads it (NaN included).

    Raises:
        ValueError: it is not valid, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise NotPlainError("is nested too deeply") from None


def read_json_file(path: Path, most: int) -> Any:
    """A JSON file of at most so many bytes.

    Raises:
        OSError, ValueError: it cannot be read, or is larger.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NotPlainError(f"has more than {most:,} bytes")
    return read_json(data.decode("utf-8"))


def storable(text: str) -> str:
    """Without what cannot be stored or shown: NUL, and halves of surrogate pairs."""
    text = text.replace("\0", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_yaml(text: str) -> Any:
    """One YAML document, or JSON, of a few thousand values, without aliases and without a key twice. Of its words true and false
    alone are no text: `yes`, `no`, `on` and `off` are labels that people have.

    Raises:
        NotPlainError: it is none.
    """
    if len(text) > MOST_YAML:
        raise NotPlainError(f"has {len(text):,} characters, and at most {MOST_YAML:,} are read")
    if text.lstrip().startswith("{"):
        with contextlib.suppress(json.JSONDecodeError):  # YAML takes neither JSON's tabs nor its way to write an emoji
            return _from_json(text)
    try:
        return yaml.load(text, _Loader)  # noqa: S506  (a SafeLoader)
    except NotPlainError:
        raise
    except RecursionError:
        raise NotPlainError("is nested too deeply") from None
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise NotPlainError(f"is not valid YAML{where}: check the indentation and the quotes") from None


def _from_json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        if twice := [key for key, count in counts.items() if count > 1]:
            raise NotPlainError(f"has the key `{twice[0][:40]}` twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except RecursionError:
        raise NotPlainError("is nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if isinstance(error, NotPlainError):
            raise
        raise NotPlainError("has a number that is too large to be meant") from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012  (so PyYAML declares it)
        first: [(tag, pattern) for tag, pattern in found if tag != BOOL]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise AliasError(
                f"has an alias (`*{event.anchor[:40]}`, line {event.start_mark.line + 1}): write the value itself in its place"
            )
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise NotPlainError(f"has the key `{key.value[:40]}` twice (line {key.start_mark.line + 1})")
                seen.add((key.tag, key.value))
        super().flatten_mapping(node)


_Loader.add_implicit_resolver(BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))  # type: ignore[no-untyped-call]


def plain(value: Any, most: int = MOST_VALUES) -> Any:
    """A deep copy of plain types only, with text for keys: what JSON would make of it.

    Raises:
        NotPlainError: it is too large or too deep, or holds text or numbers that cannot be stored. The text names the place.
    """
    return _Copy(most).of(value, ())


class _Copy:
    def __init__(self, most: int):
        self.values, self.most = 0, most

    def of(self, value: Any, place: tuple[str, ...]) -> Any:
        self.values += 1
        if self.values > self.most:
            raise NotPlainError(f"has more than {self.most:,} values")
        if len(place) > DEPTH:
            raise NotPlainError(f"is nested too deeply{_at(place[:3])}")
        if isinstance(value, Mapping):
            return {(name := _key(k, place)): self.of(v, (*place, name)) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(v, (*place, str(i))) for i, v in enumerate(value)]
        return _leaf(value, place)


def _key(key: Any, place: tuple[str, ...]) -> str:
    if key is None or isinstance(key, (bool, int, float)):
        return str(json.dumps(_leaf(key, place)))
    return str(_leaf(key, place))


def _leaf(value: Any, place: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise NotPlainError(f"has a number that is too large to be meant{_at(place)}")
        return value
    text = value if isinstance(value, str) else str(value)
    if text != storable(text):
        raise NotPlainError(f"has text with a character that no text has (NUL, or half of one){_at(place)}")
    return text


def _at(place: tuple[str, ...]) -> str:
    return f", in `{'.'.join(p[:40] for p in place)}`" if place else ""
