"""Plain text: one text a line, one text in all, or labels and a text a line as fastText writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from compressor.data.cells import LABELLED
from compressor.data.table import Batch, Caps, EncodedReader, storable
from compressor.data.textfile import open_text

RUNNING_CHARACTERS = 20_000_000
"""Characters of running text that are kept: some five million tokens, hours of measuring on a processor."""
_LABELS = re.compile(rf"\s*(?:{LABELLED}\S*[\s,]+)*(?:{LABELLED}\S*\s*$)?")
LOOK = 200
"""Lines that say whether a file is fastText's."""


class TextReader(EncodedReader):
    """A `.txt` file: one text a line."""

    def __init__(self, path: Path, caps: Caps):
        super().__init__(path, caps)
        self.columns = ("text",)

    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        batch = Batch(wanted)
        places = [self.columns.index(name) for name in wanted]
        for line in self._lines():
            cells = self._cells(line)
            if batch.add([cells[place] for place in places]):
                yield batch.cells
                batch = Batch(wanted)
        if batch.rows:
            yield batch.cells

    def _cells(self, line: str) -> tuple[str | None, ...]:
        return (line,)

    def _lines(self) -> Iterator[str]:
        """Every line that is not blank. The rest of one longer than the cap is read past, not into the next row."""
        with open_text(self.path, self.encoding) as file:
            begins = True
            for piece in iter(lambda: file.readline(self.caps.cell + 1), ""):
                ends = piece.endswith(("\n", "\r"))
                if begins and (text := piece.strip("\ufeff\r\n").replace("\0", "")).strip():
                    yield text
                begins = ends


class FastTextReader(TextReader):
    """A `.txt` file as fastText takes it for training: `__label__positive the text`, with any number of labels."""

    def __init__(self, path: Path, caps: Caps):
        super().__init__(path, caps)
        self.columns = ("text", "label")
        self.notes.append(f"{path.name} has the form of fastText: what stands behind {LABELLED} was read as the label.")

    def marked(self) -> bool:
        """Whether most of the first lines begin with a label."""
        first = list(islice(self._lines(), LOOK))
        return sum(line.lstrip().startswith(LABELLED) for line in first) * 2 > len(first)

    def _cells(self, line: str) -> tuple[str | None, ...]:
        return labelled(line)


def labelled(line: str) -> tuple[str, str | None]:
    """(text, label) of a line of fastText's: no label where it has none, and a JSON list where it has several."""
    found = _LABELS.match(line)
    head = found.group() if found else ""
    names = [name for part in head.split() if (name := part.removeprefix(LABELLED).strip(","))]
    label = None if not names else names[0] if len(names) == 1 else json.dumps(names, ensure_ascii=False)
    return line[len(head) :].strip(), label


def fasttext_reader(path: Path, caps: Caps) -> FastTextReader | None:
    """A reader for a file of fastText's; None where it is plain text."""
    with path.open("rb") as file:
        if LABELLED.encode() not in file.read(1 << 16).replace(b"\0", b""):  # whatever the encoding
            return None
    reader = FastTextReader(path, caps)
    return reader if reader.marked() else None


class RunningTextReader(TextReader):
    """A `.txt` file that is one text."""

    def rows(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Sequence[str | None]]]:
        with open_text(self.path, self.encoding) as file:
            text = file.read(min(self.caps.cell, RUNNING_CHARACTERS) + 1)
        yield {"text": [storable(text.replace("\r\n", "\n"))]}
