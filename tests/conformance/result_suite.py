"""What every kind of storage that keeps results must do. A kind subclasses ResultSuite and says how to break it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from homeport import flow, task
from homeport.code import StorageError
from homeport.engine.states import State
from homeport.results import ResultDamaged, ResultMissing, documents, read_result, records
from homeport.results.records import Record
from homeport.results.storages import ResultStorage
from homeport.serializers import serializer_of
from homeport.tasks import task_input_hash
from homeport.testing import try_run

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class ResultSuite:
    """Subclass it, give the fixtures, and every test here runs against that kind."""

    @pytest.fixture
    def place(self) -> ResultStorage:
        """An empty storage of results."""
        raise NotImplementedError

    def write_raw(self, place: ResultStorage, key: str, data: bytes) -> None:
        """Put bytes under a key behind the storage's back."""
        raise NotImplementedError

    def remove_raw(self, place: ResultStorage, key: str) -> None:
        """Remove a key behind the storage's back."""
        raise NotImplementedError

    @contextmanager
    def away(self, place: ResultStorage) -> Iterator[None]:
        """While this lasts, the storage cannot be reached."""
        raise NotImplementedError
        yield

    @pytest.mark.parametrize("value", [None, "x", [1, {"a": 2.5}], list(range(500_000))])
    @pytest.mark.parametrize("name", ["pickle", "json", "compressed/pickle"])
    def test_what_is_kept_is_read_again_by_its_reference(self, place: ResultStorage, value: Any, name: str) -> None:
        reference = keep(place, "runs/a/b-1", value, name)

        assert read_result(reference) == value

    def test_keys_of_users_are_taken(self, place: ResultStorage) -> None:
        for key in ("a.b", "deep/er/and deeper", "Ünïcode/日本.json", "x=1&y=2"):
            assert read_result(keep(place, key, key)) == key

    def test_the_last_write_stands(self, place: ResultStorage) -> None:
        first = keep(place, "same", 1)
        second = keep(place, "same", 2)

        assert read_result(second) == 2
        with pytest.raises(ResultDamaged):
            read_result(first)

    def test_what_is_gone_is_missing_and_what_was_changed_is_damaged(self, place: ResultStorage) -> None:
        reference = keep(place, "runs/a/b", [1, 2, 3], "json")

        self.write_raw(place, "runs/a/b", b"".join(place.blobs.read("runs/a/b"))[:-1])
        with pytest.raises(ResultDamaged):
            read_result(reference)
        self.remove_raw(place, "runs/a/b")
        with pytest.raises(ResultMissing):
            read_result(reference)

    def test_a_record_is_found_again_and_a_torn_one_is_taken_for_none(self, place: ResultStorage) -> None:
        record = Record("key", keep(place, "runs/a/b", 1), NOW.isoformat())
        records.write(place, "cache/ab/cd", record)

        assert records.read(place, "cache/ab/cd", key="key") == record
        assert records.read(place, "cache/ab/cd", key="other") is None
        assert records.read(place, "cache/ab/none", key="key") is None
        self.write_raw(place, "cache/ab/cd", b"".join(place.blobs.read("cache/ab/cd"))[:-9])
        assert records.read(place, "cache/ab/cd", key="key") is None

    def test_a_task_keeps_and_hits(self, place: ResultStorage) -> None:
        @task(cache_key_fn=task_input_hash, result_storage=place.reference)
        def works(x: int) -> int:
            return 2 * x

        @flow
        def working() -> tuple[State, State]:
            return works(2, return_state=True), works(2, return_state=True)

        tried = try_run(working)

        assert [kept.state and kept.state.name for kept in tried.reported.task_runs.values()] == ["Completed", "Cached"]
        assert tried.state.is_completed()

    def test_a_storage_that_is_away_is_an_error_that_names_it(self, place: ResultStorage) -> None:
        reference = keep(place, "runs/a/b", 1)

        with self.away(place), pytest.raises((StorageError, ResultMissing)) as error:
            read_result(reference)

        assert place.blobs.where in str(error.value)


def keep(place: ResultStorage, key: str, value: Any, name: str = "pickle") -> dict[str, Any]:
    return documents.write(place, key, value, serializer_of(name), of="the test", limit=0, now=NOW)
