"""Images: the environment that a flow needs, and its code in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from homeport.storage import spellings as older
from homeport.storage.description import Storage


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
        dockerignore: str | None = None,
        python_dependencies: list[str] | None = None,
        image_name: str | None = None,
        image_tag: str | None = None,
        env_vars: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        prefect_version: str | None = None,
        local_image: bool = False,
        ignore_healthchecks: bool = False,
        base_url: str | None = None,
        tls_config: Any = False,
        build_kwargs: dict[str, Any] | None = None,
        prefect_directory: str | None = None,
        path: str | None = None,
        stored_as_script: bool = False,
        extra_dockerfile_commands: list[str] | None = None,
        *,
        directory: str | None = None,
        labels: dict[str, str] | None = None,
        username: str | None = None,
        password: str | None = None,
        insecure: bool = False,
        homeport_version: str | None = None,
        homeport_wheel: str | None = None,
        **more: Any,
    ) -> None:
        if base_image and dockerfile:
            raise ValueError("Docker: a Dockerfile names its own base image; give base_image or dockerfile, not both.")
        if prefect_version:
            raise ValueError("Docker: what is installed in the image is Homeport; give homeport_version, or nothing.")
        # In 1.x, labels are those of agents; here they are the image's.
        older.refuse_older({"labels": labels, **more} if isinstance(labels, list) else more, of="Docker")
        older.refuse_unknown(more, _KNOWN, of="Docker")
        older.refuse_literals({"password": password}, of="Docker")
        super().__init__(
            registry_url=registry_url,
            base_image=base_image,
            dockerfile=_here(dockerfile),
            dockerignore=_here(dockerignore),
            python_dependencies=python_dependencies,
            image_name=image_name,
            image_tag=image_tag,
            env_vars=env_vars,
            files=None if files is None else {_here(local): inside for local, inside in files.items()},
            homeport_version=homeport_version,
            local_image=local_image or None,
            ignore_healthchecks=ignore_healthchecks or None,
            base_url=base_url,
            tls_config=_tls(tls_config),
            build_kwargs=build_kwargs,
            directory=older.one(directory=directory, prefect_directory=prefect_directory),
            path=path,
            stored_as_script=stored_as_script or None,
            extra_dockerfile_commands=extra_dockerfile_commands,
            labels=labels,
            username=username,
            password=password,
            insecure=insecure or None,
            homeport_wheel=_here(homeport_wheel),
        )


_KNOWN = ("registry_url", "base_image", "dockerfile", "python_dependencies", "env_vars", "files", "build_kwargs")


def _here(path: str | None) -> str | None:
    """Absolute, as it is meant where the flow's file is run."""
    return None if path is None else str(Path(path).absolute())


def _tls(given: Any) -> Any:
    """1.x takes a docker.tls.TLSConfig: the files that it names are what can be said as JSON."""
    if isinstance(given, bool | dict):
        return given or None
    certificate, key = getattr(given, "cert", None) or (None, None)
    said = {"ca_cert": getattr(given, "ca_cert", None), "client_cert": certificate, "client_key": key}
    verify = getattr(given, "verify", None)
    return {name: value for name, value in said.items() if value} | ({} if verify is None else {"verify": verify})
