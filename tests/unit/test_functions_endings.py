"""Ends that nobody planned: exceptions that are no errors, cancellations that are caught, timers of other programs."""

import asyncio
import os
import signal
import sys
import threading
import time

import pytest

from homeport import flow, task
from homeport.engine.decisions import TimeLimitReached
from homeport.engine.timeouts import call_within
from homeport.runtime.cancellation import Cancellation
from homeport.testing import try_run

NEVER = threading.Event()


class Foreign(BaseException):
    """Meant for a program around the flow, which no `except Exception` catches."""


def leave_by_exit():
    sys.exit(3)


def leave_by_foreign():
    raise Foreign("for somebody else")


@task
def spins(begun):
    begun.set()
    while not NEVER.wait(0.001):
        pass


@pytest.mark.parametrize(
    ("leave", "message"),
    [(leave_by_exit, r"The code called sys\.exit\(3\)\."), (leave_by_foreign, "Foreign: for somebody else")],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_exception_that_is_no_error_ends_the_flow_without_waiting_for_its_tasks(leave, message, kind):
    def body():
        begun = threading.Event()
        spins.submit(begun)
        begun.wait(10)
        leave()

    async def body_async():
        body()

    began = time.monotonic()
    tried = try_run(flow(name="leaves")(body if kind == "sync" else body_async))

    assert (tried.state.type.value, tried.reported.named("spins")[0].state.name) == ("FAILED", "Cancelled")
    assert tried.state.message == message.replace("\\", "")
    assert time.monotonic() - began < 20  # the task never ends by itself


def test_the_failure_of_a_test_in_a_flow_is_the_failure_of_the_test():
    @task
    def checks():
        pytest.fail("not what was expected")

    @flow
    def calls():
        checks()

    with pytest.raises(pytest.fail.Exception, match="not what was expected"):
        calls()


def test_an_exception_that_is_no_error_is_not_retried():
    calls = []

    @task(retries=3)
    def leaves():
        calls.append(1)
        raise Foreign

    @flow(retries=3)
    def calls_it():
        leaves()

    assert try_run(calls_it).state.is_failed()
    assert len(calls) == 1


def test_what_a_submitted_task_raises_ends_that_task_only():
    @task
    def leaves(error):
        raise error

    @task
    def works():
        return 1

    @flow
    def many():
        ends = [leaves.submit(error) for error in (Foreign(), KeyboardInterrupt(), GeneratorExit(), SystemExit(1))]
        return [works.submit().result(), *(future.wait().name for future in ends)]

    assert try_run(many).state.result() == [1, "Failed", "Cancelled", "Failed", "Failed"]


def test_a_generator_exit_that_a_flow_raises_is_a_failure_as_any():
    @flow
    def odd():
        raise GeneratorExit

    assert try_run(odd).state.message == "RuntimeError: The code raised GeneratorExit."


def test_a_failed_state_that_a_task_returns_is_retried_as_what_it_raises_is():
    from homeport.states import Failed

    calls = []

    @task(retries=2)
    def careful():
        calls.append(1)
        return Failed("not yet") if len(calls) < 3 else "done"

    @flow
    def calls_it():
        return careful()

    assert try_run(calls_it).state.result() == "done"


# Cancellation.


@pytest.fixture
def cancellation():
    before = signal.getsignal(signal.SIGTERM)
    asked = Cancellation()
    asked.install()
    with asked.stops_user_code():
        yield asked
    signal.signal(signal.SIGTERM, before)


def stop_soon():
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()


def test_a_cancellation_reaches_a_subflow_three_deep_with_its_threads_and_runs_every_finally(cancellation):
    cleaned = []

    def deep(level):
        @flow(name=f"level-{level}")
        def descends():
            try:
                begun = threading.Event()
                spins.submit(begun)
                begun.wait(10)
                if level < 3:
                    deep(level + 1)()
                stop_soon()
                NEVER.wait(30)
            finally:
                cleaned.append(level)

        return descends

    tried = try_run(deep(0))

    assert tried.state.is_cancelled()
    assert cleaned == [3, 2, 1, 0]
    assert {kept.state.name for kept in tried.reported.task_runs.values()} == {"Cancelled"}
    assert len(tried.reported.task_runs) == 7


def test_a_cancellation_reaches_all_that_an_async_flow_gathers_and_its_subflows(cancellation):
    cleaned = []

    @task
    async def waits(number, begun):
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append(number)

    @flow
    async def inner(number):
        begun = asyncio.Event()
        await asyncio.gather(waits(number, begun), waits(number + 1, begun))

    @flow
    async def outer():
        asyncio.get_running_loop().call_later(0.05, stop_soon)
        await asyncio.gather(inner(0), inner(2))

    tried = try_run(outer)

    assert tried.state.is_cancelled()
    assert sorted(cleaned) == [0, 1, 2, 3]
    assert {kept.state.name for kept in tried.reported.task_runs.values()} == {"Cancelled"}


def test_a_flow_that_swallows_its_cancellation_is_cancelled_all_the_same(cancellation):
    went_on = []

    @flow
    def inner():
        try:
            stop_soon()
            NEVER.wait(30)
        except BaseException:
            went_on.append("inner")

    @flow
    def outer():
        inner()
        went_on.append("outer")

    tried = try_run(outer)

    assert tried.state.is_cancelled()
    assert went_on == ["inner"]
    assert tried.reported.named("inner-0")[0].state.name == "Cancelled"


def test_a_task_in_a_thread_that_swallows_its_cancellation_does_not_hold_up_the_end(cancellation, monkeypatch):
    from homeport.engine import flow_runs

    monkeypatch.setattr(flow_runs, "STOP_SECONDS", 0.2)
    enough = threading.Event()

    @task
    def stubborn(begun):
        while not enough.is_set():
            try:
                begun.set()
                enough.wait(0.01)
            except BaseException:
                continue

    @flow
    def waits():
        begun = threading.Event()
        stubborn.submit(begun)
        begun.wait(10)
        stop_soon()
        NEVER.wait(30)

    tried = try_run(waits)
    enough.set()

    assert tried.state.is_cancelled()
    assert "had not stopped" in tried.reported.named("stubborn")[0].state.message


def test_a_flow_may_clean_up_with_tasks_while_it_is_cancelled(cancellation):
    cleaned = []

    @task
    def clean_up():
        cleaned.append(True)

    @flow
    def waits():
        try:
            stop_soon()
            NEVER.wait(30)
        finally:
            clean_up()

    assert try_run(waits).state.is_cancelled()
    assert cleaned == [True]


# The timer of the program around us.


@pytest.fixture
def alarm():
    """What pytest-timeout or a host program has set is put back."""
    left, handler = signal.setitimer(signal.ITIMER_REAL, 0), signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, *left)


def test_the_timer_of_the_program_around_a_run_goes_on_after_a_timeout(alarm):
    def ring(number, frame):
        raise AssertionError("much too early")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 100, 7)

    with pytest.raises(TimeLimitReached):
        call_within(0.02, lambda: call_within(30, NEVER.wait, (30,), {}), (), {})

    left, every = signal.getitimer(signal.ITIMER_REAL)
    assert signal.getsignal(signal.SIGALRM) is ring
    assert 90 < left < 100
    assert every == 7


def test_the_timer_of_the_program_around_a_run_rings_in_time_within_a_limit(alarm):
    rang = threading.Event()
    signal.signal(signal.SIGALRM, lambda number, frame: rang.set())
    signal.setitimer(signal.ITIMER_REAL, 0.02)

    assert call_within(30, rang.wait, (20,), {})
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_around_a_run_may_raise_what_it_likes(alarm):
    def ring(number, frame):
        raise Foreign("time is up")

    @task(timeout_seconds=30)
    def waits():
        NEVER.wait(20)

    @flow
    def calls():
        waits()

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.02)

    assert try_run(calls).state.message == "Foreign: time is up"
