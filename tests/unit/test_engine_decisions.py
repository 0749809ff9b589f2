"""What the engine decides, without running anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport import triggers
from homeport.engine import signals
from homeport.engine.decisions import Retry, RetryPolicy, after_exception, combined, start_verdict
from homeport.states import Completed, Failed, Skipped, TriggerFailed

C, F, S = Completed(), Failed(), Skipped()


@pytest.mark.parametrize(
    ("trigger", "yes", "no"),
    [
        (triggers.all_successful, [[C, C], [C, S], []], [[C, F]]),
        (triggers.all_failed, [[F, F], []], [[C, F]]),
        (triggers.any_successful, [[C, F], []], [[F, F]]),
        (triggers.any_failed, [[C, F], []], [[C, S]]),
        (triggers.all_finished, [[C, F], [F], []], []),
        (triggers.always_run, [[F]], []),
        (triggers.not_all_skipped, [[C, S], []], [[S, F], [C, F]]),
        (triggers.some_failed(at_least=2), [[F, F, C]], [[F, C, C]]),
        (triggers.some_failed(at_most=0.5), [[F, C], [C, C]], [[F, F, C]]),
        (triggers.some_successful(at_least=0.5), [[C, F]], [[C, F, F]]),
    ],
)
def test_a_trigger_is_a_function_of_the_states_before(trigger, yes, no):
    assert all(trigger(dict(enumerate(states))) for states in yes)
    assert not any(trigger(dict(enumerate(states))) for states in no)


def verdict(trigger, states, *, skip=True):
    return start_verdict(trigger, dict(enumerate(states)), skip_on_upstream_skip=skip)


def test_a_task_without_anything_before_it_starts():
    assert verdict(triggers.any_failed, []) is None


def test_a_skip_before_it_skips_a_task_whatever_its_trigger():
    assert verdict(triggers.always_run, [C, S]).name == "Skipped"
    assert verdict(triggers.always_run, [C, S], skip=False) is None


def test_where_everything_was_skipped_not_all_skipped_skips_too():
    assert verdict(triggers.not_all_skipped, [S, S], skip=False).name == "Skipped"


def test_a_trigger_that_raises_says_what():
    def broken(states):
        raise KeyError("typo")

    def refuses(states):
        raise signals.SKIP("not today")

    assert "KeyError: 'typo'" in verdict(broken, [C]).message
    assert verdict(refuses, [C]).name == "Skipped"


@given(st.lists(st.sampled_from([C, F, S]), max_size=8))
def test_the_default_trigger_lets_start_exactly_what_has_only_successes_before_it(states):
    decided = verdict(triggers.all_successful, states)

    assert (decided is None) == all(state is C for state in states)


@given(st.integers(0, 5), st.integers(1, 8))
def test_a_failure_is_retried_exactly_as_often_as_retries_are_left(retries, run_count):
    decided = after_exception(ValueError(), RetryPolicy(retries), run_count)

    assert isinstance(decided, Retry) == (run_count <= retries)


def test_a_failure_without_a_policy_is_final():
    assert after_exception(ValueError("x"), RetryPolicy(), 1).message == "ValueError: x"
    assert after_exception(signals.TRIGGERFAIL("no"), RetryPolicy(), 1).name == "TriggerFailed"


def test_states_together_fail_if_one_did_not_complete():
    error = ValueError("first")

    assert combined([C, S], 7).result() == 7
    assert combined([C, Failed("bad", data=error), TriggerFailed()], 7).data is error
    assert combined([C, Failed("bad"), TriggerFailed()], 7).message.startswith("2 of 3 task runs did not complete")
