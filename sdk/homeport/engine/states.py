"""What happened to a run: a type out of nine, a name for people, a message, and when."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, overload

from homeport.results.stored import Stored

if TYPE_CHECKING:
    # With a default, so that `State` alone is the state of any run; Python has these from 3.13 on.
    from typing_extensions import TypeVar

    R = TypeVar("R", default=Any, covariant=True)
else:
    from typing import TypeVar

    R = TypeVar("R", covariant=True)


class StateType(str, Enum):  # noqa: UP042 - formats as its value, as users of 2.x expect
    """The nine types that decide what may come next."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    __str__ = str.__str__


FINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})
UNSUCCESSFUL = FINAL - {StateType.COMPLETED}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False)
class State(Generic[R]):
    """One entry of a run's history. `data` (a result, or an exception) never leaves the process;
    `result_reference` (kind, key, serializer, size, sha256, which storage) says where a result was kept, and does."""

    type: StateType
    name: str
    message: str = ""
    at: datetime = field(default_factory=_now)
    data: Any = field(default=None, repr=False)
    result_reference: dict[str, Any] | None = field(default=None, repr=False)

    @overload
    def result(self, raise_on_failure: Literal[True] = ...) -> R: ...
    @overload
    def result(self, raise_on_failure: bool) -> R | BaseException: ...
    @overload
    def result(self, raise_on_failure: bool = ..., fetch: bool | None = ...) -> Any: ...
    def result(self, raise_on_failure: bool = True, fetch: bool | None = None) -> Any:
        """What the run returned; the exception of a run that failed is raised, or returned if asked to.

        A kept result is read here where it is needed, so `fetch` need not be given; with `fetch=True` in async code
        this is to be awaited, as in 2.x.
        """
        if fetch and _in_async_code():
            return self._fetched(raise_on_failure)
        if self.type is StateType.COMPLETED:
            return self.data if type(self.data) is not Stored else self.data.get()
        if self.type not in FINAL:
            raise RuntimeError(f"The run is not finished: its state is {self.name}. Wait for it first.")
        __tracebackhide__ = True
        error = self.data if isinstance(self.data, BaseException) else UnsuccessfulRun(self)
        if raise_on_failure:
            from homeport.engine.stories import without_engine

            raise error.with_traceback(without_engine(error.__traceback__))
        return error

    async def _fetched(self, raise_on_failure: bool) -> Any:
        import asyncio

        return await asyncio.to_thread(self.result, raise_on_failure)

    def is_final(self) -> bool:
        """True when nothing comes after."""
        return self.type in FINAL

    def is_completed(self) -> bool:
        """True when the run did its work."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """True when the code failed."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """True when the infrastructure failed."""
        return self.type is StateType.CRASHED

    def is_cancelled(self) -> bool:
        """True when somebody stopped the run."""
        return self.type is StateType.CANCELLED

    def is_running(self) -> bool:
        """True while user code runs."""
        return self.type is StateType.RUNNING

    def is_pending(self) -> bool:
        """True before user code starts."""
        return self.type is StateType.PENDING

    def is_scheduled(self) -> bool:
        """True while the run waits for its time."""
        return self.type is StateType.SCHEDULED

    def is_paused(self) -> bool:
        """True while the run waits for somebody."""
        return self.type is StateType.PAUSED

    def is_skipped(self) -> bool:
        """True when the task was left out, which counts as success."""
        return self.name == "Skipped"

    def with_message(self, message: str) -> Self:
        """The same state with another message."""
        return replace(self, message=message)

    # The 1.x spellings.
    is_finished = is_final
    is_successful = is_completed

    def __str__(self) -> str:
        return f"{self.name}({self.message!r})" if self.message else f"{self.name}()"


def _in_async_code() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def shown(state: State) -> str:
    """The state as a line of a log says it, whatever kind of view it is."""
    return State.__str__(state)


class UnsuccessfulRun(Exception):  # noqa: N818 - named for what happened
    """Raised for the result of a run that ended without one and without an exception of its own."""

    def __init__(self, state: State) -> None:
        super().__init__(state.message or f"The run ended in the state {state.name}.")
        self.state = state


if TYPE_CHECKING:

    class Maker(Protocol):
        """Makes states of one type."""

        def __call__(self, message: str = ..., *, name: str = ..., data: Any = ...) -> State:
            """A state with this message, under another name than its usual one if that is given."""


def _maker(type_: StateType, name: str) -> Maker:
    def make(message: str = "", *, name: str = name, data: Any = None) -> State:
        return State(type_, name, message, _now(), data)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A state of type {type_}, named {name}."
    return make


Scheduled: Maker = _maker(StateType.SCHEDULED, "Scheduled")
AwaitingRetry: Maker = _maker(StateType.SCHEDULED, "AwaitingRetry")
Pending: Maker = _maker(StateType.PENDING, "Pending")
Running: Maker = _maker(StateType.RUNNING, "Running")
Retrying: Maker = _maker(StateType.RUNNING, "Retrying")
Looped: Maker = _maker(StateType.RUNNING, "Looped")
Paused: Maker = _maker(StateType.PAUSED, "Paused")
Cancelling: Maker = _maker(StateType.CANCELLING, "Cancelling")
Completed: Maker = _maker(StateType.COMPLETED, "Completed")
Cached: Maker = _maker(StateType.COMPLETED, "Cached")
Skipped: Maker = _maker(StateType.COMPLETED, "Skipped")
Failed: Maker = _maker(StateType.FAILED, "Failed")
TimedOut: Maker = _maker(StateType.FAILED, "TimedOut")
TriggerFailed: Maker = _maker(StateType.FAILED, "TriggerFailed")
ValidationFailed: Maker = _maker(StateType.FAILED, "ValidationFailed")
Crashed: Maker = _maker(StateType.CRASHED, "Crashed")
Cancelled: Maker = _maker(StateType.CANCELLED, "Cancelled")
