"""Assertions about runs, whose failures say what happened instead."""

from __future__ import annotations

import re
from typing import Any

from homeport.engine.states import State
from homeport.testing.tried_runs import TriedRun

LAST_LINES = 5


def assert_completed(run: TriedRun | State) -> Any:
    """Assert that the run completed; its result. Otherwise the AssertionError has the state and the last log lines."""
    state = run.state if isinstance(run, TriedRun) else run
    if not state.is_completed():
        raise AssertionError(f"The run did not complete: {state}{_story(run)}") from _error(state)
    return state.data


def assert_failed(run: TriedRun | State, match: str | None = None) -> BaseException | None:
    """Assert that the run failed, with a message in which the pattern is found; the exception that it failed with.

    Otherwise the AssertionError has the state and the last log lines.
    """
    state = run.state if isinstance(run, TriedRun) else run
    if not state.is_failed():
        raise AssertionError(f"The run did not fail: {state}{_story(run)}") from _error(state)
    if match is not None and not re.search(match, state.message):
        raise AssertionError(f"The run failed, but its message does not match {match!r}: {state.message}")
    return _error(state)


def _error(state: State) -> BaseException | None:
    return state.data if isinstance(state.data, BaseException) else None


def _story(run: TriedRun | State) -> str:
    if not isinstance(run, TriedRun):
        return ""
    tasks = [f"{kept.name} {kept.state.name if kept.state else 'Pending'}" for kept in run.reported.task_runs.values()]
    lines = ["", "Task runs: " + (", ".join(tasks) or "none"), "Its last lines:", *run.messages[-LAST_LINES:]]
    return "\n".join(lines)
