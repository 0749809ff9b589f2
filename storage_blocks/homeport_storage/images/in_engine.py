"""Code kept as images of one Docker engine, in no registry: for agents that use the same engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from homeport.code.errors import CodeMissing, DigestMismatch
from homeport.code.manifest import Manifest
from homeport.code.tree import CodeTree
from homeport_storage.images import layers
from homeport_storage.images.engine import Engine
from homeport_storage.images.environment import DOCKERFILE, Environment
from homeport_storage.images.in_registry import Pushed, code_folder, labels_of
from homeport_storage.images.manifests import CODE_DIGEST, DIRECTORY
from homeport_storage.images.names import ImageName


def put(
    engine: Engine,
    name: ImageName,
    tree: CodeTree,
    environment: Environment,
    directory: str,
    arguments: dict[str, Any],
    *,
    pull: bool,
) -> Pushed:
    """Have the code in its environment under this name in the engine; what is there already is not built again."""
    labels = labels_of(environment, tree, directory)
    known = engine.inspect(str(name))
    if known is not None and not arguments.get("nocache") and labels.items() <= _labels(known).items():
        return Pushed(str(known["Id"]), name.tag, 0)
    base = ImageName(name.registry, name.repository, f"env-{environment.key}")
    if engine.inspect(str(base)) is None or arguments.get("nocache"):
        with environment.context() as context:
            engine.build(context, DOCKERFILE, str(base), arguments, pull=pull)
    layer = layers.pack(tree, code_folder(directory))
    with layer.stream, TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as tar:
            _add(tar, "Dockerfile", f"FROM {base}\nADD code.tar.gz /\n".encode())
            info = tarfile.TarInfo("code.tar.gz")
            info.size = layer.size
            layer.stream.seek(0)
            tar.addfile(info, layer.stream)
        context.seek(0)
        engine.build(context, "Dockerfile", str(name), {"labels": labels}, pull=False)
    made = engine.inspect(str(name))
    if made is None:
        raise CodeMissing(f"the image {name} was built, and the engine does not have it")
    return Pushed(str(made["Id"]), name.tag, layer.size)


def fetch(engine: Engine, image: str, digest: str, into: Path) -> Manifest:
    """Write the code of an image, verified, to `into`. A container is made to read from, and never started."""
    where = f"the image {image} in the Docker engine at {engine.where}"
    known = engine.inspect(image)
    if known is None:
        raise CodeMissing(
            f"{where}, with the code {digest}, is not there. Images without a registry_url stay in the "
            "engine that built them: is this another one? Registering the flow again puts it back"
        )
    labelled, directory = _labels(known).get(CODE_DIGEST, ""), _labels(known).get(DIRECTORY, "")
    if labelled != digest:
        raise DigestMismatch(f"{where} has the code {labelled or 'of nobody'}, and {digest} was registered")
    with engine.folder(image, str(code_folder(directory))) as stream:
        return layers.unpack(stream, code_folder("/").relative_to("/"), into, digest, where)


def _labels(inspected: Mapping[str, Any]) -> Mapping[str, str]:
    labels = (inspected.get("Config") or {}).get("Labels") or {}
    return labels if isinstance(labels, dict) else {}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
