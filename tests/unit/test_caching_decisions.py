"""What is decided about kept results, by tables, and by a small model against real runs."""

import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport import Flow, flow, task
from homeport.engine import caching, signals
from homeport.results import records
from homeport.results.options import CacheOptions, ResultOptions
from homeport.results.records import Record
from homeport.results.storages import opened
from homeport.testing import try_run

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def record(*, expires=None, inputs=None):
    return Record("key", {"key": "x"}, NOW.isoformat(), expires, inputs)


@pytest.mark.parametrize(
    ("found", "refresh", "valid", "why"),
    [
        (None, False, True, "nothing is kept"),
        (record(), False, True, ""),
        (record(), True, True, "refresh_cache"),
        (record(expires=(NOW + timedelta(seconds=1)).isoformat()), False, True, ""),
        (record(expires=NOW.isoformat()), False, True, "expired"),
        (record(), False, False, "validator"),
    ],
)
def test_a_record_is_used_if_nothing_speaks_against_it(found, refresh, valid, why):
    said = caching.why_not_cached(found, refresh=refresh, now=NOW, is_valid=lambda record: valid)

    assert why in said
    assert (said == caching.HIT) == (why == "")


@pytest.mark.parametrize(
    ("found", "inputs", "hit"),
    [
        (None, "a", False),
        (record(inputs="a"), "a", True),
        (record(inputs="a", expires=NOW.isoformat()), "a", True),
        (record(inputs="a"), "b", False),
        (record(inputs="a"), None, False),
        (record(inputs=None), None, False),
    ],
)
def test_a_result_of_an_earlier_attempt_is_used_for_the_same_arguments_however_old(found, inputs, hit):
    assert (caching.why_not_picked_up(found, inputs=inputs) == caching.HIT) == hit


@pytest.mark.parametrize(
    ("options", "checkpointing", "kept"),
    [
        (ResultOptions(), True, False),
        (ResultOptions(persist=True), False, True),
        (ResultOptions(persist=False), True, False),
        (ResultOptions(cache=CacheOptions(str)), False, True),
        (ResultOptions(target="x"), True, True),
        (ResultOptions(target="x"), False, False),
        (ResultOptions(target="x", checkpoint=False), True, False),
    ],
)
def test_a_result_is_kept_when_the_options_say_so(options, checkpointing, kept):
    assert caching.is_kept(options, checkpointing=checkpointing) == kept


def test_expiry_counts_from_when_a_result_is_kept():
    assert caching.expiry(None, NOW) is None
    assert caching.expiry(CacheOptions(str), NOW) is None
    assert caching.expiry(CacheOptions(str, timedelta(hours=1)), NOW) == "2026-01-02T13:00:00.000000+00:00"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(["called", "submitted"])), max_size=8))
def test_any_sequence_of_calls_does_what_a_dict_would_do(asked):
    count, kept, expected = 0, {}, []
    for x, refresh, _ in asked:
        if refresh or x not in kept:
            count += 1
            kept[x] = count
        expected.append(kept[x])
    counter = []

    def counted(x):
        counter.append(x)
        return len(counter)

    with tempfile.TemporaryDirectory() as folder:
        cached = task(result_storage=folder, cache_key_fn=lambda context, parameters: str(parameters["x"]))(counted)

        @flow
        def asking():
            answers = []
            for x, refresh, way in asked:
                one = cached.with_options(refresh_cache=refresh)
                answers.append(one(x) if way == "called" else one.submit(x).result())
            return answers

        assert try_run(asking).state.result() == expected


def test_a_record_that_several_processes_write_is_whole_whenever_it_is_read(tmp_path):
    place = opened(tmp_path, of="the test")
    program = (
        "import sys; from homeport.results import records; from homeport.results.storages import opened\n"
        "for number in range(60):\n"
        "    one = records.Record('key', {'by': sys.argv[2], 'much': 'x' * 20_000}, 'now')\n"
        "    records.write(opened(sys.argv[1], of='it'), 'cache/ab/cd', one)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)]) for number in range(2)]
    seen, ended = [], threading.Event()

    def read():
        while not ended.is_set():
            if (tmp_path / "cache/ab/cd").exists():
                seen.append(records.read(place, "cache/ab/cd", key="key"))

    reader = threading.Thread(target=read)
    reader.start()
    codes = [writer.wait(60) for writer in writers]
    ended.set()
    reader.join()

    assert codes == [0, 0]
    assert seen
    assert None not in seen
    assert [path.name for path in Path(tmp_path / "cache/ab").iterdir()] == ["cd"]


def test_state_handlers_and_hooks_are_told_of_a_hit(tmp_path):
    told = []

    def handler(task, old, new):
        told.append((type(old).__name__, type(new).__name__))
        return new

    hook = [lambda task, run, state: told.append(state.name)]

    @task(cache_for=60, result_storage=tmp_path, state_handlers=[handler], on_completion=hook)
    def works():
        return 1

    with Flow("told") as flow:
        made = works()

    flow.run()
    state = flow.run()

    assert told == [("Pending", "Running"), ("Running", "Success"), "Completed", ("Pending", "Cached"), "Cached"]
    assert state.result[made].is_cached()
    assert state.result[made].result == 1


def test_what_signals_say_is_kept_too(tmp_path):
    @task(result_storage=tmp_path)
    def says():
        raise signals.SUCCESS("enough", result=5)

    @task(result_storage=tmp_path)
    def skips():
        raise signals.SKIP("nothing new")

    @flow
    def signalling():
        return says(), skips(return_state=True).is_skipped()

    tried = try_run(signalling)

    assert tried.state.result() == (5, True)
    assert [kept.state.result_reference is not None for kept in tried.reported.task_runs.values()] == [True, False]
