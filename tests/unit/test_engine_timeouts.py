"""Timeouts that really end what takes too long."""

import threading
import time

import pytest

from homeport import flow, task
from homeport.engine import timeouts
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_timeout_that_a_destructor_swallowed_comes_again():
    class Slow:
        def __del__(self):
            time.sleep(0.3)  # what is raised in here is written to standard error, and lost

    @task(timeout_seconds=0.1)
    def hangs_later():
        Slow()
        NEVER.wait(30)

    @flow
    def program():
        return hangs_later(return_state=True).name

    begun = time.monotonic()

    assert try_run(program).state.result() == "TimedOut"
    assert time.monotonic() - begun < 10


def test_what_cleans_up_after_a_timeout_is_not_interrupted_by_it_again():
    cleaned = []

    @task(timeout_seconds=0.05)
    def cleans_up():
        try:
            NEVER.wait(30)
        finally:
            time.sleep(0.35)
            try:
                raise ValueError("on the way")
            except ValueError:
                time.sleep(0.15)
            cleaned.append(True)

    @flow
    def program():
        return cleans_up(return_state=True).name

    assert try_run(program).state.result() == "TimedOut"
    assert cleaned == [True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_call_that_ends_when_its_time_is_over_has_ended_or_was_too_late_and_leaves_nothing_behind():
    """The timer may ring at any line of ours, also when the call has just ended: nobody else may hear it."""

    def spin(until):
        while time.perf_counter() < until:
            pass
        return "ended"

    def inner(limit):
        try:
            return call_within(limit, spin, (time.perf_counter() + 6e-5,), {})
        except TimeLimitReached:
            return "too late"

    seen = set()
    for number in range(3000):
        limit = 2e-5 + number % 100 * 1e-6
        try:
            seen.add(call_within(limit + number % 7 * 1e-4, inner, (limit,), {}))
        except TimeLimitReached:
            seen.add("too late around it")
        assert timeouts._deadlines == []

    assert seen == {"ended", "too late", "too late around it"}
