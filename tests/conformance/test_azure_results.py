"""An Azure container as storage of results, against Azurite; described as a user of 1.x and 2.x describes it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.results.storages import ResultStorage, opened
from homeport.storage import Azure
from tests.conformance.result_suite import ResultSuite
from tests.services.azurite import Azurite, azurite


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


class TestAzureResults(ResultSuite):
    @pytest.fixture
    def place(self, server: Azurite, monkeypatch: pytest.MonkeyPatch) -> ResultStorage:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        self.server = server
        fields = server.fields(server.container())
        return opened(Azure(**{name: value for name, value in fields.items() if name != "kind"}), of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        self.server.client(place.reference["container"]).upload_blob(key, data, overwrite=True)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        self.server.client(place.reference["container"]).delete_blob(key)

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()
