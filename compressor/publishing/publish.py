"""From a finished run to repos on the Hub, or to a zip file.

Each step may fail, and whatever fails, a repo is there whole or not at all: it is made private and empty, filled by one
commit, compared file by file, and only then shown to anybody. One that could not be filled is removed again; never one
that was there before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.errors import (
    AccessDeniedError,
    BelowFloorError,
    CompressorError,
    HubError,
    PublishError,
    RunCancelledError,
)
from compressor.events import Progress, silent
from compressor.publishing.packing import File, cards, default_variants, pack, repo_names, zip_variant
from compressor.report import Report, Variant
from compressor.results.summary import FLOOR

if TYPE_CHECKING:
    from compressor.hub import Account, Hub

__all__ = ["FLOOR", "Published", "cards", "default_variants", "publish", "repo_names", "zip_variant"]


@dataclass(frozen=True)
class Published:
    """One variant that is on the Hub now."""

    variant: str
    repo_id: str
    url: str
    warnings: tuple[str, ...] = ()


def publish(
    folder: Path,
    repo: str,
    *,
    hub: Hub,
    variants: Sequence[str] | None = None,
    public: bool = False,
    min_retained: float | None = None,
    floor: float = FLOOR,
    overwrite: bool = False,
    confirm_below: bool = False,
    card_text: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> list[Published]:
    """Put variants of a finished run on the Hub, each into a repo of its own, with a card and the recipe. What is there
    already, file by file, counts as put there: so a second try goes on where the first one failed.

    Args:
        repo: USER/NAME, or NAME for one's own; see `repo_names`.
        variants: None is `default_variants` by `min_retained`, or by `floor` without it.
        public: show them to everybody, once they are whole. Private otherwise.
        min_retained: refuse what keeps less (or was not judged); nothing overrules it.
        floor: what keeps less is refused as well, until `confirm_below` says that the person was asked.
        overwrite: replace what a repo of this name holds, by one commit.
        card_text: `{variant: README.md}` in place of the cards written here.

    Raises:
        BelowFloorError, RepoExistsError, AccessDeniedError: before anything was made.
        PublishError, HubError: nothing is left of the variant that failed; those before it are whole, and named.
    """
    folder = Path(folder)
    report = Report.load(folder)
    chosen = (
        list(dict.fromkeys(variants))
        if variants
        else default_variants(report, floor if min_retained is None else min_retained)
    )
    names = _names(_writer(hub), repo, chosen)
    warnings = {n: _check_floor(report.variant(n), min_retained, floor, confirm_below) for n in chosen}
    packed = pack(folder, sorted(chosen, key=lambda n: _depth(report, n)), names, card_text or {}, hub)
    whole = set() if overwrite else {n for n, files in packed.items() if hub.repos.holds(names[n], files)}
    return _publish_all(hub, names, packed, warnings, public, overwrite, whole, progress)


def _publish_all(
    hub: Hub,
    names: Mapping[str, str],
    packed: Mapping[str, Mapping[str, File]],
    warnings: Mapping[str, tuple[str, ...]],
    public: bool,
    overwrite: bool,
    whole: Set[str],
    progress: Progress,
) -> list[Published]:
    done: list[Published] = []
    for number, (name, files) in enumerate(packed.items()):
        doing = f"{names[name]} is there already" if name in whole else f"Uploading {names[name]}"
        progress("publish", number, len(packed), message=doing)
        try:
            if name not in whole:
                _one(hub, names[name], files, overwrite, name)
            late = _shown(hub, names[name]) if public else _hidden(hub, names[name]) if name in whole else ()
        except CompressorError as error:
            raise _with(error, _standing(done)) from error
        done.append(Published(name, names[name], hub.repos.url(names[name]), (*warnings[name], *late)))
    progress("publish", len(packed), len(packed))
    return done


def _writer(hub: Hub) -> Account:
    account = hub.account(fresh=True)
    tokens = f"{hub.settings.hub_endpoint}/settings/tokens"
    if account is None:
        raise AccessDeniedError(
            f"Publishing needs an account of the Hub: sign in with a token that may write ({tokens})."
        )
    if not account.can_write:
        raise AccessDeniedError(
            f"The token of {account.name} can only read. Make one that may write at {tokens} and sign in with it."
        )
    return account


def _names(account: Account, repo: str, variants: Sequence[str]) -> dict[str, str]:
    """`repo_names`, where this account may write."""
    names = repo_names(repo if "/" in repo else f"{account.name}/{repo}", variants)
    namespace = next(iter(names.values())).split("/", maxsplit=1)[0]
    if namespace.lower() not in {n.lower() for n in account.namespaces}:
        may = ", ".join(account.namespaces)
        raise AccessDeniedError(
            f"The token of {account.name} may not create repos under {namespace!r}. It may under: {may}."
        )
    return names


def _check_floor(variant: Variant, least: float | None, floor: float, confirmed: bool) -> tuple[str, ...]:
    """Warnings; an error where the person's own limit is not met."""
    kept = variant.retained
    if least is not None and not (kept is not None and kept >= least):
        what = (
            f"keeps {kept:.1%} of the teacher's quality"
            if kept is not None
            else "was not judged (the run had no labels)"
        )
        raise BelowFloorError(f"{variant.name} {what}, and at least {least:.1%} is asked for. Nothing was published.")
    if kept is None:
        return (f"The quality of {variant.name} was not measured, so nobody knows what it keeps of the teacher's.",)
    if kept >= floor:
        return ()
    text = f"{variant.name} keeps {kept:.1%} of the teacher's quality, which is under {floor:.1%}."
    if not confirmed:
        raise BelowFloorError(f"{text} Nothing was published.")
    return (text,)


def _depth(report: Report, name: str) -> int:
    """How many variants it was made through: what others are made from goes first, so that their cards can link to it."""
    depth, seen = 0, {name}
    base = report.variant(name).base
    while base is not None and base not in seen:
        seen.add(base)
        depth += 1
        base = next((v.base for v in report.variants if v.name == base), None)
    return depth


def _one(hub: Hub, repo: str, files: Mapping[str, File], overwrite: bool, variant: str) -> None:
    """One repo: made, filled, compared."""
    there = overwrite and hub.repos.head(repo) is not None
    old = [name for name in hub.repos.names(repo) if name not in files] if there else []
    if not there:
        hub.repos.create(repo)
    try:
        _fill(hub, repo, files, f"Add {variant}, made with Compressor", old)
    except BaseException as error:
        if there:
            raise
        rest = _removed(hub, repo)
        if isinstance(error, CompressorError) and not isinstance(error, RunCancelledError):
            raise _with(error, rest) from error
        raise


def _hidden(hub: Hub, repo: str) -> tuple[str, ...]:
    """A warning where a repo that was there before is one that everybody sees."""
    if hub.repos.is_private(repo):
        return ()
    return (f"{repo} was there already, and everybody can see it. You can make it private in its settings.",)


def _shown(hub: Hub, repo: str) -> tuple[str, ...]:
    """A whole repo, shown to everybody. Returns warnings."""
    try:
        hub.repos.make_public(repo)
    except HubError as error:
        return (f"{repo} is whole, but still private: {error} You can make it public in its settings.",)
    return ()


def _fill(hub: Hub, repo: str, files: Mapping[str, File], message: str, old: Sequence[str]) -> None:
    try:
        hub.repos.commit(repo, files, message, old)
    except (HubError, PublishError) as error:
        # The commit may have been made, and only the answer lost: what the Hub holds decides.
        if isinstance(error, AccessDeniedError) or hub.repos.differences(repo, files):
            raise
        return
    if wrong := hub.repos.differences(repo, files):
        raise PublishError(f"{repo} does not hold what was sent ({', '.join(wrong[:3])} differ). Publish again.")


def _removed(hub: Hub, repo: str) -> str:
    """Take back a repo that this publish made; what to tell of it."""
    try:
        hub.repos.delete(repo)
    except HubError:
        url = hub.repos.url(repo)
        return f"The unfinished private repo {repo} could not be removed either: delete it in {url}/settings."
    return "Nothing was left on the Hub."


def _with(error: CompressorError, more: str) -> CompressorError:
    """The same error, with a sentence more."""
    return type(error)(f"{error} {more}") if more and more not in str(error) else error


def _standing(done: Sequence[Published]) -> str:
    return f"Published before it, and whole: {', '.join(one.repo_id for one in done)}." if done else ""
