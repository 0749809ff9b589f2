"""An S3 bucket as storage of results, against rclone's server; described as a user of 1.x and 2.x describes it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from homeport.results.storages import ResultStorage, opened
from homeport.storage import S3
from tests.conformance.result_suite import ResultSuite
from tests.services.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class TestS3Results(ResultSuite):
    @pytest.fixture
    def place(self, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> ResultStorage:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        self.server = server
        fields = server.fields(server.bucket())
        return opened(S3(**{name: value for name, value in fields.items() if name != "kind"}), of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=place.reference["bucket"], Key=key, Body=data)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        self.server.client().delete_object(Bucket=place.reference["bucket"], Key=key)

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()
