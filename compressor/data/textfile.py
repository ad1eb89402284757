"""Opening a file of text that a stranger made: which encoding it is in, and whether it is text at all. Knows no format."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from compressor.data import encodings
from compressor.errors import DataError

CHUNK = 1 << 20

# What the first bytes say of files that are often given in place of text.
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx). Save it as CSV (in Excel: `CSV UTF-8`), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls). Save it as CSV (in Excel: `CSV UTF-8`)"),
    (b"\x1f\x8b", "a gzip archive. Unpack it first"),
    (b"BZh", "a bzip2 archive. Unpack it first"),
    (b"\xfd7zXZ", "an xz archive. Unpack it first"),
    (b"(\xb5/\xfd", "a zstd archive. Unpack it first"),
    (b"7z\xbc\xaf", "a 7-zip archive. Unpack it first"),
    (b"PAR1", "a Parquet file. Give it the ending .parquet"),
    (b"%PDF", "a PDF. Save its texts as CSV, one a row"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The commonest characters of written Chinese: a quarter of any text, and next to none of one decoded wrongly.
_COMMON_CHINESE = frozenset("的一是不了在有人我他这个们中来上大为和到说时要就出会可也你对那得着下之过好还没很都")
_CONTROL = bytes(b for b in range(32) if b not in b"\t\n\x0b\x0c\r\x1b")


@dataclass(frozen=True)
class Encoding:
    """How to decode a file. `note` is a sentence where that was a guess."""

    name: str
    errors: str = "strict"
    note: str | None = None


def open_text(path: Path, encoding: Encoding) -> IO[str]:
    """The file as text, line ends as they stand."""
    return path.open(encoding=encoding.name, errors=encoding.errors, newline="")


def detect(path: Path) -> Encoding:
    """Read the file through once (in pieces) and say how to decode it.

    Raises:
        DataError: it is empty, not text, or in an encoding that cannot be told.
    """
    with path.open("rb") as file:
        head = file.read(CHUNK)
        if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
            _refuse_blank(path, head)
        for magic, what in _MAGIC:
            if head.startswith(magic):
                raise DataError(f"{path.name} is not a text file: it looks like {what}.")
        marked = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _wide(head)
        if marked and marked != "utf-8-sig":
            return _checked(path, Encoding(marked))
        if len(head) - len(head.translate(None, _CONTROL)) > len(head) // 100:
            raise _not_text(path)
        file.seek(0)
        failed = _first_invalid(file)
    if failed is None:
        return Encoding("utf-8-sig")
    return _guess(path, failed)


def _refuse_blank(path: Path, head: bytes) -> None:
    if path.stat().st_size <= CHUNK:
        what = "holds nothing but NUL bytes" if b"\0" in head else "is empty"
        raise DataError(f"{path.name} {what}: there is no row to read. Check the file.")
    raise _not_text(path)


def _not_text(path: Path) -> DataError:
    return DataError(
        f"{path.name} is not a text file: it holds bytes that no text has (NUL and the like). Save it as CSV, JSON Lines or "
        "text in UTF-8."
    )


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark shows in mostly Latin text: every other byte is NUL."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > pairs * 0.4 and even < pairs * 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.4 and odd < pairs * 0.1 else None


def _checked(path: Path, encoding: Encoding) -> Encoding:
    try:
        with open_text(path, encoding) as file:
            while file.read(CHUNK):
                pass
    except UnicodeError:
        name = encoding.name.upper()
        raise DataError(
            f"{path.name} begins as {name} but cannot be decoded as that: it may be cut off. Save it as UTF-8."
        ) from None
    return encoding


def _first_invalid(file: IO[bytes]) -> int | None:
    """Where the first piece begins that is not UTF-8; None where all of it is."""
    decoder, at = codecs.getincrementaldecoder("utf-8")(), 0
    for piece in _pieces(file):
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            return at
        at += len(piece)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return max(0, at - CHUNK)
    return None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


def _guess(path: Path, at: int) -> Encoding:
    """The encoding of a file that is not UTF-8, from the piece where that showed."""
    with path.open("rb") as file:
        file.seek(at)
        sample = file.read(CHUNK)
    replaced = sample.decode("utf-8", "replace")
    broken, odd = replaced.count("\ufffd"), sum(not c.isascii() for c in replaced)
    if broken * 10 < odd:
        note = f"A few bytes of {path.name} are not UTF-8; they were replaced by the sign for an unreadable letter."
        return Encoding("utf-8-sig", "replace", note)
    if _is_chinese(sample):
        return Encoding("gb18030", "replace", f"{path.name} is not UTF-8; it was read as GB18030 (Chinese).")
    found = encodings.of_bytes(sample)
    if isinstance(found, str):
        note = f"{path.name} is not UTF-8; it was read as {encodings.TITLES[found]}. Where letters look wrong, save it as UTF-8."
        return Encoding(found, "replace", note)
    rivals = " or ".join(f"{encodings.TITLES[one]}, which gives {_example(sample, one)}" for one in found)
    told = f"it may be {rivals}" if rivals else "its encoding cannot be told"
    raise DataError(
        f"{path.name} is not UTF-8, and {told}. Save it as UTF-8 (in Excel: `CSV UTF-8`) and give it again."
    )


def _example(sample: bytes, encoding: str) -> str:
    """A word with a letter beyond ASCII in it."""
    words = sample.decode(encoding, "replace").split()
    return repr(next((word[:30] for word in words if not word.isascii()), ""))


def _is_chinese(sample: bytes) -> bool:
    # The sample may begin or end inside a character.
    text = sample.decode("gb18030", "replace")
    chinese = [c for c in text if "\u4e00" <= c <= "\u9fff"]
    other = sum(not c.isascii() for c in text)
    common = sum(c in _COMMON_CHINESE for c in chinese)
    return (
        text.count("\ufffd") <= max(2, len(chinese) // 1000)
        and len(chinese) > other * 0.6
        and common >= max(1, len(chinese) * 0.05)
    )
