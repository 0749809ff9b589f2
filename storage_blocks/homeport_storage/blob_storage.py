"""The base of every kind that keeps bytes under keys: such a kind says how, and gets trees, verification and checks.

class MyStorage(BlobStorage):
    kind = "mine"
    # fields(), from_reference(), reference(), where, size(), write(), read(), remove()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from homeport.code.manifest import Manifest
from homeport.code.storage import CheckReport, LocalFiles, StorageReference, Stored
from homeport.code.tree import CodeTree
from homeport_storage import checks, tree_store


class BlobStorage(ABC):
    """A storage of code, and of results, over one blob store (see BlobStore for what its methods promise)."""

    kind: ClassVar[str]
    parallel: int = 8

    @property
    @abstractmethod
    def where(self) -> str:
        """The storage as a user knows it."""

    @abstractmethod
    def reference(self) -> StorageReference:
        """What finds this storage again, on another machine; no secret."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """See BlobStore.size."""

    @abstractmethod
    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """See BlobStore.write."""

    @abstractmethod
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See BlobStore.read."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """See BlobStore.remove."""

    def put(self, tree: CodeTree) -> Stored:
        """Keep the tree under its digest; see Storage.put."""
        sent = tree_store.put(self, tree)
        return Stored(self.reference(), tree.digest, sent.files, sent.bytes)

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Write the verified tree to `into`; see Storage.fetch."""
        return tree_store.fetch(self, digest, into, have)

    def check(self) -> CheckReport:
        """Look, write, read back and remove a small blob; see Storage.check."""
        return checks.check(self)
