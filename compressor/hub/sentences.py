"""What the Hub's refusals and silences are called: errors of the client's library, as errors of ours with a sentence."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass
from typing import Any

import httpx2

from compressor import errors
from compressor.errors import CompressorError
from compressor.failures import first_line


@dataclass(frozen=True)
class About:
    """What a call was for, for the sentences."""

    doing: str
    """As in "The Hub cannot be reached to {doing}"."""
    endpoint: str
    signed_in: bool
    ref: str = ""
    kind: str = "model"

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.ref}"


class Refused(Exception):
    """An answer that may be another one in a moment."""

    def __init__(self, status: int, asked: float | None):
        super().__init__(f"the Hub answered {status}")
        self.status, self.asked = status, asked


class Lost(Exception):
    """No answer at all. The Hub may have done what was asked, or not."""


def broke_off(error: Exception) -> bool:
    """A download that arrived with too few bytes."""
    return isinstance(error, OSError) and "Consistency check failed" in str(error)


def explained(error: Exception, about: About) -> CompressorError | None:
    """The error as the person should read it; None where it is nothing that the Hub does (a bug of ours)."""
    from huggingface_hub.errors import FileMetadataError, HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if isinstance(error, CompressorError):
        return error
    if isinstance(error, OfflineModeIsEnabled):
        return errors.HubUnreachableError(
            f"Offline mode is on (HF_HUB_OFFLINE), so the Hub cannot be reached to {about.doing}. Unset it, or use the "
            "demo or files on this disk."
        )
    if isinstance(error, Refused):
        return _busy(error, about)
    if isinstance(error, HfHubHTTPError):
        return _answered(error, about)
    if isinstance(error, (Lost, httpx2.TransportError)) or broke_off(error):
        return errors.HubUnreachableError(
            f"The Hub ({about.endpoint}) cannot be reached to {about.doing}: {first_line(error, 120)}. Check the network and try "
            "again; the demo and files on this disk work without it."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.DiskFullError(
            f"The disk is full, so it is not possible to {about.doing}. Make room and try again."
        )
    if isinstance(error, HFValidationError):
        return errors.RepoNotFoundError(f"{about.ref!r} is not a name that the Hub allows. Check the spelling.")
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, FileMetadataError)):
        return errors.HubError(
            f"What answers at {about.endpoint} is not the Hub (a login page of the network, or a proxy, may stand between), "
            f"so it is not possible to {about.doing}. Open the address in a browser to see it."
        )
    return None


def _busy(error: Refused, about: About) -> CompressorError:
    if error.status == 429:
        when = f"in about {_duration(error.asked)}" if error.asked else "in some minutes"
        hint = "" if about.signed_in else " Signed in, more requests are allowed."
        return errors.HubBusyError(
            f"The Hub answers that it gets too many requests from here (429), so it is not possible to {about.doing} now. "
            f"Try again {when}.{hint}"
        )
    return errors.HubBusyError(
        f"The Hub has trouble of its own ({error.status}), so it is not possible to {about.doing} now. Try again in some "
        "minutes."
    )


def _answered(error: Any, about: About) -> CompressorError:
    from huggingface_hub import errors as hub

    status, said = error.response.status_code, (error.server_message or "").strip().split("\n")[0][:200].rstrip(".")
    what = "data set" if about.kind == "dataset" else "model"
    if status == 401 and about.signed_in:  # whatever the Hub says is not there: who it knows gets no 401
        return errors.AccessDeniedError(
            f"The Hub does not accept this token: it is wrong, or was revoked, or has expired. Make a new one at "
            f"{about.endpoint}/settings/tokens and sign in again."
        )
    if isinstance(error, hub.GatedRepoError):
        sign = "" if about.signed_in else ", sign in here with that account,"
        return errors.GatedRepoError(
            f"{about.ref} is gated: its owner grants access first. Open {about.url}, accept the conditions{sign} and try "
            "again."
        )
    if isinstance(error, hub.RevisionNotFoundError):
        return errors.RepoNotFoundError(f"{about.ref} has no such revision. Leave the revision out to take the newest.")
    if isinstance(error, hub.RemoteEntryNotFoundError):
        return errors.RepoNotFoundError(
            f"{about.ref} lacks a file that is needed to {about.doing}. Pick another {what}."
        )
    if isinstance(error, hub.RepositoryNotFoundError) or (status == 404 and about.ref):
        private = "this account cannot see it" if about.signed_in else "you have to sign in to see it"
        return errors.RepoNotFoundError(
            f"There is no {what} {about.ref} on the Hub, or it is private and {private}. Check the spelling."
        )
    if status == 401:
        return errors.AccessDeniedError(
            f"The Hub wants to know who asks before it lets you {about.doing}. Sign in and try again."
        )
    if status == 403:
        return errors.AccessDeniedError(
            f"The Hub does not allow this account to {about.doing} (403{': ' + said if said else ''}). Use a token that "
            f"may, made at {about.endpoint}/settings/tokens."
        )
    return errors.HubError(f"The Hub refused to {about.doing} ({status}{': ' + said if said else ''}).")


def _duration(seconds: float | None) -> str:
    seconds = seconds or 0
    return f"{max(1, round(seconds))} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
