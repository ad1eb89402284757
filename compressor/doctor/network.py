"""The Hub, and whose account this machine uses. Nothing here is a problem but a token that the Hub refuses: the demo and
models on this disk need no network."""

from __future__ import annotations

import time

from compressor.doctor.finding import NOTE, OK, PROBLEM, Finding
from compressor.errors import AccessDeniedError, CompressorError, HubUnreachableError
from compressor.hub import Account, Hub, Patience
from compressor.settings import Settings

SECONDS = 6.0
QUICK = Patience(tries=2, first_wait=0.3, total=1.0)
WITHOUT = "The demo, and models and data on this disk, work without it."


def check(settings: Settings) -> list[Finding]:
    """One request, with the token where there is one."""
    begun = time.perf_counter()
    try:
        hub = Hub(settings, patience=QUICK)
        account = hub.account()
        if account is None:
            hub.search("", "model", limit=1)
    except AccessDeniedError as error:
        return [_reached(settings, begun), _refused(error, settings)]
    except CompressorError as error:
        advice = "" if isinstance(error, HubUnreachableError) else WITHOUT  # that sentence says so itself
        found = Finding("hub", NOTE, str(error), advice, {"endpoint": settings.hub_endpoint, "reachable": False})
        return [found, *_unasked(settings)]
    return [_reached(settings, begun), _account(account, settings)]


def silent() -> list[Finding]:
    """What is found where it never answers."""
    says = f"The Hub did not answer within {SECONDS:.0f} seconds."
    return [Finding("hub", NOTE, says, f"Check the network. {WITHOUT}", {"reachable": False})]


def _reached(settings: Settings, begun: float) -> Finding:
    ms = round(1000 * (time.perf_counter() - begun))
    facts = {"endpoint": settings.hub_endpoint, "reachable": True, "ms": ms}
    return Finding("hub", OK, f"{settings.hub_endpoint} answers, in {ms} ms.", facts=facts)


def _refused(error: AccessDeniedError, settings: Settings) -> Finding:
    advice = f"Set HF_TOKEN to another one from {settings.hub_endpoint}/settings/tokens, or unset it: public models need none."
    return Finding("account", PROBLEM, str(error), advice)


def _unasked(settings: Settings) -> list[Finding]:
    if settings.hosted or not Hub(settings).signed_in:
        return []
    return [Finding("account", NOTE, "There is a token, but whose it is could not be asked.")]


def _account(account: Account | None, settings: Settings) -> Finding:
    tokens = f"{settings.hub_endpoint}/settings/tokens"
    if settings.hosted:
        unused = " The HF_TOKEN of this machine is never used for them." if settings.token else ""
        return Finding("account", OK, f"Each visitor signs in for themselves.{unused}")
    if account is None:
        return Finding("account", NOTE, "Nobody is signed in: public models can be read, and nothing can be published.",
                       f"To publish, set HF_TOKEN to a token that may write, from {tokens}")  # fmt: skip
    facts = {"name": account.name, "may_publish": account.can_write, "namespaces": list(account.namespaces)}
    if not account.can_write:
        return Finding("account", NOTE, f"Signed in as {account.name}, with a token that may only read.",
                       f"To publish, make one that may write at {tokens}", facts)  # fmt: skip
    return Finding("account", OK, f"Signed in as {account.name}, who may publish under {', '.join(account.namespaces)}.",
                   facts=facts)  # fmt: skip
