"""Pauses of graph flows: who is asked whether a paused task may go on.

A run on a terminal asks whoever sits there. Elsewhere nobody can be asked: the task stays Paused, what is behind it
stays Pending, and so the run ends Paused.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun

_one_at_a_time = threading.Lock()


class Approval:
    """Ask whether a task run may go on; true or false."""

    __slots__ = ("message", "task_run")

    def __init__(self, task_run: TaskRun, message: str) -> None:
        self.task_run, self.message = task_run, message

    def perform(self) -> bool:
        """Wait for the answer in this thread."""
        return self.task_run.run.root.approve(self.task_run.name, self.message)

    async def perform_async(self) -> bool:
        """Wait for the answer without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.perform)


def ask_on_terminal(name: str, message: str) -> bool:
    """Ask on the terminal; false where there is none, where the answer is no, and at the end of the input."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    with _one_at_a_time:
        sys.stderr.write(f"Task run {name!r} is paused: {message or 'no reason given'}\nGo on? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")
