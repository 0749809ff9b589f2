"""Git repositories: any of them, and those of GitHub, GitLab and Bitbucket, whose addresses are built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

from homeport.storage import spellings as older
from homeport.storage.description import Storage


class RepositoryFields(TypedDict, total=False):
    """What every one of them takes by name: the fields of its block."""

    folder: str | None
    access_token: str | None
    username: str | None
    ssh_key: str | None
    ssh_key_file: str | None
    known_hosts_file: str | None
    include_submodules: bool | None
    timeout: float | None
    max_megabytes: int | None


class _Repository(Storage):
    def __init__(self, fields: RepositoryFields, named: Mapping[str, str | None], **settings: Any) -> None:
        """`named` has the 1.x names of secrets, under the fields that they are now."""
        of = type(self).__name__
        given: dict[str, Any] = {**settings, **fields}
        older.refuse_older(fields, of=of, secrets="access_token= or ssh_key=")
        older.refuse_unknown(fields, (*RepositoryFields.__annotations__, *settings), of=of)
        older.refuse_literals(given, of=of)
        for field, secret in named.items():
            reference = older.by_name(secret, of=of)
            given[field] = older.one(**{field: given.get(field), "the name that 1.x has for it": reference})
        super().__init__(**given)

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> Any:
        """Copy what the commit, or the ref's newest, has below `from_path` to a folder here; how many files.

        The folder is the working folder unless given; what is there besides stays. What `.homeportignore` and its
        defaults leave behind is left out. In async code it is awaited. Raises ValueError, and StorageErrors.
        """
        from homeport.storage.files import awaited, reference_of, within

        def get() -> int:
            from homeport.code.storage import open_storage

            opened: Any = open_storage(reference_of(self))
            below = within(from_path or "", opened.where)
            copied: int = opened.copy_to(Path(local_path or ".").expanduser().absolute(), below)
            return copied

        return awaited(get)


class Git(_Repository):
    """A git repository, by commit: the flow's code is what was pushed.

    Without an address it is the remote `origin` of the checkout that the flow lies in, and the commit that is checked
    out. `access_token`, `ssh_key` and `url_secret` are references to secrets; `git_token_secret_name` and
    `git_clone_url_secret_name` of 1.x are names, looked up as `Secret(name)` is. `flow_name`, `clone_depth` and
    `format_access_token` of 1.x are taken, and not needed.
    """

    kind = "git"

    def __init__(
        self,
        flow_path: str | None = None,
        repo: str | None = None,
        repo_host: str | None = None,
        flow_name: str | None = None,
        git_token_secret_name: str | None = None,
        git_token_username: str | None = None,
        git_clone_url_secret_name: str | None = None,
        branch_name: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        clone_depth: int | None = None,
        use_ssh: bool | None = None,
        format_access_token: bool | None = None,
        *,
        url: str | None = None,
        url_secret: str | None = None,
        ref: str | None = None,
        **fields: Unpack[RepositoryFields],
    ) -> None:
        fields["username"] = older.one(username=fields.get("username"), git_token_username=git_token_username)
        super().__init__(
            fields,
            {"access_token": git_token_secret_name, "url_secret": git_clone_url_secret_name},
            url=url,
            url_secret=url_secret,
            repo=repo,
            repo_host=repo_host,
            use_ssh=use_ssh,
            path=flow_path,
            ref=older.one(ref=ref, branch_name=branch_name, tag=tag),
            commit=commit,
        )


class GitHub(_Repository):
    """A repository on GitHub, or on a GitHub of your own (`base_url`), by commit.

    `access_token` is a reference to a secret; `access_token_secret` of 1.x is a name, looked up as `Secret(name)` is.
    """

    kind = "github"

    def __init__(
        self,
        repo: str | None = None,
        path: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        base_url: str | None = None,
        *,
        repository: str | None = None,
        reference: str | None = None,
        host: str | None = None,
        **fields: Unpack[RepositoryFields],
    ) -> None:
        super().__init__(
            fields,
            {"access_token": access_token_secret},
            repo=older.one(repo=repo, repository=repository),
            path=path,
            ref=older.one(ref=ref, reference=reference),
            host=older.one(host=host, base_url=base_url),
        )


class GitLab(_Repository):
    """A repository on GitLab, or on a GitLab of your own (`host`), by commit.

    `access_token` is a reference to a secret; `access_token_secret` of 1.x is a name, looked up as `Secret(name)` is.
    """

    kind = "gitlab"

    def __init__(
        self,
        repo: str,
        host: str | None = None,
        path: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        **fields: Unpack[RepositoryFields],
    ) -> None:
        super().__init__(fields, {"access_token": access_token_secret}, repo=repo, host=host, path=path, ref=ref)


class Bitbucket(_Repository):
    """A repository on bitbucket.org (`workspace`), or on a Bitbucket Server of your own (`host`, `project`), by commit.

    `access_token` and `app_password` are references to secrets; `access_token_secret`, `cloud_username_secret` and
    `cloud_app_password_secret` of 1.x are names, looked up as `Secret(name)` is.
    """

    kind = "bitbucket"

    def __init__(
        self,
        project: str | None = None,
        repo: str | None = None,
        workspace: str | None = None,
        host: str | None = None,
        path: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        cloud_username_secret: str | None = None,
        cloud_app_password_secret: str | None = None,
        *,
        username_secret: str | None = None,
        app_password: str | None = None,
        **fields: Unpack[RepositoryFields],
    ) -> None:
        super().__init__(
            fields,
            {
                "access_token": access_token_secret,
                "username_secret": cloud_username_secret,
                "app_password": cloud_app_password_secret,
            },
            repo=repo,
            workspace=workspace,
            project=project,
            host=host,
            path=path,
            ref=ref,
            username_secret=username_secret,
            app_password=app_password,
        )
