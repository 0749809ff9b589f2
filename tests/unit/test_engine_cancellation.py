"""Stopping a run from outside: as the run process does it, by an exception that a signal raises in the main thread."""

import asyncio
import os
import signal
import threading

import pytest

from homeport import Flow, flow, task
from homeport.engine.cancellation import RunCancelled
from homeport.testing import try_run

NEVER = threading.Event()


@pytest.fixture(autouse=True)
def sigterm_cancels():
    def stop(number, frame):
        raise RunCancelled("Asked to stop.")

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


def stop_the_run():
    os.kill(os.getpid(), signal.SIGTERM)


def stop_the_run_from_a_thread():
    threading.Thread(target=stop_the_run).start()


@task
def spins(begun=None):
    if begun:
        begun.set()
    while not NEVER.wait(0.001):
        pass


def test_a_cancelled_flow_runs_its_finally_blocks_and_ends_cancelled():
    cleaned = []

    @flow
    def waits():
        try:
            stop_the_run_from_a_thread()
            NEVER.wait(30)
        finally:
            cleaned.append(True)

    tried = try_run(waits)

    assert (tried.state.type.value, tried.state.message) == ("CANCELLED", "Asked to stop.")
    assert cleaned == [True]


def test_except_exception_does_not_swallow_a_cancellation():
    @flow
    def stubborn():
        try:
            stop_the_run_from_a_thread()
            NEVER.wait(30)
        except Exception:
            return "went on"

    assert try_run(stubborn).state.is_cancelled()


def test_the_task_that_runs_in_the_main_thread_is_cancelled():
    @task
    def waits():
        stop_the_run_from_a_thread()
        NEVER.wait(30)

    @flow
    def calls():
        waits()

    tried = try_run(calls)

    assert tried.state.is_cancelled()
    assert tried.reported.named("waits-0")[0].state.name == "Cancelled"


def test_running_and_waiting_submitted_tasks_are_cancelled():
    @flow
    def submits():
        begun = threading.Event()
        first = spins.submit(begun)
        for _ in range(40):
            spins.submit()
        spins.submit(wait_for=[first])
        begun.wait(10)
        stop_the_run_from_a_thread()
        NEVER.wait(30)

    tried = try_run(submits)

    assert tried.state.is_cancelled()
    assert {kept.state.name for kept in tried.reported.named("spins")} == {"Cancelled"}
    assert len(tried.reported.named("spins")) == 42


def test_a_task_that_waits_for_its_retry_is_cancelled_at_once():
    @task(retries=1, retry_delay_seconds=60)
    def fails():
        stop_the_run_from_a_thread()
        raise ValueError

    @flow
    def calls():
        fails()

    tried = try_run(calls)

    assert tried.state.is_cancelled()
    assert [state.name for state in tried.reported.named("fails-0")[0].states][-1] == "Cancelled"


def test_an_async_flow_and_its_tasks_are_cancelled_with_their_finally_blocks():
    cleaned = []

    @task
    async def waits(begun):
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append("task")

    @flow
    async def awaits():
        begun = asyncio.Event()
        future = waits.submit(begun)
        await begun.wait()
        try:
            stop_the_run_from_a_thread()
            await future.result()
        finally:
            cleaned.append("flow")

    tried = try_run(awaits)

    assert tried.state.is_cancelled()
    assert sorted(cleaned) == ["flow", "task"]
    assert tried.reported.named("waits-0")[0].state.name == "Cancelled"


def test_a_busy_event_loop_is_cancelled_too():
    @flow
    async def busy():
        spins.submit()
        stop_the_run_from_a_thread()
        while True:  # noqa: ASYNC110 - a loop that never rests is what is tested
            await asyncio.sleep(0)

    tried = try_run(busy)

    assert tried.state.is_cancelled()
    assert tried.reported.named("spins-0")[0].state.name == "Cancelled"


def test_async_tasks_of_a_sync_flow_are_cancelled():
    cleaned = []

    @task
    async def waits(begun):
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    @flow
    def submits():
        begun = threading.Event()
        waits.submit(begun)
        begun.wait(10)
        stop_the_run_from_a_thread()
        NEVER.wait(30)

    assert try_run(submits).state.is_cancelled()
    assert cleaned == [True]


def test_tasks_of_a_subflow_are_cancelled():
    @flow
    def inner():
        begun = threading.Event()
        spins.submit(begun)
        begun.wait(10)
        stop_the_run_from_a_thread()
        NEVER.wait(30)

    @flow
    def outer():
        inner()

    tried = try_run(outer)

    assert tried.state.is_cancelled()
    assert tried.reported.named("inner-0")[0].state.name == "Cancelled"
    assert tried.reported.named("spins-0")[0].state.name == "Cancelled"


@pytest.fixture
def keyboard_interrupts():
    """Python's own handler, which a process that was started in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_from_the_keyboard_ends_a_local_run_and_its_tasks_and_is_handed_on(keyboard_interrupts, capsys):
    ended = threading.Event()

    @task
    def spins_and_tells(begun):
        try:
            spins.fn(begun)
        finally:
            ended.set()

    @flow
    def waits():
        begun = threading.Event()
        spins_and_tells.submit(begun)
        begun.wait(10)
        signal.raise_signal(signal.SIGINT)
        NEVER.wait(30)

    with pytest.raises(KeyboardInterrupt):
        waits()
    assert "Cancelled('Interrupted from the keyboard.')" in capsys.readouterr().err
    assert ended.is_set()


def test_a_graph_flow_is_cancelled():
    @task
    def waits():
        stop_the_run_from_a_thread()
        NEVER.wait(30)

    with Flow("graph") as graph:
        spins(upstream_tasks=[waits()])

    tried = try_run(graph)

    assert tried.state.is_cancelled()
    assert [kept.name for kept in tried.reported.task_runs.values()] == ["waits"]
