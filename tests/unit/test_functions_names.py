"""What runs are called: by templates over their parameters, or by functions."""

from datetime import datetime

import pytest

import homeport
from homeport import Flow, flow, task
from homeport.testing import try_run


def names(tried):
    return sorted(kept.name for kept in tried.reported.task_runs.values())


def test_a_task_run_is_named_by_a_template_over_its_arguments():
    @task(task_run_name="extract-{day:%A}-{limit}")
    def extract(day, limit=10):
        return limit

    @flow
    def extracts():
        extract(datetime(2026, 1, 5))
        extract.map([datetime(2026, 1, 6), datetime(2026, 1, 7)], limit=5)

    assert names(try_run(extracts)) == ["extract-Monday-10", "extract-Tuesday-5", "extract-Wednesday-5"]


def test_a_name_that_needs_a_result_waits_for_it():
    @task
    def find():
        return "pikachu"

    @task(task_run_name="load {what[0]}")
    def load(what):
        return what

    @flow
    def loads():
        return load.submit([find.submit()]).result()

    tried = try_run(loads)

    assert names(tried) == ["find-0", "load pikachu"]
    assert [state.name for state in tried.reported.named("load pikachu")[0].states] == ["Running", "Completed"]
    assert tried.reported.named("load")[0].upstream == (tried.reported.named("find")[0].id,)


def test_a_task_that_never_starts_has_its_ordinary_name():
    @task
    def fails():
        raise ValueError

    @task(task_run_name="load {what}")
    def load(what):
        return what

    @flow
    def loads():
        before = fails.submit()
        load.submit(before).wait()
        load.submit(before).wait()

    tried = try_run(loads)

    assert [tried.reported.named(f"load-{n}")[0].state.name for n in (0, 1)] == ["TriggerFailed"] * 2


def test_a_graph_names_its_task_runs_too_and_knows_the_names_of_1x():
    @task(task_run_name="{task_name} {map_index}: {x}")
    def double(x):
        return 2 * x

    with Flow("named") as named:
        double.map([1, 2])

    assert names(try_run(named)) == ["double 0: 1", "double 1: 2"]


@pytest.mark.parametrize(
    "make",
    [lambda: "made up", lambda parameters: f"made {parameters['how']}", lambda how: f"made {how}",
     lambda **kwargs: f"made {kwargs['how']}"],
)  # fmt: skip
def test_a_function_that_makes_the_name_gets_what_it_asks_for(make):
    @task(task_run_name=make)
    def work(how):
        return how

    @flow(flow_run_name=make)
    def works(how):
        return work(how)

    tried = try_run(works, how="up")

    assert (tried.reported.name, names(tried)) == ("made up", ["made up"])


def test_a_flow_run_is_named_by_its_checked_parameters_and_defaults():
    @flow(flow_run_name="orders-{day:%A}-{pages}")
    def orders(day: datetime, pages: int = 2):
        return homeport.context.flow_run_name

    tried = try_run(orders, day="2026-01-05")

    assert tried.reported.name == tried.state.result() == "orders-Monday-2"


def test_a_subflow_is_shown_by_its_own_name():
    @flow(flow_run_name="inner {n}")
    def inner(n: int):
        return n

    @flow
    def outer():
        return inner("7")

    tried = try_run(outer)

    assert names(tried) == ["inner 7"]
    assert tried.reported.name is None


def test_a_subflow_whose_parameters_are_refused_is_shown_as_failed():
    @flow(flow_run_name="inner {n}")
    def inner(n: int):
        return n

    @flow
    def outer():
        return inner("seven", return_state=True).name

    tried = try_run(outer)

    assert tried.state.result() == "Failed"
    assert [state.name for state in tried.reported.named("inner-0")[0].states] == ["Running", "Failed"]


def test_a_flow_whose_name_cannot_be_made_fails_and_says_what_there_is():
    @flow(flow_run_name="orders-{dya}")
    def orders(day: str):
        return day

    tried = try_run(orders, day="x")

    assert tried.state.is_failed()
    assert "flow 'orders': its run name 'orders-{dya}' cannot be made: KeyError: 'dya'" in tried.state.message
    assert "Its parameters: day." in tried.state.message


def test_a_task_whose_name_cannot_be_made_runs_under_its_ordinary_name_with_a_warning():
    @task(task_run_name="{nothing}")
    def work(day):
        return day

    @flow
    def works():
        return work(1)

    tried = try_run(works)

    assert tried.state.result() == 1
    assert names(tried) == ["work-0"]
    assert any("'{nothing}' cannot be made" in line.message for line in tried.reported.lines)


@pytest.mark.parametrize("make", [lambda: task(task_run_name=5)(len), lambda: flow(flow_run_name=["x"])(lambda: 1)])
def test_what_is_no_template_is_refused(make):
    with pytest.raises(TypeError, match="is a text such as"):
        make()
