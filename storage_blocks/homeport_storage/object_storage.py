"""What S3, Azure and Google have in common: a client that the first call makes, keys below a prefix, a short check."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, TypeVar

from homeport.code.storage import CheckReport
from homeport_storage import checks
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.kept import Kept, stamp
from homeport_storage.object_names import ObjectFields
from homeport_storage.resolving import secret

F = TypeVar("F", bound=ObjectFields)


_clients: Kept[Any] = Kept()


class ObjectStorage(BlobStorage, Generic[F]):
    """A bucket or a container, or what lies below a prefix in it."""

    parallel = 16
    once: ClassVar[Mapping[str, Any]] = {"max_attempts": 1}
    """The fields with which a request is sent once and not again."""
    _fields: F

    def __init__(self, fields: F, *, anew: bool = False) -> None:
        """The storage that the fields describe, by a client of its own if `anew`. Nothing is asked before a call."""
        super().__init__(fields)
        self._anew = anew
        self._opened: Any = None
        self._opening = threading.Lock()

    def check(self) -> CheckReport:
        """See Storage.check; with one attempt and short waiting, because a person waits for it."""
        shorter = {
            "connect_timeout": min(4.0, self._fields.connect_timeout),
            "read_timeout": min(8.0, self._fields.read_timeout),
        }
        return checks.check(type(self)(self._fields.model_copy(update={**shorter, **self.once}), anew=True))

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces; a connection that breaks off is taken up again where it did."""
        if length == 0:  # no range of no bytes can be asked for
            if self.size(key) is None:
                raise KeyError(key)
            return
        yield from self._read(key, start, length)

    @abstractmethod
    def _read(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        """See read; at least one byte is asked for."""

    @abstractmethod
    def _open(self) -> Any:
        """The client, by `_kept`: all threads share it, and other storages that are opened alike."""

    def _kept(self, make: Callable[[], Any], *secrets: str | None, files: Iterable[str] = ()) -> Any:
        """The client that was made with the same fields, secrets and content of files; else what `make` opens."""
        if self._anew:
            return make()
        alike = self._fields.model_copy(update={"prefix": ""})
        return _clients.get((self.kind, alike, secrets, stamp(*files)), make)

    @abstractmethod
    def _explained(self, doing: str) -> AbstractContextManager[None]:
        """Raises what the library raises while this is done ("write to") as a StorageError."""

    def keys(self, below: str = "") -> Iterator[str]:
        """The keys below a folder; see Listing."""
        start = _joined(self._fields.prefix, below)
        for name in self._names(f"{start}/" if start else ""):
            key = name[len(self._fields.prefix) + 1 :] if self._fields.prefix else name
            if not name.endswith("/"):  # what consoles make where a person makes a folder
                yield key

    @abstractmethod
    def _names(self, start: str) -> Iterator[str]:
        """The names of all objects that begin so."""

    @property
    def _client(self) -> Any:
        """The client, made by the first call."""
        with self._opening:
            if self._opened is None:
                with self._explained("open"):
                    self._opened = self._open()
            return self._opened

    @property
    def _tried(self) -> str:
        """How often a request was sent that got no answer, for messages."""
        attempts = getattr(self._fields, "max_attempts", 1)
        return f"tried {attempts} times" if attempts > 1 else ""

    def _path(self, key: str) -> str:
        return _joined(self._fields.prefix, key)

    def _below(self, name: str) -> str:
        """The bucket's name with the prefix, for messages."""
        return _joined(name, self._fields.prefix)

    def _secret(self, field: str) -> str | None:
        """What the secret of this field is on this machine; raises SecretMissing."""
        named: str | None = getattr(self._fields, field)
        return secret(named, field=field, where=self.where)


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
