"""The registry of backends: one file a backend, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from compressor.errors import RunError

if TYPE_CHECKING:
    from compressor.backends.base import Backend
    from compressor.jobs.store import JobStore
    from compressor.settings import Settings

BACKENDS = {"local": "compressor.backends.local:LocalBackend"}


def make(name: str, settings: Settings, store: JobStore) -> Backend:
    """The backend of that name.

    Raises:
        RunError: this version has none.
    """
    if name not in BACKENDS:
        raise RunError(f"There is no backend {name!r}. This version has: {', '.join(BACKENDS)}.")
    module, _, attribute = BACKENDS[name].partition(":")
    backend: Backend = getattr(import_module(module), attribute)(settings, store)
    return backend
