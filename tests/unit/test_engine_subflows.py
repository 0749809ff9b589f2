"""Flows called in flows."""

import asyncio

import pytest

from homeport import Flow, Parameter, flow, get_run_logger, task
from homeport.testing import try_run


@task
def double(number):
    return number * 2


@flow
def inner(number: int):
    get_run_logger().info("inside")
    return double(number)


@flow
async def async_inner(number: int):
    return double(number)


def test_a_flow_called_in_a_run_is_a_subflow_shown_below_its_parent():
    @flow
    def outer():
        return inner(2)

    tried = try_run(outer)
    subflow, task_run = tried.reported.named("inner-0")[0], tried.reported.named("double-0")[0]

    assert tried.state.result() == 4
    assert [state.name for state in subflow.states] == ["Running", "Completed"]
    assert subflow.parent is None
    assert task_run.parent == subflow.id
    assert "inside" in tried.reported.messages(subflow.id)


def test_a_subflow_in_a_task_is_shown_below_that_task():
    @task
    def calls():
        return inner(1)

    @flow
    def outer():
        return calls()

    tried = try_run(outer)

    assert tried.reported.named("inner-0")[0].parent == tried.reported.named("calls-0")[0].id


def test_a_subflow_takes_futures_and_converts_its_parameters():
    @flow
    def outer():
        return inner(double.submit(2)), inner("7")

    assert try_run(outer).state.result() == (8, 14)


def test_a_failed_subflow_raises_in_its_parent():
    @flow
    def breaks():
        raise KeyError("gone")

    @flow
    def outer():
        with pytest.raises(KeyError):
            breaks()
        return breaks(return_state=True).name

    assert try_run(outer).state.result() == "Failed"


def test_wrong_parameters_fail_the_subflow():
    @flow
    def outer():
        return inner("many", return_state=True).message

    assert "number: Input should be a valid integer" in try_run(outer).state.result()


def test_async_subflows_run_at_the_same_time_in_an_async_flow_and_work_in_a_sync_one():
    @flow
    async def outer():
        return await asyncio.gather(async_inner(1), async_inner(2)), inner(3)

    @flow
    def plain():
        return async_inner(4)

    assert try_run(outer).state.result() == ([2, 4], 6)
    assert try_run(plain).state.result() == 8


def test_a_flow_that_is_called_while_a_graph_is_built_is_a_task_of_it():
    ran = []

    @task
    def double(number):
        return 2 * number

    @flow
    def inner(number: int, plus: int = 1):
        ran.append(number)
        return double(number) + plus

    @flow
    async def inner_async(number: int):
        return number

    with Flow("other graph") as other:
        double(Parameter("number"))
    with Flow("graph") as outer:
        first = inner(double(1), plus=5)
        second = inner_async(first)
        other(number=second)
        double(second)
    assert ran == []

    tried = try_run(outer)

    assert tried.state.is_completed()
    assert ran == [2]
    assert tried.state.result[first].result == 9
    assert tried.state.result[second].result == 9
    (subflow,) = [run for run in tried.reported.named("inner") if run.parent is not None]
    assert tried.reported.task_runs[subflow.parent].name == "inner"


def test_a_subflow_of_a_graph_that_fails_stops_what_is_behind_it():
    @task
    def shown(value):
        return value

    @flow
    def fails():
        raise ValueError("no")

    with Flow("graph") as outer:
        shown(fails())
        shown(1)

    tried = try_run(outer)

    assert {run.name: run.state.name for run in tried.reported.task_runs.values() if run.parent is None} == {
        "fails": "Failed", "shown": "TriggerFailed", "shown-2": "Completed",
    }  # fmt: skip
