"""Whether a paused task may go on, and how whoever sits at a terminal is asked.

Where nobody can be asked, a paused task stays Paused, what is behind it stays Pending, and so the run ends Paused.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

from homeport.engine.pauses import RESUMED, Answer, NobodyToAsk, Question, Ticket, desk_of

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.task_runs import TaskRun

_one_at_a_time = threading.Lock()


class Approval:
    """Ask whether a task run may go on; true or false."""

    __slots__ = ("desk", "message", "task_run")

    def __init__(self, task_run: TaskRun, message: str) -> None:
        self.task_run, self.message = task_run, message
        self.desk = desk_of(task_run.run)

    @property
    def asks_here(self) -> bool:
        """Whether the answer comes while this thread asks, from a terminal, or not at all."""
        return self.desk is None or isinstance(self.desk, TerminalDesk)

    @property
    def key(self) -> str:
        """Names the task run, alike in each attempt of the run."""
        inside = self.task_run.run.identity.strip("/")
        return f"{inside}/{self.task_run.identity}" if inside else self.task_run.identity

    @property
    def question(self) -> Question:
        """What is asked."""
        return Question(self.key, self.message, task_run_id=self.task_run.id)

    def put(self) -> Ticket | None:
        """The question, put where somebody sees it; None where nobody can be asked."""
        return None if self.desk is None else self.desk.put(self.question)

    def perform(self) -> bool:
        """Wait for the answer in this thread."""
        if isinstance(self.desk, TerminalDesk):
            return ask_on_terminal(self.task_run.name, self.message)
        ticket = self.put()
        if ticket is None:
            return False
        Answer(ticket).perform()
        return ticket.outcome == RESUMED

    async def perform_async(self) -> bool:
        """Wait for the answer without blocking the event loop."""
        import asyncio

        if self.asks_here:
            return await asyncio.to_thread(self.perform)
        ticket = await asyncio.to_thread(self.put)
        if ticket is None:
            return False
        await Answer(ticket).perform_async()
        return ticket.outcome == RESUMED


def on_terminal() -> bool:
    """Whether somebody can be asked here."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask_on_terminal(name: str, message: str) -> bool:
    """Ask on the terminal; false where there is none, where the answer is no, and at the end of the input."""
    if not on_terminal():
        return False
    with _one_at_a_time:
        sys.stderr.write(f"Task run {name!r} is paused: {message or 'no reason given'}\nGo on? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")


class TerminalDesk:
    """Asks whoever sits at the terminal, field by field."""

    def __init__(self, run: FlowRun) -> None:
        self._run = run

    def put(self, question: Question) -> Ticket:
        """The answered question. Raises NobodyToAsk at the end of the input."""
        ticket = Ticket(question)
        with _one_at_a_time:
            told = question.message or ("it needs something of you" if question.schema else "it waits for you")
            sys.stderr.write(f"Flow run {self._run.name!r} is paused at {question.key!r}: {told}\n")
            if question.schema is None:
                _read("Press Enter to go on. ", question.key)
                ticket.settle(RESUMED)
            else:
                ticket.settle(RESUMED, _read_fields(question))
        return ticket


def _read_fields(question: Question) -> dict[str, Any]:
    schema = question.schema or {}
    given: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        kind = field.get("type", "JSON") if isinstance(field, dict) else "JSON"
        default = f" [{json.dumps(field['default'])}]" if "default" in field else ""
        while not (text := _read(f"{name} ({kind}){default}: ", question.key)):
            if name not in schema.get("required", ()):
                break
        if text:
            given[name] = text if kind == "string" else _value(text)
    return given


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(prompt: str, key: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise NobodyToAsk(f"The input ended while the run waited at {key!r}.")
    return line.strip()
