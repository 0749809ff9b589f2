"""Results that are large, or too large to be kept: written in pieces, cut short at the limit, never held twice."""

import io
import json
import re
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport import Flow, flow, serializers, task
from homeport.results import ResultTooLarge, documents, read_result
from homeport.results.storages import opened
from homeport.serializers import JSONSerializer, serializer_of
from homeport.testing import try_run
from tests.services.huge import Huge

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MEGABYTE = 1 << 20
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def place(tmp_path):
    return opened(tmp_path, of="the test")


def peak_while(call):
    """What it returned or raised, and the most memory that it needed meanwhile."""
    tracemalloc.start()
    try:
        outcome = call()
    except ResultTooLarge as error:
        outcome = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return outcome, peak


@task(persist_result=True)
def kept(folder):
    return Huge(folder, 10)


@task
def small(number):
    return number


@given(value=json_values, at_once=st.integers(1, 40))
def test_json_that_is_written_in_pieces_has_the_same_bytes(value, at_once):
    into = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serializers, "_AT_ONCE", at_once)
        JSONSerializer().dump(value, into)

    expected = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert into.getvalue() == expected.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", ["json", "zlib/json", "zlib/pickle", "gzip/json", "pickle"])
def test_no_serializer_holds_a_second_copy_of_what_it_writes(name, place):
    value = {"rows": [{"number": number, "text": f"{number:03000}"} for number in range(10_000)], "count": 1}

    reference, peak = peak_while(
        lambda: documents.write(place, "large", value, serializer_of(name), of="the test", limit=0, now=NOW)
    )

    assert peak < 15 * MEGABYTE  # of more than 30
    assert read_result(reference) == value


@pytest.mark.parametrize("name", ["json", "pickle"])
def test_what_is_too_large_is_cut_short_where_the_limit_is(name, place, tmp_path):
    value = [f"{number:0100000}" for number in range(400)]

    error, peak = peak_while(
        lambda: documents.write(place, "large", value, serializer_of(name), of="task 'x'", limit=10 * MEGABYTE, now=NOW)
    )

    assert isinstance(error, ResultTooLarge)
    assert re.search(f"serialized as '{name}', has at least 1[01],[0-9,]+ bytes, more than the 10,485,760", str(error))
    assert peak < 15 * MEGABYTE
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_too_large_is_not_copied_to_find_that_out(place):
    text = "x" * (40 * MEGABYTE)

    error, peak = peak_while(
        lambda: documents.write(place, "text", text, serializer_of("json"), of="task 'x'", limit=MEGABYTE, now=NOW)
    )

    assert isinstance(error, ResultTooLarge)
    assert peak < MEGABYTE


def test_a_flow_that_returns_ten_gigabytes_completes_and_nothing_is_copied(tmp_path):
    @flow
    def huge():
        small.submit(1)
        return Huge(str(tmp_path), 10)

    tried, peak = peak_while(lambda: try_run(huge))

    assert tried.state.is_completed()
    assert peak < 20 * MEGABYTE


def test_ten_gigabytes_that_are_to_be_kept_fail_by_name_and_every_other_task_ends_as_it_did(tmp_path, home):
    @flow
    def in_a_task():
        kept.submit(str(tmp_path))
        small.submit(1)

    @flow(persist_result=True)
    def in_the_flow():
        small.submit(2)
        return Huge(str(tmp_path), 10)

    with Flow("in a graph") as in_a_graph:
        small(kept(str(tmp_path)))
        small(3, task_args={"name": "other"})

    (tried, peak), (whole, _), (graph, _) = (
        peak_while(lambda one=one: try_run(one)) for one in (in_a_task, in_the_flow, in_a_graph)
    )

    told = r"at least 10,737,418,\d+ bytes, more than the 1,073,741,824 it may have; nothing was kept. Write it to"
    with pytest.raises(ResultTooLarge, match=rf"task 'kept': its result, serialized as 'pickle', has {told}"):
        tried.state.result()
    with pytest.raises(ResultTooLarge, match=rf"flow 'in-the-flow': its result, serialized as 'pickle', has {told}"):
        whole.state.result()
    assert "task 'kept': its result" in graph.reported.named("kept")[0].state.message
    assert [run.state.name for run in tried.reported.task_runs.values()] == ["Failed", "Completed"]
    assert [run.state.name for run in whole.reported.task_runs.values()] == ["Completed"]
    assert {run.name: run.state.name for run in graph.reported.task_runs.values()} == {
        "kept": "Failed", "small": "TriggerFailed", "other": "Completed",
    }  # fmt: skip
    assert peak < 20 * MEGABYTE
