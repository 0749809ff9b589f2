"""Storage: where a flow's code is kept. Descriptions only; what stores and fetches is found by the kind's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from homeport import storage_spellings as older
from homeport.blocks.lazily import Lazily


class Storage(Lazily):
    """The base of storages. `kind` names what stores; `settings` are given to it, and hold no secrets."""

    kind = ""

    def __init__(self, **settings: Any) -> None:
        self.settings = {name: value for name, value in settings.items() if value is not None}

    @classmethod
    def load(cls, name: str) -> Self:
        """The storage that the block of this name describes: `S3.load("prod")` is the block s3/prod.

        Nothing is asked yet, so that a flow's file can be imported anywhere. Registering, opening, and reading one of
        its fields ask the control plane; then BlockNotFound says that there is none.
        """
        from homeport.blocks.kept import split

        loaded = cls.__new__(cls)
        loaded.block = "/".join(split(name, type_=cls.kind))
        return loaded

    def save(self, name: str, overwrite: bool = False) -> str:
        """Keep it as the block of this name; "type/name". Secrets are given as references, and kept as such.

        Raises InvalidBlock for fields that the kind does not take, ConflictError for a name that is taken by another.
        """
        from homeport.blocks.kept import create_block, split

        self.block = create_block("/".join(split(name, type_=self.kind)), self.settings, overwrite=overwrite).slug
        return self.block

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object: `kind` and the settings that were given, or the name of the block that has them."""
        if self.block is not None:
            return {"kind": self.kind, "block": self.block}
        return {"kind": self.kind, **self.settings}

    def __getattr__(self, name: str) -> Any:
        """A field, of a loaded storage as the block has it."""
        if name == "settings" and self.block is not None:
            self._fetch()
            return self.settings
        if name.startswith("__") or name == "settings" or name not in self.settings:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.settings[name]

    def _fetch(self) -> None:
        from homeport.blocks.kept import load_block

        assert self.block is not None
        kept = load_block(self.block)
        self.settings = {**kept.fields, **kept.secrets}

    def __repr__(self) -> str:
        if self.block is not None:
            return f"{type(self).__name__}.load({self.block.partition('/')[2]!r})"
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings.items())})"


class Local(Storage):
    """A folder, on this machine or a mounted share; HOMEPORT_STORAGE if none is given."""

    kind = "folder"

    def __init__(self, directory: str | None = None) -> None:
        super().__init__(path=directory)


class LocalFileSystem(Storage):
    """The same under its 2.x name."""

    kind = "folder"

    def __init__(self, basepath: str | None = None) -> None:
        super().__init__(path=basepath)


class S3(Storage):
    """A bucket of Amazon S3, or of what speaks its protocol.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-s3.md) by their names.
    """

    kind = "s3"

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        upload_options: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="S3")
        older.refuse_older(fields, of="S3", secrets="access_key_id= and secret_access_key=, or profile=")
        older.refuse_literals(fields, of="S3")
        given = older.translated(client_options, older.CLIENT_OPTIONS, of="S3(client_options=...)")
        given |= older.translated(upload_options, older.UPLOAD_OPTIONS, of="S3(upload_options=...)")
        super().__init__(**({"bucket": bucket, "prefix": key} | given | fields))


class GCS(Storage):
    """A bucket of Google Cloud Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-gcs.md) by their names.
    """

    kind = "gcs"

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        project: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="GCS")
        older.refuse_older(fields, of="GCS", secrets="service_account_info=")
        older.refuse_literals(fields, of="GCS")
        super().__init__(**({"bucket": bucket, "prefix": key, "project": project} | fields))


class Azure(Storage):
    """A container of Azure Blob Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-azure.md) by their names.
    `connection_string_secret` is the name of a secret, looked up as `Secret(name)` is.
    """

    kind = "azure"

    def __init__(
        self,
        container: str | None = None,
        connection_string_secret: str | None = None,
        blob_name: str | None = None,
        overwrite: bool = True,  # what is stored is named by its content: there is nothing else to overwrite
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="Azure")
        older.refuse_older(fields, of="Azure", secrets="connection_string=")
        older.refuse_literals(fields, of="Azure")
        given = {"container": container, "prefix": blob_name}
        if connection_string_secret is not None:
            given["connection_string"] = older.by_name(connection_string_secret)
        super().__init__(**(given | fields))


class SMB(Storage):
    """A folder on an SMB share: Samba, Windows, a NAS. Signed and encrypted, unless told otherwise.

    `password` is the name of a secret (`env:SMB_PASSWORD`). The names of 2.x are taken as well: `share_path`,
    `smb_host`, `smb_username`, `smb_password`, `smb_port`.
    """

    kind = "smb"

    def __init__(
        self,
        share: str | None = None,
        path: str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        domain: str | None = None,
        password: str | None = None,
        require_encryption: bool | None = None,
        require_signing: bool | None = None,
        auth_protocol: str | None = None,
        connect_timeout: float | None = None,
        timeout: float | None = None,
        share_path: str | None = None,
        smb_host: str | None = None,
        smb_port: int | None = None,
        smb_username: str | None = None,
        smb_password: str | None = None,
    ) -> None:
        super().__init__(
            host=_one(host=host, smb_host=smb_host),
            share=_one(share=share, share_path=share_path),
            path=path,
            port=_one(port=port, smb_port=smb_port),
            username=_one(username=username, smb_username=smb_username),
            domain=domain,
            password=_secret(_one(password=password, smb_password=smb_password)),
            require_encryption=require_encryption,
            require_signing=require_signing,
            auth_protocol=auth_protocol,
            connect_timeout=connect_timeout,
            timeout=timeout,
        )


class Docker(Storage):
    """An image: the environment that the flow needs, and its code as the last layer. All of 1.x, and a few more.

    With `registry_url` it is pushed there; without, it stays in the engine that builds it. `path` and
    `stored_as_script` are accepted for 1.x, and not needed: code travels as source, and has its place in the image.
    """

    kind = "docker"

    def __init__(
        self,
        registry_url: str | None = None,
        base_image: str | None = None,
        dockerfile: str | None = None,
        python_dependencies: list[str] | None = None,
        image_name: str | None = None,
        image_tag: str | None = None,
        env_vars: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        homeport_version: str | None = None,
        local_image: bool = False,
        ignore_healthchecks: bool = False,
        base_url: str | None = None,
        tls_config: bool | dict[str, Any] = False,
        build_kwargs: dict[str, Any] | None = None,
        directory: str | None = None,
        path: str | None = None,
        stored_as_script: bool = False,
        extra_dockerfile_commands: list[str] | None = None,
        *,
        labels: dict[str, str] | None = None,
        username: str | None = None,
        password: str | None = None,
        insecure: bool = False,
        homeport_wheel: str | None = None,
        prefect_version: str | None = None,
        prefect_directory: str | None = None,
    ) -> None:
        if base_image and dockerfile:
            raise ValueError("Docker: a Dockerfile names its own base image; give base_image or dockerfile, not both.")
        if prefect_version:
            raise ValueError("Docker: what is installed in the image is Homeport; give homeport_version, or nothing.")
        super().__init__(
            registry_url=registry_url,
            base_image=base_image,
            dockerfile=None if dockerfile is None else str(Path(dockerfile).absolute()),
            python_dependencies=python_dependencies,
            image_name=image_name,
            image_tag=image_tag,
            env_vars=env_vars,
            files=None if files is None else {str(Path(here).absolute()): there for here, there in files.items()},
            homeport_version=homeport_version,
            local_image=local_image or None,
            ignore_healthchecks=ignore_healthchecks or None,
            base_url=base_url,
            tls_config=tls_config or None,
            build_kwargs=build_kwargs,
            directory=directory or prefect_directory,
            path=path,
            stored_as_script=stored_as_script or None,
            extra_dockerfile_commands=extra_dockerfile_commands,
            labels=labels,
            username=username,
            password=password,
            insecure=insecure or None,
            homeport_wheel=homeport_wheel,
        )


class Git(Storage):
    """A git repository, by commit: the flow's code is what was pushed.

    Without an address it is the remote `origin` of the checkout that the flow lies in, and the commit that is checked
    out. `access_token` (in 1.x `git_token_secret_name`), `ssh_key` and `url_secret` (`git_clone_url_secret_name`) are
    names of secrets. `flow_name`, `clone_depth` and `format_access_token` of 1.x are taken, and not needed.
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
        folder: str | None = None,
        access_token: str | None = None,
        username: str | None = None,
        ssh_key: str | None = None,
        ssh_key_file: str | None = None,
        known_hosts_file: str | None = None,
    ) -> None:
        super().__init__(
            url=url,
            url_secret=_secret(_one(url_secret=url_secret, git_clone_url_secret_name=git_clone_url_secret_name)),
            repo=repo,
            repo_host=repo_host,
            use_ssh=use_ssh,
            path=flow_path,
            ref=_one(ref=ref, branch_name=branch_name, tag=tag),
            commit=commit,
            folder=folder,
            access_token=_secret(_one(access_token=access_token, git_token_secret_name=git_token_secret_name)),
            username=_one(username=username, git_token_username=git_token_username),
            ssh_key=_secret(ssh_key),
            ssh_key_file=ssh_key_file,
            known_hosts_file=known_hosts_file,
        )


class GitHub(Storage):
    """A repository on GitHub, or on a GitHub of your own (`base_url`), by commit.

    `access_token` (in 1.x `access_token_secret`) is the name of a secret.
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
        access_token: str | None = None,
        host: str | None = None,
        folder: str | None = None,
        ssh_key: str | None = None,
        ssh_key_file: str | None = None,
    ) -> None:
        super().__init__(
            repo=_one(repo=repo, repository=repository),
            path=path,
            ref=_one(ref=ref, reference=reference),
            access_token=_secret(_one(access_token=access_token, access_token_secret=access_token_secret)),
            host=_one(host=host, base_url=base_url),
            folder=folder,
            ssh_key=_secret(ssh_key),
            ssh_key_file=ssh_key_file,
        )


class GitLab(Storage):
    """A repository on GitLab, or on a GitLab of your own (`host`), by commit.

    `access_token` (in 1.x `access_token_secret`) is the name of a secret.
    """

    kind = "gitlab"

    def __init__(
        self,
        repo: str,
        path: str | None = None,
        host: str | None = None,
        ref: str | None = None,
        access_token_secret: str | None = None,
        *,
        access_token: str | None = None,
        folder: str | None = None,
        ssh_key: str | None = None,
        ssh_key_file: str | None = None,
    ) -> None:
        super().__init__(
            repo=repo,
            path=path,
            host=host,
            ref=ref,
            access_token=_secret(_one(access_token=access_token, access_token_secret=access_token_secret)),
            folder=folder,
            ssh_key=_secret(ssh_key),
            ssh_key_file=ssh_key_file,
        )


class Bitbucket(Storage):
    """A repository on bitbucket.org (`workspace`), or on a Bitbucket Server of your own (`host`, `project`), by commit.

    `access_token` (in 1.x `access_token_secret`), `cloud_username_secret` and `cloud_app_password_secret` are names of
    secrets.
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
        access_token: str | None = None,
        folder: str | None = None,
        ssh_key: str | None = None,
        ssh_key_file: str | None = None,
    ) -> None:
        super().__init__(
            repo=repo,
            workspace=workspace,
            project=project,
            host=host,
            path=path,
            ref=ref,
            access_token=_secret(_one(access_token=access_token, access_token_secret=access_token_secret)),
            username_secret=_secret(cloud_username_secret),
            app_password=_secret(cloud_app_password_secret),
            folder=folder,
            ssh_key=_secret(ssh_key),
            ssh_key_file=ssh_key_file,
        )


class Module(Storage):
    """A Python module that is installed where the flow runs: nothing travels, and its files must be those of here."""

    kind = "module"

    def __init__(self, module: str) -> None:
        super().__init__(module=module)


def _one(**given: Any) -> Any:
    """The one that was given of several names for the same; ValueError when two say different things."""
    values = {name: value for name, value in given.items() if value is not None}
    if len(set(map(repr, values.values()))) > 1:
        raise ValueError(f"{' and '.join(values)} are names of the same; give one of them.")
    return next(iter(values.values()), None)


def _secret(name: str | None) -> str | None:
    """A reference to a secret as it is; a bare name, as 1.x gives it, is that of a variable."""
    from homeport.secrets import is_reference

    return name if name is None or is_reference(name) else f"env:{name}"
