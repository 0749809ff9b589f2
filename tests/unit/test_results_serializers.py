"""Each serializer gives back what it was given, and says by name what it cannot take."""

import io

import pytest

from homeport import flow, task
from homeport.results import ResultUnreadable, read_result
from homeport.serializers import Serializer, serializer_of
from homeport.testing import try_run


def test_an_own_serializer_is_used_and_named_when_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))

    class Upper(Serializer):
        name = "upper"

        def serialize(self, value):
            return value.upper().encode()

        def deserialize(self, value):
            return value.decode().lower()

    @task(result_serializer=Upper(), cache_result_in_memory=False)
    def text():
        return "hello"

    @flow
    def keeping():
        return text()

    tried = try_run(keeping)
    reference = tried.reported.named("text-0")[0].state.result_reference

    assert tried.state.result() == "hello"
    assert reference["serializer"] == "upper"
    assert read_result(reference, serializer=Upper()) == "hello"
    with pytest.raises(ResultUnreadable, match="not one of Homeport's"):
        read_result(reference)


@pytest.mark.parametrize("name", ["pickle", "json", "compressed/pickle", "compressed/json", "bz2/json", "lzma/pickle"])
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "", "héllo\ud800", [], {"a": [1, {"b": None}]}, "x" * 100_000])
def test_each_serializer_gives_back_what_it_was_given(name, value):
    serializer = serializer_of(name)
    into = io.BytesIO()

    serializer.dump(value, into)

    assert serializer.load(io.BytesIO(into.getvalue())) == value
    assert serializer.loads(serializer.dumps(value)) == value


@pytest.mark.parametrize("name", ["parquet", "arrow", "compressed/parquet"])
def test_tables_come_back_as_what_they_were(name):
    import pandas
    import polars
    import pyarrow

    serializer = serializer_of(name)
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[5, 6])
    kept = [serializer.loads(serializer.dumps(one)) for one in (frame, polars.DataFrame({"a": [1]}))]

    pandas.testing.assert_frame_equal(kept[0], frame)
    assert kept[1].equals(polars.DataFrame({"a": [1]}))
    assert serializer.loads(serializer.dumps(pyarrow.table({"a": [1]}))) == pyarrow.table({"a": [1]})
