"""Async flows and tasks, on the same engine, in every mixture with sync ones."""

import asyncio

import pytest

from homeport import Flow, flow, task
from homeport.task_runners import SequentialTaskRunner
from homeport.testing import try_run


@task
async def double(number):
    await asyncio.sleep(0)
    return number * 2


@task
def add(left, right):
    return left + right


async def test_an_async_flow_is_awaited_and_returns_its_result():
    @flow
    async def awaited(number: int):
        return await double(number)

    assert await awaited("3") == 6


def test_an_async_flow_runs_in_a_run_process_like_any_other():
    @flow
    async def awaited():
        return await double(3)

    tried = try_run(awaited)

    assert tried.state.result() == 6
    assert [state.name for state in tried.reported.named("double-0")[0].states] == ["Running", "Completed"]


def test_futures_of_async_tasks_are_awaited_the_2x_way():
    @flow
    async def submits():
        future = await double.submit(1)
        futures = await double.map([future, 5])
        return [await one.result() for one in futures], (await future.wait()).name

    assert try_run(submits).state.result() == ([4, 10], "Completed")


def test_a_map_of_an_async_task_is_awaited_however_many_calls_it_makes():
    @flow
    async def maps(numbers):
        return [
            await (await double.map(numbers)).result(),
            [state.result() for state in await double.map(numbers, return_state=True)],
            await double.map(numbers).wait(),
        ]

    for numbers, doubled in (([], []), ([1, 2], [2, 4])):
        assert asyncio.run(maps(numbers)) == [doubled, doubled, None]


def test_async_tasks_run_at_the_same_time():
    @flow
    async def party():
        everybody, arrived = asyncio.Event(), []

        @task
        async def guest(number):
            arrived.append(number)
            if len(arrived) == 5:
                everybody.set()
            await everybody.wait()
            return number

        futures = [guest.submit(number) for number in range(5)]
        return [await future.result() for future in futures]

    assert try_run(party).state.result() == [0, 1, 2, 3, 4]


def test_a_sequential_runner_runs_async_tasks_one_after_the_other():
    order = []

    @task
    async def note(number):
        order.append(f"{number} begins")
        await asyncio.sleep(0)
        order.append(f"{number} ends")

    @flow(task_runner=SequentialTaskRunner())
    async def orderly():
        for number in range(2):
            note.submit(number)

    try_run(orderly)

    assert order == ["0 begins", "0 ends", "1 begins", "1 ends"]


def test_sync_tasks_in_an_async_flow_need_no_await():
    @flow
    async def mixed():
        future = add.submit(await double(1), 3)
        return future.result(), add(1, 1)

    assert try_run(mixed).state.result() == (5, 2)


def test_a_sync_task_waits_for_an_async_one_that_it_is_given():
    @flow
    async def mixed():
        return add.submit(double.submit(2), 1)

    assert try_run(mixed).state.result() == 5


def test_a_wait_that_would_block_the_loop_for_ever_is_refused_with_the_mend():
    @flow
    async def blocks():
        return add.submit(double.submit(2), 1).result()

    with pytest.raises(RuntimeError, match=r"Use `await future\.ended\(\)`"):
        try_run(blocks).state.result()


def test_async_tasks_work_in_sync_flows_without_await():
    @flow
    def plain():
        return double(1), double.submit(2).result(), double.map([3, 4]).result()

    assert try_run(plain).state.result() == (2, 4, [6, 8])


def test_async_tasks_work_in_graph_flows():
    with Flow("graph") as graph:
        doubled = double.map([1, 2])
        total = add(doubled[0], doubled[1])

    assert graph.run().result[total].result == 6


async def test_sync_flows_work_where_a_loop_runs_as_in_a_notebook():
    @flow
    def plain():
        return double(2), add.submit(1, 2).result()

    with Flow("graph") as graph:
        total = add(1, 2)

    assert plain() == (4, 3)
    assert graph.run().result[total].result == 3


async def test_an_async_flow_can_be_run_where_a_loop_runs():
    @flow
    async def awaited():
        return await double(2)

    assert awaited.run().result() == 4


def test_an_async_task_is_retried_and_timed_out_like_a_sync_one():
    calls = []

    @task(retries=1, timeout_seconds=0.02)
    async def hangs():
        calls.append(1)
        await asyncio.Event().wait()

    @flow
    async def waits():
        return await hangs(return_state=True)

    tried = try_run(waits)

    assert tried.reported.named("hangs-0")[0].state.name == "TimedOut"
    assert len(calls) == 2


def test_an_async_flow_that_takes_too_long_is_timed_out():
    cleaned = []

    @flow(timeout_seconds=0.05)
    async def hangs():
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    assert try_run(hangs).state.name == "TimedOut"
    assert cleaned == [True]


async def test_what_an_async_flow_raises_is_raised_to_who_awaits_it():
    @flow
    async def breaks():
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await breaks()
