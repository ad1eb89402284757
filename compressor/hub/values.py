"""What the Hub says, as plain frozen values, and how a pasted reference is read. Imports nothing of the Hub's client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from compressor.errors import HubError

Kind = Literal["model", "dataset"]

MAX_NAME = 96
"""Characters of a repo's name; the person's or organization's before it has its own bound."""
HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_ID = re.compile(rf"{_PART}(?:/{_PART})?")
# First segments of a Hub address that are pages of the site, not people.
_PAGES = {"models", "spaces", "docs", "blog", "papers", "collections", "settings", "join", "login", "new", "tasks",
          "posts", "pricing", "organizations", "api"}  # fmt: skip


@dataclass(frozen=True)
class Account:
    """Who a token belongs to, and where it may create repos."""

    name: str
    orgs: tuple[str, ...]
    can_write: bool
    """Whether the token may create repos anywhere at all."""
    namespaces: tuple[str, ...]
    """Names that may stand before the slash of a new repo, the person's own first."""


@dataclass(frozen=True)
class Found:
    """One line of a search."""

    id: str
    downloads: int
    private: bool
    gated: bool


@dataclass(frozen=True)
class Terms:
    """What a model's card says of its licence and its subject beside the licence's tag: a licence of its own has a name and a
    link, which have to go along with everything that is made of the model."""

    license_name: str | None = None
    license_link: str | None = None
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"license_name": self.license_name, "license_link": self.license_link, "tags": list(self.tags)}


@dataclass(frozen=True)
class HubModel:
    """A model repo, looked at without its weights."""

    id: str
    sha: str
    license: str | None
    languages: tuple[str, ...]
    terms: Terms
    gated: bool
    private: bool
    pipeline_tag: str | None
    config: dict[str, Any] = field(repr=False)
    """`config.json`; what the Hub's index says of it where the repo is gated and this account has no access yet."""
    parameters: int | None
    """As the safetensors headers count them; None where there are none to read."""
    weight_bytes: int
    """Bytes of the files that would be downloaded as weights."""
    files: tuple[tuple[str, int], ...] = field(repr=False)
    """Every file of the repo, with its bytes."""
    has_safetensors: bool
    has_tokenizer: bool


@dataclass(frozen=True)
class HubDataset:
    """A data set repo, listed without its files."""

    id: str
    sha: str
    license: str | None
    files: tuple[tuple[str, int], ...] = field(repr=False)
    configs: dict[str, dict[str, list[str]]]
    """`{subset: {split: [file, …]}}`; a subset that the card does not name is called `default`."""


@dataclass(frozen=True)
class LocalModel:
    """A model on this disk. Without an id and a sha it did not come from the Hub."""

    folder: Path
    id: str | None = None
    sha: str | None = None
    license: str | None = None
    languages: tuple[str, ...] = ()
    terms: Terms = Terms()

    def to_json(self) -> dict[str, Any]:
        """What a model card needs to know later (a run keeps it as `teacher.json`); the folder stays out of it."""
        own = {"id": self.id, "sha": self.sha, "license": self.license, "languages": list(self.languages)}
        return own | self.terms.to_json()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], folder: Path) -> LocalModel:
        """The reverse of `to_json`."""
        id_, sha, license_ = (said if isinstance(said := raw.get(k), str) else None for k in ("id", "sha", "license"))
        languages = raw.get("languages")
        known = tuple(map(str, languages)) if isinstance(languages, list) else ()
        return cls(folder, id_, sha, license_, known, terms_of(raw, id_))


def license_of(card: Mapping[str, Any]) -> str | None:
    """The licence's tag, as a card's head gives it; `other` where it names several."""
    value = card.get("license")
    if isinstance(value, list):  # of several, none says what holds
        value = value[0] if len(value) == 1 else "other" if value else None
    return str(value) if value else None


MOST_TAGS, LONGEST_TAG = 50, 60
OWN_TAGS = re.compile(
    r"transformers(\.js)?|pytorch|tf|jax|flax|rust|onnx|openvino|safetensors|gguf|coreml|compressor|quantized|distillation|"
    r"generated_from_trainer|autotrain.*|.*:.*|.*_compatible|model-index|unsloth|trl|8-bit|4-bit|awq|gptq|bitsandbytes",
    re.IGNORECASE,
)
"""Tags that say how the files of a repo were made or what reads them, which is another thing for what is made of it."""


def terms_of(card: Mapping[str, Any], id_: str | None) -> Terms:
    """The terms that a card's head gives. A link to a file of the repo becomes one to that repo.

    Args:
        id_: the repo that it is the card of.
    """
    name, link = (
        said if isinstance(said := card.get(k), str) and said else None for k in ("license_name", "license_link")
    )
    if link is not None and not link.startswith(("https://", "http://")):
        link = f"https://huggingface.co/{id_}/blob/main/{link.lstrip('./')}" if id_ else None
    raw = card.get("tags")
    tags = (
        [tag for tag in raw if isinstance(tag, str)] if isinstance(raw, list) else [raw] if isinstance(raw, str) else []
    )
    kept = [tag for tag in tags if 0 < len(tag) <= LONGEST_TAG and not OWN_TAGS.fullmatch(tag)]
    return Terms(name and name[:200], link and link[:500], tuple(dict.fromkeys(kept))[:MOST_TAGS])


def languages_of(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The languages' codes, as a card's head gives them."""
    value = card.get("language")
    values = value if isinstance(value, list) else [value] if value else []
    return tuple(str(v) for v in values)


def account_from(raw: Mapping[str, Any]) -> Account:
    """From what `whoami` answers: tokens are read-only, for writing, fine-grained, or of an OAuth sign-in."""
    auth = raw.get("auth") or {}
    token = auth.get("accessToken") or {}
    name, orgs = str(raw.get("name")), raw.get("orgs") or []
    open_orgs = [str(o["name"]) for o in orgs if o.get("roleInOrg", "write") not in ("read", "no_access")]
    namespaces = [name, *open_orgs]
    if token.get("role") == "read":
        namespaces = []
    elif token.get("role") == "fineGrained":
        scoped = (token.get("fineGrained") or {}).get("scoped") or []
        may = {str(s.get("entity", {}).get("name")) for s in scoped if "repo.write" in (s.get("permissions") or ())}
        namespaces = [n for n in namespaces if n in may]
    return Account(name, tuple(str(o["name"]) for o in orgs), bool(namespaces), tuple(namespaces))


def is_id(text: str) -> bool:
    """Whether this can be a repo's id: `name` or `user/name`, as the Hub allows them."""
    return (
        bool(_ID.fullmatch(text))
        and all(len(part) <= MAX_NAME for part in text.split("/"))
        and ".." not in text
        and "--" not in text
        and not text.endswith(".git")
    )


def parse_reference(text: str, endpoint: str | None = None) -> str:
    """A repo's id from what a person pasted: `user/name`, or an address of the Hub's site or of one of its pages.

    Args:
        endpoint: a Hub of one's own, whose addresses are understood too.

    Raises:
        HubError: it is neither.
    """
    shown = text.strip()
    found = shown
    if "://" in shown or shown.lower().startswith(tuple(f"{host}/" for host in HUB_HOSTS)):
        found = _from_address(shown, endpoint)
    found = found.strip("/")
    if is_id(found):
        return found
    shown = shown if len(shown) <= 80 else shown[:77] + "…"
    if not shown:
        raise HubError("No model or data set is named. Write it as user/name, as the Hub shows it above its page.")
    raise HubError(
        f"{shown!r} is not the name of a repo on the Hub. Write it as user/name (letters, digits, -, _ and ., at most "
        f"{MAX_NAME} characters each), or paste the address of its page."
    )


def _from_address(text: str, endpoint: str | None) -> str:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:  # brackets that hold no address, signs that look like a slash
        raise HubError(f"{text} is not an address. Paste the address of the repo's page, or write user/name.") from None
    segments = [unquote(s) for s in parts.path.split("/") if s]
    if parts.scheme == "hf":  # hf://datasets/user/name
        segments = [unquote(parts.netloc), *segments]
    elif parts.netloc.lower() not in {*HUB_HOSTS, urlsplit(endpoint or "").netloc.lower()}:
        raise HubError(
            f"{parts.netloc or text} is not the Hub. Paste an address that begins with https://huggingface.co/."
        )
    if segments[:1] in (["datasets"], ["models"]) and len(segments) > 1:
        segments = segments[1:]
    elif segments and segments[0] in _PAGES:
        raise HubError(f"{text} is a page of the Hub's site, not a model or a data set. Paste the address of its page.")
    # What follows the name (tree/main, blob/…, resolve/…) is a place inside the repo.
    stop = next(
        (i for i, s in enumerate(segments) if s in ("tree", "blob", "resolve", "raw", "viewer", "discussions")), 2
    )
    return "/".join(segments[: min(stop, 2)])
