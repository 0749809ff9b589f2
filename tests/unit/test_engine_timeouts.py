"""Timeouts that really end what takes too long."""

import threading
import time

import pytest

from homeport import flow, task
from homeport.engine.decisions import TimeLimitReached
from homeport.engine.timeouts import call_within, in_thread
from homeport.testing import try_run

NEVER = threading.Event()


@task(timeout_seconds=0.05)
def hangs():
    NEVER.wait(30)


def test_a_task_called_in_the_main_thread_is_interrupted_even_while_it_sleeps():
    @task(timeout_seconds=0.05)
    def sleeps():
        time.sleep(30)

    @flow
    def waits():
        return sleeps(return_state=True).name

    assert try_run(waits).state.result() == "TimedOut"


def test_a_submitted_task_is_timed_out_and_no_longer_waited_for():
    @flow
    def waits():
        return hangs.submit().wait().name

    assert try_run(waits).state.result() == "TimedOut"


def test_the_exception_of_a_timeout_is_a_timeout_error():
    @flow
    def waits():
        hangs()

    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        try_run(waits).state.result()


def test_a_flow_that_takes_too_long_is_timed_out_with_its_tasks():
    begun = threading.Event()

    @task
    def spins():
        begun.set()
        while not NEVER.wait(0.001):
            pass

    @flow(timeout_seconds=0.1)
    def waits():
        spins.submit()
        begun.wait(10)
        NEVER.wait(30)

    tried = try_run(waits)

    assert tried.state.name == "TimedOut"
    assert tried.reported.named("spins-0")[0].state.name == "Cancelled"


def test_a_flow_that_takes_too_long_in_a_task_is_timed_out_and_the_task_is_not_retried():
    calls = []

    @task(retries=3, timeout_seconds=20)
    def waits():
        calls.append(1)
        NEVER.wait(30)

    @flow(timeout_seconds=0.05)
    def calls_it():
        waits()

    tried = try_run(calls_it)

    assert tried.state.name == "TimedOut"
    assert tried.reported.named("waits-0")[0].state.name == "Cancelled"
    assert len(calls) == 1


def test_except_exception_does_not_swallow_a_timeout():
    @task(timeout_seconds=0.05)
    def stubborn():
        while True:
            try:
                NEVER.wait(30)
            except Exception:
                continue

    @flow
    def waits():
        return stubborn(return_state=True).name

    assert try_run(waits).state.result() == "TimedOut"


def test_the_inner_of_two_limits_ends_the_inner_call_only():
    def outer():
        try:
            call_within(0.02, NEVER.wait, (30,), {})
        except TimeLimitReached as reached:
            return reached.seconds

    assert call_within(30, outer, (), {}) == 0.02


def test_the_outer_of_two_limits_ends_both_when_it_comes_first():
    with pytest.raises(TimeLimitReached) as reached:
        call_within(0.02, lambda: call_within(30, NEVER.wait, (30,), {}), (), {})

    assert reached.value.seconds == 0.02


def test_a_call_in_a_thread_gives_back_its_result_and_its_exception():
    def divide(left, right):
        return left / right

    assert in_thread(divide, 1, 2, seconds=5) == 0.5
    with pytest.raises(ZeroDivisionError):
        in_thread(divide, 1, 0, seconds=5)
