"""The base of every kind that keeps bytes under keys: such a kind says how, and gets trees, verification and checks.

class MyStorage(BlobStorage):
    kind, block_fields = "mine", MyFields
    # size(), write(), read(), remove(); self._fields has the fields of its block
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from homeport.code.errors import StorageUnreachable
from homeport.code.manifest import Manifest
from homeport.code.storage import CheckReport, LocalFiles, StorageReference, Stored
from homeport.code.tree import CodeTree
from homeport_storage import checks, tree_store

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields


class BlobStorage(ABC):
    """A storage of code, and of results, over one blob store (see BlobStore for what its methods promise)."""

    kind: ClassVar[str]
    block_fields: ClassVar[type[BlockFields]]
    parallel: int = 8
    questions_per_connection: int = 1
    """How many looks for a size take about as long, one after the other, as opening one more connection."""
    _fields: Any

    def __init__(self, fields: Any) -> None:
        """The storage that these fields describe; nothing is asked before the first call."""
        self._fields = fields

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        return cls.block_fields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> Self:
        """The storage that a reference names; raises UnsafeCode when a field is wrong."""
        return cls(cls.fields().of_reference(reference))

    @property
    def where(self) -> str:
        """The storage as a user knows it: the type's title, and its fields but for secrets."""
        hidden = {"kind", *self.fields().secret_names()}
        told = [str(value) for name, value in self.reference().items() if name not in hidden]
        return f"the {self.fields().title or self.kind} {', '.join(told)}"

    def reference(self) -> StorageReference:
        """What finds this storage again, on another machine: the fields that were given, secrets by their names."""
        return {"kind": self.kind, **self._fields.model_dump(mode="json", exclude_defaults=True)}

    @contextmanager
    def reaching(self, *errors: type[Exception]) -> Iterator[None]:
        """Raises what a library raises while it is asked as StorageUnreachable, which names the storage."""
        try:
            yield
        except errors as error:
            raise StorageUnreachable(f"cannot use {self.where}: {error or type(error).__name__}") from error

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
