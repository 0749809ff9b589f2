"""What a task costs that does nothing, in processor time, so that a busy machine does not matter much."""

import time

import pytest

from homeport import Flow, flow, task, unmapped
from homeport.engine.ids import new_id
from homeport.engine.reporting import NullReporter
from homeport.engine.run import FlowRunInfo, run_flow
from tests.services.huge import forget_peak, peak_of_memory

COUNT = 2_000


@task
def nothing(number):
    return number


@flow
def called():
    for number in range(COUNT):
        nothing(number)


@flow
def submitted():
    for number in range(COUNT):
        nothing.submit(number)


@flow
def mapped():
    nothing.map(range(COUNT))


@pytest.mark.parametrize(("program", "microseconds"), [(called, 60), (submitted, 120), (mapped, 120)])
def test_a_task_that_does_nothing_costs_next_to_nothing(program, microseconds):
    def cost():
        begun = time.process_time()
        state = run_flow(program, {}, reporter=NullReporter(), run=FlowRunInfo(new_id(), "run", program.name))
        assert state.is_completed()
        return (time.process_time() - begun) / COUNT * 1e6

    assert min(cost() for _ in range(5)) <= microseconds


def test_what_all_calls_of_a_map_share_costs_each_of_them_the_same_however_many_there_are():
    @flow
    def shared(count):
        constant = nothing.map(range(count))
        nothing.map(range(count), wait_for=constant)

    def cost(count):
        begun = time.process_time()
        run_flow(shared, {"count": count}, reporter=NullReporter(), run=FlowRunInfo(new_id(), "run", shared.name))
        return (time.process_time() - begun) / count

    few, many = min(cost(500) for _ in range(3)), min(cost(5_000) for _ in range(2))

    assert many <= 3 * few


def test_maps_of_maps_over_100_000_elements_have_one_edge_each_and_little_memory_a_call(monkeypatch):
    """An edge for each element, or a list of inputs held by each call, would be many times as much."""
    monkeypatch.setenv("HOMEPORT_PROGRESS", "0")
    count = 100_000

    @task
    def numbers():
        return range(count)

    @task
    def plus(number, other):
        return number + other

    with Flow("towers") as towers:
        first = plus.map(numbers(), unmapped(1))
        second = plus.map(first, unmapped(2))
    forget_peak()
    before = peak_of_memory()

    state = towers.run()

    assert len(towers.edges) == 2
    assert state.result[second].result == list(range(3, count + 3))
    assert (peak_of_memory() - before) / (2 * count) < 2500
