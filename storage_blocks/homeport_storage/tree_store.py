"""Trees in a blob store: each file once under its own hash, and a manifest under the tree's digest.

    blobs/<first two digits>/<sha256>      content, shared by all versions that have the same file
    manifests/<sha256>.json                canonical manifest; written last, so its presence means "complete"

Registering a flow after changing one file sends that file and a manifest. Nothing read back is trusted: the manifest
must have the digest asked for, each file the hash and size that the manifest names, and each name stays in the folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeport.code.errors import CodeMissing, DigestMismatch, StorageRefused, UnsafeCode
from homeport.code.manifest import (
    MAX_MANIFEST_BYTES,
    CodeFile,
    Manifest,
    digest_of,
    is_digest,
    parse,
)
from homeport.code.storage import LocalFiles
from homeport.code.tree import CodeTree
from homeport_storage.blobs import BlobStore


def blob_key(sha256: str) -> str:
    """Where the content with this hash is kept."""
    return f"blobs/{sha256[:2]}/{sha256}"


def manifest_key(digest: str) -> str:
    """Where the manifest of the tree with this digest is kept."""
    return f"manifests/{digest.partition(':')[2]}.json"


@dataclass(frozen=True, slots=True)
class Sent:
    """What had to travel to the storage."""

    files: int
    bytes: int


def put(store: BlobStore, tree: CodeTree) -> Sent:
    """Keep what the store does not have yet of this tree, its manifest last; what had to be sent."""
    unique = {file.sha256: file for file in tree.manifest.files}
    files = sent = 0
    for sha256, file in unique.items():
        # Looked at even when the manifest is there: registering again is how a damaged storage is mended.
        if store.size(blob_key(sha256)) != file.size:
            store.write(blob_key(sha256), tree.chunks(file))
            files, sent = files + 1, sent + file.size
    canonical = tree.manifest.canonical()
    if store.size(manifest_key(tree.digest)) != len(canonical):
        store.write(manifest_key(tree.digest), [canonical])
    return Sent(files, sent)


def fetch(store: BlobStore, digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
    """Write the verified tree to `into`, which appears complete or not at all; its manifest."""
    manifest = read_manifest(store, digest)
    partial = into.with_name(f".{into.name}.{uuid.uuid4().hex}")
    try:
        partial.mkdir(mode=0o700, parents=True)
        for file in manifest.files:
            _write_file(store, digest, file, partial / file.path)
        partial.rename(into)
    except OSError as error:
        raise StorageRefused(
            f"the code {digest} from {store.where} could not be written to {into}: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def read_manifest(store: BlobStore, digest: str) -> Manifest:
    """The manifest with this digest; raises CodeMissing, DigestMismatch or UnsafeCode."""
    if not is_digest(digest):
        raise UnsafeCode(f"{digest!r} is not a code digest (sha256: and 64 hex digits)")
    data = b"".join(_bounded(store, digest, manifest_key(digest), MAX_MANIFEST_BYTES))
    found = digest_of(data)
    if found != digest:
        raise DigestMismatch(
            f"{store.where} has other code than was registered: asked for {digest}, found {found}. Remove "
            f"{manifest_key(digest)} there, register the flow again, and find out who wrote to the storage"
        )
    try:
        return parse(data)
    except UnsafeCode as error:
        raise UnsafeCode(f"the code {digest} in {store.where} was refused: {error}") from error


def _write_file(store: BlobStore, digest: str, file: CodeFile, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hasher = hashlib.sha256()
    # O_EXCL and O_NOFOLLOW: names were checked, and still nothing that exists is ever written through.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(target, flags, 0o700 if file.mode == "755" else 0o600), "wb") as out:
        for chunk in _bounded(store, digest, blob_key(file.sha256), file.size, path=file.path):
            hasher.update(chunk)
            out.write(chunk)
    size = target.stat().st_size
    if hasher.hexdigest() != file.sha256 or size != file.size:
        raise DigestMismatch(
            f"{file.path} of the code {digest} in {store.where} is not what was registered: expected sha256 "
            f"{file.sha256} ({file.size} bytes), found {hasher.hexdigest()} ({size} bytes). Remove "
            f"{blob_key(file.sha256)} there, register the flow again, and find out who wrote to the storage"
        )


def _bounded(store: BlobStore, digest: str, key: str, limit: int, path: str = "") -> Iterator[bytes]:
    """The content of a key; more than `limit` bytes are cut one past it, so that the hash cannot match."""
    taken = 0
    try:
        for chunk in store.read(key):
            yield chunk[: limit + 1 - taken]
            taken += len(chunk)
            if taken > limit:
                return
    except KeyError:
        what = f"{path} of the code {digest}" if path else f"the code {digest}"
        raise CodeMissing(
            f"{what} is not in {store.where} ({key} is missing). Was the storage emptied, or is another one mounted "
            "here than where the flow was registered? Registering the flow again puts it back"
        ) from None
