"""An Azure container as storage of code: the suite against Azurite, then what only Azure has."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.code import Storage, open_storage
from homeport_storage.azure import AzureStorage
from tests.conformance.storage_suite import BlobStorageSuite
from tests.services.azurite import Azurite, azurite

PREFIX = "team/prod"


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(server: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


class TestAzureStorage(BlobStorageSuite):
    @pytest.fixture
    def storage(self, server: Azurite) -> Storage:
        self.server = server
        return open_storage(server.fields(server.container(), prefix=PREFIX))

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        self.server.client(container_of(storage)).upload_blob(f"{PREFIX}/{key}", data, overwrite=True)

    def remove_raw(self, storage: Storage, key: str) -> None:
        self.server.client(container_of(storage)).delete_blob(f"{PREFIX}/{key}")

    def keys(self, storage: Storage) -> set[str]:
        names = self.server.client(container_of(storage)).list_blob_names()
        return {name.removeprefix(PREFIX + "/") for name in names}

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()


def container_of(storage: Storage) -> str:
    assert isinstance(storage, AzureStorage)
    return str(storage.reference()["container"])
