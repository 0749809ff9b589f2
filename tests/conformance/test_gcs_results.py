"""A bucket of Google Cloud Storage as storage of results, against an emulator, which checks no rights."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.results.storages import ResultStorage, opened
from homeport.storage import GCS
from tests.conformance.result_suite import ResultSuite
from tests.services.gcs_server import GcsServer, gcs_server


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestGcsResults(ResultSuite):
    @pytest.fixture
    def place(self, server: GcsServer) -> ResultStorage:
        self.server = server
        fields = server.fields(server.bucket())
        return opened(GCS(**{name: value for name, value in fields.items() if name != "kind"}), of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        self.server.client().bucket(place.reference["bucket"]).blob(key).upload_from_string(data)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        self.server.client().bucket(place.reference["bucket"]).blob(key).delete()

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()
