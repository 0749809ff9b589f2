"""How we are known to a registry: the block's user and secret, or what `docker login` left on this machine.

`~/.docker/config.json` (or below $DOCKER_CONFIG) holds logins in `auths`, or names a program that keeps them:
`credHelpers` for one registry, `credsStore` for all. It is read here, and not by Docker's SDK, because an agent that
only fetches has no SDK.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeport.code.errors import StorageDenied
from homeport.engine.masking import mask_from_now_on
from homeport.secrets import InvalidReference, SecretError, resolve
from homeport_storage.images.names import HUB, HUB_API
from homeport_storage.resolving import unresolved

HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", HUB, HUB_API)
TOKEN_USER = "<token>"  # noqa: S105 - what helpers answer in place of a user when the secret is an identity token
HELPER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """User and password, or an identity token; `origin` says where it comes from, for messages."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    origin: str = "nobody is logged in"

    def __bool__(self) -> bool:
        return bool(self.password or self.identity_token)

    def for_engine(self) -> dict[str, str]:
        """As the engine's API takes it."""
        if self.identity_token:
            return {"identitytoken": self.identity_token}
        return {"username": self.username, "password": self.password}


def login_of(
    registry: str, username: str | None, password: str | None, environ: Mapping[str, str] | None = None
) -> Login:
    """The login for a registry: the given user and reference to a secret, else what Docker's config has, else none.

    Raises StorageDenied when the secret or the helper that is named cannot be had.
    """
    if password is not None:
        try:
            secret = resolve(password, environ=environ)
        except (SecretError, InvalidReference) as error:
            raise unresolved(error, f"cannot log in to the registry {registry}") from None
        return Login(username or "", str(secret.get()), origin=f"the user {username!r} with the secret {password}")
    return docker_login(registry, os.environ if environ is None else environ)


def docker_login(registry: str, environ: Mapping[str, str]) -> Login:
    """What `docker login` left for this registry on this machine; an empty login where it left nothing."""
    folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or Path.home()) / ".docker")
    file = Path(folder) / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Login(origin=f"nobody is logged in ({file} is not there)")
    except (OSError, ValueError) as error:
        raise StorageDenied(f"cannot log in to the registry {registry}: {file} cannot be read: {error}") from None
    config = config if isinstance(config, dict) else {}
    keys = HUB_KEYS if registry == HUB else (registry, f"https://{registry}", f"https://{registry}/v1/")
    helpers = config.get("credHelpers") or {}
    for key in keys:
        program = helpers.get(key) or config.get("credsStore")
        found = _of_helper(str(program), key, registry) if program else None
        if found:
            return found
    auths = config.get("auths") or {}
    for key in keys:
        if isinstance(auths.get(key), dict):
            found = _of_auth(auths[key], registry, file)
            if found:
                return found
    return Login(origin=f"nobody is logged in ({file} has nothing for {registry})")


def _of_auth(entry: Mapping[str, Any], registry: str, file: Path) -> Login | None:
    origin = f"the login of {file}"
    if entry.get("identitytoken"):
        mask_from_now_on(entry["identitytoken"])
        return Login(identity_token=str(entry["identitytoken"]), origin=origin)
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, TypeError):
            raise StorageDenied(
                f"cannot log in to the registry {registry}: its entry in {file} is damaged; docker login {registry}"
            ) from None
    if not password:
        return None
    mask_from_now_on(password)
    return Login(username, password, origin=origin)


def _of_helper(name: str, key: str, registry: str) -> Login | None:
    """What `docker-credential-NAME get` answers; None when it keeps nothing for this registry."""
    program = shutil.which(f"docker-credential-{name}")
    if program is None:
        raise StorageDenied(
            f"cannot log in to the registry {registry}: Docker's config names the credential helper {name!r}, and "
            f"docker-credential-{name} is not on the PATH of this machine"
        )
    try:
        done = subprocess.run([program, "get"], input=key.encode(), capture_output=True, timeout=HELPER_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageDenied(f"cannot log in to the registry {registry}: {program} failed: {error}") from None
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        if "not found" in said.lower():
            return None
        why = said or done.stderr.decode("utf-8", "replace").strip()
        raise StorageDenied(f"cannot log in to the registry {registry}: {program} answered: {why[:300]}")
    try:
        answer = json.loads(said)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise StorageDenied(
            f"cannot log in to the registry {registry}: {program} gave no login that can be read"
        ) from None
    mask_from_now_on(secret)
    origin = f"the credential helper {name}"
    return (
        Login(identity_token=secret, origin=origin)
        if username == TOKEN_USER
        else Login(username, secret, origin=origin)
    )
