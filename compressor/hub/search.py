"""Searching the Hub: by parts of names, and for what a misspelt name may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from compressor.errors import HubError
from compressor.hub.calls import BRIEF
from compressor.hub.values import MAX_NAME, Found, Kind

if TYPE_CHECKING:
    from compressor.hub.client import Hub

LOADABLE = ("transformers", "safetensors")
"""Tags of the models that can be a teacher at all."""


def search(hub: Hub, query: str, kind: Kind, task: str | None, limit: int) -> list[Found]:
    """This person's own private repos first, then by downloads."""
    text = query.strip()[: 2 * MAX_NAME]
    public = matches(hub, kind, task, text, limit)
    account = hub.account() if hub.signed_in else None
    own = matches(hub, kind, None if kind == "dataset" else task, text, 10, account.name) if account else []
    found = {f.id: f for f in [*(f for f in own if f.private), *public]}
    return list(found.values())[:limit]


def matches(hub: Hub, kind: Kind, task: str | None, text: str, limit: int, author: str | None = None) -> list[Found]:
    """One listing, by downloads."""

    def call() -> list[Any]:
        if kind == "model":
            return list(
                hub.api.list_models(
                    search=text or None,
                    author=author,
                    pipeline_tag=task,
                    filter=LOADABLE,
                    sort="downloads",
                    limit=limit,
                )
            )
        wanted = f"task_categories:{task}" if task and not text else None
        return list(
            hub.api.list_datasets(search=text or None, author=author, filter=wanted, sort="downloads", limit=limit)
        )

    rows = hub.ask(call, "search", kind=kind, patience=min(BRIEF, hub.patience, key=lambda p: p.total))
    return [Found(r.id, int(r.downloads or 0), bool(r.private), bool(r.gated)) for r in rows]


def near(hub: Hub, ref: str, kind: Kind) -> list[str]:
    """Repos with nearly this name. The Hub finds parts of names, so ever shorter ones are tried."""
    name = ref.rsplit("/", maxsplit=1)[-1]
    found: dict[str, str] = {}
    for part in dict.fromkeys((name, name[: len(name) * 2 // 3], name[: max(3, len(name) // 2)])):
        try:
            rows = matches(hub, kind, None, part, 30)
        except HubError:
            break  # the suggestion is a courtesy: what is said is that the repo was not found
        found |= {(r.id if "/" in ref else r.id.rsplit("/", maxsplit=1)[-1]).lower(): r.id for r in rows if r.id != ref}
        if close := difflib.get_close_matches(ref.lower(), found, n=2, cutoff=0.75):
            return [found[n] for n in close]
    return []
