"""Compressor: makes a Hugging Face model smaller and says exactly what that cost.

    from compressor import Recipe, compress
    report = compress(Recipe.load("recipe.yaml"), "runs/mine")

The names here are the public API; each is imported when first used, so that `import compressor` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.api import compare, compress, inspect, predict, publish, suits
    from compressor.errors import CompressorError
    from compressor.recipe import Recipe
    from compressor.report import Report

__version__ = "0.1.0"
__all__ = ["CompressorError", "Recipe", "Report", "compare", "compress", "inspect", "predict", "publish", "suits"]

_HOMES = {"CompressorError": "errors", "Recipe": "recipe", "Report": "report"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'compressor' has no attribute {name!r}")
    return getattr(importlib.import_module(f"compressor.{_HOMES.get(name, 'api')}"), name)
