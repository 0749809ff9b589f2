"""Names of images: which registry, which repository in it, and which tag or digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from homeport.code.errors import UnsafeCode
from homeport.code.manifest import is_digest

HUB = "docker.io"
HUB_API = "registry-1.docker.io"
REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?")


@dataclass(frozen=True, slots=True)
class ImageName:
    """`registry/repository`, and the tag or the digest of one image there."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """The parts of a name as Docker reads it: without a host, it is one of Docker Hub; raises UnsafeCode."""
        name, _, digest = text.partition("@")
        first, slash, rest = name.partition("/")
        has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        host, path = (first, rest) if has_host else (HUB, name)
        path, colon, tag = path.partition(":")
        if host in (HUB, "index.docker.io", HUB_API):
            host, path = HUB, path if "/" in path else f"library/{path}"
        whole = HOST.fullmatch(host) and REPOSITORY.fullmatch(path) and (not colon or TAG.fullmatch(tag))
        if not whole or (digest and not is_digest(digest)) or ("@" in text and not digest) or len(text) > 500:
            raise UnsafeCode(f"{text[:120]!r} is not the name of an image (registry/repository:tag or @sha256:...)")
        return cls(host, path, tag, digest)

    @property
    def base(self) -> str:
        """`registry/repository`, as one says it to an engine."""
        return f"{self.registry}/{self.repository}"

    def at(self, digest: str) -> str:
        """`registry/repository@sha256:...`: one image for ever."""
        return f"{self.base}@{digest}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.base}{tag}{f'@{self.digest}' if self.digest else ''}"


def repository_of(registry_url: str | None, image_name: str) -> ImageName:
    """Where images of this name are kept in this registry (`r.azurecr.io`, `ghcr.io/team`, `https://...` alike)."""
    place = (registry_url or "").removeprefix("https://").removeprefix("http://").strip("/")
    # The public way to name Docker Hub in 1.x, and what `docker login` writes.
    place = "docker.io" if place in ("index.docker.io/v1", "hub.docker.com") else place
    if place and not ("." in place.partition("/")[0] or ":" in place.partition("/")[0] or "/" in place):
        place = place if place == "localhost" else f"{HUB}/{place}"  # `registry_url="me"`: an account of Docker Hub
    return ImageName.parse(f"{place}/{image_name}" if place else f"localhost/{image_name}")


def name_of_folder(folder: Path) -> str:
    """The name of a folder as the name of an image: its letters and digits."""
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "flows"


def speaks_plain_http(registry: str) -> bool:
    """Whether Docker itself would speak plain http to this host without being told: only to the own machine."""
    return LOOPBACK.fullmatch(registry) is not None
