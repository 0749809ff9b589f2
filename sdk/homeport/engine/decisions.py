"""What the engine decides: may a task start, what does an outcome mean, is it tried again. No I/O, no clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from homeport import triggers
from homeport.engine import signals, states
from homeport.engine import state as older
from homeport.engine.cancellation import RunCancelled
from homeport.engine.retry_policy import Delay as Delay
from homeport.engine.retry_policy import RetryPolicy as RetryPolicy
from homeport.engine.states import State
from homeport.engine.worker_errors import WorkerDied

MESSAGE_LENGTH = 4_000
"""Characters of an exception in a state's message; the whole of it is in the log."""

NOT_ENOUGH_MEMORY = "Take the data in smaller pieces, fewer of them at a time, or run where there is more."

Subject = tuple[Any, Any]
"""A task and its run: what a `retry_condition_fn` is asked about."""


class TimeLimitReached(BaseException):
    """Raised in user code that ran longer than it may. Not an Exception: user code must not swallow it by accident."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Ran longer than its timeout of {seconds:g} s.")
        self.seconds = seconds


class Abandoned(BaseException):
    """Raised in a call that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Call again, after so many seconds; `state` is where the run is meanwhile."""

    state: State
    seconds: float
    start_time: datetime | None = None
    failed: State | None = None
    """The failure that it follows; None where the task asked for it."""


@dataclass(frozen=True, slots=True)
class Round:
    """Call again at once, in the next round of a loop; `state` says so, and `result` is what the last one left."""

    state: State
    result: Any


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for somebody to say that it may go on; `state` is where the run is meanwhile."""

    state: State


Outcome = State | Retry | Round | Hold


def start_verdict(
    trigger: triggers.Trigger, upstream: Mapping[Any, State], *, skip_on_upstream_skip: bool
) -> State | Hold | None:
    """None when the task may start; else the state that it gets without being called, or the order to hold it."""
    waiting = [key for key, state in upstream.items() if not state.is_final()]
    if waiting:
        names = ", ".join(str(getattr(key, "name", key)) for key in waiting[:3])
        return states.Pending(f"Waits for what is paused: {names}{', …' if len(waiting) > 3 else ''}.")
    if not upstream and trigger is triggers.all_successful:
        return None
    if skip_on_upstream_skip and any(state.name == "Skipped" for state in upstream.values()):
        return states.Skipped("A task before this one was skipped.")
    try:
        if trigger(upstream):
            return None
        message = f"The trigger {_name_of(trigger)} was not met: {_tally(upstream)}."
    except signals.Signal as signal:
        found = _after_signal(signal, RetryPolicy(), 0, None)
        return found if isinstance(found, State | Hold) else states.TriggerFailed(signal.message, data=signal)
    except Exception as error:
        message = f"The trigger {_name_of(trigger)} raised {described(error)}"
    return states.TriggerFailed(message, data=_first_error(upstream.values()))


def after_return(value: Any, policy: RetryPolicy, run_count: int, subject: Subject | None = None) -> Outcome:
    """The state of a task whose function returned; a failed state that it returned is retried as what it raises is."""
    if isinstance(value, State):
        return _after_state(value, policy, run_count, subject)
    return State(states.StateType.COMPLETED, "Completed", "", data=value)


def after_exception(
    error: BaseException, policy: RetryPolicy, run_count: int, subject: Subject | None = None
) -> Outcome:
    """The state of a run whose function raised, or the order to call it again; `run_count` calls were made."""
    if isinstance(error, signals.Signal):
        return _after_signal(error, policy, run_count, subject)
    if is_foreign(error):
        return failure(error)
    return retry_or(failure(error), policy, run_count, subject)


def retry_or(failed: State, policy: RetryPolicy, run_count: int, subject: Subject | None = None) -> State | Retry:
    """The failed state, or the order to call again where retries are left."""
    error = failed.data if isinstance(failed.data, BaseException) else None
    if run_count > policy.retries or not policy.applies_to(error):
        return failed
    try:
        task, task_run = subject or (None, None)
        if policy.condition is not None and not policy.condition(task, task_run, failed):
            return failed
    except Exception as raised:
        return _not_retried(failed, f"its retry_condition_fn raised {described(raised)}")
    try:
        seconds = policy.seconds_before(run_count)
    except Exception as raised:
        return _not_retried(failed, f"its retry_delay_seconds raised {described(raised)}")
    return replace(_retry(failed.message, seconds, f"retry {run_count} of {policy.retries}"), failed=failed)


def as_outcome(state: State) -> Outcome:
    """What a state means that user code chose: an end, a retry at its time, or a wait for somebody."""
    if state.type is states.StateType.SCHEDULED:
        return Retry(older.plain(state), 0.0, getattr(state, "start_time", None))
    if state.type is states.StateType.PAUSED:
        return Hold(older.plain(state))
    if isinstance(state, older.Looped):
        return Round(older.plain(state), state.data)
    if not state.is_final():
        return states.Failed(f"A run cannot end in the state {state.name}: it has run already.")
    return older.plain(state)


def is_foreign(error: BaseException) -> bool:
    """Whether this was not meant for whoever handles errors, as pytest's `fail()`: it ends the run, without retries."""
    return not isinstance(error, Exception | TimeLimitReached | SystemExit)


def is_stop(error: BaseException) -> bool:
    """Whether this is no failure of user code, but its end from outside."""
    asyncio = sys.modules.get("asyncio")  # nobody cancels a coroutine where asyncio was never imported
    return isinstance(error, RunCancelled | KeyboardInterrupt | GeneratorExit | Abandoned) or (
        asyncio is not None and isinstance(error, asyncio.CancelledError)
    )


def failure(error: BaseException) -> State:
    """The state that says what was raised."""
    if isinstance(error, TimeLimitReached):
        return states.TimedOut(str(error), data=TimeoutError(str(error)))
    if isinstance(error, SystemExit):
        return states.Failed(f"The code called sys.exit({error.code!r}).", data=UserExit(error.code))
    if isinstance(error, WorkerDied):
        return states.Crashed(str(error), data=error)
    if isinstance(error, MemoryError):
        told = described(error)
        return states.Failed(f"{told}: there was not enough memory. {NOT_ENOUGH_MEMORY}", data=error)
    return states.Failed(described(error), data=error)


def described(error: BaseException) -> str:
    """`ValueError: message`, for any exception, one that cannot be printed included."""
    try:
        text = str(error)
    except Exception:
        text = "(its message cannot be shown)"
    name = type(error).__name__
    return f"{name}: {text[:MESSAGE_LENGTH]}" if text else name


class UserExit(Exception):  # noqa: N818 - named for what happened
    """User code called sys.exit(); as an ordinary exception, so that it ends the run and not the process."""

    def __init__(self, code: object) -> None:
        super().__init__(f"The code called sys.exit({code!r}).")
        self.code = code


def combined(found: Sequence[State], value: Any, names: Sequence[str] = ()) -> State:
    """The state of a flow that is judged by these states: failed if one did not complete, whose name is told."""
    bad = [state for state in found if state.type is not states.StateType.COMPLETED]
    paused = [state for state in bad if state.type in (states.StateType.PAUSED, states.StateType.PENDING)]
    if paused:
        return states.Paused(paused[0].message)
    if not bad:
        return State(states.StateType.COMPLETED, "Completed", "", data=value)
    whose = f", {names[next(i for i, state in enumerate(found) if state is bad[0])]}" if names else ""
    message = (
        f"{len(bad)} of {len(found)} task runs did not complete; the first{whose}: {bad[0].message or bad[0].name}"
    )
    return states.Failed(message, data=_first_error(bad))


def _after_signal(signal: signals.Signal, policy: RetryPolicy, run_count: int, subject: Subject | None) -> Outcome:
    if isinstance(signal, signals.SKIP):
        return states.Skipped(signal.message, data=signal.result)
    if isinstance(signal, signals.SUCCESS):
        return states.Completed(signal.message, data=signal.result)
    if isinstance(signal, signals.TRIGGERFAIL):
        return states.TriggerFailed(signal.message, data=signal)
    if isinstance(signal, signals.RETRY):
        if signal.start_time is not None:
            told = f"call {run_count + 1} at {signal.start_time.isoformat(timespec='seconds')}"
            message = f"{signal.message} — {told}" if signal.message else told
            return Retry(states.AwaitingRetry(message), 0.0, signal.start_time)
        seconds = policy.seconds_before(run_count) if signal.seconds is None else signal.seconds
        return _retry(signal.message, seconds, f"call {run_count + 1}")
    if isinstance(signal, signals.LOOP):
        return Round(states.Looped(signal.message), signal.result)
    if isinstance(signal, signals.PAUSE):
        return Hold(states.Paused(signal.message))
    if isinstance(signal, signals.ENDRUN):
        return as_outcome(signal.state)
    if isinstance(signal, signals.VALIDATIONFAIL):
        found = states.ValidationFailed(signal.message or "The task raised VALIDATIONFAIL.", data=signal)
        return retry_or(found, policy, run_count, subject)
    return retry_or(states.Failed(signal.message or "The task raised FAIL.", data=signal), policy, run_count, subject)


def _after_state(value: State, policy: RetryPolicy, run_count: int, subject: Subject | None) -> Outcome:
    outcome = as_outcome(value) if isinstance(value, older.State) or not value.is_final() else value
    if isinstance(outcome, State) and outcome.type is states.StateType.FAILED:
        return retry_or(outcome, policy, run_count, subject)
    return outcome


def _retry(reason: str, seconds: float, which: str) -> Retry:
    message = f"{reason} — {which} in {seconds:g} s" if reason else f"{which} in {seconds:g} s"
    return Retry(states.AwaitingRetry(message), seconds)


def _not_retried(failed: State, why: str) -> State:
    return replace(failed, message=f"{failed.message} — not tried again: {why}")


def _tally(upstream: Mapping[Any, State]) -> str:
    bad = [(key, state) for key, state in upstream.items() if not state.is_completed()]
    text = f"{len(bad)} of {len(upstream)} upstream task runs did not complete"
    if not bad:
        return f"all {len(upstream)} upstream task runs completed"
    names = ", ".join(f"{getattr(key, 'name', key)} ({state.name})" for key, state in bad[:3])
    return f"{text}: {names}{', …' if len(bad) > 3 else ''}"


def _first_error(found: Iterable[State]) -> BaseException | None:
    return next((state.data for state in found if isinstance(state.data, BaseException)), None)


def _name_of(trigger: Callable[..., Any]) -> str:
    return getattr(trigger, "__name__", repr(trigger))
