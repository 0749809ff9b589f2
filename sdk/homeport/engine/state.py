"""States as 1.x code reads and writes them: `isinstance(state, Failed)`, `state.result` as a value and not a method.

The engine has one kind of state, with a type and a name. These are its views: what `flow.run()` of a graph flow
returns, what state handlers get, and what they may return.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from homeport.engine import states
from homeport.engine.signals import in_utc
from homeport.engine.states import StateType
from homeport.results.stored import unwrapped


class State(states.State):
    """A state whose `result` is the task's result, or its exception; a flow's is a dict of its tasks' states."""

    __slots__ = ("loop_count", "map_states", "start_time")
    kind: ClassVar[tuple[StateType, str] | None] = None
    map_states: list[State]
    start_time: datetime | None
    loop_count: int | None

    def __init__(self, message: str | None = None, result: Any = None) -> None:
        """A state with this message and result. Raises TypeError for a kind that is only the base of others."""
        if self.kind is None:
            raise TypeError(
                f"{type(self).__name__} is the base of other states; use one of them, as Success or Failed."
            )
        _fill(self, states.State(*self.kind, message or "", data=result))

    @property
    def result(self) -> Any:
        """The result."""
        if type(self.data) is list and self.map_states:
            return [unwrapped(value) for value in self.data]
        return unwrapped(self.data)

    def with_message(self, message: str) -> Self:
        """The same state with another message."""
        made: Self = _fill(type(self).__new__(type(self)), self)
        for name, value in (("message", message), *((name, getattr(self, name)) for name in State.__slots__)):
            object.__setattr__(made, name, value)
        return made

    def is_mapped(self) -> bool:
        """True for a mapped task, whose `map_states` are the states of its calls."""
        return isinstance(self, Mapped) or bool(self.map_states)

    def is_finished(self) -> bool:
        """True when nothing comes after."""
        return isinstance(self, Finished)

    def is_pending(self) -> bool:
        """True before user code starts, and while the run waits for its time."""
        return isinstance(self, Pending)

    def is_retrying(self) -> bool:
        """True while a retry is waited for."""
        return isinstance(self, Retrying)

    def is_looped(self) -> bool:
        """True when the task asked for another round."""
        return isinstance(self, Looped)

    def is_cached(self) -> bool:
        """True when the result was there already."""
        return isinstance(self, Cached)

    @classmethod
    def children(cls) -> list[type[State]]:
        """The states that are of this kind."""
        below = cls.__subclasses__()
        return [*below, *(one for direct in below for one in direct.children())]

    @classmethod
    def parents(cls) -> list[type[State]]:
        """The states that this is one of."""
        return [one for one in cls.__mro__[1:] if issubclass(one, State)]

    def __repr__(self) -> str:
        return f'<{type(self).__name__}: "{self.message}">' if self.message else f"<{type(self).__name__}>"

    __str__ = __repr__


class Pending(State):
    """Not started."""

    __slots__ = ()
    kind = (StateType.PENDING, "Pending")


class Scheduled(Pending):
    """Waits for its time."""

    __slots__ = ()
    kind = (StateType.SCHEDULED, "Scheduled")

    def __init__(self, message: str | None = None, result: Any = None, start_time: datetime | None = None) -> None:
        """`start_time` is when it may start; now if not given."""
        super().__init__(message, result)
        object.__setattr__(self, "start_time", in_utc(start_time))


class Retrying(Scheduled):
    """Waits for its next try."""

    __slots__ = ()
    kind = (StateType.SCHEDULED, "AwaitingRetry")


class Paused(Scheduled):
    """Waits for somebody to say that it may go on."""

    __slots__ = ()
    kind = (StateType.PAUSED, "Paused")


class Running(State):
    """User code runs."""

    __slots__ = ()
    kind = (StateType.RUNNING, "Running")


class Cancelling(Running):
    """It was asked to stop."""

    __slots__ = ()
    kind = (StateType.CANCELLING, "Cancelling")


class Finished(State):
    """Nothing comes after."""

    __slots__ = ()


class Looped(Finished):
    """The task asked for another round."""

    __slots__ = ()
    kind = (StateType.RUNNING, "Looped")

    def __init__(self, message: str | None = None, result: Any = None, loop_count: int | None = None) -> None:
        """`loop_count` is how many rounds there were."""
        super().__init__(message, result)
        object.__setattr__(self, "loop_count", loop_count)


class Success(Finished):
    """It did its work."""

    __slots__ = ()
    kind = (StateType.COMPLETED, "Completed")


class Cached(Success):
    """Its result was there already."""

    __slots__ = ()
    kind = (StateType.COMPLETED, "Cached")


class Mapped(Success):
    """All calls of a map succeeded; `map_states` are theirs."""

    __slots__ = ()
    kind = (StateType.COMPLETED, "Mapped")

    def __init__(self, message: str | None = None, result: Any = None, map_states: list[State] | None = None) -> None:
        """`map_states` are the states of the calls."""
        super().__init__(message, result)
        object.__setattr__(self, "map_states", map_states or [])


class Skipped(Success):
    """It was left out, which counts as success."""

    __slots__ = ()
    kind = (StateType.COMPLETED, "Skipped")


class Failed(Finished):
    """The code failed."""

    __slots__ = ()
    kind = (StateType.FAILED, "Failed")


class TimedOut(Failed):
    """It took longer than it may."""

    __slots__ = ()
    kind = (StateType.FAILED, "TimedOut")


class TriggerFailed(Failed):
    """It was not started, because of how the tasks before it ended."""

    __slots__ = ()
    kind = (StateType.FAILED, "TriggerFailed")


class ValidationFailed(Failed):
    """What it made is not what it should be."""

    __slots__ = ()
    kind = (StateType.FAILED, "ValidationFailed")


class Crashed(Failed):
    """The infrastructure failed."""

    __slots__ = ()
    kind = (StateType.CRASHED, "Crashed")


class Cancelled(Finished):
    """Somebody stopped it."""

    __slots__ = ()
    kind = (StateType.CANCELLED, "Cancelled")


def of(state: states.State, *, map_states: list[State] | None = None, data: Any = None) -> State:
    """The same state, to be read as in 1.x; of a mapped task with the states of its calls, and the list of results."""
    if isinstance(state, State) and map_states is None:
        return state
    kind = _BY_NAME.get((state.type, state.name)) or _BY_TYPE[state.type]
    if map_states is not None and kind is Success:
        kind = Mapped
    made: State = _fill(kind.__new__(kind), state)
    object.__setattr__(made, "map_states", map_states or [])
    if map_states is not None:
        object.__setattr__(made, "data", data)
    return made


def mapped(state: states.State, children: list[State]) -> State:
    """The state of a mapped task, whose result is the list of its calls' results."""
    return of(state, map_states=children, data=[child.data for child in children])


def plain(state: states.State) -> states.State:
    """The state as the engine keeps it."""
    if not isinstance(state, State):
        return state
    return states.State(state.type, state.name, state.message, state.at, state.data, state.result_reference)


def _fill(made: Any, state: states.State) -> Any:
    for name in ("type", "name", "message", "at", "data", "result_reference"):
        object.__setattr__(made, name, getattr(state, name))
    for name, value in (("map_states", []), ("start_time", None), ("loop_count", None)):
        object.__setattr__(made, name, value)
    return made


def _kinds(base: type[State]) -> list[type[State]]:
    return [one for one in base.children() if one.kind is not None]


_BY_NAME: dict[tuple[StateType, str], type[State]] = {one.kind: one for one in _kinds(State) if one.kind is not None}
_BY_TYPE: dict[StateType, type[State]] = {
    StateType.SCHEDULED: Scheduled,
    StateType.PENDING: Pending,
    StateType.RUNNING: Running,
    StateType.PAUSED: Paused,
    StateType.CANCELLING: Cancelling,
    StateType.COMPLETED: Success,
    StateType.FAILED: Failed,
    StateType.CRASHED: Crashed,
    StateType.CANCELLED: Cancelled,
}
