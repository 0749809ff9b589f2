"""A folder as storage of results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.results.storages import ResultStorage, opened
from tests.conformance.result_suite import ResultSuite


class TestFolderResults(ResultSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> ResultStorage:
        return opened(tmp_path / "kept", of="the test")

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        (folder_of(place) / key).write_bytes(data)

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        (folder_of(place) / key).unlink()

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        hidden = folder_of(place).rename(folder_of(place).with_name("unmounted"))
        folder_of(place).write_text("a file where the share was mounted")
        yield
        folder_of(place).unlink()
        hidden.rename(folder_of(place))


def folder_of(place: ResultStorage) -> Path:
    return Path(place.reference["path"])
