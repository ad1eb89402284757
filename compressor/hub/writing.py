"""Making repos and filling them. What may be made, and what becomes of it when something fails, is up to `publishing/`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import HubError, PublishError, RepoExistsError, RepoNotFoundError
from compressor.hub.sentences import Lost, Refused

if TYPE_CHECKING:
    from compressor.hub.client import Hub

File = Path | bytes


class Repos:
    """A person's model repos."""

    def __init__(self, hub: Hub):
        self.hub = hub

    def url(self, repo: str) -> str:
        return f"{self.hub.settings.hub_endpoint}/{repo}"

    def head(self, repo: str) -> str | None:
        """The newest commit; None where there is no such repo."""
        try:
            return str(self.hub.ask(lambda: self.hub.api.model_info(repo), f"look at {repo}", repo).sha)
        except RepoNotFoundError:
            return None

    def holds(self, repo: str, files: Mapping[str, File]) -> bool:
        """Whether there is a repo of this name with just these files; False where there is none.

        Raises:
            RepoExistsError: it holds something else.
        """
        if self.head(repo) is None:
            return False
        if self.differences(repo, files):
            raise taken(repo, self.url(repo))
        return True

    def create(self, repo: str) -> None:
        """A new, empty, private repo.

        An answer that got lost does not say whether the repo was made: since it was not there before, one that is there
        now, and holds nothing, is taken as made.

        Raises:
            RepoExistsError: the name is taken.
            HubError: it was not made.
        """
        from huggingface_hub.errors import HfHubHTTPError

        if self.head(repo) is not None:
            raise taken(repo, self.url(repo))
        doubtful = False

        def call() -> None:
            nonlocal doubtful
            if doubtful and self.head(repo) is not None:
                if self.names(repo):
                    raise taken(repo, self.url(repo))
                return
            try:
                self.hub.api.create_repo(repo, private=True, exist_ok=False)
            except (Lost, Refused):
                doubtful = True
                raise
            except HfHubHTTPError as error:
                if error.response.status_code == 409:
                    raise taken(repo, self.url(repo)) from error
                raise

        try:
            self.hub.ask(call, f"create {repo}")
        except HubError:
            # The last try may have been done too, its answer lost.
            if doubtful and self._empty_one(repo):
                return
            raise

    def _empty_one(self, repo: str) -> bool:
        try:
            return self.head(repo) is not None and not self.names(repo)
        except HubError:
            return False

    def names(self, repo: str) -> list[str]:
        """The files of a repo, other than the one that the Hub itself puts into a new one."""
        return [name for name in self._tree(repo, None) if name != ".gitattributes"]

    def commit(self, repo: str, files: Mapping[str, File], message: str, remove: Sequence[str] = ()) -> None:
        """Add files (and remove others) in one commit. What is there already is not sent again, so a second try is safe.

        Raises:
            PublishError, HubError: the commit was not made, or nobody can tell (`differences` can).
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        def call() -> None:
            # Anew for each try: the library writes into them.
            operations: list[Any] = [
                CommitOperationAdd(
                    path_in_repo=name, path_or_fileobj=content if isinstance(content, bytes) else str(content)
                )
                for name, content in files.items()
            ]
            operations += [CommitOperationDelete(path_in_repo=name) for name in remove]
            try:
                self.hub.api.create_commit(repo, operations, commit_message=message)
            except ValueError as error:
                if "metadata in README.md" in str(error):
                    said = " ".join(str(error).split("\n", 1)[-1].split())[:300]
                    raise PublishError(
                        f"The Hub does not accept the head of the model card of {repo}: {said}. Correct it between the "
                        "two lines of `---` and publish again."
                    ) from error
                raise

        try:
            self.hub.ask(call, f"upload to {repo}", repo)
        except (HubError, PublishError, OSError):
            raise
        except Exception as error:  # the transfer library raises its own kinds
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise PublishError(f"The upload to {repo} broke off ({lines[0][:200]}). Try again.") from error

    def differences(self, repo: str, files: Mapping[str, File], exactly: bool = True) -> list[str]:
        """Names of files that are not on the Hub as they are here: compared by sha256 (large ones) or git's hash, and,
        with `exactly`, files that are there and not here."""
        there = self._tree(repo, None)
        wrong = [name for name, content in files.items() if name not in there or not _same(content, there[name])]
        extra = [name for name in there if name not in files and name != ".gitattributes"] if exactly else []
        return wrong + extra

    def _tree(self, repo: str, revision: str | None) -> dict[str, Any]:
        from huggingface_hub.hf_api import RepoFile

        rows = self.hub.ask(
            lambda: list(self.hub.api.list_repo_tree(repo, recursive=True, revision=revision)), f"list {repo}", repo
        )
        return {row.path: row for row in rows if isinstance(row, RepoFile)}

    def make_public(self, repo: str) -> None:
        """Show it to everybody. Raises HubError."""
        api = self.hub.api
        try:
            self.hub.ask(lambda: api.update_repo_settings(repo, visibility="public"), f"make {repo} public", repo)
        except HubError:  # it may be done, and the answer lost
            if self.is_private(repo):
                raise

    def is_private(self, repo: str) -> bool:
        """Whether its owner alone sees it. Raises HubError."""
        return bool(self.hub.ask(lambda: self.hub.api.model_info(repo), f"look at {repo}", repo).private)

    def delete(self, repo: str) -> None:
        """Remove it; one that is not there is fine. Raises HubError."""
        self.hub.ask(lambda: self.hub.api.delete_repo(repo, missing_ok=True), f"remove {repo}", repo)


def taken(repo: str, url: str) -> RepoExistsError:
    return RepoExistsError(
        f"There is a repo {repo} already ({url}), and it is not overwritten. Choose another name, or remove it first."
    )


def _same(content: File, there: Any) -> bool:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size != there.size:
        return False
    if there.lfs is not None:
        return _hash(content, hashlib.sha256()) == str(there.lfs.sha256)
    return _hash(content, hashlib.sha1(b"blob %d\0" % size)) == str(there.blob_id)  # noqa: S324 (git's own)


def _hash(content: File, digest: Any) -> str:
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return str(digest.hexdigest())
