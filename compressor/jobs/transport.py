"""Answers and errors as JSON, from one process of ours to another. An error arrives as the same class with the same
sentences; what is no error of ours arrives as one sentence, its details stay in the helper's log."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from compressor import errors
from compressor.errors import CompressorError, ProblemsError, RunError
from compressor.failures import as_ours
from compressor.jobs.secrecy import without

BUG = "Something went wrong inside Compressor while it looked at this ({kind}). The app's helper.log has the details."


def plain(value: Any) -> Any:
    """Anything that a function of the engine answers with, as what JSON knows."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    return value


def pack(error: BaseException, token: str | None) -> dict[str, Any]:
    """An error as JSON data, without the token that came with the request."""
    ours = as_ours(error) or RunError(BUG.format(kind=type(error).__name__))
    problems = [without(token, p) for p in ours.problems] if isinstance(ours, ProblemsError) else None
    return {"type": type(ours).__name__, "message": without(token, str(ours)), "problems": problems}


def unpack(packed: Mapping[str, Any]) -> CompressorError:
    """The error that was packed."""
    kind = getattr(errors, str(packed.get("type")), RunError)
    if not (isinstance(kind, type) and issubclass(kind, CompressorError)):
        kind = RunError
    if issubclass(kind, ProblemsError):
        return kind(packed.get("problems") or str(packed.get("message")))
    return kind(str(packed.get("message")))
