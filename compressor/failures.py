"""What went wrong where no sentence was prepared: memory, disk, and our own bugs."""

from __future__ import annotations

import errno

from compressor.errors import CompressorError, DiskFullError, OutOfMemoryError

RAN_OUT = (
    "{what} ran out of memory. Try shorter texts, smaller models, or a machine with more memory; closing other programs helps "
    "too."
)
MEMORY, CARD = RAN_OUT.format(what="The machine"), RAN_OUT.format(what="The graphics card")
WITHOUT_MEMORY = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc", "_status_alloc_failed"
)  # fmt: skip
"""What CUDA, torch, the system, C++ and the libraries of CUDA say."""
OF_A_CARD = ("cuda", "cublas", "cudnn", "hip out of memory")
"""What is in it where it is a graphics card's."""
ONEDNN = ("could not create a primitive", "could not execute a primitive", "could not create a memory object")
"""What oneDNN says, word for word; behind its other sentences stand other reasons."""
DISK = "The disk is full. Free some space and start the run again: it goes on where it stopped."
BUG = "Something went wrong inside Compressor ({kind}). {details}"
IN_THE_LOG = "The run's log has the details."


def sentence(error: BaseException, details: str = IN_THE_LOG) -> str:
    """What the person is told of any exception.

    Args:
        details: where to look if it is a bug of ours.
    """
    return str(as_ours(error) or BUG.format(kind=type(error).__name__, details=details))


def first_line(error: BaseException, most: int = 200) -> str:
    """What a library says, short enough for a sentence of ours: its first line, without its full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:most].rstrip(".")


def as_ours(error: BaseException) -> CompressorError | None:
    """The error of ours that an exception amounts to; None for what can only be a bug."""
    if isinstance(error, CompressorError):
        return error
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in WITHOUT_MEMORY) or text in ONEDNN:
        return OutOfMemoryError(CARD if any(words in text for words in OF_A_CARD) else MEMORY)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "no space left on device" in text:  # Rust libraries (safetensors, tokenizers) say it in words
        return DiskFullError(DISK)
    return None
