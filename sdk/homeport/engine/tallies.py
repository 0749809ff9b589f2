"""How many runs of each task wait, run, and have ended: counted from what a run reports."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from homeport.engine.reporting import NullReporter
from homeport.engine.states import State, StateType


class Tally:
    """The runs of one task."""

    __slots__ = ("cancelled", "completed", "failed", "name", "running", "total")

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = self.running = self.completed = self.failed = self.cancelled = 0

    @property
    def ended(self) -> int:
        """How many have ended, however."""
        return self.completed + self.failed + self.cancelled

    @property
    def pending(self) -> int:
        """How many have not begun, or wait for a retry."""
        return self.total - self.ended - self.running

    def told(self) -> str:
        """Such as `2 running, 97 completed, 1 failed`; what is zero is left out."""
        words = ("pending", "running", "completed", "failed", "cancelled")
        return ", ".join(f"{number:,} {word}" for word in words if (number := getattr(self, word)) > 0)


class TallyingReporter(NullReporter):
    """Counts what it is told, and forgets what has ended, so that a long run does not fill the memory.

    It is told of every state of every task run, from several threads: so there is one look-up each (an id is hashed by
    Python code), and no lock (the interpreter does not change threads within `+= 1` on a number).
    """

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self._runs: dict[UUID, list[Any]] = {}  # name, tally, whether it is running

    def task_run(
        self,
        id: UUID,
        *,
        name: str,
        task_key: str,
        map_index: int | None,
        upstream: Sequence[UUID],
        parent: UUID | None,
        tags: Collection[str] = (),
    ) -> None:
        """Count it, and remember its name."""
        tally = self.tallies.get(task_key)
        if tally is None:
            tally = self.tallies.setdefault(task_key, Tally(task_key))
        tally.total += 1
        self._runs[id] = [name, tally, False]

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """Count it under its new state."""
        type_ = state.type  # compared by identity: an enum is hashed by Python code, too
        if type_ is StateType.RUNNING:
            run = self._runs.get(task_run)
            if run is not None and not run[2]:
                run[2] = True
                run[1].running += 1
        elif type_ is StateType.COMPLETED:
            run = self._runs.pop(task_run, None)
            if run is not None:
                tally = run[1]
                tally.completed += 1
                if run[2]:
                    tally.running -= 1
        else:
            self._count_others(task_run, type_)

    def _count_others(self, task_run: UUID, type_: StateType) -> None:
        run = self._runs.get(task_run)
        if run is None:
            return
        tally = run[1]
        if run[2]:
            run[2] = False
            tally.running -= 1
        if type_ is StateType.CANCELLED:
            tally.cancelled += 1  # its name is kept: code that was told to stop may still say something
        elif type_ is StateType.FAILED or type_ is StateType.CRASHED:
            tally.failed += 1
            self._runs.pop(task_run, None)

    def name_of(self, id: UUID) -> str:
        """The name of a task run that has not ended; else its id."""
        run = self._runs.get(id)
        return str(id) if run is None else str(run[0])

    def together(self) -> Tally:
        """All tasks as one."""
        found = Tally("task runs")
        for tally in list(self.tallies.values()):
            found.total += tally.total
            found.running += tally.running
            found.completed += tally.completed
            found.failed += tally.failed
            found.cancelled += tally.cancelled
        return found
