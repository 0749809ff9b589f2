"""The Docker engine: builds, pushes, pulls and runs, with errors that say what to do.

The classic builder of the engine's API is used, through Docker's SDK: it takes a context that we make ourselves from
exactly the collected files, needs no plugin and no command line, and every engine has it. A Dockerfile that needs
BuildKit is built by its owner and named as base_image: that API takes one only with a session of gRPC beside the
request, which the SDK has not, and tells what went wrong in a protocol of its own.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from homeport.code.errors import (
    BuildFailed,
    CodeMissing,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnknownStorageKind,
)
from homeport.engine.masking import masked
from homeport_storage.images.logins import Login
from homeport_storage.images.names import ImageName
from homeport_storage.images.registry import refusal
from homeport_storage.kept import Kept

LAST_LINES = 15
SECONDS = 600
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STEP = re.compile(r"^Step \d+/\d+ : ")
NO_BASE = re.compile(
    r"manifest for .* not found|manifest unknown|pull access denied|no such image|repository .* not found", re.I
)
NO_REGISTRY = re.compile(
    r"connection refused|no such host|i/o timeout|network is unreachable|Client\.Timeout|dial tcp", re.I
)
FULL = "no space left on device"


_versions: Kept[str] = Kept()


@dataclass(frozen=True)
class Finished:
    """What a container said, and how it ended."""

    exit_code: int
    output: str


class Engine:
    """One engine. Raises StorageUnreachable when it does not run, StorageRefused when it does not let us or is full."""

    def __init__(
        self, base_url: str | None = None, tls: bool | Mapping[str, Any] = False, *, at_once: bool = False
    ) -> None:
        """The engine at this address; without one that of DOCKER_HOST, else that of Docker's current context.

        With `at_once` it is not asked which version it speaks if that is known: whether it runs is then said by the
        first call.
        """
        try:
            import docker
        except ModuleNotFoundError as error:
            raise UnknownStorageKind(
                f"building and checking images needs the package {error.name}: pip install 'homeport[docker]'"
            ) from error
        self._docker = docker
        try:
            options = _options(docker, base_url, tls)
        except docker.errors.TLSParameterError as error:
            raise StorageRefused(f"tls_config of the Docker engine at {base_url} is wrong: {error}") from error
        self.where = options.get("base_url") or "unix:///var/run/docker.sock"
        self._api: Any = None

        def spoken() -> str:
            self._api = docker.APIClient(version="auto", timeout=SECONDS, **options)
            return str(self._api.api_version)

        with self._explained("use"):
            version = _versions.get((self.where, repr(tls)), spoken) if at_once else spoken()
            if self._api is None:
                self._api = docker.APIClient(version=version, timeout=SECONDS, **options)

    def close(self) -> None:
        """End the connections."""
        self._api.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def log_in(self, image: ImageName, login: Login) -> None:
        """Let the engine pull private base images of this registry as we do; nothing is written to disk."""
        if not login.password:
            return
        try:
            self._api.login(login.username, login.password, registry=image.registry, reauth=True)
        except self._docker.errors.APIError as error:
            raise refusal(_status(error), _words(error), "use", image, login.origin) from error

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """What the engine knows of an image; None when it has none of this name."""
        with self._explained("look into"):
            try:
                found: Mapping[str, Any] = self._api.inspect_image(name)
            except self._docker.errors.ImageNotFound:
                return None
            return found

    def build(self, context: IO[bytes], dockerfile: str, tag: str, arguments: Mapping[str, Any], *, pull: bool) -> str:
        """Build by the context's file `dockerfile`, give the image this tag, and return its id.

        Raises BuildFailed with the last lines of the step that failed.
        """
        said: list[str] = []
        step = identity = ""
        secrets = [str(value) for value in (arguments.get("buildargs") or {}).values()]
        with self._explained("build with"):
            for event in self._api.build(
                fileobj=context, custom_context=True, dockerfile=dockerfile, tag=tag, pull=pull, rm=True, forcerm=True,
                decode=True, **arguments,
            ):  # fmt: skip
                for line in COLOURS.sub("", event.get("stream") or "").splitlines():
                    if STEP.match(line):
                        step, said = line, []
                    elif line.strip():
                        said.append(line)
                identity = (event.get("aux") or {}).get("ID") or identity
                if "error" in event:
                    raise _build_failed(tag, step, said, str(event["error"]), secrets)
        return identity

    def push(self, image: ImageName, login: Login) -> None:
        """Push a tag; raises what the registry's refusal means."""
        auth = login.for_engine() if login else {}
        with self._explained("push with"):
            for event in self._api.push(image.base, tag=image.tag, auth_config=auth, stream=True, decode=True):
                if "error" in event:
                    raise _refused(str(event["error"]), "push to", image, login)

    def pull(self, image: ImageName, login: Login) -> None:
        """Pull one image by digest; raises what the registry's refusal means."""
        auth = login.for_engine() if login else None
        try:
            for event in self._api.pull(image.base, tag=image.digest, auth_config=auth, stream=True, decode=True):
                if "error" in event:
                    raise _refused(str(event["error"]), "pull", image, login)
        except self._docker.errors.APIError as error:
            raise _refused(_words(error), "pull", image, login) from error

    def forget(self, name: str) -> None:
        """Remove a name of an image, and what no other name holds."""
        with suppress(self._docker.errors.APIError):
            self._api.remove_image(name)

    def run(self, image: str, command: list[str], *, directory: str, seconds: float) -> Finished:
        """Run a command in a container without network, and without anything of this machine; it is gone afterwards."""
        limits = self._api.create_host_config(network_mode="none", init=True, cap_drop=["ALL"], pids_limit=512)
        with self._explained("run a container with"):
            made = self._api.create_container(
                image,
                entrypoint=command[:1],
                command=command[1:],
                working_dir=directory,
                host_config=limits,
                network_disabled=True,
            )
            try:
                self._api.start(made["Id"])
                try:
                    code = int(self._api.wait(made["Id"], timeout=seconds)["StatusCode"])
                except Exception as error:
                    if "timed out" not in str(error).lower():
                        raise
                    code = 124
                output = self._api.logs(made["Id"], tail=200).decode("utf-8", "replace")
            finally:
                with suppress(self._docker.errors.APIError):
                    self._api.remove_container(made["Id"], force=True, v=True)
        return Finished(code, masked(output))

    @contextmanager
    def folder(self, image: str, path: str) -> Iterator[IO[bytes]]:
        """A tar of a folder of an image, read from a container that is never started and gone afterwards."""
        with self._explained("read an image of"):
            try:
                made = self._api.create_container(image, command=["never-started"], network_disabled=True)
            except self._docker.errors.ImageNotFound:
                raise CodeMissing(f"the image {image} is not in the Docker engine at {self.where}") from None
            try:
                try:
                    chunks, _ = self._api.get_archive(made["Id"], path)
                except self._docker.errors.NotFound:
                    raise CodeMissing(f"the image {image} has no folder {path}") from None
                yield io.BufferedReader(_Stream(iter(chunks)))
            finally:
                self._api.remove_container(made["Id"], force=True, v=True)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        errors = self._docker.errors
        try:
            yield
        except StorageError:
            raise
        except errors.APIError as error:
            words = _words(error)
            if FULL in words:
                raise StorageRefused(
                    f"cannot {doing} the Docker engine at {self.where}: its disk is full ({words})"
                ) from error
            raise StorageRefused(f"cannot {doing} the Docker engine at {self.where}: {words}") from error
        except (errors.DockerException, OSError) as error:
            raise _no_engine(self.where, error, doing) from error


class _Stream(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken


def _options(docker: Any, base_url: str | None, tls: bool | Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the SDK's client for the engine that Docker's own command line would take."""
    if base_url:
        if not isinstance(tls, Mapping):
            return {"base_url": base_url, "tls": tls}
        pair = (tls.get("client_cert"), tls.get("client_key"))
        configured = docker.tls.TLSConfig(
            ca_cert=tls.get("ca_cert"), client_cert=pair if all(pair) else None, verify=tls.get("verify", True)
        )
        return {"base_url": base_url, "tls": configured}
    if os.environ.get("DOCKER_HOST"):
        found: dict[str, Any] = docker.utils.kwargs_from_env()
        return found
    try:
        context = docker.context.ContextAPI.get_current_context()
        return {"base_url": context.Host, "tls": context.TLSConfig or False} if context and context.Host else {}
    except Exception:  # a damaged context must not hide the engine at its usual place
        return {}


def _no_engine(where: str, error: Exception, doing: str) -> StorageError:
    said = str(error)
    if "PermissionError" in said or "Permission denied" in said:
        return StorageRefused(
            f"cannot {doing} the Docker engine at {where}: this user may not talk to it. Add the user to the group "
            "docker, or name another engine with base_url or DOCKER_HOST"
        )
    return StorageUnreachable(
        f"cannot {doing} the Docker engine at {where}: it gives no answer ({_short(said)}). Start it (systemctl start "
        "docker, or Docker Desktop), or name another with base_url or DOCKER_HOST"
    )


def _short(text: str) -> str:
    for known in ("FileNotFoundError", "No such file or directory", "Connection refused", "timed out"):
        if known in text:
            return "no such socket" if known.startswith(("File", "No such")) else known
    return text[:200]


def _words(error: Any) -> str:
    return masked(str(error.explanation or error))[:500]


def _status(error: Any) -> int:
    return int(getattr(error, "status_code", None) or 0)


def _refused(said: str, doing: str, image: ImageName, login: Login) -> StorageError:
    """The engine passes a registry's refusals on as text, often as HTTP 500: the words are what tells them apart."""
    if FULL in said:
        return StorageRefused(
            f"cannot {doing} {image}: a disk is full, the registry's or the engine's ({masked(said)[:300]})"
        )
    if NO_REGISTRY.search(said):
        return StorageUnreachable(
            f"cannot {doing} {image}: the registry {image.registry} gives the engine no answer ({masked(said)[:300]})"
        )
    if doing == "pull" and NO_BASE.search(said) and "denied" not in said:
        return CodeMissing(f"cannot pull {image}: the registry does not have it ({masked(said)[:300]})")
    return refusal(0, masked(said)[:300], doing, image, login.origin)


def _build_failed(tag: str, step: str, said: list[str], error: str, secrets: list[str]) -> StorageError | BuildFailed:
    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***") if len(secret) > 3 else text
        return masked(text)

    what = f"the image {tag} could not be built"
    if FULL in error or any(FULL in line for line in said[-LAST_LINES:]):
        return StorageRefused(f"{what}: the disk of the Docker engine is full. Make room (docker system prune)")
    if step.split(" : ")[-1].upper().startswith("FROM ") or not step:
        if NO_BASE.search(error):
            return BuildFailed(
                f"{what}: there is no such base image ({clean(error)}). Mend base_image; where it is only on this "
                "machine, say local_image=True; where it is private: docker login"
            )
        if NO_REGISTRY.search(error):
            return StorageUnreachable(f"{what}: its base image cannot be pulled ({clean(error)})")
    if "requires buildkit" in error.lower():
        error += ". Build this Dockerfile with `docker build`, and name the result as base_image with local_image=True"
    if "homeport==" in step:
        error += ". Where no package index has Homeport, give a wheel with homeport_wheel, or a base_image that has it"
    lines = [clean(line)[:300] for line in said[-LAST_LINES:]]
    return BuildFailed("\n    ".join([f"{what}: {clean(error)}", clean(step)[:300], *lines]).rstrip())
