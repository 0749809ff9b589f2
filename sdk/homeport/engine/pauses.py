"""A run that waits for a person: what it asks, who is asked, and how its code waits for the answer.

A run of an agent, or one that is recorded, asks by way of the control plane. A run on a terminal asks whoever sits
there, and a run in a test is answered by the test.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun

SHORT = 0.25
"""Waits are cut into pieces of this length (s): an exception that stops a thread gets in between two of them."""
RESUMED, TIMED_OUT = "RESUMED", "TIMED_OUT"


class FlowPauseTimeout(Exception):  # noqa: N818 - the 2.x name
    """Nobody resumed the run in time."""


class NobodyToAsk(RuntimeError):  # noqa: N818 - named for what is the case
    """The run cannot pause, because nobody could ever resume it."""


class SuspendRun(BaseException):
    """Ends the code of a run that suspends; its next attempt goes on. `except Exception` does not swallow it."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The run suspends at {key!r}.")
        self.key = key


@dataclass(frozen=True, slots=True)
class Question:
    """What the code of a run asks of a person; `schema` is None where it only wants to be resumed."""

    key: str
    message: str = ""
    schema: dict[str, Any] | None = None
    timeout: float | None = None
    suspends: bool = False
    task_run_id: UUID | None = None

    @property
    def fields(self) -> list[str]:
        """The names of what has to be given."""
        return list((self.schema or {}).get("properties", {}))


def told(question: Question, run_id: str) -> str:
    """What a log says of a question that waits at the control plane: where, for what, and the command that answers it.

    Whoever looks on while a run is executed in a terminal has nothing else to go by.
    """
    verb = "Suspended" if question.suspends else "Paused"
    says = f" {question.message.strip()}" if question.message.strip() else ""
    fields = f"input ({', '.join(question.fields)})" if question.schema is not None else "somebody to resume it"
    command = ["homeport", "flow-run", "resume", run_id, "--key", shlex.quote(question.key)]
    command += [f"--input {name}=..." for name in question.fields]
    return f"{verb} at {question.key!r}:{says}\nWaits for {fields}: {' '.join(command)}"


@dataclass(slots=True)
class Ticket:
    """A question that was put, and, once it is there, its answer: `outcome` RESUMED with an input, or TIMED_OUT."""

    question: Question
    outcome: str | None = None
    input: dict[str, Any] | None = None
    withdraw: Callable[[], object] = lambda: None
    _answered: threading.Event = field(default_factory=threading.Event)
    _then: list[Callable[[], object]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, outcome: str, input: dict[str, Any] | None = None) -> None:
        """Take the answer; the first stands."""
        with self._lock:
            if self.outcome is not None:
                return
            self.outcome, self.input = outcome, input
            then, self._then = self._then, []
        self._answered.set()
        for call in then:
            call()

    def when_answered(self, call: Callable[[], object]) -> None:
        """Call this once the answer is there, from whichever thread brings it; at once if it is there."""
        with self._lock:
            if self.outcome is None:
                self._then.append(call)
                return
        call()

    def wait(self) -> None:
        """Wait for the answer in this thread."""
        while not self._answered.wait(SHORT):
            continue


class Desk(Protocol):
    """Puts questions where somebody sees them."""

    def put(self, question: Question) -> Ticket:
        """The question's ticket, answered already where this place in the flow was answered before."""


class Answer:
    """Wait for the answer to a question; if the wait is cut short, the question is taken back."""

    __slots__ = ("ticket",)

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket

    def perform(self) -> None:
        """Wait in this thread."""
        try:
            self.ticket.wait()
        except BaseException:
            self.ticket.withdraw()
            raise

    async def perform_async(self) -> None:
        """Wait in this coroutine."""
        import asyncio

        loop = asyncio.get_running_loop()
        answered = asyncio.Event()
        self.ticket.when_answered(lambda: loop.call_soon_threadsafe(answered.set))
        try:
            await answered.wait()
        except BaseException:
            self.ticket.withdraw()
            raise


_desks: dict[UUID, Desk] = {}
test_desk: Desk | None = None
"""Who answers in a test, whatever else there is; set by `homeport.testing`."""


def open_desk(flow_run_id: UUID, desk: Desk) -> Callable[[], object]:
    """From now on questions of this run are put on this desk; what is returned takes it away again."""
    _desks[flow_run_id] = desk
    return lambda: _desks.pop(flow_run_id, None)


def desk_of(run: FlowRun) -> Desk | None:
    """Where the run's questions are put; None where nobody can be asked."""
    from homeport.engine.approvals import TerminalDesk, on_terminal

    if test_desk is not None:
        return test_desk
    if run.root.is_local and on_terminal():
        return TerminalDesk(run.root)
    return _desks.get(run.root.info.id)
