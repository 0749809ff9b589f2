"""What nobody meant to write: each is named with its task and what to do, and ends that task run and no other.

What depends on where tasks run is in tests/conformance/task_runner_suite.py, what is too large in test_results_large.py
and test_runner_large_values.py.
"""

import itertools
import re
import subprocess
import sys

import pytest

from homeport import Flow, Parameter, allow_failure, flatten, flow, tags, task, unmapped
from homeport.engine.arguments import BadInput
from homeport.engine.misfits import Misfit
from homeport.task_runners import ProcessTaskRunner
from homeport.tasks import task_input_hash
from homeport.testing import try_run
from homeport.utilities.annotations import quote


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))


@task
def double(number):
    return 2 * number


@task
def shown(value):
    return repr(value)[:50]


@task
def listed():
    return [1, 2]


def deep(levels=5000):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def circle():
    value = [1]
    value.append(value)
    return value


def names_of_states(tried):
    return {run.name: run.state.name for run in tried.reported.task_runs.values()}


# Circles.


def test_a_circle_in_a_graph_names_its_tasks_and_which_edges_may_go():
    with Flow("circle") as built:
        first = double(1)
        second = shown(first)
        first.set_upstream(second)

    state = built.run()

    assert state.is_failed()
    assert re.search(
        r"These tasks wait for each other: double → shown → double\. Take one of these edges away: an argument, "
        r"a task in upstream_tasks=, a set_upstream\(\) or an add_edge\(\)\.",
        state.message,
    )


@pytest.mark.parametrize("make", [circle, deep])
def test_data_that_contains_itself_or_is_very_deep_is_given_as_it_is(make):
    value = make()

    @task
    def same(given):
        return given is value

    @task
    def other(number, given):
        return given is value

    @flow
    def program():
        return (
            same.submit(value).result(),
            same(value),
            same.map([value]).result(),
            other.map([1], unmapped(value)).result(),
        )

    assert try_run(program).state.result() == (True, True, [True], [True])


def test_a_flow_may_return_data_that_contains_itself():
    value = circle()

    @flow
    def program():
        double.submit(1)
        return value

    assert try_run(program).state.result() is value


def test_a_result_in_data_that_contains_itself_is_refused_by_name():
    @flow
    def program():
        value = circle()
        value.append(double.submit(1))
        shown.submit(value)
        double.submit(2)

    tried = try_run(program)

    assert names_of_states(tried) == {"double-0": "Completed", "shown-0": "Failed", "double-1": "Completed"}
    with pytest.raises(
        BadInput, match=r"task 'shown': an argument has the result of double-0 in it, and contains itself"
    ):
        tried.state.result()


def test_data_that_contains_itself_is_refused_by_name_where_a_graph_looks_for_tasks_in_it():
    with (
        Flow("deep"),
        pytest.raises(TypeError, match=r"Task 'shown': an argument contains itself.*Make such a value in a"),
    ):
        shown(circle())


def test_data_too_deep_to_be_pickled_is_refused_by_name_where_it_would_have_to_travel():
    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def program():
        return [[shown.submit(deep()).wait()], double.submit(2).result()]

    [state], other = try_run(program).state.result()

    assert other == 4
    assert "Task 'shown' cannot run on a worker process" in state.message


# What has no hash.


def test_results_may_be_keys_and_in_sets_where_they_have_a_hash():
    @task
    def same(value):
        return value

    @flow
    def program():
        one, two = double.submit(1), double.submit(2)
        return same.submit({one: two, (one, 5): "pair"}).result(), same.submit({one, two}).result()

    with Flow("keys") as built:
        found = same({double(1): double(2)})

    assert try_run(program).state.result() == ({2: 4, (2, 5): "pair"}, {2, 4})
    assert built.run().result[found].result == {2: 4}


def test_a_flow_that_returns_a_set_of_what_has_no_hash_fails_by_its_name():
    @flow(name="Sets")
    def program():
        return {listed.submit()}

    tried = try_run(program)

    with pytest.raises(BadInput, match=r"flow 'Sets', in what it returns: the result of listed-0 is of type list and"):
        tried.state.result()
    assert names_of_states(tried) == {"listed-0": "Completed"}


def test_all_results_of_a_map_and_the_value_of_a_parameter_in_a_set_fail_the_node_that_gets_them():
    with Flow("sets") as built:
        mapped = shown({double.map([1, 2])})
        given = shown.copy(name="given")({Parameter("rows", default=[1])})
        other = double(3)

    state = built.run()

    assert "task 'shown': an argument is a set, or a dict, of what has no hash" in state.result[mapped].message
    assert "task 'given': an argument is a set" in state.result[given].message
    assert "make the set or the dict in the task" in state.message
    assert state.result[other].result == 6


def test_a_call_without_a_cache_key_fails_by_name_in_a_map_and_others_of_the_map_do_not():
    cached = task(double.fn, name="cached", cache_key_fn=task_input_hash)

    @flow
    def program():
        cached.map([1, (number for number in [1]), 3])

    tried = try_run(program)

    assert names_of_states(tried) == {"cached-0": "Completed", "cached-1": "Failed", "cached-2": "Completed"}
    assert "task 'cached': no cache key can be made of the argument 'number'" in tried.state.message
    assert "a list instead of a generator" in tried.state.message


# Generators.


def test_a_generator_without_end_is_refused_by_a_map_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr("homeport.engine.maps.MOST_OF_A_GENERATOR", 1000)

    @flow
    def program():
        double.submit(1)
        double.map(itertools.count())

    tried = try_run(program)

    assert names_of_states(tried) == {"double-0": "Completed"}
    with pytest.raises(
        TypeError, match=r"double\.map\(\): argument 1 is a count that has given more than 1,000 elements"
    ):
        tried.state.result()
    assert "itertools.islice" in tried.state.message


def test_a_generator_with_an_end_is_mapped_over_in_a_function_and_refused_in_a_graph():
    @flow
    def program():
        return double.map(number for number in range(3)).result()

    assert try_run(program).state.result() == [0, 2, 4]
    with Flow("generator"), pytest.raises(TypeError, match=r"double\.map\(\): argument 1 is a generator.*Write list\("):
        double.map(number for number in range(3))


# Calls that do not fit.


def test_what_a_task_raises_itself_is_no_misfit():
    @task(retries=1)
    def calls_wrongly(number):
        return double.fn(number, 2)

    @flow
    def program():
        calls_wrongly.submit(1).wait()

    tried = try_run(program)

    assert not isinstance(tried.state.data, Misfit)
    assert tried.reported.named("calls_wrongly")[0].run_count == 2


def test_a_decorator_that_adds_arguments_is_called_with_what_it_takes():
    import functools

    def with_session(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function("session", *args)

        return wrapper

    @task
    @with_session
    def raises(session, number):
        raise TypeError(f"{session} {number}")

    @flow
    def program():
        raises.submit(1).wait()

    assert try_run(program).state.message.endswith("TypeError: session 1")


def test_a_call_in_the_flow_raises_what_does_not_fit():
    @flow
    def program():
        try:
            double(1, 2)
        except TypeError as error:
            return str(error)

    assert try_run(program).state.result() == (
        "Task 'double' cannot be called like this: too many positional arguments. It takes (number), and was given 2 "
        "by position. Leave out what it does not take."
    )


# Too little memory.

PROGRAM = """
import resource
from homeport import flow, task
from homeport.testing import try_run

@task
def takes_ten_gigabytes():
    return bytes(10 << 30)

@task
def small():
    return 1

@flow
def program():
    takes_ten_gigabytes.submit()
    small.submit()

resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
tried = try_run(program)
print([run.state.name for run in tried.reported.task_runs.values()], tried.state.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process to its RLIMIT_AS")
def test_a_task_that_needs_more_memory_than_there_is_ends_by_itself_and_says_what_to_do():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines() == [
        "['Failed', 'Completed'] 1 of 2 task runs did not complete; the first, takes_ten_gigabytes-0: MemoryError: "
        "there was not enough memory. Take the data in smaller pieces, fewer of them at a time, or run where there is "
        "more."
    ]


# Options.


@pytest.mark.parametrize("given", ["db", [["a"]], [1]])
def test_tags_that_are_no_list_of_texts_are_refused_by_name(given):
    with pytest.raises(
        TypeError, match=r"task 'double': tags are a list of texts, such as \['db', 'slow'\]; it was given"
    ):
        double.with_options(tags=given)


def test_tags_of_a_block_are_texts():
    with pytest.raises(TypeError, match=r"tags\(\.\.\.\): tags are a list of texts"), tags(["x"]):
        pass


def test_a_quoted_argument_is_given_as_it_is_and_whole_to_each_call_of_a_map():
    seen = []

    @task
    def keeps(value, number):
        seen.append(value)
        return type(value).__name__

    @flow
    def program():
        future = double.submit(1)
        held = {"future": future}
        return keeps.submit(quote(held), 1).result(), keeps.map(quote([1, 2]), [1, 2]).result()

    one, many = try_run(program).state.result()

    assert (one, many) == ("dict", ["list", "list"])
    assert type(seen[0]["future"]).__name__ == "Future"
    assert quote(5).unquote() == 5


def test_an_annotation_around_what_is_no_future_is_taken_away_all_the_same():
    @flow
    def program():
        return shown.submit(allow_failure(5)).result(), shown(unmapped("x")), shown.submit(flatten([[1], [2]])).result()

    assert try_run(program).state.result() == ("5", "'x'", "[1, 2]")
