"""Trying again: tasks and flows, after which errors, after how long."""

from datetime import timedelta

import pytest

from homeport import Flow, flow, task
from homeport.engine import signals
from homeport.engine.decisions import Retry, RetryPolicy, TimeLimitReached, after_exception
from homeport.tasks import exponential_backoff
from homeport.testing import try_run


class Flaky:
    """Raises so many times, then returns how often it was called."""

    def __init__(self, failures, error=ConnectionError):
        self.left, self.calls, self.error = failures, 0, error

    def __call__(self):
        self.calls += 1
        if self.calls <= self.left:
            raise self.error(f"call {self.calls}")
        return self.calls


def test_a_task_is_called_again_until_it_succeeds():
    flaky = Flaky(2)

    @task(retries=3)
    def flaking():
        return flaky()

    @flow
    def persistent():
        return flaking()

    tried = try_run(persistent)
    kept = tried.reported.named("flaking-0")[0]

    assert tried.state.result() == 3
    assert [state.name for state in kept.states] == [
        "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip
    assert kept.run_count == 3


def test_a_task_fails_with_its_last_exception_when_no_retries_are_left():
    flaky = Flaky(9)

    @task(retries=2)
    def flaking():
        flaky()

    @flow
    def gives_up():
        flaking()

    with pytest.raises(ConnectionError, match="call 3"):
        try_run(gives_up).state.result()
    assert flaky.calls == 3


def test_submitted_tasks_that_wait_for_a_retry_keep_no_thread():
    flaky = {number: Flaky(1) for number in range(60)}

    @task(retries=1, retry_delay_seconds=0.05)
    def flaking(number):
        return flaky[number]()

    @flow
    def many():
        return flaking.map(list(range(60))).result()

    assert try_run(many).state.result() == [2] * 60


def test_the_1x_spellings_mean_the_same():
    flaky = Flaky(1)

    @task(max_retries=1, retry_delay=timedelta(milliseconds=1))
    def flaking():
        return flaky()

    with Flow("older") as older:
        flaking()

    state = older.run()

    assert state.is_successful()
    assert flaky.calls == 2


def test_retry_on_names_the_only_exceptions_that_are_retried():
    flaky = Flaky(3, KeyError)

    @task(retries=3, retry_on=ConnectionError)
    def flaking():
        flaky()

    @flow
    def picky():
        flaking()

    assert try_run(picky).state.is_failed()
    assert flaky.calls == 1


def test_a_flow_is_called_again_and_says_so_to_the_control_plane():
    flaky = Flaky(1)

    @flow(retries=2)
    def again():
        return flaky()

    tried = try_run(again)

    assert tried.state.result() == 2
    assert [(state.type.value, state.name) for state in tried.reported.run_states] == [
        ("RUNNING", "Retrying"),
        ("COMPLETED", "Completed"),
    ]


def test_the_signal_retry_is_obeyed_without_retries():
    asked = []

    @task
    def wants_more():
        asked.append(1)
        if len(asked) < 3:
            raise signals.RETRY("once more", seconds=0)
        return len(asked)

    @flow
    def obeys():
        return wants_more()

    assert try_run(obeys).state.result() == 3


@pytest.mark.parametrize(
    ("delay", "expected"),
    [(7, [7, 7, 7]), ([1, 5], [1, 5, 5]), (exponential_backoff(2), [2, 4, 8]), (lambda retries: [retries], [3, 3, 3])],
)
def test_the_delay_is_a_number_a_list_or_a_function(delay, expected):
    policy = RetryPolicy(3, delay)

    assert [policy.seconds_before(retry) for retry in (1, 2, 3)] == expected


def test_a_call_that_took_too_long_is_retried_like_any_failure():
    decided = after_exception(TimeLimitReached(2), RetryPolicy(1, 5.0), 1)

    assert isinstance(decided, Retry)
    assert decided.seconds == 5
    assert after_exception(TimeLimitReached(2), RetryPolicy(1, 5.0), 2).name == "TimedOut"


@pytest.mark.parametrize("wrong", [-1, "3", 1.5, True])
def test_retries_that_are_no_number_of_times_are_refused(wrong):
    with pytest.raises(ValueError, match="retries is the number of times"):
        task(retries=wrong)(Flaky(0))
