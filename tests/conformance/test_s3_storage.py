"""An S3 bucket as storage of code: the suite against rclone's server, then what only S3 has."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.code import Storage, open_storage
from homeport_storage.s3 import S3Storage
from tests.conformance.storage_suite import BlobStorageSuite
from tests.services.s3_server import S3Server, s3_server

PREFIX = "team/prod"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


class TestS3Storage(BlobStorageSuite):
    @pytest.fixture
    def storage(self, server: S3Server) -> Storage:
        self.server = server
        return open_storage(server.fields(server.bucket(), prefix=PREFIX))

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=bucket_of(storage), Key=f"{PREFIX}/{key}", Body=data)

    def remove_raw(self, storage: Storage, key: str) -> None:
        self.server.client().delete_object(Bucket=bucket_of(storage), Key=f"{PREFIX}/{key}")

    def keys(self, storage: Storage) -> set[str]:
        return {key.removeprefix(PREFIX + "/") for key in self.server.keys(bucket_of(storage))}

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()


def bucket_of(storage: Storage) -> str:
    assert isinstance(storage, S3Storage)
    return str(storage.reference()["bucket"])
