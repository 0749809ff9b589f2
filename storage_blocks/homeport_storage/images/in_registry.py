"""Code kept as images of a registry: the environment is built and pushed once, the code is one layer on top of it.

The engine is needed for a new environment only. The layer of code goes to the registry, and comes from it, without one:
so a changed flow sends what changed, and agents need no Docker.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import Any

from homeport.code.errors import CodeMissing, DigestMismatch, StorageRefused, UnsafeCode
from homeport.code.manifest import Manifest
from homeport.code.tree import CodeTree
from homeport_storage.images import layers, manifests
from homeport_storage.images.engine import Engine
from homeport_storage.images.environment import DOCKERFILE, Environment
from homeport_storage.images.logins import Login
from homeport_storage.images.manifests import CODE_DIGEST, DIRECTORY, ENVIRONMENT, Image
from homeport_storage.images.names import ImageName
from homeport_storage.images.registry import Registry

CODE = "code"
OpenEngine = Callable[[], Engine]


@dataclass(frozen=True, slots=True)
class Pushed:
    """The image that has the code, and whether its layer had to be sent."""

    digest: str
    tag: str
    sent_bytes: int


def code_folder(directory: str) -> PurePosixPath:
    """Where in an image the code lies."""
    return PurePosixPath(directory) / CODE


def tag_of(environment: Environment, tree: CodeTree) -> str:
    """The tag of this code in this environment: always the same one."""
    return f"{tree.digest.partition(':')[2][:16]}-{environment.key[:8]}"


def labels_of(environment: Environment, tree: CodeTree, directory: str) -> dict[str, str]:
    """What an image with this code in this environment says of itself."""
    return {CODE_DIGEST: tree.digest, ENVIRONMENT: environment.key, DIRECTORY: directory}


@dataclass(frozen=True)
class RegistryImages:
    """One repository; `open_engine` is called when there is something to build."""

    registry: Registry
    login: Login
    open_engine: OpenEngine

    @property
    def name(self) -> ImageName:
        """The repository."""
        return self.registry.image

    def put(
        self,
        tree: CodeTree,
        environment: Environment,
        directory: str,
        tag: str,
        arguments: dict[str, Any],
        *,
        pull: bool,
    ) -> Pushed:
        """Have the code in its environment under this tag; what is there already is neither built nor sent."""
        labels = labels_of(environment, tree, directory)
        rebuild = bool(arguments.get("nocache"))
        known = None if rebuild else manifests.read(self.registry, tag)
        if known is not None and labels.items() <= known.labels.items() and self._is_whole(known, tag):
            return Pushed(known.digest, tag, 0)
        base = self._environment(environment, arguments, pull=pull, rebuild=rebuild)
        layer = layers.pack(tree, code_folder(directory))
        with layer.stream:
            sent = 0
            if not self.registry.has_blob(layer.digest):
                self.registry.give_blob(layer.digest, layer.size, layer.stream)
                sent = layer.size
            manifest, config = manifests.with_code(base, layer, labels)
        self._give_document(config)
        self.registry.give_manifest(tag, manifest, base.media_type)
        return Pushed(f"sha256:{hashlib.sha256(manifest).hexdigest()}", tag, sent)

    def fetch(self, image_digest: str, digest: str, into: Path) -> Manifest:
        """Write the code of one image, verified from the image's digest down to each file, to `into`."""
        where = f"the image {self.name.at(image_digest)}"
        image = manifests.read(self.registry, image_digest)
        if image is None:
            raise CodeMissing(
                f"{where}, with the code {digest}, is not in the registry. Was it removed there, or is "
                "the registry another one? Registering the flow again puts it back"
            )
        labelled, directory = image.labels.get(CODE_DIGEST, ""), image.labels.get(DIRECTORY, "")
        if labelled != digest:
            raise DigestMismatch(f"{where} has the code {labelled or 'of nobody'}, and {digest} was registered")
        layer, size = image.code_layer(where)
        if size > layers.MAX_BYTES:
            raise UnsafeCode(f"the layer of code of {where} has {size} bytes, over the limit of {layers.MAX_BYTES}")
        with TemporaryFile() as packed:
            hasher = hashlib.sha256()
            for chunk in self.registry.blob(layer, size):
                hasher.update(chunk)
                try:
                    packed.write(chunk)
                except OSError as error:
                    raise StorageRefused(f"the code of {where} could not be kept here: {error.strerror}") from error
            found = f"sha256:{hasher.hexdigest()}"
            if found != layer:
                raise DigestMismatch(
                    f"the layer {layer} of {where}, with the code {labelled}, is something else in the registry: found "
                    f"{found}. Find out who wrote there, and register the flow again"
                )
            packed.seek(0)
            with gzip.open(packed, "rb") as plain:
                return layers.unpack(plain, code_folder(directory), into, digest, where)  # type: ignore[arg-type]

    def _environment(self, environment: Environment, arguments: dict[str, Any], *, pull: bool, rebuild: bool) -> Image:
        name = ImageName(self.name.registry, self.name.repository, f"env-{environment.key}")
        known = None if rebuild else manifests.read(self.registry, name.tag)
        if known is not None:
            return known
        with self.open_engine() as engine, environment.context() as context:
            engine.log_in(name, self.login)
            engine.build(context, DOCKERFILE, str(name), arguments, pull=pull)
            engine.push(name, self.login)
        made = manifests.read(self.registry, name.tag)
        if made is None:
            raise CodeMissing(f"the image {name} was pushed, and the registry does not have it")
        return made

    def _is_whole(self, image: Image, tag: str) -> bool:
        """Whether the registry still has the code's layer: registering again is how a damaged one is mended."""
        digest, _ = image.code_layer(f"{self.name}:{tag}")
        return self.registry.has_blob(digest)

    def _give_document(self, body: bytes) -> None:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if not self.registry.has_blob(digest):
            with TemporaryFile() as stream:
                stream.write(body)
                self.registry.give_blob(digest, len(body), stream)
