"""An SMB share as storage of results, on a real Samba."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.results.storages import ResultStorage, opened
from tests.conformance.result_suite import ResultSuite
from tests.services.samba import Samba


class TestSmbResults(ResultSuite):
    @pytest.fixture(autouse=True)
    def of_samba(self, samba: Samba) -> None:
        self.samba = samba

    @pytest.fixture
    def place(self, samba: Samba) -> ResultStorage:
        return opened(samba.reference("data", f"{uuid.uuid4().hex}/results"), of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        (self.folder(place) / key).write_bytes(data)
        subprocess.run(["chown", "-R", self.samba.user, str(self.folder(place))], check=True)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        (self.folder(place) / key).unlink()

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        self.samba.kill()
        try:
            yield
        finally:
            self.samba.start()

    def folder(self, place: ResultStorage) -> Path:
        return self.samba.share() / place.reference["path"]
