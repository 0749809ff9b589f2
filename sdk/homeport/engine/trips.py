"""A task run whose function is called elsewhere: everything else about it is decided here, between two calls.

No thread waits for the call. Whoever hears of its outcome drives the task run on, to its next call or to its end.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

from homeport.engine.cancellation import RunCancelled
from homeport.engine.decisions import failure
from homeport.engine.drivers import Call, Io, Pause, drive
from homeport.engine.task_runs import cancelled, ended_by

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun

_STOPS = frozenset({Call, Io, Pause})


class Elsewhere(Protocol):
    """Other processes that make the calls of one flow run's tasks."""

    def submit(self, trip: Trip) -> None:
        """Make the trip's calls, as soon as there is room. Returns at once."""

    def cancel(self, trip: Trip) -> None:
        """End the call that is being made; the trip then goes on with a RunCancelled. Returns at once."""

    def close(self) -> None:
        """End the processes that belong to this run, and wait for them."""


class Trip:
    """One task run on its way through other processes."""

    __slots__ = ("call", "cancelled", "context", "elsewhere", "number", "steps", "task_run")

    def __init__(self, task_run: TaskRun, context: Context, elsewhere: Elsewhere, number: int) -> None:
        self.task_run, self.context, self.elsewhere, self.number = task_run, context, elsewhere, number
        self.steps = task_run.steps()
        self.call: Call | None = None
        self.cancelled = False

    def begin(self) -> Call | None:
        """The call to make; the one that was not made yet, or the next one. None: there is none now, or no more."""
        return self.call if self.call is not None else self.go_on(None, None)

    def go_on(self, value: Any, error: BaseException | None) -> Call | None:
        """The call to make next, after the last one returned or raised this; None if there is none now, or no more."""
        task_run = self.task_run
        self.call = None
        # From here on a cancellation has to reach the worker; before it, and in a pause, it ends the task run at once.
        task_run.cancel_async = self._cancel
        try:
            effect = self.context.run(drive, self.steps, until=_STOPS, value=value, error=error)
        except BaseException as stop:
            task_run.finish(ended_by(stop))
            return None
        if type(effect) is Call:
            self.call = effect
            return effect
        task_run.cancel_async = None
        if type(effect) is Pause:
            if task_run.run.stop.is_set():
                return self.go_on(None, None)
            task_run.run.places.threads.later(effect.seconds, lambda: self.elsewhere.submit(self))
        elif type(effect) is Io:
            # Not by whoever brings outcomes: results of many tasks are kept at once, and nobody's call waits for it.
            task_run.run.places.threads.submit(lambda: self._after_io(effect))
        return None

    def give_up(self, error: Exception) -> None:
        """End it as it stands: nobody is there any more who could make its calls."""
        self.task_run.finish(cancelled(RunCancelled()) if self.cancelled else failure(error))
        with suppress(Exception):  # it is driven on elsewhere at this moment, and hears there that it has ended
            self.context.run(self.steps.close)

    def _after_io(self, effect: Io) -> None:
        try:
            value = self.context.run(effect.perform)
        except BaseException as error:
            call = self._unless_ended(None, error)
        else:
            call = self._unless_ended(value, None)
        if call is not None:
            self.elsewhere.submit(self)

    def _unless_ended(self, value: Any, error: BaseException | None) -> Call | None:
        if self.task_run.future.done():  # cancelled meanwhile
            self.steps.close()
            return None
        return self.go_on(value, error)

    def _cancel(self) -> None:
        self.cancelled = True
        self.elsewhere.cancel(self)
