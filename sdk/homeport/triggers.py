"""When a task may run, given how the tasks before it ended. Each is a function of their states, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from homeport.engine import signals
from homeport.engine.states import State

States = Mapping[Any, State]
Trigger = Callable[[States], bool]


def all_successful(upstream_states: States) -> bool:
    """All succeeded, or were skipped. The default."""
    return all(state.is_completed() for state in upstream_states.values())


def all_failed(upstream_states: States) -> bool:
    """All failed."""
    return all(_failed(state) for state in upstream_states.values())


def any_successful(upstream_states: States) -> bool:
    """At least one succeeded; true if there are none."""
    return not upstream_states or any(state.is_completed() for state in upstream_states.values())


def any_failed(upstream_states: States) -> bool:
    """At least one failed; true if there are none."""
    return not upstream_states or any(_failed(state) for state in upstream_states.values())


def all_finished(upstream_states: States) -> bool:
    """All ended, however."""
    return all(state.is_final() for state in upstream_states.values())


always_run = all_finished


def not_all_skipped(upstream_states: States) -> bool:
    """All succeeded, and at least one was not skipped; where all were skipped, the task is skipped too."""
    states = upstream_states.values()
    if upstream_states and all(state.is_skipped() for state in states):
        raise signals.SKIP("Everything before this task was skipped.")
    return all(state.is_completed() for state in states)


def manual_only(upstream_states: States) -> bool:
    """Never by itself: the task waits for somebody to say that it may run. Raises the signal PAUSE."""
    raise signals.PAUSE("It runs only when somebody says so.")


def some_failed(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """A trigger: between so many failed. A number below 1 (as 0.5) is a share of all."""
    return _some("some_failed", _failed, at_least, at_most)


def some_successful(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """A trigger: between so many succeeded. A number below 1 (as 0.5) is a share of all."""
    return _some("some_successful", State.is_completed, at_least, at_most)


BUILT_IN = frozenset({all_successful, all_failed, any_successful, any_failed, all_finished, not_all_skipped})
"""Those whose answer depends on nothing but how many of the states are of which kind."""


def _failed(state: State) -> bool:
    return state.is_final() and not state.is_completed()


def _some(name: str, counts: Callable[[State], bool], at_least: float | None, at_most: float | None) -> Trigger:
    def trigger(upstream_states: States) -> bool:
        if not upstream_states:
            return True
        total = len(upstream_states)
        count = sum(1 for state in upstream_states.values() if counts(state))
        low = 0.0 if at_least is None else _number(at_least, total)
        high = float(total) if at_most is None else _number(at_most, total)
        return low <= count <= high

    trigger.__name__ = name
    return trigger


def _number(bound: float, total: int) -> float:
    return bound * total if 0 < bound < 1 else float(bound)
