"""Repositories on GitHub, GitLab and Bitbucket: their addresses and tokens are built as these hosts want them."""

from __future__ import annotations

from typing import ClassVar

from homeport.secrets import resolve
from homeport_storage.git import GitStorage
from homeport_storage.git_fields import BitbucketFields, GitHubFields, GitLabFields, RepositoryFields


class GitHubStorage(GitStorage):
    """A repository on GitHub."""

    kind: ClassVar[str] = "github"
    block_fields: ClassVar[type[RepositoryFields]] = GitHubFields


class GitLabStorage(GitStorage):
    """A repository on GitLab."""

    kind: ClassVar[str] = "gitlab"
    block_fields: ClassVar[type[RepositoryFields]] = GitLabFields


class BitbucketStorage(GitStorage):
    """A repository on Bitbucket, which knows app passwords besides tokens."""

    kind: ClassVar[str] = "bitbucket"
    block_fields: ClassVar[type[RepositoryFields]] = BitbucketFields

    def _login(self) -> tuple[str | None, str | None]:
        fields = self._fields
        if not isinstance(fields, BitbucketFields) or fields.app_password is None:
            return super()._login()
        user = str(resolve(fields.username_secret).get()) if fields.username_secret else fields.username
        return user, str(resolve(fields.app_password).get())
