"""The words on the page: one catalogue a language, English first. `t(key)` is the only way to a sentence."""

from __future__ import annotations

from typing import Any

from compressor.ui.words.en import WORDS


def t(key: str, **values: Any) -> str:
    """The sentence of that key with its values filled in. Plain text: whoever puts it into HTML escapes it.

    Raises:
        KeyError: there is no such key (a test finds those before a person does).
    """
    sentence = WORDS[key]
    return sentence.format(**values) if values else sentence
