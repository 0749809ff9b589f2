"""Flows called in flows."""

import asyncio

import pytest

from homeport import flow, get_run_logger, task
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
