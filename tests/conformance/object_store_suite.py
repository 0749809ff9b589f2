"""The suites of code and results over an object store: what S3, Azure and Google have in common in their tests.

A kind gives the fixture `server`: one of tests/services that can make a holder (a bucket, a container), and put, delete
and list what is in it behind the storage's back.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from homeport.code import Storage, open_storage
from homeport.results.storages import ResultStorage, opened
from tests.conformance.result_suite import ResultSuite
from tests.conformance.storage_suite import BlobStorageSuite

PREFIX = "team/prod"


class ObjectServer(Protocol):
    """What a server of an object store can do for these tests; `holder` is what its kind calls a bucket."""

    holder: str

    @property
    def environment(self) -> Mapping[str, str]: ...
    def bucket(self) -> str: ...
    def fields(self, bucket: str, **more: object) -> dict[str, Any]: ...
    def put(self, bucket: str, key: str, data: bytes) -> None: ...
    def delete(self, bucket: str, key: str) -> None: ...
    def keys(self, bucket: str) -> set[str]: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@contextmanager
def away(server: ObjectServer) -> Iterator[None]:
    """While this lasts, the server cannot be reached."""
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.fixture(autouse=True)
def known_secrets(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets that references to the server name are there."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


class ObjectStorageSuite(BlobStorageSuite):
    """Code below a prefix of a bucket."""

    @pytest.fixture
    def storage(self, server: ObjectServer) -> Storage:
        self.server = server
        return open_storage(server.fields(server.bucket(), prefix=PREFIX))

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        self.server.put(self.bucket_of(storage), f"{PREFIX}/{key}", data)

    def remove_raw(self, storage: Storage, key: str) -> None:
        self.server.delete(self.bucket_of(storage), f"{PREFIX}/{key}")

    def keys(self, storage: Storage) -> set[str]:
        return {key.removeprefix(f"{PREFIX}/") for key in self.server.keys(self.bucket_of(storage))}

    def away(self, storage: Storage) -> Any:
        return away(self.server)

    def bucket_of(self, storage: Any) -> str:
        return str(storage.reference()[self.server.holder])


class ObjectResultSuite(ResultSuite):
    """Results in a bucket of their own, described as a user of 1.x and 2.x describes it."""

    described: Callable[..., Any]

    @pytest.fixture
    def place(self, server: ObjectServer) -> ResultStorage:
        self.server = server
        fields = server.fields(server.bucket())
        del fields["kind"]
        return opened(type(self).described(**fields), of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        self.server.put(place.reference[self.server.holder], key, data)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        self.server.delete(place.reference[self.server.holder], key)

    def away(self, place: ResultStorage) -> Any:
        return away(self.server)
