"""The Hub as one person sees it: who they are, what there is, what a repo holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from compressor import models
from compressor.errors import AccessDeniedError, GatedRepoError, HubError, ModelError, RepoNotFoundError
from compressor.events import Progress, silent
from compressor.hub import download, kept, layout, writing
from compressor.hub import search as searching
from compressor.hub.calls import Patience, patiently
from compressor.hub.sentences import About
from compressor.hub.values import (
    Account,
    Found,
    HubDataset,
    HubModel,
    Kind,
    LocalModel,
    account_from,
    is_id,
    languages_of,
    license_of,
    parse_reference,
    terms_of,
)
from compressor.settings import Settings
from compressor.system.holding import Hold

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import DatasetInfo, ModelInfo

T = TypeVar("T")

CONVERTED = "refs/convert/parquet"
"""Where the Hub keeps data sets that it converted by itself, for those that are scripts or of other formats."""


class Hub:
    """All requests carry this person's token or none: never, by default, the server's own."""

    def __init__(
        self, settings: Settings, token: str | None = None, owner: str = "local", patience: Patience | None = None
    ):
        """
        Args:
            token: None is anonymous where strangers share this process; on one's own machine it is `HF_TOKEN` or the login
                that is there. "" is anonymous everywhere.
            owner: whose downloads these are; each has a folder of their own under `settings.hub_dir`.
            patience: how long to go on asking a Hub that does not answer.

        Raises:
            AccessDeniedError: the token holds characters that no token has.
        """
        self.settings, self.owner, self.patience = settings, owner, patience or Patience()
        self._token = _usable(token if token is not None or settings.hosted else settings.token or _stored_login())
        self._client: HfApi | None = None
        self._account: Account | None = None
        self._held: dict[Path, Hold] = {}

    def __repr__(self) -> str:
        return f"Hub({self.settings.hub_endpoint!r}, signed_in={self.signed_in})"

    @property
    def signed_in(self) -> bool:
        return self._token is not None

    @property
    def api(self) -> HfApi:
        """The library's client; for this package only."""
        if self._client is None:
            from huggingface_hub import HfApi

            self._client = HfApi(endpoint=self.settings.hub_endpoint, token=self._token or False)
        return self._client

    @property
    def cache(self) -> Path:
        """This owner's downloads."""
        return self.settings.hub_dir / download.folder_name(self.owner)

    def hold(self, repo: str, kind: Kind) -> None:
        """Keep this owner's download of a repo from being swept up, for as long as this object is there; for this package
        only."""
        folder = kept.repo_folder(self.cache, repo, kind)
        if folder not in self._held:
            self._held[folder] = Hold(self.settings, folder)
        kept.mark_used(folder)

    def let_go(self) -> None:
        """Nothing that was downloaded is needed any more. (It stays, until its room is needed.)"""
        while self._held:
            self._held.popitem()[1].release()

    def ask(
        self, call: Callable[[], T], doing: str, ref: str = "", kind: Kind = "model", patience: Patience | None = None
    ) -> T:
        """`call()` with retries and sentences; for this package only."""
        about = About(doing, self.settings.hub_endpoint, self.signed_in, ref, kind)
        return patiently(call, about, patience or self.patience)

    # ------------------------------------------------------------------ people

    def account(self, fresh: bool = False) -> Account | None:
        """Who the token belongs to; None without a token. Asked once, unless `fresh`.

        Raises:
            AccessDeniedError: the Hub does not accept the token.
            HubError: it does not answer.
        """
        if self._token is None:
            return None
        if self._account is None or fresh:
            self._account = account_from(self.ask(self.api.whoami, "see whose token this is"))
        return self._account

    # ------------------------------------------------------------------ search

    def search(self, query: str, kind: Kind, task: str | None = None, limit: int = 20) -> list[Found]:
        """Repos whose name holds `query`, this person's private ones first, then by downloads.

        Args:
            task: models of this task only, and only those that transformers can load from safetensors. Data sets are
                narrowed to it only while nothing is typed: few carry the tag.
        """
        return searching.search(self, query, kind, task, limit)

    # ------------------------------------------------------------------ look

    def info(self, ref: str, kind: Kind, revision: str | None = None) -> ModelInfo | DatasetInfo:
        """What the Hub says of a repo to this person, with file sizes. Every download asks this first.

        Raises:
            RepoNotFoundError: with what may have been meant, where something is near.
            HubError: it does not answer, or refuses.
        """
        ref = parse_reference(ref, self.settings.hub_endpoint)

        def call() -> ModelInfo | DatasetInfo:
            if kind == "model":
                return self.api.model_info(ref, revision=revision, files_metadata=True)
            return self.api.dataset_info(ref, revision=revision, files_metadata=True)

        try:
            return self.ask(call, f"look at {ref}", ref, kind)
        except RepoNotFoundError as error:
            if near := searching.near(self, ref, kind) if revision is None else []:
                raise RepoNotFoundError(f"{error} Did you mean {' or '.join(near)}?") from error
            raise

    def model(self, ref: str) -> HubModel:
        """A model, without its weights: one request, and its config.json.

        Raises:
            HubError, ModelError: it is not there, or its config cannot be read.
        """
        info = self.info(ref, "model")
        files = download.listed(info)
        names = [name for name, _ in files]
        weights = layout.weight_files(names)
        card = download.card_of(info)
        sizes, config = dict(files), self._config(info, names)
        return HubModel(
            id=info.id,
            sha=str(info.sha),
            license=license_of(card),
            languages=languages_of(card),
            terms=terms_of(card, info.id),
            gated=bool(info.gated),
            private=bool(info.private),
            pipeline_tag=getattr(info, "pipeline_tag", None),
            config=config,
            parameters=self._parameters(info, weights),
            weight_bytes=sum(sizes[name] for name in weights),
            files=files,
            has_safetensors=bool(weights),
            has_tokenizer=any(name in layout.VOCABULARIES for name in names) or models.reads_characters(config),
        )

    def _config(self, info: Any, names: list[str]) -> dict[str, Any]:
        if "config.json" not in names:
            return dict(info.config or {})
        try:
            path = download.fetch(self, info, "model", ["config.json"], silent)[0]
        except (GatedRepoError, AccessDeniedError):
            return dict(info.config or {})
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            config = None
        if not isinstance(config, dict):
            raise ModelError(f"The config.json of {info.id} cannot be read as JSON, so this model cannot be loaded.")
        return config

    def _parameters(self, info: Any, weights: list[str]) -> int | None:
        if info.safetensors is not None:
            return int(info.safetensors.total)
        if not weights:
            return None
        try:
            return download.count_parameters(self, info, [name for name in weights if name.endswith(".safetensors")])
        except (HubError, ModelError):
            return None  # gated, or a broken header: the page says the rest

    def dataset(self, ref: str, revision: str | None = None) -> HubDataset:
        """A data set's files and its subsets and splits, without a download. One that has no files of a kind that is read
        here is looked up in the Hub's own conversion to Parquet; `sha` is then a commit of that.

        Raises:
            HubError: it is not there.
        """
        info = self.info(ref, "dataset", revision)
        card = download.card_of(info)
        license_ = license_of(card)
        files = download.listed(info)
        configs = layout.subsets([name for name, _ in files], card)
        if not configs and revision is None:
            try:
                info = self.info(info.id, "dataset", CONVERTED)
                files = download.listed(info)
                configs = layout.subsets([name for name, _ in files])
            except RepoNotFoundError:
                configs = {}
        return HubDataset(info.id, str(info.sha), license_, files, configs)

    # ------------------------------------------------------------------ download

    def fetch_config(self, ref: str) -> Path:
        """A folder with the model's config.json and its tokenizer, and no weights.

        Raises:
            HubError, ModelError: it is not there, or has no config.json.
        """
        return download.fetch_config(self, ref)

    def fetch_model(self, ref: str, revision: str | None = None, progress: Progress = silent) -> LocalModel:
        """The whole model, from one commit: config, tokenizer, and weights in safetensors format.

        Raises:
            ModelError: it has no such weights (known before anything is downloaded), or is too big for this place.
            DiskFullError, HubError: what they say.
        """
        return download.fetch_model(self, ref, revision, progress)

    def is_cached(self, ref: str) -> bool:
        """Whether this owner has downloaded the model before, so that `fetch_model` needs little or nothing. Asks nobody."""
        return is_id(ref) and download.remembered(self, ref) is not None

    def fetch_files(
        self, ref: str, kind: Kind, files: list[str], revision: str | None = None, progress: Progress = silent
    ) -> list[Path]:
        """Single files of a repo, in the order asked for: data files of a data set, harmless files of a model.

        Raises:
            HubError: the repo or a file is not there, or is of a kind that is not downloaded.
        """
        return download.fetch_files(self, ref, kind, files, revision, progress)

    # ------------------------------------------------------------------ publish

    @property
    def repos(self) -> writing.Repos:
        """Making and filling repos of one's own."""
        return writing.Repos(self)


def _usable(token: str | None) -> str | None:
    """A token that can stand in a header. The HTTP library's own error about one that cannot would quote it."""
    token = (token or "").strip()
    if not token:
        return None
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise AccessDeniedError(
            "This is not a token of the Hub: it holds characters that no token has. Copy it again from its settings page."
        )
    return token


def _stored_login() -> str | None:
    from huggingface_hub import get_token

    return get_token()
