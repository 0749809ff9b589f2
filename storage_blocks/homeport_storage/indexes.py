"""Which packs hold a version's small files, and which versions were registered last.

Neither is trusted. What an index leads to is hashed before it is believed; and an index that is lost, torn or
overwritten by another registration at the same moment costs sending files again, never a wrong file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from homeport.blobs import BlobStore
from homeport.code.errors import StorageError
from homeport.code.manifest import is_sha256
from homeport_storage.layout import MIB, RECENT_KEY, index_key
from homeport_storage.packs import MAX_HEADER, PackEntry

VERSION = 1
MAX_INDEX = 8 * MIB
RECENT = 64
SKETCH = 16
ALIKE = 4


@dataclass(frozen=True, slots=True)
class Index:
    """The packs of a version, and the small files that lie by themselves; all other small files are in the packs."""

    packs: tuple[PackEntry, ...] = ()
    loose: tuple[str, ...] = ()

    def sealed(self, digest: str) -> bytes:
        """The bytes that are stored for the version with this digest."""
        packs = [asdict(pack) for pack in self.packs]
        document = {"loose": self.loose, "packs": packs, "seal": self._seal(digest), "version": VERSION}
        return _canonical(document)

    def is_sealed_by(self, seal: object, digest: str) -> bool:
        """Whether it is as it was written, and the index of this version."""
        return seal == self._seal(digest)

    def _seal(self, digest: str) -> str:
        packs = [asdict(pack) for pack in self.packs]
        return hashlib.sha256(_canonical({"digest": digest, "loose": self.loose, "packs": packs})).hexdigest()


def read_index(store: BlobStore, digest: str) -> Index | None:
    """The index of the version with this digest; None when it has none, or none that can be read."""
    try:
        document = _document(store, index_key(digest), MAX_INDEX)
        packs = tuple(PackEntry(pack["name"], pack["header"], pack["size"]) for pack in document["packs"])
        loose = tuple(document["loose"])
    except (ValueError, TypeError, KeyError):
        return None
    proper = all(
        _is_sha256(pack.name)
        and type(pack.header) is int
        and type(pack.size) is int
        and 0 < pack.header <= min(pack.size, MAX_HEADER)
        for pack in packs
    )
    if not proper or not all(map(_is_sha256, loose)):
        return None
    # A registration that finds all that the index names sends nothing: so it must not be damaged, or of another tree.
    index = Index(packs, loose)
    return index if index.is_sealed_by(document.get("seal"), digest) else None


def write_index(store: BlobStore, digest: str, index: Index) -> None:
    """Keep the index of the version with this digest."""
    store.write(index_key(digest), [index.sealed(digest)])


Recent = list[tuple[str, set[str]]]
"""The digest of each version registered lately, and a sketch of it."""


def versions_alike(recent: Recent, hashes: Iterable[str]) -> list[str]:
    """Digests of versions registered lately that share files with these, the most alike first.

    One storage serves many projects, and the index of another project has nothing to give: so the list keeps a sketch
    of each version, its smallest hashes, which two versions share as far as they share files.
    """
    wanted = set(_sketch(hashes))
    shared = [(len(wanted & sketch), digest) for digest, sketch in recent]
    alike = sorted((item for item in shared if item[0]), key=lambda item: -item[0])
    return [digest for _, digest in alike[:ALIKE]]


def note_version(store: BlobStore, recent: Recent, digest: str, hashes: Iterable[str]) -> None:
    """Put the version at the front of those registered lately; where that cannot be kept, it is not."""
    trees = [{"digest": digest, "sketch": _sketch(hashes)}]
    trees += [{"digest": other, "sketch": sorted(sketch)} for other, sketch in recent if other != digest]
    # The version is complete without it: a storage that lets nothing be replaced is a good storage of code.
    with suppress(StorageError):
        store.write(RECENT_KEY, [_canonical({"trees": trees[:RECENT], "version": VERSION})])


def _sketch(hashes: Iterable[str]) -> list[str]:
    return [sha256[:16] for sha256 in sorted(hashes)[:SKETCH]]


def read_recent(store: BlobStore) -> Recent:
    """The versions registered lately; none where the list is missing or cannot be read."""
    try:
        trees = _document(store, RECENT_KEY, MAX_INDEX)["trees"]
        recent = [(tree["digest"], {str(part) for part in tree["sketch"]}) for tree in trees]
    except (ValueError, TypeError, KeyError):
        return []
    return [item for item in recent if isinstance(item[0], str) and _is_sha256(item[0].removeprefix("sha256:"))]


def _document(store: BlobStore, key: str, limit: int) -> Any:
    data = b"".join(store.read(key, 0, limit))
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError(f"{key} is nested too deeply") from error
    if document["version"] != VERSION:
        raise ValueError(f"{key} is of another version of Homeport")
    return document


def _canonical(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and is_sha256(value)
