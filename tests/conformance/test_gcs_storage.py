"""A bucket of Google Cloud Storage as storage of code: the suite against an emulator, which checks no rights."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.code import Storage, open_storage
from homeport_storage.gcs import GcsStorage
from tests.conformance.storage_suite import BlobStorageSuite
from tests.services.gcs_server import GcsServer, gcs_server

PREFIX = "team/prod"


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestGcsStorage(BlobStorageSuite):
    @pytest.fixture
    def storage(self, server: GcsServer) -> Storage:
        self.server = server
        return open_storage(server.fields(server.bucket(), prefix=PREFIX))

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        self.server.client().bucket(bucket_of(storage)).blob(f"{PREFIX}/{key}").upload_from_string(data)

    def remove_raw(self, storage: Storage, key: str) -> None:
        self.server.client().bucket(bucket_of(storage)).blob(f"{PREFIX}/{key}").delete()

    def keys(self, storage: Storage) -> set[str]:
        return {blob.name.removeprefix(PREFIX + "/") for blob in self.server.client().list_blobs(bucket_of(storage))}

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()


def bucket_of(storage: Storage) -> str:
    assert isinstance(storage, GcsStorage)
    return str(storage.reference()["bucket"])
