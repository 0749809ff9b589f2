"""An image as the registry keeps it: the environment's manifest and config, with one more layer that is the code.

The code is always a layer of its own, and the image's labels say which: so a changed flow sends one layer, and an agent
fetches one. The same environment and the same layer make the same image digest, on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeport.code.errors import CodeMissing, UnsafeCode
from homeport.code.manifest import is_digest
from homeport_storage.images.layers import CodeLayer
from homeport_storage.images.registry import DOCKER_LIST, MAX_DOCUMENT, OCI_INDEX, OCI_MANIFEST, Registry

CODE_DIGEST = "io.homeport.code-digest"
CODE_LAYER = "io.homeport.code-layer"
DIRECTORY = "io.homeport.directory"
ENVIRONMENT = "io.homeport.environment"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    """One image of a registry: its digest, its manifest, its config."""

    digest: str
    media_type: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its config."""
        found = (self.config.get("config") or {}).get("Labels") or {}
        return found if isinstance(found, dict) else {}

    def code_layer(self, where: str) -> tuple[str, int]:
        """Digest and size of the layer that is the code; raises CodeMissing or UnsafeCode."""
        try:
            index = self.config["rootfs"]["diff_ids"].index(self.labels[CODE_LAYER])
            layer = self.manifest["layers"][index]
            digest, size = layer["digest"], layer["size"]
        except (KeyError, ValueError, IndexError, TypeError, AttributeError):
            raise CodeMissing(
                f"{where} has no layer of code: it was not made by Homeport, or flattened since"
            ) from None
        if not isinstance(digest, str) or not is_digest(digest) or type(size) is not int or size < 0:
            raise UnsafeCode(f"the manifest of {where} describes its layers wrongly")
        return digest, size


def read(registry: Registry, reference: str) -> Image | None:
    """The image under a tag or digest, verified from its manifest on; None when there is none."""
    found = registry.manifest(reference)
    if found is None:
        return None
    body, media_type = found
    manifest = _json(body, registry)
    if media_type in (OCI_INDEX, DOCKER_LIST) or "manifests" in manifest:
        one = next(_of_a_platform(manifest), None)
        return read(registry, one) if one else None
    described = manifest.get("config")
    if not isinstance(described, dict) or not is_digest(str(described.get("digest"))):
        raise UnsafeCode(f"the manifest {reference} of {registry.image} has no config; its type is {media_type!r}")
    config = _json(registry.document(described["digest"]), registry)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Image(digest, str(manifest.get("mediaType") or media_type), manifest, config)


def with_code(base: Image, layer: CodeLayer, labels: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Manifest and config, as bytes, of the image that is `base` and the layer on top of it."""
    config = json.loads(json.dumps(base.config))
    # What the classic builder adds for itself differs from machine to machine, and means nothing to a container.
    for name in ("container", "container_config"):
        config.pop(name, None)
    config["config"] = {**(config.get("config") or {})}
    config["config"]["Labels"] = {**(config["config"].get("Labels") or {}), **labels, CODE_LAYER: layer.diff_id}
    config["rootfs"]["diff_ids"] = [*config["rootfs"]["diff_ids"], layer.diff_id]
    step = {"created": config.get("created"), "created_by": f"homeport: code {labels[CODE_DIGEST]}"}
    config["history"] = [*(config.get("history") or []), step]
    packed = _canonical(config)
    oci = base.media_type == OCI_MANIFEST
    added = {"mediaType": OCI_LAYER if oci else DOCKER_LAYER, "size": layer.size, "digest": layer.digest}
    described = {
        **base.manifest["config"],
        "size": len(packed),
        "digest": f"sha256:{hashlib.sha256(packed).hexdigest()}",
    }
    manifest = {**base.manifest, "config": described, "layers": [*base.manifest["layers"], added]}
    return _canonical(manifest), packed


def _of_a_platform(index: Mapping[str, Any]) -> Iterator[str]:
    """The digests of an index's images. BuildKit adds attestations, of the platform "unknown"; they are none."""
    for entry in index.get("manifests") or ():
        if (entry.get("platform") or {}).get("os") != "unknown" and is_digest(str(entry.get("digest"))):
            yield str(entry["digest"])


def _canonical(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _json(body: bytes, registry: Registry) -> dict[str, Any]:
    try:
        document = json.loads(body) if len(body) <= MAX_DOCUMENT else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnsafeCode(f"the registry has a manifest or config of {registry.image} that is no JSON object")
    return document
