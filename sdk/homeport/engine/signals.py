"""Exceptions by which a task says how it ends: raise SKIP("nothing new today")."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.engine.states import State


class Signal(Exception):  # noqa: N818 - the 1.x names are what users type
    """The base of all signals; `result` becomes the state's result."""

    def __init__(self, message: str = "", *, result: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


class FAIL(Signal):
    """The task failed, and is retried if retries are left."""


class TRIGGERFAIL(FAIL):
    """The task may not run: raised by a trigger, or by the task itself. It is not retried."""


class VALIDATIONFAIL(FAIL):
    """What the task made is not what it should be; retried as a failure is."""


class SKIP(Signal):
    """The task has nothing to do; tasks behind it are skipped too, unless they say otherwise."""


class SUCCESS(Signal):
    """The task is done."""


class LOOP(Signal):
    """Call the task again at once, with its arguments; `homeport.context` has `task_loop_count` and this `result`.

    Each round has all of the task's retries.
    """


class RETRY(Signal):
    """Call the task again, whatever retries are left: at `start_time`, or after `seconds`, or after its own delay.

    Raises TypeError if it is given both.
    """

    def __init__(
        self,
        message: str = "",
        *,
        seconds: float | None = None,
        start_time: datetime | None = None,
        result: Any = None,
    ) -> None:
        super().__init__(message, result=result)
        if seconds is not None and start_time is not None:
            raise TypeError("RETRY takes start_time or seconds, not both: each says when to call again.")
        self.seconds = seconds
        self.start_time = in_utc(start_time)


class PAUSE(Signal):
    """Wait for somebody to say that the task may go on; it is then called again, with `context.resume` true."""


class ENDRUN(Signal):
    """End the task run in this state."""

    def __init__(self, state: State) -> None:
        super().__init__(state.message, result=state.data)
        self.state = state


def signal_from_state(state: State) -> Signal:
    """The signal that ends a task in this state: `raise signal_from_state(state)`."""
    return ENDRUN(state)


def in_utc(time: datetime | None) -> datetime | None:
    """The time with its zone; one without is taken as UTC, as in 1.x."""
    return time if time is None or time.tzinfo is not None else time.replace(tzinfo=UTC)
