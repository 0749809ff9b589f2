"""State handlers: 1.x's functions that see each change of state before it happens, and may choose another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from homeport.engine import signals, states
from homeport.engine import state as older
from homeport.engine.decisions import Hold, Outcome, Retry, Round, after_exception, as_outcome, described
from homeport.engine.retry_policy import RetryPolicy
from homeport.engine.states import State, StateType
from homeport.engine.stories import story

StateHandler = Callable[[Any, older.State, older.State], Any]
"""`fn(task, old_state, new_state)`, or `fn(flow, old_state, new_state)`; None leaves the new state as it is."""

Log = Callable[[str, str], None]


def checked_handlers(handlers: Iterable[StateHandler] | None, of: str) -> tuple[StateHandler, ...]:
    """The handlers that were given; TypeError for what is no list of functions."""
    if handlers is None:
        return ()
    if callable(handlers) or not isinstance(handlers, Iterable):
        raise TypeError(
            f"{of}: state_handlers is a list of functions; it was given {handlers!r}. Write [...] around it."
        )
    found = tuple(handlers)
    for handler in found:
        if not callable(handler):
            raise TypeError(f"{of}: state_handlers is a list of functions; {handler!r} in it cannot be called.")
    return found


def handled(handlers: tuple[StateHandler, ...], subject: Any, old: State, new: State, log: Log) -> State:
    """The state after all handlers, in their order; the same object where none of them chose another.

    A handler that raises a signal chooses its state; one that raises anything else makes the run fail.
    """
    before, after = older.of(old), older.of(new)
    chosen = after
    for handler in handlers:
        try:
            answer = handler(subject, before, chosen)
        except signals.Signal as signal:
            return state_of(after_exception(signal, RetryPolicy(), 0))
        except Exception as error:
            name = getattr(handler, "__name__", repr(handler))
            log("ERROR", f"The state handler {name!r} raised an exception:\n{story(error)}")
            return states.Failed(f"The state handler {name!r} raised {described(error)}", data=error)
        if answer is not None and not isinstance(answer, State):
            name = getattr(handler, "__name__", repr(handler))
            log("ERROR", f"The state handler {name!r} returned {answer!r}: it returns a state, or None.")
            return states.Failed(f"The state handler {name!r} returned {answer!r}, which is no state.")
        chosen = chosen if answer is None else older.of(answer)
    return new if chosen is after else chosen


def outcome_after(handlers: tuple[StateHandler, ...], task: Any, old: State, outcome: Outcome, log: Log) -> Outcome:
    """What happens after a call, once the handlers have seen it. A retried failure is two changes, as in 1.x."""
    if isinstance(outcome, Retry) and outcome.failed is not None:
        failed = handled(handlers, task, old, outcome.failed, log)
        if failed.type is not StateType.FAILED:
            return as_outcome(failed)
        old = failed
    new = outcome if isinstance(outcome, State) else outcome.state
    shown = older.of(new)
    if isinstance(outcome, Round):
        shown = older.Looped(new.message, outcome.result)
    elif isinstance(outcome, Retry):
        object.__setattr__(shown, "start_time", outcome.start_time)
    chosen = handled(handlers, task, old, shown, log)
    return outcome if chosen is shown else as_outcome(chosen)


def state_of(outcome: Outcome) -> State:
    """The state that goes with an outcome."""
    return outcome.state if isinstance(outcome, Retry | Round | Hold) else outcome
