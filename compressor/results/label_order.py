"""Which labels of two models are the same: by name, or by their place where one has only numbers for names."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.data.cells import normalised


def label_order(labels: Sequence[str], first: Sequence[str]) -> list[int] | None:
    """For each label of `first` the index of the same one in `labels`, as many; None where they cannot be matched."""
    index = {normalised(name): i for i, name in enumerate(labels)}
    if all(normalised(name) in index for name in first):
        return [index[normalised(name)] for name in first]
    if any(all(name.upper().startswith("LABEL_") for name in names) for names in (labels, first)):
        return list(range(len(first)))
    return None


def named_as(labels: Sequence[str], first: Sequence[str]) -> list[str]:
    """`labels` by the names that `first` has for them, so that both call the same thing the same; where they cannot be matched,
    or are not as many, as they are."""
    order = label_order(labels, first) if len(labels) == len(first) else None
    named = list(labels)
    for ours, name in zip(order or (), first):
        named[ours] = name
    return named
