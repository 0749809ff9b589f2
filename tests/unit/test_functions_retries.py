"""Retries against a small model: how often, after how long, and after which failures."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport import flow, task
from homeport.engine.decisions import Retry, after_exception, after_return, retry_or
from homeport.engine.retry_policy import RetryPolicy, checked_policy
from homeport.states import Completed, Failed
from homeport.tasks import exponential_backoff
from homeport.testing import try_run

SECONDS = st.floats(0, 1e6)
ERRORS = st.sampled_from([ValueError, KeyError, OSError, ConnectionError, RuntimeError])


def listed(delay, retries):
    """The model: one delay for each retry."""
    found = delay(retries) if callable(delay) else delay
    return [
        (found if isinstance(found, float) else found[min(n, len(found) - 1)] if found else 0.0) for n in range(retries)
    ]


@given(
    st.integers(0, 6),
    SECONDS | st.lists(SECONDS, max_size=5) | SECONDS.map(exponential_backoff),
)
def test_the_delays_are_those_that_were_asked_for(retries, delay):
    policy = checked_policy(retries, delay)

    assert [policy.seconds_before(retry + 1) for retry in range(retries)] == listed(delay, retries)


@given(SECONDS, st.floats(0, 3), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_its_share_of_the_delay_and_never_goes_below_nothing(delay, factor, drawn):
    policy = RetryPolicy(1, delay, jitter=factor, random=lambda: drawn)

    found = policy.seconds_before(1)

    assert max(0.0, delay * (1 - factor)) <= found + 1e-6
    assert found <= delay * (1 + factor) + 1e-6


def test_jitter_spreads_the_retries_of_many_tasks_and_keeps_their_mean():
    policy = RetryPolicy(1, 10.0, jitter=0.5, random=random.Random(7).random)

    drawn = [policy.seconds_before(1) for _ in range(4_000)]

    assert len(set(drawn)) > 3_900
    assert 9.8 < sum(drawn) / len(drawn) < 10.2


@given(st.lists(ERRORS, max_size=6), st.integers(0, 5), st.none() | st.sets(ERRORS, min_size=1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_task_is_called_as_often_as_the_model_says(errors, retries, retry_on, condition):
    calls = []

    @task(
        retries=retries,
        retry_on=tuple(retry_on) if retry_on else None,
        retry_condition_fn=(lambda task, run, state: not isinstance(state.data, KeyError)) if condition else None,
    )
    def unsteady():
        calls.append(1)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]("no")
        return "done"

    def model():
        for call, error in enumerate(errors, start=1):
            retried = (retry_on is None or issubclass(error, tuple(retry_on))) and not (condition and error is KeyError)
            if call > retries or not retried:
                return call, "Failed"
        return len(errors) + 1, "Completed"

    tried = try_run(flow(name="model")(lambda: unsteady(return_state=True).name))

    assert (len(calls), tried.state.result()) == model()


def test_the_condition_is_asked_with_the_task_its_run_and_the_failed_state():
    asked = []

    def again(task, task_run, state):
        asked.append((task.name, task_run.name, task_run.run_count, str(state.data)))
        return len(asked) < 2

    @task(retries=5, retry_condition_fn=again)
    def fails():
        raise ValueError("no")

    @flow
    def calls():
        fails()

    tried = try_run(calls)

    assert asked == [("fails", "fails-0", 1, "no"), ("fails", "fails-0", 2, "no")]
    assert tried.reported.named("fails")[0].run_count == 2


def test_a_condition_or_a_delay_that_raises_ends_the_task_and_says_so():
    def broken(*given):
        raise LookupError("oops")

    asked = after_exception(ValueError("no"), RetryPolicy(1, condition=broken), 1)
    delayed = after_exception(ValueError("no"), RetryPolicy(1, broken), 1)

    assert asked.message == "ValueError: no — not tried again: its retry_condition_fn raised LookupError: oops"
    assert delayed.message == "ValueError: no — not tried again: its retry_delay_seconds raised LookupError: oops"


@given(st.integers(0, 4), st.integers(1, 6))
def test_a_failed_state_is_retried_as_an_exception_is(retries, run_count):
    policy = RetryPolicy(retries)

    assert isinstance(after_return(Failed("no"), policy, run_count), Retry) == (run_count <= retries)
    assert isinstance(retry_or(Failed("no"), policy, run_count), Retry) == (run_count <= retries)
    assert after_return(Completed(), policy, run_count).is_completed()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry_delay_seconds": -1}, "retry_delay_seconds is a number of seconds"),
        ({"retry_delay_seconds": [1, "2"]}, "retry_delay_seconds is a number of seconds"),
        ({"retry_delay_seconds": "soon"}, "retry_delay_seconds is a number of seconds"),
        ({"retry_jitter_factor": -0.5}, "retry_jitter_factor says how far"),
        ({"retry_condition_fn": 5}, "retry_condition_fn is an ordinary function"),
    ],
)
def test_what_says_nothing_about_retries_is_refused_at_once(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        task(retries=1, **options)(print)


def test_options_of_retries_are_kept_and_changed_by_with_options():
    @task(retries=2, retry_delay_seconds=[1, 2], retry_jitter_factor=0.5, retry_condition_fn=lambda *given: True)
    def work():
        return 1

    other = work.with_options(retry_delay_seconds=9)

    assert (other.retries, other.retry_delay_seconds, other.retry_jitter_factor) == (2, 9, 0.5)
    assert other.retry_condition_fn is work.retry_condition_fn
