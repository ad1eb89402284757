"""Which encoding a text is in that is not Unicode, by the letters that each of its rivals gives.

The same byte is `ş` in Turkish, `þ` in Western European and `ţ` in Central European files, so none of them is tried before the
others: each decoding is held against the letters of the languages that are written in it. Other scripts than Latin are told apart
by charset-normalizer.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_WESTERN, _CENTRAL, _TURKISH, _BALTIC = "cp1252", "cp1250", "cp1254", "cp1257"
TITLES = {
    _WESTERN: "Windows-1252 (Western European)",
    _CENTRAL: "Windows-1250 (Central European)",
    _TURKISH: "Windows-1254 (Turkish)",
    _BALTIC: "Windows-1257 (Baltic)",
    "gb18030": "GB18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "cp932": "Shift JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "cp949": "Windows-949 (Korean)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8_r": "KOI8-R (Russian)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp874": "Windows-874 (Thai)",
}
# The letters beyond a to z of languages, the commonest first, by the encoding that their files have on Windows.
ALPHABETS = (
    ("English", _WESTERN, "éçïèñöüêëà"), ("French", _WESTERN, "éèàêçôîûâùœïëüæÿ"), ("German", _WESTERN, "üäöß"),
    ("Spanish", _WESTERN, "óíáéñúü"), ("Catalan", _WESTERN, "àéóèíçúòïü"), ("Portuguese", _WESTERN, "ãçéáíóõêúàâô"),
    ("Italian", _WESTERN, "èàùòìé"), ("Dutch", _WESTERN, "éëïöüèê"), ("Swedish", _WESTERN, "äåöé"),
    ("Danish", _WESTERN, "åøæé"), ("Icelandic", _WESTERN, "íáðóöþúéýæ"), ("Irish", _WESTERN, "áéíóú"),
    ("Czech", _CENTRAL, "íáěéřčýšžůúňťóď"), ("Slovak", _CENTRAL, "áíčéýžšľťúňôďäóĺŕ"), ("Polish", _CENTRAL, "łęążóśćńź"),
    ("Hungarian", _CENTRAL, "éáöőóüíúű"), ("Romanian", _CENTRAL, "ăîşţâ"), ("Croatian", _CENTRAL, "čšžćđ"),
    ("Turkish", _TURKISH, "ıüşçğöâîû"), ("Lithuanian", _BALTIC, "ėųšžįčūąę"), ("Latvian", _BALTIC, "āīēšūņļžčķģ"),
    ("Estonian", _BALTIC, "äõüöšž"),
)  # fmt: skip
EXPLAINED = 0.97
"""Share of a text's letters beyond a to z that have to be a language's own; names and loan words are the rest."""
CLEARLY = 1.25
"""Times that more of its own letters have to stand in a text of the language that is taken than of any that reads otherwise."""
LATIN = (_WESTERN, _CENTRAL, _TURKISH, _BALTIC)
OTHER_SCRIPTS = tuple(name for name in TITLES if name not in LATIN)
NO_LETTERS = "ªºµ"
"""Signs that Unicode counts as letters: 1º, 2ª, µm."""
FEW = 3
"""Different letters beyond ASCII, up to which they tell no language."""
ENOUGH = 100
"""Bytes beyond ASCII from which on another script is told."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
MOST = 1 << 16
"""Bytes of the sample that are weighed."""


@dataclass(frozen=True)
class _Rival:
    encoding: str
    text: str
    share: float
    """Of the letters beyond a to z, those of the language."""
    used: float
    """Of the language's own letters, those that stand in the text, the common ones first."""
    usual: bool
    """Its language is one of those that most files are written in."""


def of_bytes(sample: bytes) -> str | tuple[str, ...]:
    """The encoding's name in Python; several where the letters speak for each of them, none where for no one.

    Args:
        sample: bytes that are not UTF-8. It may begin or end inside a character.
    """
    sample = _cut(sample)
    if not _is_latin(sample):
        return _other_script(sample)
    rivals = [rival for rival in (_rival(sample, *one) for one in ALPHABETS) if rival is not None]
    explained = sorted((r for r in rivals if r.share >= EXPLAINED), key=lambda r: (-r.used, -r.share))
    if not explained:
        return _mixture(sample)
    if _few(explained[0].text):  # files with a rare accent are Western, or nobody can tell
        return _WESTERN if any(r.usual for r in explained) else ()
    best = explained[0]
    close = {r.encoding for r in explained if r.text != best.text and r.used * CLEARLY > best.used}
    if close:
        return (best.encoding, *sorted(close))
    same = [r.encoding for r in explained if r.text == best.text]
    return _WESTERN if _WESTERN in same else best.encoding


def _cut(sample: bytes) -> bytes:
    """The lines with something beyond ASCII in them, no more of them than are needed."""
    held, size = [], 0
    for line in sample.split(b"\n"):
        if (high := _HIGH_RUN.search(line)) is not None:
            at = max(0, high.start() - 1000)
            held.append(line[at : at + MOST])
            size += len(held[-1]) + 1
            if size > MOST:
                break
    return b"\n".join(held)


def _decoded(sample: bytes, encoding: str) -> str | None:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError:
        return None


def _beyond(text: str) -> Counter[str]:
    """Letters beyond ASCII, small."""
    found = Counter(c.lower() for c in text if not c.isascii() and c.isalpha() and c not in NO_LETTERS)
    return Counter({letter: n for letter, n in found.items() if len(letter) == 1})


def _few(text: str) -> bool:
    return len(_beyond(text)) < FEW


def _rival(sample: bytes, language: str, encoding: str, letters: str) -> _Rival | None:
    if (text := _decoded(sample, encoding)) is None or not _is_written(text):
        return None
    found = _beyond(text)
    total = found.total()
    weights = {letter: (place + 1) ** -0.5 for place, letter in enumerate(letters)}
    used = sum(weight for letter, weight in weights.items() if found[letter]) / sum(weights.values())
    share = sum(found[letter] for letter in letters) / total if total else 1.0
    return _Rival(encoding, text, share, used, encoding == _WESTERN and language != "Icelandic")


def _is_written(text: str) -> bool:
    """Whether the signs beyond ASCII are letters, or what is written between letters."""
    high = [c for c in text if not c.isascii()]
    return sum(c.isalpha() or c in "’‘“”„–—…€£°«»¿¡§·‚•´\xa0™®©½ªº" for c in high) >= len(high) * 0.9


def _mixture(sample: bytes) -> str | tuple[str, ...]:
    """Texts of several languages: the encoding whose languages explain nearly all letters together, and of several the one in
    which the most lines are of one of its languages each. Names of all countries are commonest in Western files."""
    if _few(sample.decode(_WESTERN, "replace")):
        return ()
    explained: dict[str, int] = {}
    for encoding in LATIN:
        alphabets = [set(letters) for name, own, letters in ALPHABETS if own == encoding and name != "Icelandic"]
        letters = set.union(*alphabets)
        text = _decoded(sample, encoding)
        if text is None or not _is_written(text):
            continue
        found = _beyond(text)
        if sum(found[c] for c in letters) >= EXPLAINED * found.total():
            lines = [set(_beyond(line)) for line in text.split("\n")]
            explained[encoding] = sum(any(line <= alphabet for alphabet in alphabets) for line in lines)
    return max(explained, key=lambda encoding: explained[encoding], default=())


def _is_latin(sample: bytes) -> bool:
    """Whether letters beyond ASCII stand alone among plain ones; in other scripts most letters are beyond."""
    high = sum(byte >= 0x80 for byte in sample)
    plain = sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    return high < plain * 0.35 and len(_HIGH_RUN.findall(sample)) >= high * 0.6


def _other_script(sample: bytes) -> str | tuple[str, ...]:
    from charset_normalizer import from_bytes

    if sum(byte >= 0x80 for byte in sample) < ENOUGH:
        return ()
    best = from_bytes(sample, cp_isolation=list(OTHER_SCRIPTS)).best()
    if best is None or best.encoding not in OTHER_SCRIPTS:
        return ()
    return str(best.encoding)
