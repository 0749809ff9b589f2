"""The fields of blocks of kind git, github, gitlab and bitbucket."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, Field, field_validator, model_validator

from homeport.blocks.fields import BlockFields, SecretReference
from homeport.code.errors import UnsafeCode
from homeport_storage import git_url


class RepositoryFields(BlockFields):
    """What every repository has, wherever it lies."""

    token_user: ClassVar[str] = "x-access-token"  # noqa: S105 - a name
    """Who one logs in as with a token."""

    ref: str | None = Field(
        default=None,
        validation_alias=AliasChoices("ref", "reference", "branch", "branch_name", "tag"),
        description="Branch or tag, or a commit. None: the commit that is checked out here, else the default branch.",
    )
    commit: str | None = Field(
        default=None, description="The commit; registering finds it out, and agents fetch exactly this one."
    )
    folder: str = Field(default="", description="The folder in the repository that imports start from; all of it.")
    path: str | None = Field(
        default=None,
        validation_alias=AliasChoices("path", "flow_path"),
        description="A file that must be in the commit, from its top: the flow's, as in Prefect 1.x.",
    )
    access_token: SecretReference | None = Field(
        default=None,
        validation_alias=AliasChoices("access_token", "access_token_secret", "git_token_secret_name"),
        description="Token that may read the repository, over https.",
    )
    username: str | None = Field(
        default=None,
        validation_alias=AliasChoices("username", "git_token_username"),
        description="User that the token belongs to, where the host asks for it.",
        pattern=r"^[^\x00-\x1f\x7f:]+$",
    )
    ssh_key: SecretReference | None = Field(default=None, description="A private key for ssh, not encrypted.")
    ssh_key_file: str | None = Field(
        default=None, description="The file of a private key, on the machine that fetches.", pattern=r"^[/~]"
    )
    known_hosts_file: str | None = Field(
        default=None, description="Host keys to trust, instead of ~/.ssh/known_hosts.", pattern=r"^[/~]"
    )
    include_submodules: bool = Field(
        default=False, description="Fetch the commits of submodules, too; the login goes to the same host only."
    )
    timeout: float = Field(default=300, description="Seconds that one fetch may take.", gt=0, le=7200)
    max_megabytes: int = Field(
        default=1024, description="What one commit may take on its way, packed, in MiB.", ge=1, le=100_000
    )

    @field_validator("ref")
    @classmethod
    def _plain_ref(cls, ref: str | None) -> str | None:
        if ref is not None and not git_url.is_ref(ref):
            raise ValueError("the name of a branch or a tag, such as main or v1.2")
        return ref

    @field_validator("commit")
    @classmethod
    def _whole_commit(cls, commit: str | None) -> str | None:
        if commit is not None and not git_url.is_commit(commit):
            raise ValueError("the whole name of a commit: 40 hex digits")
        return commit

    @field_validator("folder", "path")
    @classmethod
    def _inside(cls, path: str | None) -> str | None:
        if path is None:
            return None
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or path.startswith("/") or "\\" in path or any(ord(character) < 32 for character in path):
            raise ValueError("a path from the repository's top, with forward slashes and without ..")
        return "/".join(parts)

    def address(self) -> str | None:
        """The address of the repository, as it was given; None if none was."""
        raise NotImplementedError


class GitFields(RepositoryFields):
    """Any repository that git reaches by https or ssh."""

    title: ClassVar[str] = "Git repository"

    url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("url", "repository"),
        description="https://host/path, ssh://git@host/path or git@host:path. None: the checkout's remote `origin`.",
    )
    url_secret: SecretReference | None = Field(
        default=None,
        validation_alias=AliasChoices("url_secret", "git_clone_url_secret_name"),
        description="A secret that holds the whole address, with what logs in.",
    )
    repo: str | None = Field(default=None, description="owner/name on repo_host, as in Prefect 1.x.")
    repo_host: str = Field(default="github.com", description="The host of repo.")
    use_ssh: bool = Field(default=False, description="Reach repo by ssh instead of https.")

    @model_validator(mode="after")
    def _one_address(self) -> GitFields:
        if sum(given is not None for given in (self.url, self.url_secret, self.repo)) > 1:
            raise ValueError("give one of url, repo and url_secret")
        _check(self.address())
        return self

    def address(self) -> str | None:
        """The address, unless a secret holds it or the checkout knows it."""
        if self.repo is None:
            return self.url
        if self.use_ssh:
            return f"git@{self.repo_host}:{self.repo.removesuffix('.git')}.git"
        return git_url.of_host(self.repo_host, self.repo)


class GitHubFields(RepositoryFields):
    """A repository on github.com, or on a GitHub of your own."""

    title: ClassVar[str] = "GitHub repository"

    repo: str = Field(
        validation_alias=AliasChoices("repo", "repository"), description="owner/name, or its whole address."
    )
    host: str = Field(
        default="github.com",
        validation_alias=AliasChoices("host", "base_url"),
        description="The host, for GitHub Enterprise.",
    )

    @model_validator(mode="after")
    def _proper_address(self) -> GitHubFields:
        _check(self.address())
        return self

    def address(self) -> str:
        """Where the repository is."""
        return self.repo if _is_address(self.repo) else git_url.of_host(_web(self.host), self.repo)


class GitLabFields(RepositoryFields):
    """A repository on gitlab.com, or on a GitLab of your own."""

    title: ClassVar[str] = "GitLab repository"
    token_user: ClassVar[str] = "oauth2"  # noqa: S105 - a name

    repo: str = Field(
        validation_alias=AliasChoices("repo", "repository"), description="group/name, or its whole address."
    )
    host: str = Field(default="gitlab.com", description="The host of a GitLab of your own.")

    @model_validator(mode="after")
    def _proper_address(self) -> GitLabFields:
        _check(self.address())
        return self

    def address(self) -> str:
        """Where the repository is."""
        return self.repo if _is_address(self.repo) else git_url.of_host(self.host, self.repo)


class BitbucketFields(RepositoryFields):
    """A repository on bitbucket.org, or on a Bitbucket Server of your own."""

    title: ClassVar[str] = "Bitbucket repository"
    token_user: ClassVar[str] = "x-token-auth"  # noqa: S105 - a name

    repo: str = Field(validation_alias=AliasChoices("repo", "repository"), description="Name, or its whole address.")
    workspace: str | None = Field(default=None, description="The workspace on bitbucket.org.")
    project: str | None = Field(default=None, description="The project on a Bitbucket Server.")
    host: str | None = Field(default=None, description="The host of a Bitbucket Server of your own.")
    username_secret: SecretReference | None = Field(
        default=None,
        validation_alias=AliasChoices("username_secret", "cloud_username_secret"),
        description="A secret that holds the user of an app password.",
    )
    app_password: SecretReference | None = Field(
        default=None,
        validation_alias=AliasChoices("app_password", "cloud_app_password_secret"),
        description="An app password, with username or username_secret.",
    )

    @model_validator(mode="after")
    def _proper_address(self) -> BitbucketFields:
        _check(self.address())
        return self

    def address(self) -> str:
        """Where the repository is: a server has it below /scm/PROJECT, the cloud below its workspace."""
        if _is_address(self.repo):
            return self.repo
        if self.host is not None and "bitbucket.org" not in self.host:
            if not self.project:
                raise ValueError("a Bitbucket Server needs the project")
            return git_url.of_host(self.host, "scm", self.project, self.repo)
        owner = self.workspace or self.project
        if not owner and "/" not in self.repo:
            raise ValueError("give the workspace, or repo as workspace/name")
        return git_url.of_host("bitbucket.org", *([owner] if owner else []), self.repo)


def _web(base_url: str) -> str:
    """1.x takes the address of the API: https://github.example.com/api/v3."""
    return base_url.rstrip("/").removesuffix("/api/v3").replace("://api.github.com", "://github.com")


def _is_address(repo: str) -> bool:
    return "://" in repo or repo.startswith("git@")


def _check(address: str | None) -> None:
    if address is None:
        return
    try:
        git_url.parse(address)
    except UnsafeCode as error:
        raise ValueError(str(error)) from None
