"""Where the rows come from: files of this machine, a data set of the Hub, or the demo. Ends in a list of files a split.

No loader script, no address and no pattern of a stranger's card is ever followed: files are listed by the Hub and fetched by
name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from compressor.errors import DataError
from compressor.events import Progress
from compressor.recipe import DATA_SUFFIXES, Data, Files
from compressor.settings import ASSETS, Settings
from compressor.untrusted.paths import at_home, resolved

SPLITS = ("train", "validation", "test")
_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}
PREVIEW_BYTES = 256 * 2**20
"""Bytes of a Hub data set that are downloaded for a look at it."""

MOST_FILES = 500
"""Files of one split that are fetched, however small they are."""

NOT_OPEN = "{name} is not a file that was uploaded here. Upload it, or use a data set of the Hub."


class SubsetError(DataError):
    """Which part of a data set is meant cannot be told. `subsets`: those that there are to choose from."""

    def __init__(self, problem: str, subsets: Iterable[str]):
        super().__init__(problem)
        self.subsets = tuple(subsets)


class _Listed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def sha(self) -> str: ...
    @property
    def files(self) -> Sequence[tuple[str, int]]: ...
    @property
    def configs(self) -> Mapping[str, Mapping[str, list[str]]]: ...


class HubData(Protocol):
    """What this package asks of the Hub; `hub.Hub` is one."""

    def dataset(self, ref: str, revision: str | None = None) -> _Listed: ...

    def fetch_files(
        self, ref: str, kind: Any, files: list[str], revision: str | None = None, progress: Progress = ...
    ) -> list[Path]: ...


@dataclass(frozen=True)
class Source:
    """Files by split, each split a list of shards."""

    name: str
    """What sentences call it."""
    splits: dict[str, list[Path]]
    mine: bool
    """The person's own files: what is wrong with one is theirs to mend."""
    subset: str | None = None
    subsets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unlabelled: Path | None = None
    partial: frozenset[str] = field(default_factory=frozenset)
    """Splits of which only some files are here."""


def locate(spec: Data, hub: HubData | None, settings: Settings, progress: Progress, look: bool = False) -> Source:
    """The files that the recipe's `data` means, fetched where need be. `look`: no more than a look needs.

    Raises:
        DataError: there is no such file, subset or split.
        HubError: what the Hub says.
    """
    unlabelled = _own(spec.unlabelled, settings) if spec.unlabelled else None
    if isinstance(spec.source, Files):
        given = {split: path for split in SPLITS if (path := getattr(spec.source, split))}
        names = " and ".join(Path(p).name for p in given.values())
        return Source(names, {s: [_own(p, settings)] for s, p in given.items()}, mine=True, unlabelled=unlabelled)
    source = spec.source.strip()
    if source == "demo":
        folder = ASSETS / "demo"
        return Source("the demo", {s: [folder / f"{s}.csv"] for s in SPLITS}, mine=False, unlabelled=unlabelled)
    if is_file(source):
        if settings.hosted:
            raise DataError(NOT_OPEN.format(name=Path(source).name))
        path = _own(source, settings)
        return Source(path.name, {"train": [path]}, mine=True, unlabelled=unlabelled)
    if hub is None:
        raise DataError(
            f"`data.source` is {source!r}, a data set of the Hub, and the Hub is not at hand here. Give a file."
        )
    return _from_hub(spec, source, hub, settings, progress, look, unlabelled)


def is_file(source: str) -> bool:
    """Whether `data.source` in one word means a file of this machine: all else is a data set of the Hub."""
    return source.strip().lower().endswith(DATA_SUFFIXES) and "://" not in source


def _own(path: str, settings: Settings) -> Path:
    """A local path; where strangers share the machine only one in the folders that are open to this process: a run's own,
    or what was just uploaded."""
    found = at_home(path)
    if settings.hosted:
        places = [Path(place).resolve() for place in settings.readable]
        real = resolved(path)
        if not any(real and real.is_relative_to(place) for place in places):
            raise DataError(NOT_OPEN.format(name=found.name))
    return found


def _from_hub(
    spec: Data, source: str, hub: HubData, settings: Settings, progress: Progress, look: bool, unlabelled: Path | None
) -> Source:
    listed = hub.dataset(source, spec.revision)
    subset = choose_subset(listed, spec.subset)
    chosen, notes = choose_splits(listed.id, listed.configs[subset])
    sizes = dict(listed.files)
    budget = min(PREVIEW_BYTES, settings.max_upload_bytes) if look else settings.max_upload_bytes
    splits, partial = {}, set()
    for split, files in chosen.items():
        taken = _within(files, sizes, budget)
        if not taken:
            size = sizes.get(files[0], 0)
            if not look or size > settings.max_upload_bytes:
                raise DataError(
                    f"{files[0]} of {listed.id} has {size / 2**20:,.0f} MB; at most {settings.max_upload_bytes / 2**20:,.0f} MB "
                    "are read. Choose a smaller data set, or give a part of it as a file."
                )
            notes.append(f"`{split}` is too large to be looked at here ({size / 2**20:,.0f} MB); a run reads it.")
        if len(taken) < len(files):
            partial.add(split)
            if not look:
                notes.append(
                    f"Only the first {len(taken)} of {len(files)} files of `{split}` are read: all would be too much."
                )
        if taken:
            splits[split] = hub.fetch_files(listed.id, "dataset", taken, listed.sha, progress)
    names = tuple(listed.configs)
    return Source(
        name=listed.id, splits=splits, mine=False, subset=subset, subsets=names, notes=tuple(notes),
        unlabelled=unlabelled, partial=frozenset(partial),
    )  # fmt: skip


def _within(files: Sequence[str], sizes: Mapping[str, int], budget: int) -> list[str]:
    taken: list[str] = []
    for name in files:
        budget -= sizes.get(name, 0)
        if budget < 0 or len(taken) == MOST_FILES:
            break
        taken.append(name)
    return taken


def choose_subset(listed: _Listed, asked: str | None) -> str:
    """The subset (the data set's configuration) to read.

    Raises:
        DataError: it has none that can be read.
        SubsetError: it has no such one, or several and none was named.
    """
    names = [name for name, splits in listed.configs.items() if splits]
    if not names:
        kinds = sorted({Path(name).suffix for name, _ in listed.files if Path(name).suffix})
        what = f"It has {', '.join(kinds[:8])}." if kinds else "It has none at all."
        raise DataError(f"{listed.id} has no files of a kind that is read ({', '.join(DATA_SUFFIXES)}). {what}")
    if asked is not None:
        if asked in names:
            return asked
        raise SubsetError(f"{listed.id} has no subset {asked!r}. {_near(asked, names)}It has {_some(names)}.", names)
    if len(names) == 1:
        return names[0]
    if "default" in names:
        return "default"
    raise SubsetError(f"{listed.id} has several subsets: {_some(names)}. Say which with `data.subset`.", names)


def choose_splits(name: str, splits: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], list[str]]:
    """Which of a data set's splits serve as which, and what was noteworthy about that: by name, `validation_matched`
    where there is no plain `validation`, a lone split of whatever name for training.

    Raises:
        DataError: none of them can serve.
    """
    found: dict[str, list[str]] = {}
    notes: list[str] = []
    readable = {s: [f for f in files if f.lower().endswith(DATA_SUFFIXES)] for s, files in splits.items()}
    readable = {s: files for s, files in readable.items() if files}
    for role, words in _NAMES.items():
        plain = next((s for w in words for s in readable if s.lower() == w), None)
        longer = next((s for w in words for s in readable if s.lower().startswith((f"{w}_", f"{w}-"))), None)
        if split := plain or longer:
            found[role] = readable[split]
            if not plain:
                notes.append(f"The split `{split}` of {name} serves for {role}.")
    if not found and len(readable) == 1:
        split = next(iter(readable))
        found["train"] = readable[split]
        notes.append(f"{name} has one split, `{split}`; it serves for training.")
    if not found:
        raise DataError(f"{name} has no split for training, validation or test; it has {_some(list(splits))}.")
    return found, notes


def _near(word: str, words: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def _some(names: Iterable[str], shown: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
