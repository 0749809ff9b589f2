"""Caching: a kept result stands for a call, in both spellings, across runs and processes."""

import json
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from homeport import Flow, Parameter, flow, task
from homeport.engine import cache_validators
from homeport.results import CacheKeyError, ResultOptionError
from homeport.tasks import task_input_hash
from homeport.testing import try_run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Calls(list):
    """How often and with what a task was called."""

    def task(self, **options):
        @task(name="counted", **options)
        def counted(x=0, y=0):
            self.append((x, y))
            return x + y

        return counted


def names(tried):
    return [kept.state.name for kept in tried.reported.task_runs.values()]


def test_a_call_with_the_same_inputs_is_not_made_again_in_this_run_nor_in_the_next():
    calls = Calls()
    counted = calls.task(cache_key_fn=task_input_hash)

    @flow
    def counting():
        return counted(1, 2), counted(1, y=2), counted.submit(1, 2).result(), counted(2)

    first, second = try_run(counting), try_run(counting)

    assert first.state.result() == second.state.result() == (3, 3, 3, 2)
    assert calls == [(1, 2), (2, 0)]
    assert names(first) == ["Completed", "Cached", "Cached", "Completed"]
    assert names(second) == ["Cached"] * 4


def test_a_hit_tells_no_running_state_and_has_the_reference_of_the_first():
    calls = Calls()
    counted = calls.task(cache_key_fn=lambda context, parameters: "constant")

    @flow
    def counting():
        counted(1)
        counted(2)

    kept = list(try_run(counting).reported.task_runs.values())

    assert [state.name for state in kept[1].states] == ["Cached"]
    assert kept[1].state.result_reference == kept[0].state.result_reference
    assert kept[1].run_count == 0


def test_a_result_stands_for_a_call_until_it_expires():
    calls = Calls()
    counted = calls.task(cache_key_fn=task_input_hash, cache_expiration=timedelta(microseconds=1))

    @flow
    def counting():
        counted()
        counted()

    assert names(try_run(counting)) == ["Completed", "Completed"]


def test_refresh_cache_calls_and_replaces_what_is_kept():
    calls = Calls()
    counted = calls.task(cache_key_fn=lambda context, parameters: "same")

    @flow
    def counting(x, refresh):
        return counted.with_options(refresh_cache=refresh)(x)

    results = [
        try_run(counting, x=x, refresh=refresh).state.result() for x, refresh in [(1, 0), (2, 0), (3, 1), (4, 0)]
    ]

    assert results == [1, 1, 3, 3]


def test_a_key_function_that_returns_none_does_not_cache_the_call():
    calls = Calls()
    counted = calls.task(cache_key_fn=lambda context, parameters: None)

    @flow
    def counting():
        counted()
        counted()

    assert names(try_run(counting)) == ["Completed", "Completed"]


def test_a_key_function_sees_the_task_its_run_and_the_arguments_by_name():
    seen = []

    def key(context, parameters):
        seen.append((context.task.name, context.task_run.name, context.flow_run.flow_name, parameters))

    counted = Calls().task(cache_key_fn=key)

    @flow
    def counting():
        counted(5)

    try_run(counting)

    assert seen == [("counted", "counted-0", "counting", {"x": 5, "y": 0})]


@pytest.mark.parametrize("bad", [(x for x in ()), object.__subclasses__, open])
def test_an_argument_without_a_key_fails_the_run_and_names_task_argument_and_mend(bad):
    import threading

    calls = Calls()
    counted = calls.task(cache_key_fn=task_input_hash)
    value = bad if not callable(bad) else threading.Lock()

    @flow
    def counting():
        counted(1, value)

    tried = try_run(counting)

    with pytest.raises(CacheKeyError, match=r"task 'counted'.*argument 'y'.*Give it as data"):
        tried.state.result()
    assert calls == []


def test_a_key_that_is_no_text_and_a_key_function_that_raises_end_the_run_by_name():
    number = Calls().task(cache_key_fn=lambda context, parameters: 5)
    raising = Calls().task(cache_key_fn=lambda context, parameters: parameters["nope"])

    @flow
    def counting(which):
        return (number if which == 0 else raising)(1)

    with pytest.raises(CacheKeyError, match="returned 5; it must return a text"):
        try_run(counting, which=0).state.result()
    with pytest.raises(KeyError, match="nope"):
        try_run(counting, which=1).state.result()


def test_wrong_arguments_are_refused_by_the_call_itself():
    counted = Calls().task(cache_key_fn=task_input_hash)

    @flow
    def counting():
        counted(1, 2, 3)

    with pytest.raises(TypeError, match="positional"):
        try_run(counting).state.result()


@pytest.mark.parametrize("damage", ["torn", "empty", "gone", "value"])
def test_a_torn_record_or_a_damaged_result_leads_to_a_call_and_not_to_a_failure(home, damage):
    calls = Calls()
    counted = calls.task(cache_key_fn=task_input_hash)

    @flow
    def counting():
        return counted(20, 3)

    try_run(counting)
    record = next(path for path in (home / "results/cache").rglob("*") if path.is_file())
    result = next(path for path in (home / "results/runs").rglob("*") if path.is_file())
    if damage == "torn":
        record.write_bytes(record.read_bytes()[:-30])
    elif damage == "empty":
        record.write_bytes(b"")
    elif damage == "gone":
        result.unlink()
    else:
        result.write_bytes(result.read_bytes()[:-1] + b"!")

    again = try_run(counting)

    assert again.state.result() == 23
    assert len(calls) == 2
    assert names(try_run(counting)) == ["Cached"]


def test_another_process_hits_what_this_one_kept(home, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            from homeport import flow, task
            from homeport.tasks import task_input_hash
            from homeport.testing import try_run

            @task(cache_key_fn=task_input_hash)
            def slow(names):
                return sorted(names)

            @flow
            def working():
                return slow({"a", "b", "c", "d"})

            tried = try_run(working)
            print(tried.state.result(), [kept.state.name for kept in tried.reported.task_runs.values()])
            """
        )
    )

    said = [
        subprocess.run(
            [sys.executable, program],
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip

    assert "Completed" in said[0]
    assert "Cached" in said[1]


# The 1.x spelling.


def test_cache_for_uses_a_result_for_that_long_whatever_the_inputs():
    calls = Calls()
    counted = calls.task(cache_for=timedelta(hours=1))

    with Flow("older") as older:
        counted(1)

    @flow
    def counting():
        return counted(1), counted(2)

    assert try_run(counting).state.result() == (1, 1)
    older.run()
    assert calls == [(1, 0), (1, 0)]  # another flow with a task of this name has a cache of its own


@pytest.mark.parametrize(
    ("validator", "called"),
    [
        (cache_validators.duration_only, [(1, 1)]),
        (cache_validators.never_use, [(1, 1), (1, 1), (1, 2), (2, 2)]),
        (cache_validators.all_inputs, [(1, 1), (1, 2), (2, 2)]),
        (cache_validators.partial_inputs_only(validate_on=["x"]), [(1, 1), (2, 2)]),
        (cache_validators.partial_inputs_only(validate_on="y"), [(1, 1), (1, 2)]),
        (lambda state, inputs, parameters: state.cached_inputs["x"] == inputs["x"], [(1, 1), (2, 2)]),
        (lambda state, inputs, parameters: state.result >= 2, [(1, 1)]),
    ],
)
def test_a_validator_says_which_inputs_have_to_be_the_same(validator, called):
    calls = Calls()
    counted = calls.task(cache_for=timedelta(hours=1), cache_validator=validator)

    @flow
    def counting():
        for x, y in [(1, 1), (1, 1), (1, 2), (2, 2)]:
            counted(x, y)

    try_run(counting)

    assert calls == called


@pytest.mark.parametrize(
    ("validator", "days"),
    [
        (cache_validators.all_parameters, ["mon", "tue", "wed"]),
        (cache_validators.partial_parameters_only(validate_on=["day"]), ["mon", "tue"]),
        (lambda state, inputs, parameters: state.cached_parameters == parameters, ["mon", "tue", "wed"]),
    ],
)
def test_a_validator_says_which_flow_parameters_have_to_be_the_same(validator, days):
    calls = []

    @task(cache_for=timedelta(hours=1), cache_validator=validator)
    def works():
        calls.append(1)

    with Flow("daily") as daily:
        Parameter("day")
        Parameter("detail", default=0)
        works()

    for parameters in [{"day": "mon"}, {"day": "mon"}, {"day": "tue"}, {"day": "tue", "detail": 1}]:
        daily.run(parameters)

    assert len(calls) == len(days)


def test_tasks_with_one_cache_key_share_a_result():
    first = Calls().task(cache_for=60, cache_key="shared")
    second = Calls().task(cache_for=60, cache_key="shared").with_options(name="other")

    @flow
    def sharing():
        return first(1), second(2)

    assert try_run(sharing).state.result() == (1, 1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cache_expiration": timedelta(1)}, "cache_expiration does nothing without cache_key_fn"),
        ({"refresh_cache": True}, "refresh_cache does nothing without cache_key_fn"),
        ({"cache_key_fn": "x"}, "cache_key_fn is a function"),
        ({"cache_key_fn": task_input_hash, "cache_expiration": "1h"}, "a timedelta or a number of seconds"),
        ({"cache_key_fn": task_input_hash, "cache_for": 5}, "two ways to cache"),
        ({"cache_key_fn": task_input_hash, "persist_result": False}, "contradict"),
        ({"cache_validator": cache_validators.all_inputs}, "cache_validator does nothing without cache_for"),
        ({"cache_key": "x"}, "cache_key does nothing without cache_for"),
        ({"cache_for": 5, "cache_validator": "x"}, "one of homeport.engine.cache_validators"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options, named):
    with pytest.raises(ResultOptionError, match=f"task 'len'.*{named}"):
        task(**options)(len)


def test_a_record_says_what_it_is(home):
    counted = Calls().task(cache_key_fn=lambda context, parameters: "my-key", cache_expiration=60)

    @flow
    def counting():
        counted()

    try_run(counting)
    record = next(path for path in (home / "results/cache").rglob("*") if path.is_file())

    assert json.loads(record.read_text())["record"]["key"] == "my-key"
    assert json.loads(record.read_text())["record"]["expires"] is not None


def test_processes_call_what_is_not_kept_and_the_results_are_kept_here(home):
    from homeport.task_runners import ProcessTaskRunner

    @task(cache_key_fn=task_input_hash, cache_result_in_memory=False)
    def where(x):
        import os

        return x, os.getpid()

    @task
    def first(pair):
        return pair[0]

    @flow(task_runner=ProcessTaskRunner(max_workers=2))
    def working():
        made = where.map(range(6))
        return first.map(made).result(), [pid for _, pid in made.result()]

    one, two = try_run(working), try_run(working)

    assert one.state.result() == two.state.result()
    assert one.state.result()[0] == list(range(6))
    assert __import__("os").getpid() not in one.state.result()[1]
    assert names(two).count("Cached") == 6
    assert len([path for path in (home / "results/runs").rglob("*") if path.is_file()]) == 6
