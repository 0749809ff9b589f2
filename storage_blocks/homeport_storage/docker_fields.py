"""The fields of a block of kind docker, and of a reference to an image."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field, field_validator

from homeport.blocks.fields import BlockFields, SecretReference

DIRECTORY = "/opt/homeport"
OF_A_BUILD = frozenset(
    {
        *("buildargs", "cache_from", "container_limits", "extra_hosts", "isolation", "labels", "network_mode"),
        *("nocache", "platform", "shmsize", "squash", "target", "timeout", "use_config_proxy"),
    }
)
"""Of the build's arguments in Docker's SDK, those that are a user's; the others are ours."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OneLine = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")]


class DockerFields(BlockFields):
    """Images in a Docker registry: an environment that is built, and the code as their last layer."""

    title: ClassVar[str] = "Docker registry"

    registry_url: str | None = Field(None, description="The registry, with an account where it has them: ghcr.io/team.")
    username: str | None = Field(None, description="Who logs in; without it, what `docker login` left on the machine.")
    password: SecretReference | None = None
    insecure: bool = Field(False, description="Speak plain http to a registry that is not on this machine.")
    image_name: str | None = Field(None, description="The repository; without it, the name of the code's folder.")
    image_tag: str | None = Field(None, description="The tag; without it, one of the code's digest.")
    base_image: OneLine | None = Field(None, description="What to build on; without it, python:X.Y-slim.")
    dockerfile: str | None = Field(None, description="A Dockerfile of your own, in place of base_image.")
    dockerignore: str | None = Field(None, description="A .dockerignore: what of folders in `files` is left out.")
    python_dependencies: list[OneLine] = Field([], description="What pip installs.")
    files: dict[str, str] = Field({}, description="Further files: path here -> absolute path in the image.")
    env_vars: dict[str, str] = Field({}, description="Variables of the image; everybody who may pull it reads them.")
    labels: dict[str, str] = Field({}, description="Labels of the image.")
    extra_dockerfile_commands: list[OneLine] = Field(
        [], description="Steps after all others, before the code is added."
    )
    homeport_version: str | None = Field(None, description="The version of it that pip installs.")
    homeport_wheel: str | None = Field(None, description="A wheel of Homeport on this machine, where no index has it.")
    local_image: bool = Field(
        False, description="The base image is only on this machine: do not look for it elsewhere."
    )
    ignore_healthchecks: bool = Field(False, description="Register without importing the flow in the image.")
    base_url: str | None = Field(None, description="The engine; without it, DOCKER_HOST or Docker's own context.")
    tls_config: bool | dict[str, Any] = Field(False, description="TLS to the engine: ca_cert, client_cert, client_key.")
    build_kwargs: dict[str, Any] = Field(
        {}, description="Further arguments of the build: buildargs, nocache, network_mode."
    )
    directory: str = Field(
        DIRECTORY,
        validation_alias=AliasChoices("directory", "prefect_directory"),
        description="Where it lies in the image.",
    )
    path: str | None = Field(None, description="Of 1.x: not needed, the code has its place.")
    stored_as_script: bool = Field(False, description="Of 1.x: code always travels as source.")
    image: str | None = Field(None, description="Of a reference: the image, by digest.")
    tag: str | None = Field(None, description="Of a reference: the tag under which people find the image.")

    @field_validator("directory")
    @classmethod
    def _absolute(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not path.startswith("/") or ".." in parts or len(parts) < 2 or any(ord(c) < 33 for c in path):
            raise ValueError("must be an absolute path in the image, and not its root")
        return str(PurePosixPath(path))

    @field_validator("files")
    @classmethod
    def _into_the_image(cls, files: dict[str, str]) -> dict[str, str]:
        for inside in files.values():
            if not inside.startswith("/"):
                raise ValueError(f"{inside!r} must be an absolute path in the image")
        return files

    @field_validator("env_vars")
    @classmethod
    def _no_secrets(cls, variables: dict[str, str]) -> dict[str, str]:
        for name, value in variables.items():
            if not VARIABLE.fullmatch(name) or any(ord(character) < 32 for character in value):
                raise ValueError(f"{name!r} cannot be a variable of an image")
            if value.startswith(("env:", "keyring:")):
                raise ValueError(
                    f"{name} names a secret, and variables of an image are read by all who may pull it; "
                    "give it to runs with run_config env, or resolve it in the flow"
                )
        return variables

    @field_validator("build_kwargs")
    @classmethod
    def _of_a_build(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        arguments = {name: value for name, value in arguments.items() if name not in ("rm", "forcerm")}
        others = sorted(arguments.keys() - OF_A_BUILD)
        if others:
            raise ValueError(f"{', '.join(others)} cannot be given; there are {', '.join(sorted(OF_A_BUILD))}")
        return arguments
